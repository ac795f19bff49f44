import { abs, and, constant, div, type Expr, eq, gt, lt, mad, mul, neg, select, sqrt, sub } from "../expr.ts";
import { bits, INFINITY, polynomial, special, square, withSign } from "./parts.ts";

/** (asin x - x) / x^3 in x^2 for |x| <= 0.5415, relative error of asin 1.5e-8. */
const ASIN: readonly number[] = [0.047773354, 0.020817632, 0.04615878, 0.0748981, 0.16666886];
/** (atan x - x) / x^3 in x^2 for |x| <= 1, relative error of atan 1.7e-8. */
const ATAN: readonly number[] = [0.0029193931, -0.016363103, 0.043204635, -0.07551656, 0.106657684, -0.14211002, 0.19993767, -0.33333153];
/** pi/2 as an f32 and what that leaves. */
const HALF_PI = 1.5707963705062866;
const HALF_PI_REST = -4.37113900019e-8;

/** Above 0.54, asin of sqrt((1 - a) / 2) is below 1/2. */
const THRESHOLD = 0.541;

/** asin of a = |x| up to the threshold; above, asin of sqrt((1 - a) / 2), where asin(a) = pi/2 - 2 asin(sqrt((1 - a) / 2)). */
function asinPart(a: Expr): { large: Expr; p: Expr } {
  const large = gt(a, THRESHOLD);
  const z = select(large, mad(a, -0.5, 0.5), square(a));
  const s = select(large, sqrt(z), a);
  return { large, p: mad(mul(s, z), polynomial(z, ASIN), s) };
}

/** asin(x), with the sign of x. */
export function asin(x: Expr): Expr {
  const { large, p } = asinPart(abs(x));
  return withSign(select(large, sub(HALF_PI, mad(p, 2, -HALF_PI_REST)), p), x);
}

/** acos(x) = pi/2 - asin(x), and pi - acos(|x|) for negative x. */
export function acos(x: Expr): Expr {
  const { large, p } = asinPart(abs(x));
  const y = select(large, mul(p, 2), sub(HALF_PI, p));
  return select(lt(x, 0), sub(Math.PI, y), y);
}

/** atan(t) for 0 <= t <= 1, or its complement to a right angle. */
function atanPart(t: Expr, complement: Expr): Expr {
  const z = square(t);
  const p = mad(mul(t, z), polynomial(z, ATAN), t);
  return select(complement, sub(HALF_PI, p), p);
}

/** atan(x): of 1 / |x| where |x| > 1. */
export function atan(x: Expr): Expr {
  const a = abs(x);
  const large = gt(a, 1);
  return withSign(atanPart(select(large, div(1, a), a), large), x);
}

/**
 * n / d for 0 <= n < d, with one Newton step: the target's reciprocal may be off by 2.5 ulp, and by more for divisors below 2^-126 or above
 * 2^126, so both are scaled before.
 */
function properFraction(n: Expr, d: Expr): Expr {
  const factor = select(gt(d, 2 ** 100), constant(0.25, "f32"), 2 ** 24);
  const top = mul(n, factor);
  const bottom = mul(d, factor);
  const reciprocal = div(1, bottom);
  const q = mul(top, reciprocal);
  return mad(mad(neg(q), bottom, top), reciprocal, q);
}

/** The angle of the point (x, y): atan of the smaller of |x| and |y| over the larger, turned into the quadrant. */
export function atan2(y: Expr, x: Expr): Expr {
  const [a, b] = [abs(y), abs(x)];
  const steep = gt(a, b);
  const [top, bottom] = [select(steep, b, a), select(steep, a, b)];
  // Equal ones, of which both may be 0 or infinite, need no division, nor does an infinite divisor.
  const one = select(gt(top, 0), constant(1, "f32"), 0);
  const t = select(eq(top, bottom), one, special(and(eq(bits(bottom), INFINITY), lt(bits(top), INFINITY)), 0, properFraction(top, bottom)));
  const angle = atanPart(t, steep);
  return withSign(select(lt(bits(x), 0), sub(Math.PI, angle), angle), y);
}
