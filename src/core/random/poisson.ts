import { poissonRate } from "../errors.ts";
import type { FloatArray } from "./elements.ts";
import type { Generator } from "./generator.ts";

/** `poisson(rates)`: for each rate a whole number with probability `rate^k * exp(-rate) / k!`. */
export function fillPoisson(g: Generator, out: FloatArray, rates: FloatArray): void {
  for (let i = 0; i < out.length; i++) {
    const rate = rates[i]!;
    if (!(rate >= 0)) throw poissonRate();
    out[i] = rate === 0 ? 0 : rate < 10 ? byProduct(g, rate) : byRejection(g, rate);
  }
}

/** How many uniform values can be multiplied before the product falls to `exp(-rate)` (D. Knuth, TAOCP 3.4.1). */
function byProduct(g: Generator, rate: number): number {
  const end = Math.exp(-rate);
  let count = 0;
  for (let product = g.u53(); product > end; product *= g.u53()) count++;
  return count;
}

/** PTRS of W. Hörmann, "The transformed rejection method for generating Poisson random variables", 1993. */
function byRejection(g: Generator, rate: number): number {
  const b = 0.931 + 2.53 * Math.sqrt(rate);
  const a = -0.059 + 0.02483 * b;
  const inverseAlpha = 1.1239 + 1.1328 / (b - 3.4);
  const squeeze = 0.9277 - 3.6224 / (b - 2);
  const logRate = Math.log(rate);
  for (;;) {
    const u = g.u53() - 0.5;
    const v = g.u53();
    const us = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / us + b) * u + rate + 0.43);
    if (us >= 0.07 && v <= squeeze) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    const accepted = Math.log(v) + Math.log(inverseAlpha) - Math.log(a / (us * us) + b) <= -rate + k * logRate - logFactorial(k);
    if (accepted) return k;
  }
}

/** log(k!), by Stirling's series from 10 on. */
function logFactorial(k: number): number {
  if (k < 10) return Math.log([1, 1, 2, 6, 24, 120, 720, 5040, 40320, 362880][k]!);
  const x = k + 1;
  const inverse = 1 / (x * x);
  const series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse * (1 / 1680 - inverse / 1188)))) / x;
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series;
}
