import type { DType } from "../../core/dtype.ts";
import { geluApproximate } from "../../core/errors.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type Functional, oneOp } from "./define.ts";

/** Whether the result is written over the input. */
export interface InplaceOptions {
  inplace?: boolean;
}
type Activation = Functional<[input: Tensor], [inplace: boolean], InplaceOptions, Tensor>;

/** `max(x, 0)`. */
export const relu: Activation = oneOp("relu", ["input", "inplace"], 1, 1, (x: Tensor, inplace: boolean = false) =>
  inplace ? x.relu_() : x.relu(),
);
/** `x * sigmoid(x)`. */
export const silu: Activation = oneOp("silu", ["input", "inplace"], 1, 1, (x: Tensor, inplace: boolean = false) =>
  inplace ? x.silu_() : x.silu(),
);
/** `x` where positive, else `negativeSlope * x`. */
export const leakyRelu: Functional<
  [input: Tensor],
  [negativeSlope: number, inplace: boolean],
  { negativeSlope?: number; inplace?: boolean },
  Tensor
> = oneOp("leakyRelu", ["input", "negativeSlope", "inplace"], 1, 1, (x: Tensor, negativeSlope: number = 0.01, inplace: boolean = false) =>
  inplace ? x.leakyRelu_(negativeSlope) : x.leakyRelu(negativeSlope),
);
/** How `gelu` finds the normal distribution: by the error function, or by an approximation with a hyperbolic tangent. */
export type GeluApproximation = "none" | "tanh";
/**
 * `x` times the probability that a standard normal number is at most x.
 * @throws UnsupportedError where `approximate` is neither "none" nor "tanh".
 * @example F.gelu(x, { approximate: "tanh" })
 */
export const gelu: Functional<[input: Tensor], [approximate: GeluApproximation], { approximate?: GeluApproximation }, Tensor> = oneOp(
  "gelu",
  ["input", "approximate"],
  1,
  1,
  (x: Tensor, approximate: string = "none") => {
    if (approximate === "none") return x._gelu();
    if (approximate === "tanh") return x._geluTanh();
    throw geluApproximate();
  },
);
/** `1 / (1 + exp(-x))`. */
export const sigmoid = (input: Tensor): Tensor => input.sigmoid();
/** The hyperbolic tangent. */
export const tanh = (input: Tensor): Tensor => input.tanh();

/** Options of `softmax` and `logSoftmax`. */
export interface SoftmaxOptions {
  /** The dimension along which the results add up to one. */
  dim?: number | null;
  /** The input is converted to this first. */
  dtype?: DType | null;
}
type Softmax = Functional<[input: Tensor], [dim: number | null, dtype: DType | null], SoftmaxOptions, Tensor>;

/** The dimension that is meant where none is named: PyTorch's choice for old programs. */
const implicitDim = (ndim: number): number => (ndim === 0 || ndim === 1 || ndim === 3 ? 0 : 1);

/**
 * `exp(x)` divided by its sum along `dim`.
 * @example F.softmax(scores, 1)
 */
export const softmax: Softmax = oneOp(
  "softmax",
  ["input", "dim", "dtype"],
  1,
  1,
  (x: Tensor, dim: number | null = null, dtype: DType | null = null) => x.softmax(dim ?? implicitDim(x.ndim), dtype),
);
/** The logarithm of `softmax`, computed without the loss of digits. */
export const logSoftmax: Softmax = oneOp(
  "logSoftmax",
  ["input", "dim", "dtype"],
  1,
  1,
  (x: Tensor, dim: number | null = null, dtype: DType | null = null) => x.logSoftmax(dim ?? implicitDim(x.ndim), dtype),
);
