import { float64 } from "../../core/dtype.ts";
import { empty } from "../../tensor/creation.ts";
import { fromValues } from "../../tensor/encode.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { erfinv32 } from "./erfinv.ts";

/** The error function in float64. Source: its series in which all terms have one sign, DLMF 7.6.2. */
function erf(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  let sum = a;
  let term = a;
  for (let n = 1; term > sum * 1e-17; n++) {
    term *= (2 * a * a) / (2 * n + 1);
    sum += term;
  }
  return Math.sign(x) * Math.min((2 / Math.sqrt(Math.PI)) * Math.exp(-a * a) * sum, 1);
}

/** Its inverse in float64: Newton's method from the float32 value. */
function erfinv(y: number): number {
  let x = erfinv32(Math.fround(y));
  if (Number.isFinite(x)) for (let step = 0; step < 2; step++) x -= (erf(x) - y) / ((2 / Math.sqrt(Math.PI)) * Math.exp(-x * x));
  return x;
}

const normalBelow = (x: number): number => (1 + erf(x / Math.sqrt(2))) / 2;

/**
 * Fills a tensor with normal numbers between a and b: uniform numbers between the distribution's values there, through its inverse. Drawn on the CPU,
 * see Note [Parameters are made on the CPU].
 */
export function truncatedNormal(out: Tensor, mean: number, std: number, a: number, b: number): void {
  const [low, high] = [normalBelow((a - mean) / std), normalBelow((b - mean) / std)];
  const drawn = empty(out.shape, { dtype: out.dtype, device: "cpu" }).uniform_(2 * low - 1, 2 * high - 1);
  const wide = out.dtype === float64;
  const values = (wide ? drawn : drawn.float()).toTypedArraySync() as Float32Array | Float64Array;
  const standard = fromValues(values.map(wide ? erfinv : erfinv32), out.shape, out.dtype, out.device);
  out.copy_(
    standard
      .mul_(std * Math.sqrt(2))
      .add_(mean)
      .clampMin_(a)
      .clampMax_(b),
  );
}
