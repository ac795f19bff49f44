import { kernelArguments, kernelName, kernelOperands } from "../core/errors.ts";
import { arg, type Expr, type Num, substitute } from "../kernel/expr.ts";
import { type Pointwise, pointwise, type TensorLike } from "../ops/define.ts";
import { derivativeOf } from "./kernel-gradient.ts";
import { type Formula, type KernelNumber, KernelValue, unchecked, valueOf } from "./kernel-value.ts";
import { callBinary, callMany, callUnary } from "./pointwise-methods.ts";
import type { Combine, Reduction } from "./reduction-loops.ts";
import type { Tensor } from "./tensor.ts";
import { registerKernel } from "./user-kernels.ts";
import { type KernelReduceOptions, type ReductionKernel, reductionKernel } from "./user-reduction.ts";

export type { Combine, Formula, KernelNumber, KernelReduceOptions, KernelValue, Reduction, ReductionKernel };

/** An element-by-element kernel of the user's, called with as many tensors or numbers as its formula has operands. */
export type PointwiseKernel<X extends KernelValue[]> = (...x: { [I in keyof X]: TensorLike }) => Tensor;

export interface KernelOptions {
  /**
   * Partial derivatives by each operand, given the result and the operands; null where there is none. Left out, they follow from the formula. Stated
   * where that keeps less memory (what is not mentioned is not kept for backward) or more digits.
   */
  readonly gradient?: (y: KernelValue, ...x: KernelValue[]) => readonly (KernelValue | number | null)[];
}

/** More would not fit the kernels' keys, nor the bindings of many GPUs. */
const MOST_OPERANDS = 8;

/**
 * A fused kernel of your own: one pass over memory for a whole formula, on every device, with gradient.
 *
 * The formula is called with stand-ins for an element of each operand. They have the methods of tensors that work element by element, and numbers
 * mix with them; it runs once for each combination of dtypes, never per element. Operands broadcast and promote as those of any operation; integers
 * become floats where the formula makes fractions of them. What lies between is not rounded to float16 or wrapped to int8. The gradient follows from
 * the formula, and second derivatives from the gradient.
 *
 * With `reduce`, what `map` gives is reduced over the dimensions named in the call: by `"sum"`, `"prod"`, `"max"`, `"min"`, or `combine`, an associative
 * function with the neutral element `init`. `finish` is applied to each result, and may use the number of elements that went into it.
 *
 * @param name The kernel's name: that of the function, and of its node in the graph (`swish` gives `SwishBackward0`).
 * @example
 * const swish = torch.kernel("swish", (x, beta) => x.mul(x.mul(beta).sigmoid()));
 * const y = swish(x, 1.5);
 *
 * @example
 * const rms = torch.kernel("rms", { map: (x) => x.square(), reduce: "sum", finish: (s, n) => s.div(n).sqrt() });
 * const y = rms(x, { dim: -1, keepdim: true });
 */
export function kernel<X extends KernelValue[]>(name: string, formula: Formula<X>, options?: KernelOptions): PointwiseKernel<X>;
export function kernel<X extends KernelValue[] = [x: KernelValue]>(name: string, reduction: Reduction<X>): ReductionKernel<X>;
export function kernel(name: string, definition: Formula | Reduction, options: KernelOptions = {}): (...args: never[]) => Tensor {
  if (typeof name !== "string" || name === "") throw kernelName();
  const map = typeof definition === "function" ? definition : (definition?.map ?? ((x: KernelValue) => x));
  if (typeof map !== "function") throw kernelArguments(name);
  if (map.length < 1 || map.length > MOST_OPERANDS) throw kernelOperands(name, map.length, MOST_OPERANDS);
  const f = typeof definition === "function" ? pointwiseKernel(name, definition, options) : reductionKernel(name, map, definition);
  Object.defineProperties(f, { name: { value: name, configurable: true }, length: { value: map.length, configurable: true } });
  registerKernel(f);
  return f as unknown as (...args: never[]) => Tensor;
}

const valuesOf = (x: readonly Expr[]): KernelValue[] => x.map((e) => new KernelValue(e));

/** What integers give: floats where the formula leaves them, truth values, or integers. */
function resultOf(formula: Formula): "float" | "bool" | "promoted" {
  const operands = Array.from({ length: formula.length }, (_, i) => new KernelValue(arg(i, "i64")));
  const { type } = unchecked(() => valueOf(formula, operands)).expr;
  return type === "bool" ? "bool" : type === "i64" ? "promoted" : "float";
}

function pointwiseKernel(name: string, formula: Formula, { gradient }: KernelOptions): Pointwise {
  const arity = formula.length;
  const op = pointwise<Pointwise>(arity, {
    f: (...x) => valueOf(formula, valuesOf(x)).expr,
    df: gradient === undefined ? (y, ...x) => derivatives(formula, y, x) : (y, ...x) => stated(gradient, y, x),
    result: resultOf(formula),
  });
  op.opName = name;
  op.call = arity === 1 ? callUnary(op) : arity === 2 ? callBinary(op) : callMany(op);
  return op;
}

/** Partial derivatives of a formula over the operands `x`; where its value `y` occurs in them, that is used. */
export function derivatives(formula: Formula, y: Expr | null, x: readonly Expr[]): (Num | null)[] {
  const operands = valuesOf(x);
  const root = valueOf(formula, operands);
  return operands.map((operand) => {
    const d = derivativeOf(root, operand);
    return d === null || y === null || x.includes(root.expr) ? d : substitute(d, new Map([[root.expr, y]]));
  });
}

function stated(gradient: NonNullable<KernelOptions["gradient"]>, y: Expr, x: readonly Expr[]): (Num | null)[] {
  const [result, ...operands] = valuesOf([y, ...x]);
  return gradient(result!, ...operands).map((d) => (d instanceof KernelValue ? d.expr : d));
}
