import type { ComputeType, DType, Scalar } from "../core/dtype.ts";
import type { Layout } from "../core/layout.ts";
import type { Expr, Num } from "../kernel/expr.ts";
import type { MapKernel, RowsKernel } from "../kernel/kernel.ts";
import type { RowProgram, RowValue } from "../kernel/row-program.ts";
import type { Kernels } from "../tensor/kernels.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { entry, type Op, type Signature, type TensorLike } from "./entry.ts";
import type { Signatures } from "./signatures.ts";

// ---- pointwise

/** A plain number that a formula takes beside its operands, by position or by name. */
export interface Param {
  readonly name: string;
  /** Left out: the number must be given. A default of 1 that is not overridden is a constant of the kernel. */
  readonly default?: number;
  /** Not a fraction where integers are computed. */
  readonly whole?: true;
}

export interface PointwiseDefinition {
  /** The value of an element. Operands come converted to the type of computation, then the params. */
  readonly f: (...x: Expr[]) => Num;
  /**
   * Partial derivatives by each operand, given the result and the operands; null where there is never a gradient. Left out: derived from `f`.
   * Stated where that keeps less memory or more digits.
   */
  readonly df?: (y: Expr, ...x: Expr[]) => (Num | null)[];
  readonly params?: readonly Param[];
  /**
   * dtype of computation and result: as promoted (default); promoted, integers to the default float; computed as promoted, bool as result; that
   * of the first operand.
   */
  readonly result?: "promoted" | "float" | "bool" | "first";
  /** The result is row-major whatever the operands' strides. */
  readonly rowMajor?: true;
  /** Numbers are not taken in place of tensors. */
  readonly tensorsOnly?: true;
  /** Raises where operands of these dtypes are not taken. */
  readonly check?: (computed: DType, operands: readonly (DType | null)[]) => void;
  /** Raises where operands of so many dimensions are not taken. */
  readonly checkRanks?: (ranks: readonly number[]) => void;
  /** PyTorch's overloads, where a number does not go in every tensor's place. */
  readonly signatures?: Signatures;
  /** The second operand divides: a zero among integers raises. */
  readonly integerDivisor?: true;
  /** The second operand is an exponent: a number below 0 raises among integers. */
  readonly integerExponent?: true;
  /** PyTorch's name of the node, where it is not the op's own name. */
  readonly node?: string;
  /** Options that choose another entry: `div(y, { roundingMode: "floor" })`. */
  readonly variant?: { readonly option: string; readonly choices: Readonly<Record<string, Pointwise>> };
}

/** A pointwise op over `arity` broadcast operands. */
export interface Pointwise<Sig extends Signature = Signature> extends Op<Sig>, PointwiseDefinition {
  readonly kind: "pointwise";
  readonly arity: number;
  /** The kernels built from the formula so far. */
  readonly kernels: Map<number, MapKernel>;
  /** What the tensor layer has worked out of the definition. */
  readonly derived: PointwiseDerived;
}

/** What follows from the definition of a pointwise op, worked out when it is first needed. */
export interface PointwiseDerived {
  /** The calls of the simplest kind, by dtype and by which operands are numbers; null: there is none. */
  readonly plain: (PlainCall | null | undefined)[];
  gradients?: PointwiseGradients;
  /** The params where none are given. */
  defaults?: readonly number[];
}
/** The kernel for operands of one dtype without any option. */
export interface PlainCall {
  readonly kernel: MapKernel;
  readonly out: DType;
}
/** The gradient of each operand, and the name of the node. */
export interface PointwiseGradients {
  readonly name: string;
  readonly operands: readonly OperandGradient[];
}
/** The gradient of one operand: as a formula over the incoming gradient and those of (result, operands, params) that it mentions. */
export interface OperandGradient {
  /** The incoming gradient itself, none, or a pointwise op. Being one, it has a gradient itself. */
  readonly as: "same" | "none" | Pointwise;
  /** Which of [result, ...operands, ...params] the formula mentions: their places, and bit by bit. */
  readonly uses: readonly number[];
  readonly mask: number;
}
export interface PointwiseInplace<Sig extends Signature> extends Pointwise<Sig> {
  readonly inplace: true;
}

export type Unary = PointwiseInplace<() => Tensor>;
export type Binary = PointwiseInplace<(other: TensorLike) => Tensor>;
export type Comparison = PointwiseInplace<(other: TensorLike) => Tensor>;

/** A pointwise op of one operand. */
export const unary = (d: PointwiseDefinition): Unary =>
  entry("pointwise", { arity: 1, inplace: true, kernels: new Map(), derived: { plain: [] }, ...d });
/** A pointwise op of two operands. */
export const binary = <E = Binary>(d: PointwiseDefinition): E =>
  entry("pointwise", { arity: 2, inplace: true, kernels: new Map(), derived: { plain: [] }, ...d });
/** A pointwise op of any number of operands. */
export const pointwise = <E>(arity: number, d: PointwiseDefinition & { readonly inplace?: true }): E =>
  entry("pointwise", { arity, kernels: new Map(), derived: { plain: [] }, ...d });

// ---- reductions

/** The loop of a reduction in one type of computation; see ReduceKernel. */
export interface Monoid {
  readonly init: readonly Expr[];
  readonly lift: readonly Expr[];
  readonly combine: readonly Expr[];
  /** Over `state(k)` and, where the definition has `scalars`, those. */
  readonly outputs: readonly Expr[];
}

export interface ReduceDefinition {
  readonly monoid: (type: ComputeType) => Monoid;
  /** dtype of computation for an input's; then the dtypes of the outputs. */
  readonly compute: (input: DType) => DType;
  readonly outputs: (computed: DType) => readonly DType[];
  /** Values of `scalar(k)`, from the number of elements reduced into one. */
  readonly scalars?: (count: number, parameter: number) => readonly number[];
  /** dtypes of the operands that the loop reads beside the input, stretched to its shape; null: the input's dtype. */
  readonly operands?: readonly (DType | null)[];
  /** Raises where the dtype is not taken. */
  readonly check?: (input: DType) => void;
  /** Refuses to reduce over nothing: there is no neutral element to give. */
  readonly nonEmpty?: true;
}

/** A map as a building block of rules: over elements, numbers given at each run, and the row-major position. */
export interface MapLoop {
  readonly f: (x: readonly Expr[], scalar: (slot: number, type: ComputeType) => Expr, position: Expr) => Expr;
  readonly kernels: Map<number, MapKernel>;
}
export const mapLoop = (f: MapLoop["f"]): MapLoop => ({ f, kernels: new Map() });

/** A reduction as a building block of rules: `kernels.reduce(x, sumLoop, dims)`. */
export interface ReduceLoop extends ReduceDefinition {
  readonly name: string;
  readonly kernels: unknown[];
}
export const reduceLoop = (name: string, d: ReduceDefinition): ReduceLoop => ({ name, kernels: [], ...d });

/**
 * A program over rows as a building block of rules: `kernels.rows(softmaxLoop, x, [dim])`. What is one for each element has the first operand's
 * dtype, what is one for each row the dtype that it computes in.
 */
export interface RowsLoop {
  readonly program: (row: RowProgram, x: readonly Expr[]) => readonly RowValue[];
  readonly kernels: Map<number, RowsKernel>;
}
export const rowsLoop = (program: RowsLoop["program"]): RowsLoop => ({ program, kernels: new Map() });
/** Values of a program: of each element, or of each row. */
export const perElement = (value: Expr): RowValue => ({ per: "element", value });
export const perRow = (value: Expr): RowValue => ({ per: "row", value });

/** A scan as a building block of rules: the same loop, with a result at every step. */
export interface ScanLoop extends ReduceDefinition {
  readonly name: string;
  readonly kernels: unknown[];
}
export const scanLoop = (name: string, d: ReduceDefinition): ScanLoop => ({ name, kernels: [], ...d });

// ---- views

export interface ViewDefinition {
  /** Names of the arguments, for options objects. */
  readonly params: readonly string[];
  /** The first argument takes all the numbers of the call: `x.view(2, 3)`. */
  readonly variadic?: true;
  // biome-ignore lint/suspicious/noExplicitAny: arguments of every shape
  readonly layout: (x: Layout, ...args: any[]) => Layout;
  /** The gradient of the input, given that of the view and the input's shape. */
  // biome-ignore lint/suspicious/noExplicitAny: arguments of every shape
  readonly grad?: (g: Tensor, shape: readonly number[], ...args: any[]) => Tensor;
  /** The same from the layouts of the input and the view, where the shape is not enough. */
  readonly gradOfLayout?: (g: Tensor, input: Layout, view: Layout) => Tensor;
  readonly node?: string;
  /** One of several views that a function gives, and which: writing to it in place is refused while it is recorded. */
  // biome-ignore lint/suspicious/noExplicitAny: arguments of every shape
  readonly multiple?: (...args: any[]) => number;
}
/** A view: another layout on the same storage. */
export interface View<Sig extends Signature> extends Op<Sig>, ViewDefinition {
  readonly kind: "view";
}
export const view = <E>(d: ViewDefinition): E => entry("view", d);

// ---- rules: an op with a stated gradient of its own

/** What a rule keeps for its gradient. Tensors in it are saved (with their version); everything else stays as it is. */
export type Saved = Readonly<Record<string, unknown>>;

export interface RuleDefinition {
  readonly params: readonly string[];
  readonly variadic?: true;
  /** The result. Runs without recording; what it creates on the way is released. */
  // biome-ignore lint/suspicious/noExplicitAny: arguments of every shape
  readonly run: (kernels: Kernels, ...args: any[]) => Tensor | readonly Tensor[];
  /** What the gradient mentions, from the results and the arguments: an object of its own for each call. */
  // biome-ignore lint/suspicious/noExplicitAny: arguments of every shape
  readonly save?: (result: readonly Tensor[], ...args: any[]) => Saved;
  /**
   * Gradients of the tensor arguments, in order (a list argument counts each of its tensors). `grads` are those of the results, null where none
   * arrived; `needs` says which are wanted.
   */
  // biome-ignore lint/suspicious/noExplicitAny: what `save` kept
  readonly grad?: (saved: any, grads: readonly (Tensor | null)[], needs: readonly boolean[]) => readonly (Tensor | null)[];
  /** Raises where the tensor cannot take the result in place. */
  readonly checkInplace?: (x: Tensor) => void;
  /** Results that never require a gradient: indices. */
  readonly nonDifferentiable?: readonly number[];
  // biome-ignore lint/suspicious/noExplicitAny: arguments of every shape
  readonly node?: string | ((...args: any[]) => string);
  /** `false`: a free function only. */
  readonly method?: false;
  /** Names of a result with several parts: they are there by name and by position. */
  readonly fields?: readonly string[];
  /** The name of the type of such a result, where it is not the op's. */
  readonly returns?: string;
}
export interface Rule<Sig extends Signature> extends Op<Sig>, RuleDefinition {
  readonly kind: "rule";
}
export interface RuleInplace<Sig extends Signature> extends Rule<Sig> {
  readonly inplace: true;
}
/** An op with its own way of running and a stated gradient. */
export const rule = <E>(d: RuleDefinition & { readonly inplace?: true }): E => entry("rule", d);

// ---- composites: formulas in tensor methods

export interface CompositeDefinition {
  readonly signatures?: Signatures;
  readonly params: readonly string[];
  readonly variadic?: true;
  // biome-ignore lint/suspicious/noExplicitAny: arguments of every shape
  readonly formula: (...args: any[]) => unknown;
  readonly method?: false;
}
export interface Composite<Sig extends Signature> extends Op<Sig>, CompositeDefinition {
  readonly kind: "composite";
}
/** An op made of others: its gradient is theirs. */
export const composite = <E>(
  params: readonly string[],
  formula: CompositeDefinition["formula"],
  more: Partial<CompositeDefinition> = {},
): E => entry("composite", { params, formula, ...more });

/** A dimension or several. */
export type Dims = number | readonly number[] | null;
export type { DType, Scalar, Tensor, TensorLike };
