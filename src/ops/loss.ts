import { int64 } from "../core/dtype.ts";
import {
  classOutOfBounds,
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
import { Layout, sameShape } from "../core/layout.ts";
import type { Kernels } from "../tensor/kernels.ts";
import { type Rule, rule, type Tensor } from "./define.ts";

/** What to do with the losses of the elements. */
export type Reduction = "none" | "mean" | "sum";
export function checkReduction(reduction: string): void {
  if (!["none", "mean", "sum"].includes(reduction)) throw reductionUnknown(reduction);
}

export interface NllOptions {
  weight?: Tensor | null;
  ignoreIndex?: number;
  reduction?: Reduction;
}

/** Scores as (n, c, rest): a single sample gets a batch dimension, further dimensions are merged. */
const asRows = (x: Tensor): Tensor =>
  x.ndim === 1 ? x.reshape([1, x.shape[0]!, 1]) : x.reshape([x.shape[0]!, x.shape[1]!, product(x.shape.slice(2))]);
const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

/** The weight of each element's class, 0 for ignored ones; and the class with ignored ones as 0. */
function elementWeights(
  k: Kernels,
  x: Tensor,
  target: Tensor,
  weight: Tensor | null,
  ignoreIndex: number,
): { at: Tensor; weights: Tensor } {
  const ignored = target.eq(ignoreIndex);
  const at = target.maskedFill(ignored, 0);
  const classes = x.shape[1]!;
  const base = weight === null ? x.newOnes([]) : weight;
  const layout = new Layout(
    at.shape,
    at.shape.map(() => 0),
    base.storageOffset(),
  );
  const stride = weight === null ? 0 : base.stride()[0]!;
  const weights = k.gather(base, layout, [at], [{ size: classes, stride, wraps: false }], classOutOfBounds);
  return { at, weights: weights.maskedFill(ignored, 0) };
}

type Nll = Rule<(target: Tensor, weight: Tensor | null, ignoreIndex: number, reduction: Reduction) => readonly Tensor[]>;
/** The negative of each row's score at its target class, and the total weight; see `nllLoss`. */
export const _nllLoss: Nll = rule({
  params: ["target", "weight", "ignoreIndex", "reduction"],
  node: (x: Tensor) => (x.ndim > 2 ? "NllLoss2DBackward0" : "NllLossBackward0"),
  nonDifferentiable: [1],
  run: (k, scores: Tensor, target: Tensor, weight: Tensor | null, ignoreIndex: number, reduction: Reduction) => {
    const x = asRows(scores);
    const t = target.reshape([x.shape[0]!, x.shape[2]!]);
    const { at, weights } = elementWeights(k, x, t, weight, ignoreIndex);
    const losses = x.gather(1, at.unsqueeze(1)).squeeze(1).mul_(weights).neg_();
    const total = weights.sum();
    if (reduction === "none") return [losses.reshape(target.shape), total];
    const sum = losses.sum();
    return [reduction === "sum" ? sum : sum.div(total), total];
  },
  save: ([, total], x: Tensor, target: Tensor, weight: Tensor | null, ignoreIndex: number, reduction: Reduction) => ({
    total,
    shape: x.shape,
    target,
    weight,
    ignoreIndex,
    reduction,
    like: weight === null ? null : 1,
  }),
  grad: (
    saved: { total: Tensor; shape: number[]; target: Tensor; weight: Tensor | null; ignoreIndex: number; reduction: Reduction },
    [g],
  ) => {
    const { total, shape, target, weight, ignoreIndex, reduction } = saved;
    const rows = shape.length === 1 ? 1 : shape[0]!;
    const classes = shape.length === 1 ? shape[0]! : shape[1]!;
    const rest = shape.length === 1 ? 1 : shape.slice(2).reduce((a, b) => a * b, 1);
    const t = target.reshape([rows, rest]);
    const ignored = t.eq(ignoreIndex);
    const at = t.maskedFill(ignored, 0);
    const per =
      weight === null
        ? g!.newOnes([rows, rest])
        : weight
            .detach()
            .indexSelect(0, at.reshape([-1]))
            .reshape([rows, rest]);
    const scale = reduction === "none" ? g!.reshape([rows, rest]) : reduction === "mean" ? g!.div(total) : g!;
    const spread = per.mul(scale).neg().maskedFill(ignored, 0); // last: the scale is infinite where everything is ignored
    return [g!.newZeros([rows, classes, rest]).scatter(1, at.unsqueeze(1), spread.unsqueeze(1)).reshape(shape), null];
  },
});

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
