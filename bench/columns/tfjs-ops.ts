import type { T } from "./tfjs-types.ts";

/** Exact, as PyTorch's default is. */
export const gelu = (x: T): T => x.mul(0.5).mul(x.mul(Math.SQRT1_2).erf().add(1));

/** Over the last dimension. */
export function layerNorm(x: T, weight: T, bias: T): T {
  const centred = x.sub(x.mean(-1, true));
  return centred.mul(centred.square().mean(-1, true).add(1e-5).rsqrt()).mul(weight).add(bias);
}
