import type { ComputeType, DType } from "../core/dtype.ts";
import type { Layout } from "../core/layout.ts";
import type { Block } from "../memory/block.ts";
import type { Expr } from "./expr.ts";

/**
 * Kernels are descriptions of loops without sizes: shapes, strides and plain numbers are arguments of a run, so that a new batch size
 * compiles nothing. Each backend has one emitter per kind.
 */
export type Kernel =
  | MapKernel
  | ReduceKernel
  | RowsKernel
  | ScanKernel
  | ContractKernel
  | GatherKernel
  | ScatterKernel
  | CopyKernel
  | RandomKernel;
export type Kind = Kernel["kind"];
export type KernelOf<K extends Kind> = Extract<Kernel, { kind: K }>;

/** One result of a kernel: the value of an expression, stored as a dtype. */
export interface Output {
  readonly dtype: DType;
  readonly value: Expr;
}

interface Common {
  /** dtypes of the input operands, in order: `arg(k, type)` loads operand k and converts it to `type`. */
  readonly inputs: readonly DType[];
  /** Compiled forms, by the backend's id. A kernel is compiled once. */
  readonly compiled: Compiled[];
}

/** Elementwise: every output element is an expression of the input elements at the same place. All operands come expanded to one shape. */
export interface MapKernel extends Common {
  readonly kind: "map";
  readonly outputs: readonly Output[];
}

/**
 * Reduction with a monoid over a tuple of components. Inputs come with shape [...kept, ...reduced]; outputs with shape [...kept].
 * Starting from `init`, every element (`lift`: over args, scalars and `position` along the reduced dimensions) is folded in by `combine`,
 * an associative function in which `state(0..n-1)` is the left tuple (the earlier elements) and `state(n..2n-1)` the right one.
 * `outputs` are expressions over `state(0..n-1)` and scalars. argmax is a tuple of value and position, variance of mean, square and count.
 */
export interface ReduceKernel extends Common {
  readonly kind: "reduce";
  readonly init: readonly Expr[];
  readonly lift: readonly Expr[];
  readonly combine: readonly Expr[];
  readonly outputs: readonly Output[];
}

/**
 * Row by row: what softmax and the normalisations are made of. Inputs and outputs `per: "element"` come with shape [...kept, ...row], outputs
 * `per: "row"` with shape [...kept]; what is the same for many elements has stride 0 there. The stages are reductions over a row, one after the
 * other: each may use what those before it found, and so may the outputs. `arg(inputs.length + j)` is number j of the stages' results, counted
 * through all stages. There is no `position`. Outputs lie apart from inputs and from each other: a backend may use them as scratch.
 */
export interface RowsKernel extends Common {
  readonly kind: "rows";
  readonly stages: readonly RowStage[];
  readonly outputs: readonly RowOutput[];
}

/** A reduction of a row, as in ReduceKernel, with an `init` that changes nothing. Its results are expressions over `state(0..n-1)`, scalars and earlier results. */
export interface RowStage {
  readonly init: readonly Expr[];
  readonly lift: readonly Expr[];
  readonly combine: readonly Expr[];
  readonly results: readonly Expr[];
}

export interface RowOutput extends Output {
  /** One for each element, or for each row: then the value mentions no operand. */
  readonly per: "element" | "row";
}

/** Inclusive scan along the last dimension with the same monoid; inputs and outputs have one shape. */
export interface ScanKernel extends Common {
  readonly kind: "scan";
  readonly init: readonly Expr[];
  readonly lift: readonly Expr[];
  readonly combine: readonly Expr[];
  readonly outputs: readonly Output[];
}

/**
 * out[batch, m, n] = sum over k of a[batch, m, k] * b[batch, k, n], each of the four groups any number of dimensions, strides free: matrix
 * products, and convolutions over window views. Computes in `compute` (integers wrap). Inputs 0 and 1 are a and b; `output.value` is an
 * expression over `state(0)` (the sum) and `arg(2...)` (further operands expanded to the output's shape, such as a bias).
 */
export interface ContractKernel extends Common {
  readonly kind: "contract";
  readonly compute: ComputeType;
  readonly output: Output;
}

/**
 * out[i] = source at place i, where some of the source's dimensions are looked up in index operands (int64). All operands come with the
 * output's shape; the source has stride 0 where a dimension is looked up, and each index j adds wrap(index_j[i]) * indexed[j].stride.
 * Indices below size are valid, from 0 or, where the dimension wraps, from -size; any other is a fault. `inputs` are the source, then the indices.
 */
export interface GatherKernel extends Common {
  readonly kind: "gather";
}

/**
 * The mirror of gather: target at place i, looked up like a gather's source, takes values[i]. `inputs` are the values, then the indices;
 * the output operand is the target (of the values' dtype). With `combine`, an expression over `state(0)` (old) and `state(1)` (new), elements
 * that meet are combined; without, one of them stays (the last, on the CPU). A fault is found before anything is written.
 */
export interface ScatterKernel extends Common {
  readonly kind: "scatter";
  readonly combine: Expr | null;
}

/** Moves elements of one dtype between two layouts of the same shape. */
export interface CopyKernel extends Common {
  readonly kind: "copy";
}

/** Fills a contiguous output from a generator. */
export interface RandomKernel extends Common {
  readonly kind: "random";
  readonly distribution: "uniform" | "normal" | "bernoulli" | "exponential" | "randint" | "random" | "geometric" | "cauchy" | "logNormal";
  readonly output: DType;
}

/** A looked-up dimension of a gather's source or a scatter's target. */
export interface Indexed {
  readonly size: number;
  /** In elements. */
  readonly stride: number;
  /** Whether -1 means the last element. Otherwise negative indices are out of range. */
  readonly wraps: boolean;
}

/** How many dimensions each group of a contraction has. Operands: a [batch, m, k], b [batch, k, n], output [batch, m, n]. */
export interface ContractDims {
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** A sequence of random bits. */
export type RandomSource = SerialSource | CounterSource;
/** One that gives a word after the other: on the CPU, a Mersenne twister. */
export interface SerialSource {
  u32(): number;
}
/** One of which each element finds its own part: Philox, by a seed and an offset. */
export interface CounterSource {
  /** Takes a block of four outputs of each subsequence: writes its key to `words` from index `at` on, and its counter's low half, two words each. */
  reserve(words: Uint32Array, at: number): void;
}

/** What a run needs beyond its operands. */
export interface LaunchArgs {
  /** Values of `scalar(k)`. int64 scalars beyond 2^53 come as bigint. */
  readonly scalars?: readonly (number | bigint)[];
  readonly dims?: ContractDims;
  /** Of a rows kernel: how many dimensions come before the rows'. */
  readonly kept?: number;
  readonly indexed?: readonly Indexed[];
  /** Makes the error for index operand `which` holding `value` out of range. On the CPU it is thrown at once, before anything is written. */
  readonly fault?: (value: number, which: number) => Error;
  readonly random?: { readonly generator: RandomSource; readonly parameters: readonly (number | bigint)[] };
}

/** An operand of a run: storage seen through a layout, as a dtype. */
export interface OperandOf<S> {
  readonly storage: S;
  readonly layout: Layout;
  readonly dtype: DType;
}

/** A kernel made ready by a backend. Operands live on that backend and are as the kernel's kind describes them. */
export interface Compiled {
  run(inputs: readonly OperandOf<BlockOwner>[], outputs: readonly OperandOf<BlockOwner>[], args: LaunchArgs): void;
}

/** What a backend needs to know of a storage: where its bytes are. */
export interface BlockOwner {
  readonly block: Block;
}
