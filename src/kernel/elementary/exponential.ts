import { type Expr, mul, shr, sub } from "../expr.ts";
import { atLeast, atMost, nearest, polynomial, powerOfTwo, reduce } from "./parts.ts";

/** ln 2 in two parts; the first has 14 bits, so that its product with an exponent is exact. */
export const LN2_PARTS: readonly number[] = [0.693145751953125, 1.42860677e-6];
/** exp(r) for |r| <= ln 2 / 2, relative error 3.5e-9. Remez. */
export const EXP: readonly number[] = [0.0013847033, 0.00836999, 0.04166801, 0.16666509, 0.49999994, 1, 1];

/** p * 2^n for a word that holds n + 254, in two steps, so that subnormal results are rounded once and large ones overflow. */
function scale(p: Expr, word: Expr): Expr {
  const half = shr(word, 1);
  return mul(mul(p, powerOfTwo(half)), powerOfTwo(sub(word, half)));
}

/** exp(x) = 2^n exp(r) with n the integer nearest to x / ln 2. 19 operations. */
export function exp(x: Expr): Expr {
  const bounded = atMost(atLeast(x, -104), 89);
  const n = nearest(bounded, Math.LOG2E, 254);
  return scale(polynomial(reduce(bounded, n.value, LN2_PARTS), EXP), n.word);
}

