import { abs, add, constant, div, type Expr, gt, lt, mad, max, min, mul, neg, select, shr, sub } from "../expr.ts";
import { LN2_PARTS, nearest, pairedPolynomial, polynomial, powerOfTwo, reduce, square } from "./parts.ts";

/** (exp(r) - 1 - r) / r^2 for |r| <= ln 2 / 2; the relative error of exp is 3.5e-9. */
export const EXP_TAIL: readonly number[] = [0.0013847033, 0.00836999, 0.04166801, 0.16666509, 0.49999994];
/** (2^r - 1) / r for |r| <= 1/2; the relative error of 2^r is 5.3e-9. */
const EXP2_TAIL: readonly number[] = [0.00015816215, 0.0013417625, 0.00961707, 0.05550273, 0.24022655, 0.69314724];

/** p * 2^n for a word that holds n + 254, in two steps, so that subnormal results are rounded once and large ones overflow. */
export function scale(p: Expr, word: Expr): Expr {
  const half = shr(word, 1);
  return mul(mul(p, powerOfTwo(half)), powerOfTwo(sub(word, half)));
}

/** exp(x) = 2^n exp(r) with n the integer nearest to x / ln 2. */
export function exp(x: Expr): Expr {
  const bounded = min(max(x, -104), 89);
  const n = nearest(bounded, Math.LOG2E, 254);
  return scale(polynomial(reduce(bounded, n.value, LN2_PARTS), [...EXP_TAIL, 1, 1]), n.word);
}

/** 2^r for |r| <= 1/2, and a little beyond. */
export const exp2Core = (r: Expr): Expr => pairedPolynomial(r, [...EXP2_TAIL, 1]);

/** 2^x = 2^n 2^r. */
export function exp2(x: Expr): Expr {
  const bounded = min(max(x, -151), 129);
  const n = nearest(bounded, 1, 254);
  return scale(exp2Core(sub(bounded, n.value)), n.word);
}

/** exp(x) - 1 = 2 (2^(n-1) (exp(r) - 1) + (2^(n-1) - 1/2)): halved, because 2^128 has no f32. */
export function expm1(x: Expr): Expr {
  const bounded = min(max(x, -18), 89);
  const n = nearest(bounded, Math.LOG2E, 126);
  const r = reduce(bounded, n.value, LN2_PARTS);
  const half = powerOfTwo(n.word);
  const y = mul(mad(half, mad(square(r), polynomial(r, EXP_TAIL), r), sub(half, 0.5)), 2);
  return select(lt(abs(x), 2 ** -24), x, y); // keeps -0 and the last bit of subnormal numbers
}

const MINUS_LN2_PARTS: readonly number[] = LN2_PARTS.map((c) => -c);
/** (exp(-r) - 1 + r) / r^2. */
const EXP_TAIL_REFLECTED: readonly number[] = EXP_TAIL.map((c, i) => ((EXP_TAIL.length - 1 - i) % 2 === 0 ? c : -c));

/**
 * a / (1 + exp(-x)) as (a / 2) / (h + 1/2 + h q), for h = 2^(n-1) and exp(-x) = 2^n (1 + q). The quotient by a rounded sum with a rounded exp
 * is off by up to 2.5 ulp; here the sum is rounded once. From h = 2^23 on, h + 1/2 rounds to h, so the 1/2 goes to the other summand.
 */
export function logistic(a: Expr, x: Expr): Expr {
  const bounded = min(max(x, -89.5), 40);
  const n = nearest(bounded, -Math.LOG2E, 126);
  const r = reduce(bounded, n.value, MINUS_LN2_PARTS);
  const q = mad(square(r), polynomial(r, EXP_TAIL_REFLECTED), neg(r));
  const h = powerOfTwo(n.word);
  const lost = select(gt(h, 2 ** 22), constant(0.5, "f32"), 0);
  return div(mul(a, 0.5), add(mad(h, q, lost), add(h, 0.5)));
}
