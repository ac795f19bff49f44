import { type DTypeName, dtypes } from "../core/dtype.ts";
import {
  add,
  and,
  cast,
  constant,
  cos,
  cosh,
  div,
  type Expr,
  eq,
  exp,
  gt,
  isConst,
  isFloat,
  isnan,
  log,
  lt,
  mul,
  type Num,
  neg,
  not,
  oneOf,
  or,
  pow,
  select,
  sin,
  sinh,
  sqrt,
  sub,
  trunc,
} from "./expr.ts";
import type { Prim } from "./prims.ts";

/** Partial derivatives of a primitive by each operand, given the result and the operands. A plain 0 means: never any gradient. */
type Partials = (y: Expr, a: Expr, b: Expr, c: Expr) => Num[];

const none: Partials = () => [0, 0];
const square = (x: Expr): Expr => mul(x, x);
/** A tie shares the gradient evenly, as PyTorch's maximum and minimum do; NaN gets all of it. */
const picks = (a: Expr, better: Expr, b: Expr): Expr => select(eq(a, b), 0.5, select(or(better, isnan(a)), oneOf(a), 0));

/** Derivatives of the differentiable primitives; the others have none to state. Source: any table of derivatives. */
const rules: { readonly [K in Prim]?: Partials } = {
  const: () => [],
  arg: () => [],
  scalar: () => [],
  state: () => [],
  add: () => [1, 1],
  sub: () => [1, -1],
  mul: (_, a, b) => [b, a],
  mad: (_, a, b) => [b, a, 1],
  div: (y, _, b) => [div(1, b), neg(div(y, b))],
  neg: () => [-1],
  abs: (_, a) => [select(gt(a, 0), oneOf(a), select(lt(a, 0), constant(-1, a.type), 0))],
  min: (_, a, b) => [picks(a, lt(a, b), b), picks(b, lt(b, a), a)],
  max: (_, a, b) => [picks(a, gt(a, b), b), picks(b, gt(b, a), a)],
  sqrt: (y) => [div(0.5, y)],
  floor: none,
  ceil: none,
  trunc: none,
  round: none,
  copysign: (y, a) => [select(eq(a, 0), 0, div(y, a)), 0],
  exp: (y) => [y],
  exp2: (y) => [mul(y, Math.LN2)],
  expm1: (y) => [add(y, 1)],
  log: (_, a) => [div(1, a)],
  log2: (_, a) => [div(1, mul(a, Math.LN2))],
  log10: (_, a) => [div(1, mul(a, Math.LN10))],
  log1p: (_, a) => [div(1, add(a, 1))],
  sin: (_, a) => [cos(a)],
  cos: (_, a) => [neg(sin(a))],
  tan: (y) => [add(square(y), 1)],
  asin: (_, a) => [div(1, sqrt(sub(1, square(a))))],
  acos: (_, a) => [neg(div(1, sqrt(sub(1, square(a)))))],
  atan: (_, a) => [div(1, add(square(a), 1))],
  sinh: (_, a) => [cosh(a)],
  cosh: (_, a) => [sinh(a)],
  tanh: (y) => [sub(1, square(y))],
  asinh: (_, a) => [div(1, sqrt(add(square(a), 1)))],
  acosh: (_, a) => [div(1, sqrt(sub(square(a), 1)))],
  atanh: (_, a) => [div(1, sub(1, square(a)))],
  erf: (_, a) => [mul(2 / Math.sqrt(Math.PI), exp(neg(square(a))))],
  pow: (y, a, b) => [select(eq(b, 0), 0, mul(b, pow(a, sub(b, 1)))), select(and(eq(a, 0), not(lt(b, 0))), 0, mul(y, log(a)))],
  fmod: (_, a, b) => [1, neg(trunc(div(a, b)))],
  atan2: (_, a, b) => [div(b, add(square(a), square(b))), neg(div(a, add(square(a), square(b))))],
};

const wide = (type: Expr["type"]) => dtypes.find((d) => d.compute === type && d.itemsize >= 4)!;
const asType = (e: Expr, type: Expr["type"]): Expr => (e.type === type ? e : cast(e, wide(type)));

/**
 * The derivative of `e` with respect to the leaf `x`, or null where it is zero whatever the operands' values are: forward mode, memoized over
 * the shared graph. Terms that are always zero are left out, so that no 0 * inf arises from them.
 */
export function derive(e: Expr, x: Expr, memo: Map<Expr, Expr | null> = new Map()): Expr | null {
  if (e === x) return oneOf(e);
  if (!isFloat(e)) return null;
  const known = memo.get(e);
  if (known !== undefined) return known;
  const d = e.prim === "select" ? deriveSelect(e, x, memo) : e.prim === "cast" ? deriveCast(e, x, memo) : deriveSum(e, x, memo);
  memo.set(e, d);
  return d;
}

function deriveSum(e: Expr, x: Expr, memo: Map<Expr, Expr | null>): Expr | null {
  const inner = e.src.map((s) => derive(s, x, memo));
  if (inner.every((d) => d === null)) return null;
  const rule = rules[e.prim];
  if (rule === undefined) throw new Error(`${e.prim} has no derivative`);
  const partials = rule(e, e.src[0]!, e.src[1]!, e.src[2]!);
  let sum: Expr | null = null;
  inner.forEach((d, i) => {
    const p = partials[i]!;
    if (d === null || p === 0) return;
    const term = p === 1 ? d : p === -1 ? neg(d) : mul(p, d);
    sum = sum === null ? term : add(sum, term);
  });
  return sum;
}

function deriveSelect(e: Expr, x: Expr, memo: Map<Expr, Expr | null>): Expr | null {
  const a = derive(e.src[1]!, x, memo);
  const b = derive(e.src[2]!, x, memo);
  const zero = constant(0, e.type);
  return a === null && b === null ? null : select(e.src[0]!, a ?? zero, b ?? zero);
}

function deriveCast(e: Expr, x: Expr, memo: Map<Expr, Expr | null>): Expr | null {
  const inner = derive(e.src[0]!, x, memo);
  if (inner === null || isConst(inner)) return inner === null ? null : constant(Number(inner.value), e.type);
  return cast(inner, dtypes.find((d) => d.name === (e.value as DTypeName))!);
}

/** The derivative converted to a compute type; null stays null. */
export const deriveAs = (e: Expr, x: Expr, type: Expr["type"]): Expr | null => {
  const d = derive(e, x);
  return d === null ? null : asType(d, type);
};
