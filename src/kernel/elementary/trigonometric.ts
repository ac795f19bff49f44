import { add, and, type Expr, mad, mul, round, select, shl, xor } from "../expr.ts";
import { atLeast, atMost, bits, float, isOdd, polynomial, reduce, square } from "./parts.ts";

/** (sin r - r) / r^3 in r^2 for |r| <= pi/4, relative error of sin 4.0e-9. Remez. */
const SIN: readonly number[] = [-0.00019518085, 0.008332188, -0.16666655];
/** cos r in r^2 for |r| <= pi/4, relative error 1.2e-10. Remez. */
const COS: readonly number[] = [2.4432327e-5, -0.001388731, 0.041666646, -0.5, 1];
/** pi/2 in parts of 8, 11, 11 and 24 bits: products with n < 2^13 are exact. */
const HALF_PI_PARTS: readonly number[] = [1.5703125, 0.0004837512969970703125, 7.549533620476723e-8];
const HALF_PI_REST = 2.5633440682570896e-12;
const SHIFTER = 12582912;

/** sin(x + turns pi/2). */
function sine(x: Expr, turns: number): Expr {
  const n = round(mul(x, 2 / Math.PI));
  const r = atMost(atLeast(reduce(x, n, HALF_PI_PARTS), -1), 1);
  const z = square(r);
  const s = add(mad(mul(r, z), polynomial(z, SIN), mul(n, -HALF_PI_REST)), r);
  const c = polynomial(z, COS);
  const word = bits(add(n, SHIFTER + turns));
  return float(xor(bits(select(isOdd(word), c, s)), shl(and(word, 2), 30)));
}

/** sin(x) = (-1)^n sin(x - n pi). */
export const sin = (x: Expr): Expr => sine(x, 0);

/** cos(x) = (-1)^(n+1) sin(x - (n + 1/2) pi). */
export const cos = (x: Expr): Expr => sine(x, 1);
