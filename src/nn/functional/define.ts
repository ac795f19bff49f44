import { argumentType } from "../../core/errors.ts";
import { pythonTypeName } from "../../tensor/call-pointwise.ts";
import { handlesIn } from "../../tensor/call-structured.ts";
import { ownedBy } from "../../tensor/scratch.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { type Args, positional } from "../arguments.ts";

/** A function of tensors `R`, of options `P` by position or `O` by name. */
export type Functional<R extends readonly unknown[], P extends readonly unknown[], O, Result> = (...args: Args<R, P, O>) => Result;

// biome-ignore lint/suspicious/noExplicitAny: arguments of every shape
type Formula = (...args: any[]) => unknown;

// The marks below tell bundlers that they may leave out a functional form that a program does not use, though a call makes it.

/**
 * A functional form of one op: takes its arguments by position or by name.
 * @param required how many of `params` must be given.
 * @param tensors how many of them, from the first on, must be tensors.
 */
/* @__NO_SIDE_EFFECTS__ */
export function oneOp<F extends Formula>(name: string, params: readonly string[], required: number, tensors: number, formula: Formula): F {
  const call = (...args: unknown[]): unknown => {
    const given = positional(name, params, required, args);
    for (let i = 0; i < tensors; i++) {
      if (!(given[i] instanceof Tensor)) throw argumentType(name, params[i]!, i + 1, "Tensor", pythonTypeName(given[i]));
    }
    return formula(...given);
  };
  Object.defineProperty(call, "name", { value: name });
  return call as F;
}

/** A functional form made of several ops: the same, and what `formula` creates on the way to its result is released. */
/* @__NO_SIDE_EFFECTS__ */
export const functional = <F extends Formula>(
  name: string,
  params: readonly string[],
  required: number,
  tensors: number,
  formula: Formula,
): F => oneOp(name, params, required, tensors, (...args: unknown[]) => ownedBy(() => formula(...args), handlesIn));
