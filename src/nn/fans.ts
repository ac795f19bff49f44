import { fanRank } from "../core/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** How many inputs an output of a weight (out, in, ...) sees, and how many outputs an input reaches. */
export function fans(weight: Tensor): { fanIn: number; fanOut: number } {
  if (weight.ndim < 2) throw fanRank();
  const [out, into, ...field] = weight.shape as [number, number, ...number[]];
  const receptive = field.reduce((a, b) => a * b, 1);
  return { fanIn: into * receptive, fanOut: out * receptive };
}
