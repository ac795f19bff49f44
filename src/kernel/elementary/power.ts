import { add, and, div, eq, type Expr, floor, gt, lt, mad, mul, ne, or, select, sub } from "../expr.ts";
import { exp2Core, scale } from "./exponential.ts";
import { exponentPart, normalized } from "./logarithm.ts";
import { atLeast, atMost, bits, float, INFINITY, magnitude, NAN, polynomial, SHIFTER, SHIFTER_BITS, SIGN, special, square, toFloat } from "./parts.ts";

/** (3 atanh(s) / s - 3 - s^2) / s^4 in s^2 for |s| <= (sqrt 2 - 1) / (sqrt 2 + 1), relative error of atanh 8.5e-12. */
const ATANH: readonly number[] = [0.35129452, 0.42820635, 0.6000023];
const SQRT_HALF = 0x3f3504f3;
/** 2 / (3 ln 2), and its first 12 bits. */
const SCALE = 2 / (3 * Math.LN2);
const SCALE_HIGH = 0.961669921875;
const ONE = 0x3f800000;

/** The first 12 bits of a number: products of two such are exact. */
const high = (x: Expr): Expr => float(and(bits(x), -0x1000));

/** log2 of a positive number to about 2^-33, as a part of 12 bits and a rest. */
function log2Parts(x: Expr): { high: Expr; low: Expr } {
  const word = normalized(x);
  const exponent = exponentPart(word, SQRT_HALF);
  const n = mul(toFloat(exponent), 2 ** -23);
  const m = float(sub(word, exponent));
  // s = (m - 1) / (m + 1) in two parts: a quotient cut to 12 bits, and from the exact rest of that division what is missing.
  const f = sub(m, 1);
  const reciprocal = div(1, add(m, 1));
  const sHigh = high(mul(f, reciprocal));
  const mHigh = float(and(bits(m), -0x2000));
  const rest = mad(sHigh, sub(mHigh, m), mad(sHigh, sub(-1, mHigh), f));
  const sLow = mul(rest, reciprocal);
  // 3 atanh(s) = s (3 + s^2 + s^4 p(s^2)), where the square of sHigh is exact.
  const both = add(sHigh, sLow);
  const z = square(sHigh);
  const w = square(both);
  const tail = mad(square(w), polynomial(w, ATANH), mul(sLow, add(both, sHigh)));
  const factor = high(add(add(z, tail), 3));
  const factorLow = sub(tail, sub(sub(factor, 3), z));
  const product = mul(sHigh, factor);
  const productLow = mad(sLow, factor, mul(both, factorLow));
  const atanh = high(add(product, productLow));
  const atanhLow = sub(productLow, sub(atanh, product));
  const fraction = mul(atanh, SCALE_HIGH);
  const fractionLow = mad(atanh, SCALE - SCALE_HIGH, mul(atanhLow, SCALE));
  const top = high(add(n, fraction));
  return { high: top, low: add(add(sub(n, top), fraction), fractionLow) };
}

/** x^y by 2^(y log2 |x|), with C's special cases. */
export function pow(x: Expr, y: Expr): Expr {
  const size = magnitude(x);
  const log = log2Parts(float(size));
  // Beyond 2^32 every base but 1 overflows or underflows; so infinite exponents need no case of their own.
  const b = atMost(atLeast(y, -(2 ** 32)), 2 ** 32);
  const bHigh = high(b);
  const z = mul(bHigh, log.high);
  const zLow = mad(sub(b, bHigh), log.high, mul(b, log.low));
  const word = bits(add(atMost(atLeast(add(z, zLow), -160), 160), SHIFTER + 254));
  const r = add(sub(z, toFloat(sub(word, SHIFTER_BITS + 254))), zLow);
  const power = scale(exp2Core(atLeast(r, -1)), word);
  // 0 or inf: to a negative power the other one.
  const regular = lt(add(size, 0x7fffffff), INFINITY - 1 - 2 ** 31);
  const unsigned = select(regular, bits(power), select(lt(y, 0), sub(INFINITY, size), size));
  // Negative bases: odd powers are negative, and fractional ones are not numbers.
  const half = mul(y, 0.5);
  const whole = floor(y);
  const isOdd = and(eq(whole, y), ne(floor(half), half));
  const signed = or(unsigned, select(isOdd, and(bits(x), SIGN), 0));
  const none = or(and(and(lt(x, 0), regular), ne(whole, y)), gt(magnitude(y), INFINITY));
  return special(or(eq(y, 0), eq(x, 1)), ONE, float(select(none, NAN, signed)));
}
