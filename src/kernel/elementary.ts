import { type Expr, substitute } from "./expr.ts";
import type { Prim } from "./prims.ts";
import { exp } from "./elementary/exponential.ts";
import { log } from "./elementary/logarithm.ts";
import { tanh } from "./elementary/hyperbolic.ts";
import { cos, sin } from "./elementary/trigonometric.ts";

type Rule = (a: Expr, b: Expr) => Expr;
const rules: { readonly [K in Prim]?: Rule } = { exp, log, tanh, sin, cos };
const memo = new Map<Expr, Expr>();

/** Rewrites the f32 elementary functions in an expression into basic primitives; everything else stays. */
export function lower(e: Expr): Expr {
  const known = memo.get(e);
  if (known !== undefined) return known;
  for (const s of e.src) lower(s);
  const plain = substitute(e, memo);
  const rule = plain.type === "f32" ? rules[plain.prim] : undefined;
  const lowered = rule === undefined ? plain : rule(plain.src[0]!, plain.src[1]!);
  memo.set(e, lowered);
  memo.set(lowered, lowered);
  return lowered;
}
