import { exponentialRate, geometricProbability, logNormalStd } from "../errors.ts";
import { elementsOf, type FloatArray, type RandomArray } from "./elements.ts";
import { fma64 } from "./fma.ts";
import type { Generator } from "./generator.ts";
import { log } from "./precise.ts";

// All of these compute in float64, from two outputs for each value, and round once, to the dtype of `out`.

/** `exponential_(lambda)`: density `lambda * exp(-lambda * x)`, by inversion. */
export function fillExponential(g: Generator, out: FloatArray, lambda: number = 1): void {
  if (!(lambda >= 0)) throw exponentialRate(lambda);
  const scale = -1 / lambda;
  const ln = out instanceof Float64Array ? log : Math.log;
  for (let i = 0; i < out.length; i++) out[i] = scale * ln(1 - g.u53());
}

/** `geometric_(p)`: how many trials of probability `p` up to the first success, by inversion. */
export function fillGeometric(g: Generator, out: RandomArray, p: number): void {
  if (!(p > 0 && p < 1)) throw geometricProbability(p);
  const scale = Math.log(1 - p);
  const { floating } = elementsOf(out);
  for (let i = 0; i < out.length; i++) {
    const trials = Math.ceil(Math.log(g.u53()) / scale);
    // What no integer holds becomes the smallest one, as in the processor's conversion.
    if (out instanceof BigInt64Array) out[i] = BigInt(Math.abs(trials) < 2 ** 63 ? trials : -(2 ** 63));
    else out[i] = floating || Math.abs(trials) < 2 ** 31 ? trials : -(2 ** 31);
  }
}

/** `cauchy_(median, sigma)`: density `sigma / (pi * (sigma^2 + (x - median)^2))`, by inversion. */
export function fillCauchy(g: Generator, out: FloatArray, median: number = 0, sigma: number = 1): void {
  for (let i = 0; i < out.length; i++) out[i] = fma64(sigma, Math.tan(Math.PI * (g.u53() - 0.5)), median);
}

/** `log_normal_(mean, std)`: e to the power of a normal value with this mean and standard deviation. */
export function fillLogNormal(g: Generator, out: FloatArray, mean: number = 1, std: number = 2): void {
  if (!(std > 0)) throw logNormalStd(std);
  for (let i = 0; i < out.length; i++) out[i] = Math.exp(fma64(g.normal(), std, mean));
}
