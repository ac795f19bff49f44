import { add, and, constant, eq, type Expr, lt, mad, mul, or, select, shr, sub } from "../expr.ts";
import { bits, float, INFINITY, polynomial, square, toFloat } from "./parts.ts";

/** (log(1 + f) - f) / f^2 for 1 + f in [2/3, 4/3]. Remez. */
const LOG1P: readonly number[] = [0.13723828, -0.14971815, 0.14059718, -0.16498812, 0.20007162, -0.2500312, 0.33333266, -0.5];
const TWO_THIRDS = 0x3f2aaaab;
const EXPONENT = -0x800000;
/** ln 2 for exponents that are scaled by 2^23, in two parts. */
const LN2_PARTS: readonly number[] = [0.693145751953125 * 2 ** -23, 1.42860677e-6 * 2 ** -23];

/** A positive number as 2^n (1 + f) with 1 + f in [2/3, 4/3]; `n` comes scaled by 2^23. */
function split(x: Expr): { n: Expr; f: Expr } {
  // The exponent of a subnormal number: from the number times 2^23.
  const word = select(lt(x, 2 ** -126), sub(bits(mul(x, 2 ** 23)), 23 << 23), bits(x));
  const n = and(sub(word, TWO_THIRDS), EXPONENT);
  return { n: toFloat(n), f: sub(float(sub(word, n)), 1) };
}

/** `y` for positive finite `x`, and what any logarithm gives otherwise: -inf at 0, inf at inf, NaN. */
function guard(x: Expr, y: Expr): Expr {
  const word = bits(x);
  const regular = lt(add(word, 0x7fffffff), INFINITY - 1 - 2 ** 31 - 1 + 1); // 0 < word < INFINITY as unsigned numbers, shifted by 2^31
  return float(select(regular, bits(y), select(eq(x, 0), INFINITY - 2 ** 31, or(word, shr(word, 31)))));
}

/** log(1 + f) for 1 + f in [2/3, 4/3]. */
const log1pCore = (f: Expr): Expr => mad(square(f), polynomial(f, LOG1P), f);

/** log(x) = n ln 2 + log(1 + f). */
export function log(x: Expr): Expr {
  const { n, f } = split(x);
  return guard(x, mad(n, LN2_PARTS[0]!, mad(n, LN2_PARTS[1]!, log1pCore(f))));
}
export const zero: Expr = constant(0, "f32");
