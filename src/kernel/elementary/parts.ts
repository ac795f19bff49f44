import { float32 } from "../../core/dtype.ts";
import { add, and, bitcast, cast, constant, type Expr, eq, mad, mul, type Num, or, round, select, shl, sub } from "../expr.ts";

/**
 * Building blocks of the f32 elementary functions. Two habits make them hold on every target: special cases are told by bits, because a
 * shading language may assume that there are no NaNs and infinities; and no rounding is undone by a subtraction that a compiler could
 * cancel, such as (x + 2^23) - 2^23.
 */

// The polynomials here are minimax ones, found by Remez' exchange with the error in ulp of the function as weight. Their coefficients were rounded
// to f32 one after the other, from the lowest power on, the rest being fitted anew each time.

export const SIGN: number = -0x80000000;
export const MAGNITUDE: number = 0x7fffffff;
export const INFINITY: number = 0x7f800000;
export const NAN: number = 0x7fc00000;

/** The bits of an f32. */
export const bits = (x: Expr): Expr => bitcast(x, "i32");
/** The f32 with the given bits. */
export const float = (i: Expr): Expr => bitcast(i, "f32");
/** The f32 nearest to an integer. */
export const toFloat = (i: Expr): Expr => cast(i, float32);

/** `c[0] x^n + ... + c[n]` by Horner's rule. */
export const polynomial = (x: Expr, c: readonly number[]): Expr => c.slice(1).reduce<Expr>((p, k) => mad(p, x, k), constant(c[0]!, x.type));

/** The same with half as many steps that wait for one another, for one operation more: faster where little else goes on meanwhile. */
export function pairedPolynomial(x: Expr, c: readonly number[]): Expr {
  const odd = c.length % 2;
  const pairs = c.slice(odd).flatMap((k, i, rest) => (i % 2 === 0 ? [mad(x, k, rest[i + 1]!)] : []));
  const terms = odd === 1 ? [constant(c[0]!, x.type), ...pairs] : pairs;
  return terms.slice(1).reduce<Expr>((p, term) => mad(p, square(x), term), terms[0]!);
}

/** The magnitude bits: comparing them as integers orders all values, infinity and NaN last. */
export const magnitude = (x: Expr): Expr => and(bits(x), MAGNITUDE);
export const signBit = (x: Expr): Expr => and(bits(x), SIGN);
/** `y`, which is not negative, with the sign of `x`. */
export const withSign = (y: Expr, x: Expr): Expr => float(or(bits(y), signBit(x)));
/** Whether an integer is odd. */
export const isOdd = (i: Expr): Expr => eq(and(i, 1), 1);
/** `pattern` (the bits of a special value) where the condition holds, else `y`. */
export const special = (condition: Expr, pattern: Num, y: Expr): Expr => float(select(condition, pattern, bits(y)));

/** Adding this to a number below 2^22 in magnitude leaves its nearest integer in the low bits. */
export const SHIFTER = 12582912;
const SHIFTER_BITS = 0x4b400000;

/** The integer nearest to `x * factor`. */
export interface Nearest {
  /** A word whose low 22 bits are those of the integer plus `bias`. */
  readonly word: Expr;
  /** The integer as an f32. */
  readonly value: Expr;
}

/** The integer nearest to `x * factor`, for products below 2^22 in magnitude. A fused or unfused product may differ by one at a tie. */
export function nearest(x: Expr, factor: number, bias: number = 0): Nearest {
  if (factor === 1) return { word: bits(add(round(x), SHIFTER + bias)), value: round(x) };
  const word = bits(mad(x, factor, SHIFTER + bias));
  return { word, value: toFloat(sub(word, SHIFTER_BITS + bias)) };
}

/** `x - n * parts[0] - n * parts[1] ...`: a constant split into parts whose products with `n` are exact but for the last one. */
export const reduce = (x: Expr, n: Expr, parts: readonly number[]): Expr => parts.reduce<Expr>((r, c) => mad(n, -c, r), x);

/** ln 2 in two parts; the first has 14 bits, so that its product with an exponent is exact. */
export const LN2_PARTS: readonly number[] = [0.693145751953125, 1.42860677e-6];

/** 2^k for a word whose low bits hold k + 127, -127 < k < 128. */
export const powerOfTwo = (word: Expr): Expr => float(shl(word, 23));

export const square = (x: Expr): Expr => mul(x, x);
