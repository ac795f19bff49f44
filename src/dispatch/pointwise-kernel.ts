import { bool, type DType, getDefaultDtype } from "../core/dtype.ts";
import { arg, cast, constant, type Expr, type Num, scalar } from "../kernel/expr.ts";
import type { MapKernel } from "../kernel/kernel.ts";
import type { PointwiseDefinition } from "../ops/define.ts";

/** The parts of an entry that kernels are built from. */
export interface Formula extends Pick<PointwiseDefinition, "f" | "params" | "result"> {
  /** The kernels built from it so far. */
  readonly kernels: Map<number, MapKernel>;
}

/** What a plain number among the operands has in place of a dtype. */
export const NUMBER = 15;

/** dtype of computation for promoted operands. */
export function computeDtype(formula: Formula, promoted: DType): DType {
  return formula.result === "float" && !promoted.isFloatingPoint ? getDefaultDtype() : promoted;
}
/** dtype of the result for a dtype of computation. */
export const resultDtype = (formula: Formula, computed: DType): DType => (formula.result === "bool" ? bool : computed);

/**
 * The map kernel of a formula for operands of these dtypes (null: a number, given at each run), computing in `computed` and storing as `out`.
 * `fixed` tells which params have their default of 1 or 0 and are constants of the kernel. Looked up by a number, not by a string built per call.
 */
export function pointwiseKernel(
  formula: Formula,
  operands: readonly (DType | null)[],
  computed: DType,
  out: DType,
  fixed: number,
): MapKernel {
  let key = (fixed * 16 + computed.id) * 16 + out.id;
  for (let i = 0; i < operands.length; i++) key = key * 16 + (operands[i]?.id ?? NUMBER);
  let kernel = formula.kernels.get(key);
  if (kernel === undefined) {
    kernel = build(formula, operands, computed, out, fixed);
    formula.kernels.set(key, kernel);
  }
  return kernel;
}

function build(formula: Formula, operands: readonly (DType | null)[], computed: DType, out: DType, fixed: number): MapKernel {
  const inputs: DType[] = [];
  let slots = 0;
  const leaves: Expr[] = operands.map((dtype) => {
    if (dtype === null) return cast(scalar(slots++, computed.compute), computed);
    inputs.push(dtype);
    const loaded = arg(inputs.length - 1, dtype.compute);
    return dtype === computed ? loaded : cast(loaded, computed);
  });
  (formula.params ?? []).forEach((p, i) => {
    leaves.push((fixed >> i) & 1 ? constant(p.default!, computed.compute) : scalar(slots++, computed.compute));
  });
  const value = asExpr(formula.f(...leaves), computed);
  return { kind: "map", inputs, outputs: [{ dtype: out, value: value.type === out.compute ? value : cast(value, out) }], compiled: [] };
}

const asExpr = (x: Num, dtype: DType): Expr => (typeof x === "number" ? constant(x, dtype.compute) : x);
