import { add, and, constant, div, type Expr, eq, floor, gt, lt, mad, max, min, mul, ne, or, select, sqrt, sub } from "../expr.ts";
import { exp2Core, scale } from "./exponential.ts";
import { exponentPart, isPositiveFinite, normalized } from "./logarithm.ts";
import { bits, float, INFINITY, magnitude, NAN, nearest, polynomial, SIGN, special, square, toFloat } from "./parts.ts";

/** (2 atanh(s) / ln 2 - 2 s / ln 2) / s^3 in s^2 for |s| <= 0.1011; the relative error of the logarithm is 1.2e-11. */
const TAIL: readonly number[] = [0.4186571, 0.57703906, 0.96179676];
/** 2 / ln 2 and log2(1.5), each as a number of 12 bits and a rest. */
const SCALE_HIGH = 2.8857421875;
const SCALE_LOW = 2 / Math.LN2 - SCALE_HIGH;
const LOG_HIGH = 0.5849609375;
const LOG_LOW = 1.56322115618e-6;
const SQRT_THREE_QUARTERS = 0x3f5db3d7;
const SQRT_THREE_HALVES = Math.sqrt(1.5);
const ONE = 0x3f800000;

/** The first 12 bits of a number: products of two such are exact. */
const high = (x: Expr): Expr => float(and(bits(x), -0x1000));
const choose = (condition: Expr, a: number, b: number): Expr => select(condition, constant(a, "f32"), b);

/**
 * log2 of a positive number to about 2^-31, as a part of 12 bits and a rest: x = 2^n c (1 + s) / (1 - s) with c of 1 or 1.5, so
 * log2(x) = n + log2(c) + 2 atanh(s) / ln 2.
 */
function log2Parts(x: Expr): { high: Expr; low: Expr } {
  const word = normalized(x);
  const exponent = exponentPart(word, SQRT_THREE_QUARTERS);
  const m = float(sub(word, exponent));
  const upper = gt(m, SQRT_THREE_HALVES);
  const c = choose(upper, 1.5, 1);
  const n = mad(toFloat(exponent), 2 ** -23, choose(upper, LOG_HIGH, 0));
  // s = (m - c) / (m + c) in two parts: a quotient cut to 12 bits, and from the exact rest of that division what is missing.
  const difference = sub(m, c);
  const reciprocal = div(1, add(m, c));
  const sHigh = high(mul(difference, reciprocal));
  const mHigh = float(and(bits(m), -0x2000));
  const rest = sub(sub(difference, mul(sHigh, add(mHigh, c))), mul(sHigh, sub(m, mHigh)));
  const sLow = mul(rest, reciprocal);
  const s = add(sHigh, sLow);
  const z = square(s);
  const low = mad(s, mul(z, polynomial(z, TAIL)), mad(sLow, SCALE_HIGH + SCALE_LOW, mad(sHigh, SCALE_LOW, choose(upper, LOG_LOW, 0))));
  const product = mul(sHigh, SCALE_HIGH);
  const top = high(add(n, product));
  return { high: top, low: add(add(sub(n, top), product), low) };
}

/** x^y by 2^(y log2 |x|), with C's special cases. */
export function pow(x: Expr, y: Expr): Expr {
  const size = magnitude(x);
  const log = log2Parts(float(size));
  // Beyond 2^32 every base but 1 overflows or underflows; so infinite exponents need no case of their own.
  const b = min(max(y, -(2 ** 32)), 2 ** 32);
  const bHigh = high(b);
  const z = mul(bHigh, log.high);
  const zLow = mad(sub(b, bHigh), log.high, mul(b, log.low));
  const n = nearest(min(max(add(z, zLow), -160), 160), 1, 254);
  const power = scale(exp2Core(max(add(sub(z, n.value), zLow), -1)), n.word);
  // 0 or inf: to a negative power the other one.
  const regular = isPositiveFinite(size);
  const unsigned = select(regular, bits(power), select(lt(y, 0), sub(INFINITY, size), size));
  // Negative bases: odd powers are negative, and fractional ones are not numbers.
  const half = mul(y, 0.5);
  const whole = floor(y);
  const isOdd = and(eq(whole, y), ne(floor(half), half));
  const signed = or(unsigned, select(isOdd, and(bits(x), SIGN), 0));
  const none = or(and(and(lt(x, 0), regular), ne(whole, y)), gt(magnitude(y), INFINITY));
  return special(or(eq(y, 0), eq(x, 1)), ONE, float(select(none, NAN, signed)));
}

/** The square root as the power 1/2 has it: of -0 it is 0, of -inf it is inf. */
const powerOfHalf = (x: Expr): Expr => select(eq(x, Number.NEGATIVE_INFINITY), constant(Number.POSITIVE_INFINITY, x.type), sqrt(add(x, 0)));
const reciprocal = (x: Expr): Expr => div(1, x);

/** x to a power that a few operations make, as PyTorch's kernel for one exponent does; undefined for any other, and for integers to a negative one. */
export function simplePower(x: Expr, exponent: number): Expr | undefined {
  if (exponent === 1) return x;
  if (exponent === 2) return square(x);
  if (exponent === 3) return mul(square(x), x);
  if (x.type !== "f32" && x.type !== "f64") return undefined;
  if (exponent === 0.5) return powerOfHalf(x);
  if (exponent === -0.5) return reciprocal(powerOfHalf(x));
  if (exponent === -1) return reciprocal(x);
  // In this order neither overflow nor underflow comes before the result's own.
  return exponent === -2 ? square(reciprocal(x)) : undefined;
}
