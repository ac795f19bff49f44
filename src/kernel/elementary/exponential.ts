import { add, constant, div, type Expr, gt, mad, max, min, mul, neg, or, select, shr, sub } from "../expr.ts";
import { bits, float, nearest, polynomial, powerOfTwo, reduce, SHIFTER, SHIFTER_BITS, signBit, square, toFloat } from "./parts.ts";

/** ln 2 in two parts; the first has 14 bits, so that its product with an exponent is exact. */
export const LN2_PARTS: readonly number[] = [0.693145751953125, 1.42860677e-6];
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
export const exp2Core = (r: Expr): Expr => polynomial(r, [...EXP2_TAIL, 1]);

/** 2^x = 2^n 2^r. */
export function exp2(x: Expr): Expr {
  const bounded = min(max(x, -151), 129);
  const word = bits(add(bounded, SHIFTER + 254));
  return scale(exp2Core(sub(bounded, toFloat(sub(word, SHIFTER_BITS + 254)))), word);
}

/** exp(x) - 1 = 2 (2^(n-1) (exp(r) - 1) + (2^(n-1) - 1/2)): halved, because 2^128 has no f32. */
export function expm1(x: Expr): Expr {
  const bounded = min(max(x, -18), 89);
  const n = nearest(bounded, Math.LOG2E, 126);
  const r = reduce(bounded, n.value, LN2_PARTS);
  const half = powerOfTwo(n.word);
  const y = mul(mad(half, mad(square(r), polynomial(r, EXP_TAIL), r), sub(half, 0.5)), 2);
  return float(or(bits(y), signBit(x))); // expm1(-0) = -0
}

/** (exp(-r) - 1 + r) / r^2. */
const EXP_TAIL_REFLECTED: readonly number[] = EXP_TAIL.map((c, i) => ((EXP_TAIL.length - 1 - i) % 2 === 0 ? c : -c));

/**
 * a / (1 + exp(-x)) as (a / 2) / (h + 1/2 + h q), for h = 2^(n-1) and exp(-x) = 2^n (1 + q). The quotient by a rounded sum with a rounded exp
 * is off by up to 2.5 ulp; here the sum is rounded once. From h = 2^23 on, h + 1/2 rounds to h, so the 1/2 goes to the other summand.
 */
export function logistic(a: Expr, x: Expr): Expr {
  const bounded = min(max(x, -89.5), 40);
  const n = nearest(bounded, -Math.LOG2E, 126);
  const r = reduce(
    bounded,
    n.value,
    LN2_PARTS.map((c) => -c),
  );
  const q = mad(square(r), polynomial(r, EXP_TAIL_REFLECTED), neg(r));
  const h = powerOfTwo(n.word);
  const lost = select(gt(h, 2 ** 22), constant(0.5, "f32"), 0);
  return div(mul(a, 0.5), add(mad(h, q, lost), add(h, 0.5)));
}
