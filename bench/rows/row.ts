/** What a line of the table says: the work, on which numbers, how much of it there is, and what the figures are to be. */

/** Numbers that every process makes for itself: uniform in [low, high), or all `low` where the two are the same. */
export interface Input {
  readonly shape: readonly number[];
  readonly seed: number;
  readonly low: number;
  readonly high: number;
  /** Rounded down, for classes. */
  readonly whole?: boolean;
}

/** The groups in the order of the table. Each column has a process of its own in each group. */
export const groups = [
  "overhead",
  "pointwise",
  "normalization",
  "matmul",
  "convolution",
  "small",
  "training",
  "package",
  "pool",
  "stages",
] as const;
export type Group = (typeof groups)[number];

/** What is computed. A column makes a task of each kind that its library knows. */
export type Kind =
  | "add"
  | "chain"
  | "multiplyAdd"
  | "exp"
  | "sigmoid"
  | "tanh"
  | "gelu"
  | "sumAll"
  | "sumLast"
  | "sumFirst"
  | "softmax"
  | "layerNorm"
  | "matmul"
  | "convolution"
  | "layer"
  | "mlp"
  | "tiny"
  | "lenet"
  | "gpt"
  | "start"
  | "size"
  | "pool"
  | "stage";

/** Whether gradients are computed: not at all, recorded only, or forward and backward. */
export type Mode = "plain" | "recorded" | "backward";

/** Torchlet's columns of one engine. */
export type Own = "WASM" | "BLAS" | "2 threads";

/**
 * What a figure of one of Torchlet's columns is to be, as a ratio in the same round:
 * to the time of PyTorch, of the fastest peer in JavaScript, or of the limit, at most; or a rate as a share of the peak, of the rate that the
 * column reaches in row `matmulRow`, or of the rate with one thread, at least; or the figure itself, at most.
 */
export interface Target {
  readonly column: Own;
  /** The major version of Node that it is meant for; else all. */
  readonly node?: number;
  readonly of: "PyTorch" | "best peer" | "limit" | "peak" | "its matmul" | "one thread" | "itself";
  readonly most?: number;
  readonly least?: number;
}

export interface Row {
  /** Unique; `--only` asks for it. */
  readonly name: string;
  readonly group: Group;
  /** What the name means, in a sentence. */
  readonly title: string;
  readonly kind: Kind;
  /** Of kind "layer": which. */
  readonly layer?: string;
  readonly mode: Mode;
  readonly size: Readonly<Record<string, number>>;
  readonly inputs: readonly Input[];
  /** What one call amounts to at least: calls of kernels, operations, bytes moved. */
  readonly calls: number;
  readonly flops?: number;
  readonly bytes?: number;
  /** How the bytes are moved: a sum only reads. */
  readonly access?: "read" | "triad";
  /** How far results may be from each other. */
  readonly tolerance: { readonly absolute: number; readonly relative: number };
  /** Whether the work goes to a BLAS where there is one, and to more than one thread. */
  readonly blas: boolean;
  readonly threads: boolean;
  /** Whether PyTorch's allocator is told to keep freed blocks, without which large results cost it a page fault for every page. */
  readonly keep: boolean;
  readonly targets: readonly Target[];
  /** Where the time goes, as profiles of Torchlet show it: printed where a target is missed. */
  readonly profile?: string;
  /** What figures are in: times, or bytes. */
  readonly unit: "s" | "B";
}

/** What most rows have in common. */
export const defaults = {
  mode: "plain",
  size: {},
  calls: 1,
  tolerance: { absolute: 1e-6, relative: 1e-5 },
  blas: false,
  threads: false,
  keep: false,
  targets: [],
  unit: "s",
} as const;

/** Numbers from -1 to 1. */
export const some = (seed: number, ...shape: number[]): Input => ({ shape, seed, low: -1, high: 1 });
export const constant = (value: number, ...shape: number[]): Input => ({ shape, seed: 0, low: value, high: value });

/** Powers of ten as they stand in names: 1e3. */
export const power = (n: number): string => n.toExponential(0).replace("+", "");
