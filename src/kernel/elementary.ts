import { exp, exp2, expm1, logistic } from "./elementary/exponential.ts";
import { erf } from "./elementary/error-function.ts";
import { acosh, asinh, atanh, cosh, sinh, tanh } from "./elementary/hyperbolic.ts";
import { acos, asin, atan, atan2 } from "./elementary/inverse-trigonometric.ts";
import { log, log1p, log2, log10 } from "./elementary/logarithm.ts";
import { pow } from "./elementary/power.ts";
import { cos, sin, tan } from "./elementary/trigonometric.ts";
import { type Expr, isConst, substitute } from "./expr.ts";
import type { Prim } from "./prims.ts";

type Rule = (a: Expr, b: Expr) => Expr;
const rules: { readonly [K in Prim]?: Rule } = {
  exp, exp2, expm1, log, log2, log10, log1p, sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, asinh, acosh, atanh, erf, pow, atan2,
};
const memo = new Map<Expr, Expr>();

/** The x of `1 / (1 + exp(-x))`, else undefined. */
function logisticOperand(e: Expr): Expr | undefined {
  const [one, sum] = e.src;
  if (e.prim !== "div" || sum?.prim !== "add" || !isConst(one!, 1)) return undefined;
  const power = sum.src.find((s) => s.prim === "exp");
  const minus = power?.src[0]!;
  return minus?.prim === "neg" && sum.src.some((s) => isConst(s, 1)) ? minus.src[0] : undefined;
}

/** Rewrites the f32 elementary functions in an expression into basic primitives; everything else stays. */
export function lower(e: Expr): Expr {
  const known = memo.get(e);
  if (known !== undefined) return known;
  const x = e.type === "f32" ? logisticOperand(e) : undefined;
  if (x !== undefined) return remember(e, logistic(lower(x)));
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
