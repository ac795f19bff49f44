import { exp as lowerExp } from "./elementary/exponential.ts";
import { log as lowerLog } from "./elementary/logarithm.ts";
import { bits, float, isOdd, nearest, SIGN } from "./elementary/parts.ts";
import { cosineCore, sineCore } from "./elementary/trigonometric.ts";
import { add, and, ceil, div, type Expr, ge, mad, max, min, mul, neg, select, shl, sqrt, sub, xor } from "./expr.ts";

/**
 * What random bits become, as f32 expressions that hold on every target: of uniform values `u` and `v` in (0, 1]. The counterparts in float64
 * are in core/random/philox-fill.ts.
 */

/** How many of these make a turn of a circle. */
type Division = 2 | 4;

/** 2 pi v = n 2 pi / division + r + rest with |r| <= pi/4: v has 24 bits, so that taking n from it is exact. */
function angle(v: Expr, division: Division): { word: Expr; r: Expr; rest: Expr } {
  const n = nearest(v, division);
  const t = mad(n.value, -1 / division, v);
  const turn = (division === 4 ? 2 : 1) * Math.PI;
  const high = Math.fround(turn);
  return { word: n.word, r: mul(t, high), rest: mul(t, turn - high) };
}

/** The square root, whatever the target's own is: one Newton step, whose residual is exact by halves of 12 bits. */
function squareRoot(x: Expr): Expr {
  const s = sqrt(x);
  const high = float(and(bits(s), -4096));
  const low = sub(s, high);
  const residual = mad(neg(low), low, mad(mul(high, -2), low, mad(neg(high), high, x)));
  return mad(residual, div(0.5, max(s, 1e-30)), s);
}

const radius = (u: Expr): Expr => squareRoot(mul(lowerLog(u), -2));

/** The sine of `turns` quarter turns more than v turns. */
function sine(v: Expr, turns: 0 | 1): Expr {
  const { word, r, rest } = angle(v, 4);
  const quarter = turns === 0 ? word : add(word, turns);
  return float(xor(bits(select(isOdd(quarter), cosineCore(r), sineCore(r, rest))), and(shl(quarter, 30), SIGN)));
}

/** The pair of normal numbers of the Box-Muller transform: `sqrt(-2 log u)` times the sine of v turns, and times the cosine. */
export const normalPair = (u: Expr, v: Expr): readonly [Expr, Expr] => [mul(radius(u), sine(v, 0)), mul(radius(u), sine(v, 1))];

/** e to the power of x. */
export const exponential = (x: Expr): Expr => lowerExp(x);

/** log u, kept below 0. */
export const negativeLog = (u: Expr): Expr => select(ge(u, 1 - 2 ** -24), -(2 ** -24), lowerLog(u));

/** How many trials, from 1 to `largest`, where `scale` is 1 / log(1 - p). */
export const trials = (u: Expr, scale: Expr, largest: Expr): Expr => min(max(ceil(mul(lowerLog(u), scale)), 1), largest);

/** tan(pi (v - 1/2)), for v kept 2^-23 away from 0 and 1. */
export function cauchy(v: Expr): Expr {
  const { word, r, rest } = angle(max(min(v, 1 - 2 ** -23), 2 ** -23), 2);
  const [s, c] = [sineCore(r, rest), cosineCore(r)];
  const middle = isOdd(word);
  return quotient(select(middle, s, neg(c)), select(middle, c, s));
}

/** a / b where the quotient of the target may be off by 2.5 ulp. */
function quotient(a: Expr, b: Expr): Expr {
  const q = div(a, b);
  return mad(mad(neg(b), q, a), div(1, b), q);
}
