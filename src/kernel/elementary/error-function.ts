import { abs, type Expr, lt, mad, min, mul, select, sub } from "../expr.ts";
import { exp2Core } from "./exponential.ts";
import { nearest, polynomial, powerOfTwo, square, withSign } from "./parts.ts";

/** erf(x) / x - 1 in x^2 for |x| <= 0.92, relative error of erf 1.5e-8. */
const ERF: readonly number[] = [-0.00060038, 0.0049958536, -0.02676858, 0.11281877, -0.376125, 0.12837915];
/** log2(1 - erf(x)) / x for 0.92 <= x <= 3.95, relative error of erf 3.0e-9. */
const LOG2_ERFC: readonly number[] = [0.00021398744, -0.0032149816, 0.022890063, -0.10526202, -0.63571817, -1.1285144].map(
  (c) => c * Math.LOG2E,
);

/** Keeps 0.13 x of the smallest normal numbers from being subnormal, which some targets take for 0. */
const SCALE = 2 ** 24;

/** The error function: a polynomial near 0, else 1 - 2^y with a polynomial y, with the sign of x. */
export function erf(x: Expr): Expr {
  const a = abs(x);
  const b = min(a, 4);
  const y = mul(b, polynomial(b, LOG2_ERFC));
  const n = nearest(y, 1, 127);
  const erfc = mul(exp2Core(sub(y, n.value)), powerOfTwo(n.word));
  const large = mul(a, SCALE);
  return withSign(select(lt(a, 0.92), mul(mad(large, polynomial(square(a), ERF), large), 1 / SCALE), sub(1, erfc)), x);
}
