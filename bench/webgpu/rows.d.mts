/** Columns compute in float32. */
export type Values = Float32Array | Float64Array;
export type Kind = "matmul" | "pointwise" | "sum" | "softmax" | "convolution" | "training" | "chain";

/** One line of the table: the same work in every column. */
export interface Row {
  readonly group: string;
  readonly name: string;
  readonly kind: Kind;
  readonly size: Readonly<Record<string, number>>;
  readonly flops?: number;
  readonly bytes?: number;
  readonly kernels?: number;
  /** The same numbers at each call and in each process. */
  inputs(): Float32Array[];
  /** The result in float64; null where something else has to compute it. */
  readonly reference: ((inputs: readonly Float32Array[]) => Float64Array) | null;
  /** The part of a result that the reference has. All of it by default. */
  select?(values: Values): Values;
  readonly tolerance: { readonly absolute: number; readonly relative: number };
}

/** What a column does for a row. */
export interface Task {
  /** Begins one unit of work: everything up to the submit happens before it returns. Resolves when the GPU has done it. */
  run(): Promise<void>;
  /** The values that the last run computed; for training, the losses of the first steps. */
  result(): Promise<ArrayLike<number>>;
  /** Where given, JavaScript's time for this many ops is what counts: until `run` returns. */
  readonly ops?: number;
  /** Set where `run` itself has to wait for the GPU, so that its whole time counts. */
  readonly waits?: boolean;
  /** What is worth knowing of it, for the table's foot. */
  readonly note?: string;
  dispose?(): void;
}

/** A row's task, or why there is none. */
export type Prepared = Task | string;

export declare const numbers: (n: number, seed: number, low?: number, high?: number) => Float32Array;
export declare const matmulRow: (n: number) => Row;
export declare const pointwiseRow: (n: number) => Row;
export declare const sumRow: (n: number) => Row;
export declare const softmaxRow: (rows: number, n: number) => Row;
export declare const convolutionRow: (batch: number, from: number, size: number, to: number) => Row;
export declare const LENET: readonly (readonly number[])[];
export declare const TRAINING: Readonly<Record<"batch" | "steps" | "lr" | "beta1" | "beta2" | "eps", number>>;
export declare const trainingRow: (flops: number) => Row;
export declare const chainRow: (length?: number) => Row;
/** How far a result is from its reference: null where it is near enough, else a sentence. */
export declare const mistake: (row: Row, values: ArrayLike<number>, reference: ArrayLike<number>) => string | null;
