import { abs, add, div, type Expr, lt, mad, mul, select, sub } from "../expr.ts";
import { atMost, nearest, polynomial, powerOfTwo, reduce, square, withSign } from "./parts.ts";
import { EXP, LN2_PARTS } from "./exponential.ts";

/** (tanh x - x) / x^3 in x^2 for |x| <= 0.625. Remez. */
const TANH: readonly number[] = [-0.0056922967, 0.020628167, -0.053736515, 0.13331406, -0.3333328];

const HALF_LN2_PARTS: readonly number[] = LN2_PARTS.map((c) => c / 2);
/** Coefficients of exp(2r) from those of exp(r). */
const EXP2R: readonly number[] = EXP.map((c, i) => c * 2 ** (EXP.length - 1 - i));

/** tanh: a polynomial near 0, else 1 - 2 / (exp(2|x|) + 1) with the sign of x. */
export function tanh(x: Expr): Expr {
  const a = abs(x);
  const z = square(a);
  const small = mad(mul(a, z), polynomial(z, TANH), a);
  const bounded = atMost(a, 10);
  const n = nearest(bounded, 2 * Math.LOG2E, 127);
  const e = mul(polynomial(reduce(bounded, n.value, HALF_LN2_PARTS), EXP2R), powerOfTwo(n.word));
  return withSign(select(lt(a, 0.625), small, sub(1, div(2, add(e, 1)))), x);
}
