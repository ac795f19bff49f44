import { abs, add, div, type Expr, gt, lt, mad, max, min, mul, neg, select, sqrt, sub } from "../expr.ts";
import { EXP_TAIL } from "./exponential.ts";
import { log1p, log1pOrDouble } from "./logarithm.ts";
import { LN2_PARTS, NAN, nearest, polynomial, powerOfTwo, reduce, special, square, withSign } from "./parts.ts";

/** (tanh x - x) / x^3 in x^2 for |x| <= 0.98, relative error of tanh 3.6e-9. */
const TANH: readonly number[] = [-0.00037722703, 0.0023609512, -0.008019798, 0.021531343, -0.05389347, 0.13332537, -0.33333305];
/** (sinh x - x) / x^3 in x^2 for |x| <= 1, relative error of sinh 2.4e-8. */
const SINH: readonly number[] = [0.0002037334, 0.008330271, 0.16666716];

/** x + x^3 p(x^2). */
const odd = (x: Expr, z: Expr, p: readonly number[]): Expr => mad(mul(x, z), polynomial(z, p), x);

const EXP: readonly number[] = [...EXP_TAIL, 1, 1];
/** exp(2 r), from the coefficients of exp(r). */
const EXP_DOUBLE: readonly number[] = EXP.map((c, i) => c * 2 ** (EXP.length - 1 - i));
const HALF_LN2_PARTS: readonly number[] = LN2_PARTS.map((c) => c / 2);

/** tanh: a polynomial near 0, else 1 - 2 / (exp(2|x|) + 1) with the sign of x. */
export function tanh(x: Expr): Expr {
  const a = abs(x);
  const bounded = min(a, 10);
  const n = nearest(bounded, 2 * Math.LOG2E, 127);
  const e = mul(polynomial(reduce(bounded, n.value, HALF_LN2_PARTS), EXP_DOUBLE), powerOfTwo(n.word));
  return withSign(select(lt(a, 0.98), odd(a, square(a), TANH), sub(1, div(2, add(e, 1)))), x);
}

/** exp(a) / 4 for a >= 0, up to where exp(a) / 2 overflows. */
function quarterExp(a: Expr): Expr {
  const bounded = min(a, 89.5);
  const n = nearest(bounded, Math.LOG2E, 125);
  return mul(polynomial(reduce(bounded, n.value, LN2_PARTS), EXP), powerOfTwo(n.word));
}

/** sinh: a polynomial up to 1, else exp(|x|) / 2 - 1 / (2 exp(|x|)) with the sign of x. */
export function sinh(x: Expr): Expr {
  const a = abs(x);
  const q = quarterExp(a);
  return withSign(select(lt(a, 1), odd(a, square(a), SINH), sub(add(q, q), div(0.125, q))), x);
}

/** cosh(x) = exp(|x|) / 2 + 1 / (2 exp(|x|)). */
export function cosh(x: Expr): Expr {
  const q = quarterExp(abs(x));
  return add(add(q, q), div(0.125, q));
}

/** Above this x^2 + 1 and x^2 are one number, and x^2 is far from overflow. */
const LARGE = 2 ** 32;

/** asinh(x) = log(1 + |x| + x^2 / (1 + sqrt(x^2 + 1))) with the sign of x, or log(2 |x|). */
export function asinh(x: Expr): Expr {
  const a = abs(x);
  const z = square(a);
  const large = gt(a, LARGE);
  return withSign(log1pOrDouble(select(large, a, add(div(z, add(sqrt(add(z, 1)), 1)), a)), large), x);
}

/** sqrt(w) with one Newton step: the root may be off by 2.5 ulp. */
function root(w: Expr): Expr {
  const q = sqrt(w);
  return mad(mad(neg(q), q, w), div(0.5, max(q, 2 ** -40)), q);
}

/** acosh(x) = log(1 + t + sqrt(t (t + 2))) with t = x - 1, or log(2 x). */
export function acosh(x: Expr): Expr {
  const t = sub(x, 1);
  const large = gt(x, LARGE);
  return special(lt(x, 1), NAN, log1pOrDouble(select(large, x, add(t, root(mad(t, t, add(t, t))))), large));
}

/** atanh(x) = log(1 + 2|x| / (1 - |x|)) / 2 with the sign of x. The quotient is 2|x| + 2|x| (|x| / (1 - |x|)), which is exact for small x. */
export function atanh(x: Expr): Expr {
  const a = abs(x);
  const double = add(a, a);
  return special(gt(a, 1), NAN, withSign(mul(log1p(mad(double, div(a, sub(1, a)), double)), 0.5), x));
}
