import { handlesIn } from "../../tensor/call-structured.ts";
import { ownedBy } from "../../tensor/scratch.ts";
import type { Args } from "../arguments.ts";
import { positional } from "../arguments.ts";

/** A function of tensors `R`, of options `P` by position or `O` by name. */
export type Functional<R extends readonly unknown[], P extends readonly unknown[], O, Result> = (...args: Args<R, P, O>) => Result;

/**
 * A functional form: takes its arguments by position or by name, and releases what `formula` creates on the way to its result.
 * @param required how many of `params` must be given.
 */
// biome-ignore lint/suspicious/noExplicitAny: arguments of every shape
export function functional<F extends (...args: any[]) => unknown>(name: string, params: readonly string[], required: number, formula: (...args: any[]) => unknown): F {
  const call = (...args: unknown[]): unknown => {
    const given = positional(name, params, required, args);
    return ownedBy(() => formula(...given), handlesIn);
  };
  Object.defineProperty(call, "name", { value: name });
  return call as F;
}
