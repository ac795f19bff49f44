import { invalidOption } from "../core/errors.ts";
import { reprFloat, reprNumber } from "../core/print/python.ts";
import { byPosition } from "../tensor/arguments.ts";

/** The options of an optimizer: as one object, or the learning rate first, as in `new SGD(params, 0.1, { momentum: 0.9 })`. */
export type OptionArguments<Options> = readonly [options?: Options] | readonly [lr: number, options?: Options];

/** The options given, by position in the order of `defaults` or by name, over the defaults. */
export function readOptions<Options extends object>(name: string, defaults: Options, args: readonly unknown[]): Options {
  const names = Object.keys(defaults);
  const given = byPosition(`${name}.__init__`, names, args);
  const values = Object.values(defaults).map((value, i) => (given[i] === undefined ? value : given[i]));
  return Object.fromEntries(names.map((key, i) => [key, values[i]])) as Options;
}

/** Raises unless `value` is at least 0; `what` is PyTorch's word for it. Options without a value pass: groups may bring their own. */
export function checkNotNegative(what: string, value: number | undefined): void {
  if (value !== undefined && !(value >= 0)) throw invalidOption(what, reprNumber(value));
}

/** Raises unless each decay rate is in [0, 1). */
export function checkBetas(betas: readonly number[]): void {
  betas.forEach((beta, i) => {
    if (!(beta >= 0 && beta < 1)) throw invalidOption(`beta parameter at index ${i}`, reprFloat(beta));
  });
}
