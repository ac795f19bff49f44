import type * as table from "../../src/ops/elementary.ts";
import { between, binary, type DType, float32, type InfosOf, type Keeps, unary } from "./info.ts";

const toFloat = (d: DType) => (d.isFloatingPoint ? d : float32);

/**
 * The error function: near 0 its series of positive terms, `2 / sqrt(pi) * exp(-x^2) * sum 2^n x^(2n+1) / (1 * 3 * ... * (2n+1))`; further out 1 less
 * the continued fraction `exp(-x^2) / sqrt(pi) / (x + 1/2 / (x + 2/2 / (x + 3/2 / ...)))`. Both in Abramowitz and Stegun, 7.1.6 and 7.1.14.
 */
function erf(x: number): number {
  const a = Math.abs(x);
  if (a > 6 || Number.isNaN(x)) return Math.sign(x);
  if (a > 1.5) {
    let fraction = a;
    for (let n = 200; n > 0; n--) fraction = a + n / 2 / fraction;
    return Math.sign(x) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / fraction);
  }
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

const of = (f: (x: number) => number, keeps: Keeps, low = -3, high = 3, ulp = 4) =>
  unary(f, { result: toFloat, domain: between(low, high), keeps, ulp, halfUlp: 2 });

export const elementary: InfosOf<typeof table> = {
  exp: of(Math.exp, ["result"], -3, 3, 2),
  exp2: of((x) => 2 ** x, ["result"]),
  expm1: of(Math.expm1, ["result"]),
  log: of(Math.log, [0], 0.1, 3, 2),
  log2: of(Math.log2, [0], 0.1, 3),
  log10: of(Math.log10, [0], 0.1, 3),
  log1p: of(Math.log1p, [0], -0.9, 3),
  sin: of(Math.sin, [0], -3, 3, 2),
  cos: of(Math.cos, [0], -3, 3, 2),
  tan: of(Math.tan, ["result"], -1.4, 1.4),
  asin: of(Math.asin, [0], -0.95, 0.95),
  acos: of(Math.acos, [0], -0.95, 0.95),
  atan: of(Math.atan, [0]),
  atan2: binary(Math.atan2, { result: toFloat, keeps: [0, 1], ulp: 4, halfUlp: 2 }),
  sinh: of(Math.sinh, [0]),
  cosh: of(Math.cosh, [0]),
  tanh: of(Math.tanh, ["result"], -3, 3, 2),
  asinh: of(Math.asinh, [0]),
  acosh: of(Math.acosh, [0], 1.1, 3),
  atanh: of(Math.atanh, [0], -0.9, 0.9),
  erf: { ...of(erf, [0], -3, 3, 6), reference: (x) => x.map((v: number) => (Number.isNaN(v) ? Number.NaN : erf(v))) },
  sigmoid: of((x) => 1 / (1 + Math.exp(-x)), ["result"], -3, 3, 2),
};
