import type { ComputeType, DType, DTypeName } from "../core/dtype.ts";
import { dtypes } from "../core/dtype.ts";
import { type Prim, prims, type Row } from "./prims.ts";

/**
 * A scalar expression. Nodes are interned: equal expressions are the same object, so common subexpressions are shared for free
 * and caches can be keyed by identity.
 */
export interface Expr {
  readonly prim: Prim;
  readonly type: ComputeType;
  readonly src: readonly Expr[];
  /** Constants: the number. Leaves: the slot. Casts: the dtype's name. */
  readonly value?: number | bigint | string;
  readonly id: number;
}
/** What formulas accept: a plain number takes the type of the expression beside it. */
export type Num = Expr | number;

const table = new Map<string, Expr>();

function intern(prim: Prim, type: ComputeType, src: readonly Expr[], value?: number | bigint | string): Expr {
  // Object.is, not ===, tells constants apart: -0 and 0 are different.
  const text = Object.is(value, -0) ? "-0" : String(value);
  const key = `${prim}:${type}(${src.map((s) => s.id).join()})${text}`;
  let e = table.get(key);
  if (e === undefined) {
    e = value === undefined ? { prim, type, src, id: table.size } : { prim, type, src, value, id: table.size };
    table.set(key, e);
  }
  return e;
}

/** A constant of a type. */
export const constant = (value: number | bigint, type: ComputeType): Expr => intern("const", type, [], value);
/** The element of input `slot`, converted from its dtype to `type`. */
export const arg = (slot: number, type: ComputeType): Expr => intern("arg", type, [], slot);
/** A number given at each run. */
export const scalar = (slot: number, type: ComputeType): Expr => intern("scalar", type, [], slot);
/** Component `slot` of a reduction's running state; see ReduceKernel. */
export const state = (slot: number, type: ComputeType): Expr => intern("state", type, [], slot);
/** The row-major number of the element in the kernel's iteration space (in a reduction or scan: along the reduced dimensions), as i64. */
export const position: Expr = intern("position", "i64", []);

/** The value in the type of another dtype; integers wrap to its width, floats are truncated toward zero when it is an integer. */
export function cast(x: Expr, dtype: DType): Expr {
  // A small integer computes in i32, so only a cast from the very same dtype could be left out, and the expression does not know it.
  if (x.type === dtype.compute && (dtype.itemsize >= 4 || dtype.name === "bool")) return x;
  return intern("cast", dtype.compute, [x], dtype.name);
}
/** The bits of an f32 as i32, or back. */
export const bitcast = (x: Expr, type: "f32" | "i32"): Expr => (x.type === type ? x : intern("bitcast", type, [x]));

export const isConst = (e: Expr, value?: number): boolean =>
  e.prim === "const" && (value === undefined || Object.is(Number(e.value), value));

const floating = (type: ComputeType): boolean => type === "f32" || type === "f64";
/** Whether an expression is of a floating-point type. */
export const isFloat = (e: Expr): boolean => floating(e.type);
/** 0 in the type of an expression. */
export const zeroOf = (e: Expr): Expr => constant(0, e.type);
/** 1 in the type of an expression. */
export const oneOf = (e: Expr): Expr => constant(1, e.type);

function apply(prim: Prim, args: readonly Num[]): Expr {
  const row: Row = prims[prim];
  const typed = args.find((a, i): a is Expr => typeof a !== "number" && !(row.condition === true && i === 0));
  const type = typed?.type;
  if (type === undefined) throw new Error(`${prim}: at least one operand must be an expression`);
  const src = args.map((a) => (typeof a === "number" ? constant(a, type) : a));
  if (prim !== "select" && floating(type) && src.every((s) => s.prim === "const")) {
    const y = row.js(...src.map((s) => Number(s.value)));
    return row.result === "bool" ? constant(y ? 1 : 0, "bool") : constant(y as number, type);
  }
  if (prim === "mul") {
    if (isConst(src[0]!, 1)) return src[1]!;
    if (isConst(src[1]!, 1)) return src[0]!;
  }
  if (prim === "div" && isConst(src[1]!, 1)) return src[0]!;
  if (prim === "sub" && isConst(src[1]!, 0)) return src[0]!;
  return intern(prim, row.result === "bool" ? "bool" : type, src);
}

type Op1 = (x: Num) => Expr;
type Op2 = (a: Num, b: Num) => Expr;
const op1 =
  (prim: Prim): Op1 =>
  (x) =>
    apply(prim, [x]);
const op2 =
  (prim: Prim): Op2 =>
  (a, b) =>
    apply(prim, [a, b]);

export const add: Op2 = op2("add");
export const sub: Op2 = op2("sub");
export const mul: Op2 = op2("mul");
/** `a * b + c`, with one rounding or two: the target's choice. */
export const mad = (a: Num, b: Num, c: Num): Expr => apply("mad", [a, b, c]);
export const div: Op2 = op2("div");
export const neg: Op1 = op1("neg");
export const abs: Op1 = op1("abs");
export const min: Op2 = op2("min");
export const max: Op2 = op2("max");
export const sqrt: Op1 = op1("sqrt");
export const floor: Op1 = op1("floor");
export const ceil: Op1 = op1("ceil");
export const trunc: Op1 = op1("trunc");
export const round: Op1 = op1("round");
export const copysign: Op2 = op2("copysign");
export const idiv: Op2 = op2("idiv");
export const irem: Op2 = op2("irem");
export const fmod: Op2 = op2("fmod");
export const and: Op2 = op2("and");
export const or: Op2 = op2("or");
export const xor: Op2 = op2("xor");
export const not: Op1 = op1("not");
export const shl: Op2 = op2("shl");
export const shr: Op2 = op2("shr");
export const eq: Op2 = op2("eq");
export const ne: Op2 = op2("ne");
export const lt: Op2 = op2("lt");
export const le: Op2 = op2("le");
export const gt: Op2 = op2("gt");
export const ge: Op2 = op2("ge");
export const isnan: Op1 = op1("isnan");
export const exp: Op1 = op1("exp");
export const exp2: Op1 = op1("exp2");
export const expm1: Op1 = op1("expm1");
export const log: Op1 = op1("log");
export const log2: Op1 = op1("log2");
export const log10: Op1 = op1("log10");
export const log1p: Op1 = op1("log1p");
export const sin: Op1 = op1("sin");
export const cos: Op1 = op1("cos");
export const tan: Op1 = op1("tan");
export const asin: Op1 = op1("asin");
export const acos: Op1 = op1("acos");
export const atan: Op1 = op1("atan");
export const sinh: Op1 = op1("sinh");
export const cosh: Op1 = op1("cosh");
export const tanh: Op1 = op1("tanh");
export const asinh: Op1 = op1("asinh");
export const acosh: Op1 = op1("acosh");
export const atanh: Op1 = op1("atanh");
export const erf: Op1 = op1("erf");
export const pow: Op2 = op2("pow");
export const atan2: Op2 = op2("atan2");

/** `a` where the condition holds, else `b`. */
export function select(condition: Expr, a: Num, b: Num): Expr {
  if (condition.prim === "const" && typeof a !== "number" && typeof b !== "number") return condition.value ? a : b;
  return a === b && typeof a !== "number" ? a : apply("select", [condition, a, b]);
}

/** Whether `e` contains `leaf`. */
export function mentions(e: Expr, leaf: Expr, seen: Set<Expr> = new Set()): boolean {
  if (e === leaf) return true;
  if (seen.has(e)) return false;
  seen.add(e);
  return e.src.some((s) => mentions(s, leaf, seen));
}

/** The leaves of one primitive (`arg`, `scalar`, ...) that occur in the expressions, by slot. */
export function leaves(roots: readonly Expr[], prim: Prim): Map<number, Expr> {
  const found = new Map<number, Expr>();
  const seen = new Set<Expr>();
  const stack = [...roots];
  while (stack.length > 0) {
    const e = stack.pop()!;
    if (seen.has(e)) continue;
    seen.add(e);
    if (e.prim === prim) found.set(Number(e.value ?? 0), e);
    stack.push(...e.src);
  }
  return found;
}

/** The expression with the keys of `map` replaced by their values; what does not change stays the same object. */
export function substitute(e: Expr, map: Map<Expr, Expr>): Expr {
  const hit = map.get(e);
  if (hit !== undefined) return hit;
  if (e.src.length === 0) return e;
  const src = e.src.map((s) => substitute(s, map));
  const out = src.every((s, i) => s === e.src[i]) ? e : rebuild(e, src);
  map.set(e, out);
  return out;
}

function rebuild(e: Expr, src: readonly Expr[]): Expr {
  if (e.prim === "cast") return cast(src[0]!, dtypes.find((d) => d.name === (e.value as DTypeName))!);
  if (e.prim === "bitcast") return bitcast(src[0]!, e.type as "f32" | "i32");
  return e.prim === "select" ? select(src[0]!, src[1]!, src[2]!) : apply(e.prim, src);
}
