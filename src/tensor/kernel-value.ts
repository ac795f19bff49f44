import type { ComputeType, DType, Scalar } from "../core/dtype.ts";
import { bool, float32, float64, getDefaultDtype, int32, int64 } from "../core/dtype.ts";
import { clampNeither, kernelOperator, kernelTensor, missingArguments } from "../core/errors.ts";
import { cast, constant, type Expr } from "../kernel/expr.ts";
import type { Pointwise, Tensor } from "../ops/define.ts";
import * as ops from "../ops/index.ts";
import { categoryOf, chooseVariant, numberOf, readParams } from "./call-pointwise.ts";
import { Tensor as TensorClass } from "./tensor.ts";

/** A value of a formula, or a plain number. */
export type KernelNumber = KernelValue | Scalar | number | bigint | boolean;

/** How a value came about. */
interface Made {
  readonly op: Pointwise;
  /** null: a plain number. */
  readonly operands: readonly (KernelValue | null)[];
  /** The operands converted to one type, then the params. */
  readonly exprs: readonly Expr[];
}

/** The dtype that stands for a type of computation. */
const dtypeOf: Readonly<Record<ComputeType, DType>> = { bool, i32: int32, i64: int64, f32: float32, f64: float64 };
const rank: Readonly<Record<ComputeType, number>> = { bool: 0, i32: 1, i64: 2, f32: 3, f64: 4 };

/** Whether ops look at the dtypes of their operands: not while it is only found out what a formula gives. */
let checking = true;

/** Runs `f` without the checks of ops. */
export function unchecked<T>(f: () => T): T {
  checking = false;
  try {
    return f();
  } finally {
    checking = true;
  }
}

/**
 * An element in the formula of `torch.kernel`: it has the methods of tensors that work element by element, under their names, and numbers mix with
 * it as they do with tensors. Each method makes another value; nothing is computed until the kernel runs.
 */
export class KernelValue {
  readonly expr: Expr;
  /** null: an operand of the kernel, or a constant. */
  readonly made: Made | null;
  constructor(expr: Expr, made: Made | null = null) {
    this.expr = expr;
    this.made = made;
  }

  /** This value where `condition` holds, else `other`. */
  where(condition: KernelNumber, other: KernelNumber): KernelValue {
    return applied(ops._where as Pointwise, [condition, this, other], false);
  }
  /** `x * x`. */
  square(): KernelValue {
    return this.pow(2);
  }
  /** At least `min` and at most `max`; either may be left out. */
  clamp(min?: KernelNumber | null | { min?: KernelNumber | null; max?: KernelNumber | null }, max?: KernelNumber | null): KernelValue {
    const named = typeof min === "object" && min !== null && Object.getPrototypeOf(min) === Object.prototype;
    const [lo, hi] = named ? [(min as { min?: KernelNumber }).min, (min as { max?: KernelNumber }).max] : [min as KernelNumber, max];
    if (lo == null && hi == null) throw clampNeither();
    if (hi == null) return this.clampMin(lo!);
    return lo == null ? this.clampMax(hi) : applied(ops._clampBoth as Pointwise, [this, lo, hi]);
  }
  /** @throws ArgumentError: `x * y` cannot be seen by the library, `x.mul(y)` can. */
  [Symbol.toPrimitive](): never {
    throw kernelOperator();
  }
}

type Swap<A> = A extends Tensor ? KernelValue : A;
type ValueMethod<Sig> = Sig extends (...a: infer A) => unknown ? (...a: { [I in keyof A]: Swap<A[I]> }) => KernelValue : never;
type ValueMethods = {
  [K in keyof typeof ops as (typeof ops)[K] extends { readonly kind: "pointwise" }
    ? K extends `_${string}`
      ? never
      : K
    : never]: (typeof ops)[K] extends { readonly signature?: infer Sig } ? ValueMethod<NonNullable<Sig>> : never;
};
/** The methods come from the table of ops. */
export interface KernelValue extends ValueMethods {}

/** The type in which an op computes: PyTorch's promotion, among types of computation. */
function typeFor(op: Pointwise, operands: readonly unknown[]): ComputeType {
  const values = operands.filter((x): x is KernelValue => x instanceof KernelValue);
  let type = values[0]!.expr.type;
  if (op.result !== "first") for (const { expr } of values) if (rank[expr.type] > rank[type]) type = expr.type;
  if (op.result !== "first" && rank[type] < rank.f32) {
    const categories = operands.filter((x) => !(x instanceof KernelValue)).map((x) => categoryOf(x, op.opName));
    if (op.result === "float" || categories.includes("float")) return getDefaultDtype().compute;
    if (type === "bool" && categories.includes("int")) return "i64";
  }
  return type;
}

const converted = (e: Expr, type: ComputeType): Expr => (e.type === type ? e : cast(e, dtypeOf[type]));
const numberExpr = (x: unknown, type: ComputeType): Expr => {
  const value = numberOf(x);
  return constant(type === "i64" || typeof value === "number" ? value : Number(value), type);
};

/** The value of an op on values and numbers. */
function applied(entry: Pointwise, given: readonly unknown[], checks = true): KernelValue {
  const { op, args } = chooseVariant(entry, given);
  if (args.length < op.arity) throw missingArguments(op.opName, ["other"]);
  const operands = args.slice(0, op.arity);
  if (operands.some((x) => x instanceof TensorClass)) throw kernelTensor(op.opName);
  const type = typeFor(op, operands);
  if (checks && checking) {
    const dtypes = operands.map((x) => (x instanceof KernelValue ? dtypeOf[x.expr.type] : null));
    op.check?.(dtypeOf[type], dtypes);
  }
  const exprs = operands.map((x) => (x instanceof KernelValue ? converted(x.expr, type) : numberExpr(x, type)));
  for (const value of readParams(op, args.slice(op.arity)).values) exprs.push(numberExpr(value, type));
  const value = op.f(...exprs);
  const values = operands.map((x) => (x instanceof KernelValue ? x : null));
  return new KernelValue(typeof value === "number" ? constant(value, type) : value, { op, operands: values, exprs });
}

for (const [name, exported] of Object.entries(ops)) {
  const op = exported as unknown as Pointwise;
  if (op.kind !== "pointwise" || name.startsWith("_")) continue;
  const method = {
    [name](this: KernelValue, ...args: unknown[]): KernelValue {
      return applied(op, [this, ...args]);
    },
  }[name];
  Object.defineProperty(KernelValue.prototype, name, { value: method, writable: true, configurable: true });
}

/** A formula over values: what the user writes. */
export type Formula<X extends KernelValue[] = KernelValue[]> = (...x: X) => KernelValue | number;

/** What a formula gives for operands, as a value. */
export function valueOf(formula: Formula, operands: readonly KernelValue[]): KernelValue {
  const y: unknown = formula(...operands);
  if (y instanceof KernelValue) return y;
  if (y instanceof TensorClass) throw kernelTensor("torch.kernel");
  const { type } = operands[0]!.expr;
  const isFraction = categoryOf(y, "torch.kernel") === "float" && rank[type] < rank.f32;
  return new KernelValue(numberExpr(y, isFraction ? getDefaultDtype().compute : type));
}
