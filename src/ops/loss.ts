import { float32, float64, int64 } from "../core/dtype.ts";
import {
  classWeights,
  expectedDtype,
  longTarget,
  nllBatch,
  nllImages,
  nllMultiTarget,
  nllRank,
  nllTargetSize,
  nllVector,
  notForDtype,
  probabilityDtype,
  probabilityIgnore,
  reductionUnknown,
  smoothingRange,
} from "../core/errors.ts";
import { sameShape } from "../core/layout.ts";
import type { Tensor } from "./define.ts";
import type { Reduction } from "./nll-loss.ts";

export type { Reduction };

export function checkReduction(reduction: string): void {
  if (!["none", "mean", "sum"].includes(reduction)) throw reductionUnknown(reduction);
}

export interface NllOptions {
  weight?: Tensor | null;
  ignoreIndex?: number;
  reduction?: Reduction;
}

function checkTarget(x: Tensor, target: Tensor): void {
  if (x.ndim < 1) throw nllRank(x.ndim);
  if (x.ndim > 1 && x.shape[0] !== target.shape[0]) throw nllBatch(x.shape[0]!, target.shape[0] ?? 0);
  if (x.ndim <= 2 && target.ndim > 1) throw nllMultiTarget();
  if (x.ndim === 1 && target.ndim === 1) throw nllVector(x.shape, target.shape);
  if (x.ndim > 2) {
    const expected = [x.shape[0]!, ...x.shape.slice(2)];
    if (!sameShape(expected, target.shape)) throw x.ndim === 4 ? nllImages(x.shape, target.shape) : nllTargetSize(expected, target.shape);
  }
  if (target.dtype !== int64)
    throw target.dtype.isFloatingPoint ? longTarget(target.dtype.scalarName) : expectedDtype("Long", target.dtype.scalarName);
  if (!x.isFloatingPoint()) throw notForDtype(x.ndim > 2 ? "nll_loss2d_forward_out_frame" : "nll_loss_out_frame", x.dtype.scalarName);
}

/** `prefix`: what PyTorch's sentence starts with, where the loss is that of probabilities. */
function checkWeight(x: Tensor, weight: Tensor | null, prefix: string = ""): void {
  if (weight === null) return;
  const classes = x.ndim === 1 ? x.shape[0]! : x.shape[1]!;
  if (weight.ndim !== 1 || weight.numel() !== classes)
    throw classWeights(x.ndim > 2 && prefix === "" ? null : classes, weight.shape, prefix);
  if (weight.dtype !== x.dtype && prefix === "") throw expectedDtype(x.dtype.scalarName, weight.dtype.scalarName);
}

/** The negative log likelihood of target classes under log-probabilities (c), (n, c) or (n, c, ...). */
export function nllLoss(x: Tensor, target: Tensor, options: NllOptions = {}): Tensor {
  const { weight = null, ignoreIndex = -100, reduction = "mean" } = options;
  checkReduction(reduction);
  checkTarget(x, target);
  checkWeight(x, weight);
  return x._nllLoss(target, weight, ignoreIndex, reduction)[0]!;
}

export interface CrossEntropyOptions extends NllOptions {
  labelSmoothing?: number;
}

/**
 * The cross entropy of scores (c), (n, c) or (n, c, ...) against classes (int64, without c) or probabilities (the shape of the scores).
 * @example F.crossEntropy(model(x), labels)
 */
export function crossEntropy(x: Tensor, target: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { weight = null, ignoreIndex = -100, reduction = "mean", labelSmoothing = 0 } = options;
  checkReduction(reduction);
  if (labelSmoothing < 0 || labelSmoothing > 1) throw smoothingRange(labelSmoothing);
  const dim = x.ndim === 1 ? 0 : 1;
  if (sameShape(x.shape, target.shape)) {
    if (!target.dtype.isFloatingPoint) throw probabilityDtype(target.dtype.scalarName);
    if (ignoreIndex >= 0) throw probabilityIgnore();
    checkWeight(x, weight, "cross_entropy: ");
    return probabilityLoss(x.logSoftmax(dim), target, weight, reduction, labelSmoothing, dim);
  }
  // Half floats round in between, as where one op follows the other.
  if (labelSmoothing === 0 && (x.dtype === float32 || x.dtype === float64) && x.ndim > 0 && x.shape[dim] !== 0) {
    checkTarget(x, target);
    checkWeight(x, weight);
    return x._crossEntropy(target, weight, ignoreIndex, reduction)[0]!;
  }
  const logs = x.logSoftmax(dim);
  const loss = nllLoss(logs, target, { weight, ignoreIndex, reduction });
  if (labelSmoothing === 0) return loss;
  return smoothed(logs, target, weight, ignoreIndex, reduction, labelSmoothing, loss, dim);
}

const perClass = (weight: Tensor, x: Tensor, dim: number): Tensor => weight.reshape(x.shape.map((_, d) => (d === dim ? -1 : 1)));

function probabilityLoss(
  logs: Tensor,
  target: Tensor,
  weight: Tensor | null,
  reduction: Reduction,
  smoothing: number,
  dim: number,
): Tensor {
  const classes = logs.shape[dim]!;
  const p = smoothing > 0 ? target.mul(1 - smoothing).add(smoothing / classes) : target;
  const weighted = weight === null ? logs.mul(p) : logs.mul(p).mul(perClass(weight, logs, dim));
  if (reduction === "none") return weighted.sum(dim).neg();
  const total = weighted.sum().neg();
  return reduction === "sum" ? total : total.div(logs.numel() / Math.max(classes, 1));
}

/** (1 - e) of the loss, and e spread evenly over the classes. Source: PyTorch's definition of `label_smoothing`. */
function smoothed(
  logs: Tensor,
  target: Tensor,
  weight: Tensor | null,
  ignoreIndex: number,
  reduction: Reduction,
  smoothing: number,
  loss: Tensor,
  dim: number,
): Tensor {
  const classes = logs.shape[dim]!;
  const ignored = target.eq(ignoreIndex);
  const spread = (weight === null ? logs : logs.mul(perClass(weight, logs, dim))).sum(dim).neg().maskedFill(ignored, 0);
  const share = smoothing / classes;
  if (reduction === "none") return loss.mul(1 - smoothing).add(spread, { alpha: share });
  if (reduction === "sum") return loss.mul(1 - smoothing).add(spread.sum(), { alpha: share });
  const kept = ignored.logicalNot().to(logs.dtype);
  const total =
    weight === null
      ? kept.sum()
      : weight
          .detach()
          .indexSelect(0, target.maskedFill(ignored, 0).reshape([-1]))
          .mul(kept.reshape([-1]))
          .sum();
  return loss.mul(1 - smoothing).add(spread.sum().div(total), { alpha: share });
}
