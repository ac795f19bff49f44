import { abs, add, and, div, type Expr, mad, max, min, mul, type Num, neg, round, select, shl, xor } from "../expr.ts";
import { bits, float, isOdd, polynomial, reduce, SHIFTER, SIGN, square } from "./parts.ts";

/** (sin r - r) / r^3 in r^2 for |r| <= pi/4, relative error of sin 4.0e-9. */
const SIN: readonly number[] = [-0.00019518085, 0.008332188, -0.16666655];
/** cos r in r^2 for |r| <= pi/4, relative error 1.2e-10. */
const COS: readonly number[] = [2.4432327e-5, -0.001388731, 0.041666646, -0.5, 1];
/** (tan r - r) / r^3 in r^2 for |r| <= pi/4, relative error of tan 1.8e-8. */
const TAN: readonly number[] = [0.009399586, 0.0030967677, 0.024443965, 0.05340762, 0.1333884, 0.33333156];
/** pi/2 in parts of 8, 11, 11 and 24 bits: products with n < 2^13, so |x| < 12867, are exact. */
const HALF_PI_PARTS: readonly number[] = [1.5703125, 0.0004837512969970703, 7.549533620476723e-8];
const HALF_PI_REST = 2.5633440682570896e-12;

/** x = n pi/2 + r + rest, with |r| <= pi/4. */
interface Reduced {
  /** A word whose low bits are those of n. */
  readonly word: Expr;
  readonly r: Expr;
  /** Below 1e-7. Kept apart, because adding it to `r` would be one rounding more. */
  readonly rest: Expr;
}

/** Cody and Waite's reduction of x >= 0. Where no digit of the residue is left, it is still bounded; for infinity it is NaN. */
function quarterTurns(x: Expr, turns: number): Reduced {
  const n = round(mul(x, 2 / Math.PI));
  const r = min(max(reduce(x, n, HALF_PI_PARTS), -1), 1);
  return { word: bits(add(n, SHIFTER + turns)), r, rest: max(mul(n, -HALF_PI_REST), -1e-3) };
}

/** sin(r + rest) for |r| <= pi/4 and a rest below half a unit in the last place of r. */
export function sineCore(r: Expr, rest: Num): Expr {
  const z = square(r);
  return add(mad(mul(r, z), polynomial(z, SIN), rest), r);
}

/** cos(r) for |r| <= pi/4. */
export const cosineCore = (r: Expr): Expr => polynomial(square(r), COS);

/** sin(x + turns pi/2), to be negated if bit 1 of `word` is set. */
function sine(x: Expr, turns: number): { value: Expr; word: Expr } {
  const { r, rest, word } = quarterTurns(x, turns);
  return { value: select(isOdd(word), cosineCore(r), sineCore(r, rest)), word };
}

/** sin(x): of |x|, with the sign of x, which keeps -0. */
export function sin(x: Expr): Expr {
  const { value, word } = sine(abs(x), 0);
  return float(xor(bits(value), and(xor(shl(word, 30), bits(x)), SIGN)));
}

/** cos(x) = sin(x + pi/2). */
export function cos(x: Expr): Expr {
  const { value, word } = sine(abs(x), 1);
  return float(xor(bits(value), and(shl(word, 30), SIGN)));
}

/** 1 / t with one Newton step: the quotient may be off by 2.5 ulp. */
function reciprocal(t: Expr): Expr {
  const q = div(1, t);
  return mad(q, mad(neg(t), q, 1), q);
}

/** tan(x): tan(r), or -1 / tan(r) after an odd number of quarter turns. */
export function tan(x: Expr): Expr {
  const { r, rest, word } = quarterTurns(abs(x), 0);
  const z = square(r);
  const t = add(mad(mul(r, z), polynomial(z, TAN), rest), r);
  return float(xor(bits(select(isOdd(word), reciprocal(t), t)), and(xor(shl(word, 31), bits(x)), SIGN)));
}
