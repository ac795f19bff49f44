import { erf, normalDistribution, normalProductSlope } from "./elementary/error-function.ts";
import { exp, exp2, expm1, logistic } from "./elementary/exponential.ts";
import { acosh, asinh, atanh, cosh, sinh, tanh } from "./elementary/hyperbolic.ts";
import { acos, asin, atan, atan2 } from "./elementary/inverse-trigonometric.ts";
import { log, log1p, log2, log10 } from "./elementary/logarithm.ts";
import { pow, simplePower } from "./elementary/power.ts";
import { cos, sin, tan } from "./elementary/trigonometric.ts";
import { type Expr, isConst, neg, substitute } from "./expr.ts";
import { normalSlope } from "./normal.ts";
import type { Prim } from "./prims.ts";

type Rule = (a: Expr, b: Expr) => Expr;
const rules: { readonly [K in Prim]?: Rule } = {
  exp,
  exp2,
  expm1,
  log,
  log2,
  log10,
  log1p,
  sin,
  cos,
  tan,
  asin,
  acos,
  atan,
  sinh,
  cosh,
  tanh,
  asinh,
  acosh,
  atanh,
  erf,
  pow: (x, y) => (y.prim === "const" ? simplePower(x, Number(y.value)) : undefined) ?? pow(x, y),
  atan2,
};
const memo = new Map<Expr, Expr>();

/** Lowers `a / (1 + exp(u))`, the form of sigmoid and silu, as one function; undefined where `e` is anything else. */
function lowerLogistic(e: Expr): Expr | undefined {
  const [a, sum] = e.src;
  if (e.prim !== "div" || e.type !== "f32" || sum?.prim !== "add" || !sum.src.some((s) => isConst(s, 1))) return undefined;
  const u = sum.src.find((s) => s.prim === "exp")?.src[0];
  return u && logistic(lower(a!), lower(u.prim === "neg" ? u.src[0]! : neg(u)));
}

/** The other operand where `e` is `prim` with the constant `value`. */
const besides = (e: Expr | undefined, prim: Prim, value: number): Expr | undefined =>
  e?.prim === prim && e.src.some((s) => isConst(s, value)) ? e.src.find((s) => !isConst(s, value)) : undefined;

/** The x of `(1 + erf(x * sqrt(1/2))) * 1/2`, the normal distribution; undefined where `e` is anything else. */
function normalArgument(e: Expr): Expr | undefined {
  const sum = e.type === "f32" ? besides(e, "mul", 0.5) : undefined;
  const error = besides(sum, "add", 1);
  return error?.prim === "erf" ? besides(error.src[0], "mul", Math.SQRT1_2) : undefined;
}

/** Lowers the normal distribution, or the derivative of its product with x, as one function; undefined where `e` is anything else. */
function lowerNormal(e: Expr): Expr | undefined {
  const x = normalArgument(e);
  if (x !== undefined) return normalDistribution(lower(x));
  if (e.prim !== "add" || e.type !== "f32") return undefined;
  // Expressions are interned, so equality is identity.
  const of = e.src.map(normalArgument).find((u) => u !== undefined && normalSlope(u) === e);
  return of && normalProductSlope(lower(of));
}

/**
 * Rewrites the f32 elementary functions in an expression into basic primitives; everything else stays, f64 among it.
 *
 * The results are within 2 ulp for exp, log, tanh, sigmoid, sin and cos (up to 10,000), and within 4 for the rest, whether the target fuses
 * multiply-add or not, and whether its division and square root are exact or off by 2.5 ulp; sigmoid then is within 4. They do not survive
 * a target that reassociates sums. Beyond 10,000 the absolute error of sin and cos grows to 1e-6 at 10^5 and, where multiply-add is not
 * fused, to 0.04 at 10^6; from 10^7 on no digit is left.
 */
export function lower(e: Expr): Expr {
  const known = memo.get(e);
  if (known !== undefined) return known;
  const whole = lowerLogistic(e) ?? lowerNormal(e);
  if (whole !== undefined) return remember(e, whole);
  for (const s of e.src) lower(s);
  const plain = substitute(e, memo);
  const rule = plain.type === "f32" ? rules[plain.prim] : undefined;
  return remember(e, rule === undefined ? plain : rule(plain.src[0]!, plain.src[1]!));
}

function remember(e: Expr, lowered: Expr): Expr {
  memo.set(e, lowered);
  memo.set(lowered, lowered);
  return lowered;
}
