import { add, and, constant, type Expr, eq, lt, mad, mul, or, select, shr, sub } from "../expr.ts";
import { bits, float, INFINITY, LN2_PARTS, magnitude, pairedPolynomial, signBit, square, toFloat } from "./parts.ts";

/** (log(1 + f) - f) / f^2 for 1 + f in [2/3, 4/3]; the relative error of the logarithm is 4.8e-8. */
const LOG1P_TAIL: readonly number[] = [0.13723828, -0.14971815, 0.14059718, -0.16498812, 0.20007162, -0.2500312, 0.33333266, -0.5];
const TWO_THIRDS = 0x3f2aaaab;
const SMALLEST_NORMAL = 0x800000;
const EXPONENT = -0x800000;
const UNIT = 2 ** -23;
const ONE_SCALED = constant(2 ** 23, "f32");
/** log10(2) in two parts; the first has 14 bits. */
const LOG10_2_PARTS: readonly number[] = [0.301025390625, 4.6050389812e-6];

/** A positive number as 2^n (1 + f); `n` comes scaled by 2^23, as the bits of an f32 hold it. */
interface Split {
  readonly n: Expr;
  readonly f: Expr;
}

/**
 * The bits of a positive number; those of a subnormal one with a negative exponent, as if there were room for it. Its bits as an integer are the
 * number times 2^149: a product would be 0 on targets that take subnormal operands for 0.
 */
export function normalized(x: Expr): Expr {
  const word = bits(x);
  return select(lt(word, SMALLEST_NORMAL), sub(bits(toFloat(word)), 149 << 23), word);
}

/** The exponent part of a word so that the rest lies in [low, 2 low), `low` given by its bits. */
export const exponentPart = (word: Expr, low: number): Expr => and(sub(word, low), EXPONENT);

function split(x: Expr): Split {
  const word = normalized(x);
  const n = exponentPart(word, TWO_THIRDS);
  return { n: toFloat(n), f: sub(float(sub(word, n)), 1) };
}

/** Splits 1 + x (`u`, rounded) without losing bits of `x`: f = x 2^-n + (2^-n - 1). The power comes times 4, because 2^-128 is subnormal. */
function splitOnePlus(x: Expr, u: Expr): Split {
  const n = exponentPart(bits(u), TWO_THIRDS);
  const power = float(sub(0x40800000, n));
  return { n: toFloat(n), f: add(float(sub(bits(x), n)), mad(power, 0.25, -1)) };
}

/** log(1 + f) for 1 + f in [2/3, 4/3]. */
const log1pCore = (f: Expr): Expr => mad(square(f), pairedPolynomial(f, LOG1P_TAIL), f);

/** `y` and n logarithms of 2, given in two parts. */
const addExponent = (y: Expr, n: Expr, [high, low]: readonly number[]): Expr => mad(n, high! * UNIT, mad(n, low! * UNIT, y));
const natural = ({ n, f }: Split): Expr => addExponent(log1pCore(f), n, LN2_PARTS);

/** 0 < word < INFINITY as unsigned numbers: both sides shifted by -1 - 2^31. */
export const isPositiveFinite = (word: Expr): Expr => lt(add(word, 0x7fffffff), INFINITY - 1 - 2 ** 31);

/** `y` for positive finite `x`, and what any logarithm gives otherwise: -inf at 0, inf at inf, NaN. */
function guard(x: Expr, y: Expr): Expr {
  const word = bits(x);
  return float(select(isPositiveFinite(word), bits(y), select(eq(x, 0), INFINITY - 2 ** 31, or(word, shr(word, 31)))));
}

/** log(x) = n ln 2 + log(1 + f). */
export const log = (x: Expr): Expr => guard(x, natural(split(x)));

/** log2(x) = n + log(1 + f) / ln 2. */
export function log2(x: Expr): Expr {
  const { n, f } = split(x);
  return guard(x, mad(n, UNIT, mul(log1pCore(f), Math.LOG2E)));
}

/** log10(x) = n log10(2) + log(1 + f) / ln 10. */
export function log10(x: Expr): Expr {
  const { n, f } = split(x);
  return guard(x, addExponent(mul(log1pCore(f), Math.LOG10E), n, LOG10_2_PARTS));
}

/** log(1 + x), which keeps the digits of small `x`. */
export function log1p(x: Expr): Expr {
  const u = add(x, 1);
  return float(or(bits(guard(u, natural(splitOnePlus(x, u)))), signBit(x))); // log1p(-0) = -0
}

/** log(1 + x) for x >= 0, or log(2 x) where `large` holds (there x is above 2^30). */
export function log1pOrDouble(x: Expr, large: Expr): Expr {
  const u = add(x, 1);
  const { n, f } = splitOnePlus(x, u);
  const y = natural({ n: add(n, select(large, ONE_SCALED, 0)), f });
  return select(lt(magnitude(u), INFINITY), y, u);
}
