import { missingPositional } from "../core/errors.ts";
import { byPosition } from "../tensor/arguments.ts";
import { Tensor } from "../tensor/tensor.ts";

/**
 * The arguments of a call: `R` by position, then `P`, each of which may be the place where an options object `O` takes over:
 * `f(x, 1, 2)`, `f(x, 1, { b: 2 })`, `f(x, { a: 1, b: 2 })`.
 */
export type Args<R extends readonly unknown[], P extends readonly unknown[], O> = [
  ...required: R,
  ...optional: Partial<{ [K in keyof P]: P[K] | O }>,
  options?: O,
];
/** The same, or everything by name, required ones `N` too: `new nn.Linear({ inFeatures: 2, outFeatures: 3 })`. */
export type NamedArgs<N, R extends readonly unknown[], P extends readonly unknown[], O> = Args<R, P, O> | [options: N & O];

/** One number for every spatial dimension, or one for all. */
export type Size = number | readonly number[];

/** The arguments of a call by position; the first `required` must be there. */
export function positional(name: string, params: readonly string[], required: number, args: unknown[]): unknown[] {
  // Most calls have nothing to sort out.
  if (args.length >= required && args.length <= params.length && args.every(isPlain)) return args;
  const given = byPosition(name, params, args);
  const missing = params.slice(0, required).filter((_, i) => given[i] === undefined);
  if (missing.length > 0) throw missingPositional(name, missing);
  return given;
}

const isPlain = (x: unknown): boolean => typeof x === "number" || typeof x === "boolean" || x === null || x instanceof Tensor;

/** The arguments of a constructor. */
export const constructorArguments = (params: readonly string[], required: number, args: readonly unknown[]): unknown[] =>
  positional("__init__", params, required, [...args]);
