import { float32, float64 } from "../../core/dtype.ts";
import { logitsSizes, lossSizes, notForDtype } from "../../core/errors.ts";
import { sameShape } from "../../core/layout.ts";
import {
  type CrossEntropyOptions as CrossEntropySettings,
  checkReduction,
  crossEntropy as crossEntropyOf,
  type NllOptions,
  nllLoss as nllLossOf,
  type Reduction,
} from "../../tensor/functional-ops.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { warn } from "../warn.ts";
import { type Functional, functional } from "./define.ts";

export type { Reduction };
/** How the losses of the elements become the result. `sizeAverage` and `reduce` are PyTorch's older way to say so, and win where given. */
export interface LossOptions {
  reduction?: Reduction;
  sizeAverage?: boolean | null;
  reduce?: boolean | null;
}

/** The reduction that the older options stand for. */
export function reductionOf(reduction: Reduction, sizeAverage?: boolean | null, reduce?: boolean | null): Reduction {
  if (sizeAverage == null && reduce == null) return reduction;
  if (reduce === false) return "none";
  return sizeAverage === false ? "sum" : "mean";
}

/** Whether a kernel over both computes what one after the other would: half precision rounds in between. */
const isOneKind = (x: Tensor, y: Tensor): boolean =>
  x.dtype === y.dtype && x.device === y.device && (x.dtype === float32 || x.dtype === float64);

function reduced(losses: Tensor, reduction: Reduction): Tensor {
  checkReduction(reduction);
  return reduction === "none" ? losses : reduction === "mean" ? losses.mean() : losses.sum();
}

type PairLoss = Functional<
  [input: Tensor, target: Tensor],
  [sizeAverage: boolean | null, reduce: boolean | null, reduction: Reduction],
  LossOptions,
  Tensor
>;
/** `fused`: the whole loss in one kernel, for operands of one shape, dtype and device. */
/* @__NO_SIDE_EFFECTS__ */
const pairLoss = (
  name: string,
  loss: (difference: Tensor) => Tensor,
  fused?: (input: Tensor, target: Tensor, reduction: "mean" | "sum") => Tensor,
): PairLoss =>
  functional(
    name,
    ["input", "target", "sizeAverage", "reduce", "reduction"],
    2,
    2,
    (input: Tensor, target: Tensor, sizeAverage: boolean | null = null, reduce: boolean | null = null, reduction: Reduction = "mean") => {
      const how = reductionOf(reduction, sizeAverage, reduce);
      if (!sameShape(input.shape, target.shape)) warn(lossSizes(target.shape, input.shape));
      else if (fused !== undefined && (how === "mean" || how === "sum") && isOneKind(input, target)) return fused(input, target, how);
      return reduced(loss(input.sub(target)), how);
    },
  );

/** The mean of the squared differences (`reduction: "sum"`: their sum; `"none"`: each of them). */
export const mseLoss: PairLoss = pairLoss(
  "mseLoss",
  (d) => {
    if (!d.isFloatingPoint()) throw notForDtype("mse_cpu", d.dtype.scalarName);
    return d.square();
  },
  (input, target, reduction) => input._mseLoss(target, reduction),
);
/** The mean of the absolute differences (`reduction: "sum"`: their sum; `"none"`: each of them). */
export const l1Loss: PairLoss = pairLoss("l1Loss", (d) => d.abs());

/** Options of the losses over classes. */
export interface NllLossOptions extends NllOptions, LossOptions {}
/**
 * The negative log likelihood of classes `target` (n, ...), int64, under log-probabilities `input` (n, c, ...). `weight` (c) weighs the classes, also
 * in the mean; targets of `ignoreIndex` do not count.
 */
export const nllLoss: Functional<
  [input: Tensor, target: Tensor],
  [weight: Tensor | null, sizeAverage: boolean | null, ignoreIndex: number, reduce: boolean | null, reduction: Reduction],
  NllLossOptions,
  Tensor
> = functional(
  "nllLoss",
  ["input", "target", "weight", "sizeAverage", "ignoreIndex", "reduce", "reduction"],
  2,
  2,
  (
    input: Tensor,
    target: Tensor,
    weight: Tensor | null = null,
    sizeAverage: boolean | null = null,
    ignoreIndex: number = -100,
    reduce: boolean | null = null,
    reduction: Reduction = "mean",
  ) => nllLossOf(input, target, { weight, ignoreIndex, reduction: reductionOf(reduction, sizeAverage, reduce) }),
);

/** Options of cross entropy. */
export interface CrossEntropyOptions extends CrossEntropySettings, LossOptions {}
/**
 * The cross entropy of scores `input` (n, c, ...) against classes (n, ...), int64, or probabilities of the shape of the scores. `labelSmoothing`
 * spreads that part of each target evenly over the classes.
 * @example F.crossEntropy(model(images), labels).backward()
 */
export const crossEntropy: Functional<
  [input: Tensor, target: Tensor],
  [
    weight: Tensor | null,
    sizeAverage: boolean | null,
    ignoreIndex: number,
    reduce: boolean | null,
    reduction: Reduction,
    labelSmoothing: number,
  ],
  CrossEntropyOptions,
  Tensor
> = functional(
  "crossEntropy",
  ["input", "target", "weight", "sizeAverage", "ignoreIndex", "reduce", "reduction", "labelSmoothing"],
  2,
  2,
  (
    input: Tensor,
    target: Tensor,
    weight: Tensor | null = null,
    sizeAverage: boolean | null = null,
    ignoreIndex: number = -100,
    reduce: boolean | null = null,
    reduction: Reduction = "mean",
    labelSmoothing: number = 0,
  ) => crossEntropyOf(input, target, { weight, ignoreIndex, labelSmoothing, reduction: reductionOf(reduction, sizeAverage, reduce) }),
);

/** Options of binary cross entropy with logits. */
export interface LogitsOptions extends LossOptions {
  /** Weighs the elements. */
  weight?: Tensor | null;
  /** Weighs the positive examples of each class. */
  posWeight?: Tensor | null;
}
/**
 * The binary cross entropy of `sigmoid(input)` against probabilities `target` of the same shape, computed without the loss of digits.
 * Source: log(1 + exp(-x)) = max(-x, 0) + log(1 + exp(-|x|)).
 */
export const binaryCrossEntropyWithLogits: Functional<
  [input: Tensor, target: Tensor],
  [weight: Tensor | null, sizeAverage: boolean | null, reduce: boolean | null, reduction: Reduction, posWeight: Tensor | null],
  LogitsOptions,
  Tensor
> = functional(
  "binaryCrossEntropyWithLogits",
  ["input", "target", "weight", "sizeAverage", "reduce", "reduction", "posWeight"],
  2,
  2,
  (
    input: Tensor,
    target: Tensor,
    weight: Tensor | null = null,
    sizeAverage: boolean | null = null,
    reduce: boolean | null = null,
    reduction: Reduction = "mean",
    posWeight: Tensor | null = null,
  ) => {
    if (!sameShape(input.shape, target.shape)) throw logitsSizes(target.shape, input.shape);
    // -log(sigmoid(x)) is the loss of a positive example; a negative one costs x more.
    const positive = input._logsigmoid().neg();
    const scaled = posWeight === null ? positive : positive.mul(posWeight.sub(1).mul(target).add(1));
    const losses = input.mul(target.rsub(1)).add(scaled);
    return reduced(weight === null ? losses : losses.mul(weight), reductionOf(reduction, sizeAverage, reduce));
  },
);
