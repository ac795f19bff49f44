import { abs, constant, type Expr, gt, mad, min, mul, select, sub } from "../expr.ts";
import { exp2Core } from "./exponential.ts";
import { nearest, pairedPolynomial, polynomial, powerOfTwo, withSign } from "./parts.ts";

/** log2(1 - erf(x)) / x for 0 <= x <= 3.95, relative error of erf 5.6e-9. */
const LOG2_ERFC: readonly number[] = [
  1.2956124e-5, -0.00016626377, 0.00090112846, -0.002384438, 0.00021224597, 0.027641404, -0.14827925, -0.91844744, -1.627907,
];
/** (1 - 2^r) / r for |r| <= 1/2, relative error 1.3e-8. */
const ONE_MINUS_EXP2: readonly number[] = [0.00015384577, 0.0013387421, 0.0096183056, 0.055503674, 0.2402265, Math.LN2].map((c) => -c);

/**
 * The error function: 1 - 2^y with a polynomial y, with the sign of x. For 2^y = 2^n (1 - q) that is 2^n q + (1 - 2^n): near 0, where n is 0, it
 * is q alone, which keeps all digits.
 */
export function erf(x: Expr): Expr {
  const a = min(abs(x), 3.95);
  const y = mul(a, pairedPolynomial(a, LOG2_ERFC));
  const n = nearest(y, 1, 127);
  const r = sub(y, n.value);
  const q = mul(r, polynomial(r, ONE_MINUS_EXP2));
  const power = powerOfTwo(n.word);
  return withSign(mad(power, q, sub(1, power)), x);
}

/** (1 + log2(P)) / x for the probability P of more than x, 0 <= x <= 5.6, absolute error of P 8.1e-9; further on it falls to -126 / x at the limit. */
const LOG2_TAIL: readonly number[] = [
  -2.8424024e-6, 3.9465256e-5, -0.00018659115, -0.00013594418, 0.0070621073, -0.052495245, -0.45920852, -1.1511052,
];
const LIMIT = 9.953;

/**
 * The normal distribution: the probability of at most x, which is (1 + erf(x / sqrt(2))) / 2. It is 2^(y - 1) for negative x and 1 - 2^(y - 1) for
 * others, so it takes fewer operations than a sum with erf does, and keeps digits that the sum would lose: for negative x the absolute error is at
 * most 5e-8, and below -1.5 it falls with the value. From -9.953 down it is 0.
 */
export function normalDistribution(x: Expr): Expr {
  const a = min(abs(x), LIMIT);
  const y = mul(a, pairedPolynomial(a, LOG2_TAIL));
  const n = nearest(y, 1, 126);
  const tail = mul(exp2Core(sub(y, n.value)), powerOfTwo(n.word));
  return abs(sub(select(gt(x, 0), constant(1, "f32"), 0), tail));
}

/** P exp(x^2 / 2) for the probability P of more than x, x >= 0; the absolute error of P is 3.2e-8. At the limit exp(-x^2 / 2) counts as 0. */
const SCALED_TAIL: readonly number[] = [
  -3.2384301e-7, 7.8795119e-6, -8.6269341e-5, 0.00057100365, -0.0026122865, 0.0090466551, -0.025524799, 0.061965134, -0.13282491,
  0.24997738, -0.39894113, 0.5,
];
const SLOPE_LIMIT = 13.25;

/**
 * The derivative of x P for the normal distribution P, which is P + x p for its density p. What P lacks of 0 or 1 is a multiple of exp(-x^2 / 2), as p is,
 * so it takes one exponential: with the sign s of x it is (1 + s) / 2 - exp(-x^2 / 2) (s m - x / sqrt(2 pi)).
 */
export function normalProductSlope(x: Expr): Expr {
  const a = min(abs(x), SLOPE_LIMIT);
  const y = mul(mul(a, a), -0.5 * Math.LOG2E);
  const n = nearest(y, 1, 127);
  const power = mul(exp2Core(sub(y, n.value)), powerOfTwo(n.word));
  const rest = mad(x, -1 / Math.sqrt(2 * Math.PI), withSign(pairedPolynomial(a, SCALED_TAIL), x));
  return sub(mad(withSign(constant(1, "f32"), x), 0.5, 0.5), mul(power, rest));
}
