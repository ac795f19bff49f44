import { derive } from "../kernel/derive.ts";
import { add, arg, constant, type Expr, isConst, isFloat, mul, type Num, oneOf, select, substitute, zeroOf } from "../kernel/expr.ts";
import type { KernelValue } from "./kernel-value.ts";

/**
 * Note [Gradients of formulas]. A formula is differentiated op by op, by the chain rule and each op's own gradient, not as one expression: the
 * gradient of `relu` at 0, or of `clamp` at its bounds, is chosen by PyTorch and cannot be seen in `max(x, 0)`. What an op does not state is derived
 * from its expression. The result is an expression again, so that second derivatives are derived from it.
 */
type Derivatives = Map<KernelValue, Expr | null>;

/** The derivative of a value by an operand, over the same leaves; null where the operand never matters. */
export function derivativeOf(y: KernelValue, x: KernelValue, known: Derivatives = new Map()): Expr | null {
  if (y === x) return isFloat(y.expr) ? oneOf(y.expr) : null;
  if (y.made === null || !isFloat(y.expr)) return null;
  const seen = known.get(y);
  if (seen !== undefined) return seen;
  const partials = partialsOf(y);
  let sum: Expr | null = null;
  y.made.operands.forEach((operand, i) => {
    const inner = operand === null ? null : derivativeOf(operand, x, known);
    const partial = partials[i]!();
    if (inner === null || partial === null) return;
    const term = times(partial, inner);
    sum = sum === null || isConst(sum, 0) ? term : isConst(term, 0) ? sum : add(sum, term);
  });
  known.set(y, sum);
  return sum;
}

/** How to get the partial derivatives of a value by its op's operands; null where there is never a gradient. */
function partialsOf(y: KernelValue): (() => Expr | null)[] {
  const { op, exprs, operands } = y.made!;
  const { expr } = y;
  if (op.df !== undefined) {
    const stated = op.df(expr, ...exprs);
    return operands.map((_, i) => () => asExpr(stated[i] ?? null, expr));
  }
  // Operands may contain each other: the op is differentiated over leaves of their own.
  const leaves = exprs.map((e, i) => arg(FIRST_LEAF + i, e.type));
  const value = op.f(...leaves);
  if (typeof value === "number") return operands.map(() => () => null);
  const back = new Map<Expr, Expr>(leaves.map((leaf, i) => [leaf, exprs[i]!]));
  if (!leaves.includes(value)) back.set(value, expr);
  return leaves.map((leaf) => () => {
    const d = derive(value, leaf);
    return d === null ? null : substitute(d, new Map(back));
  });
}
/** Slots that no operand of a kernel has. */
const FIRST_LEAF = 200;

const asExpr = (d: Num | null, like: Expr): Expr | null => (typeof d === "number" ? constant(d, like.type) : d);
const isChoice = (e: Expr): boolean => e.prim === "select" && (isConst(e.src[1]!, 0) || isConst(e.src[2]!, 0));

/** The product, taken inside of choices: what is 0 by choice stays 0 where the other factor is not finite. */
export function times(a: Expr, b: Expr): Expr {
  if (isConst(a, 0) || isConst(b, 0)) return zeroOf(a);
  if (isChoice(a)) return select(a.src[0]!, times(a.src[1]!, b), times(a.src[2]!, b));
  if (isChoice(b)) return select(b.src[0]!, times(a, b.src[1]!), times(a, b.src[2]!));
  return mul(a, b);
}
