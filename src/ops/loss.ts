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
import * as e from "../kernel/expr.ts";
import { constant, type Expr } from "../kernel/expr.ts";
import type { Kernels } from "../tensor/kernels.ts";
import { type MapLoop, mapLoop, type Rule, rule, type Tensor } from "./define.ts";

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

type Elements = (ignored: Expr, ...x: Expr[]) => Expr;
/** A map over targets and further operands, which is told where the target is the class to be ignored. */
const perTarget = (f: Elements): MapLoop => mapLoop(([target, ...x], scalar) => f(e.eq(target!, scalar(0, target!.type)), target!, ...x));
const classLoop = perTarget((ignored, target) => e.select(ignored, 0, target));
const lossLoop = perTarget((ignored, _, score) => e.select(ignored, 0, e.neg(score!)));
const weightedLossLoop = perTarget((ignored, _, score, weight) => e.select(ignored, 0, e.neg(e.mul(score!, weight!))));
const weightLoop = perTarget((ignored, _, weight) => e.select(ignored, 0, weight!));
const countLoop = perTarget((ignored) => e.select(ignored, constant(0, "i64"), constant(1, "i64")));

/** The elements of one dimension of `x` at the classes given, the others side by side. */
function atClasses(k: Kernels, x: Tensor, dim: number, kept: readonly number[], classes: Tensor): Tensor {
  const layout = new Layout(classes.shape, kept, x.storageOffset());
  return k.gather(x, layout, [classes], [{ size: x.shape[dim]!, stride: x.stride()[dim]!, wraps: false }], classOutOfBounds);
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
    const at = k.map(classLoop, [t], int64, [ignoreIndex]);
    const weights = weight === null ? null : atClasses(k, weight, 0, [0, 0], at);
    const picked = atClasses(k, x, 1, [x.stride()[0]!, x.stride()[2]!], at);
    const losses =
      weights === null
        ? k.map(lossLoop, [t, picked], x.dtype, [ignoreIndex])
        : k.map(weightedLossLoop, [t, picked, weights], x.dtype, [ignoreIndex]);
    const counted =
      weights === null ? k.map(countLoop, [t], x.dtype, [ignoreIndex]) : k.map(weightLoop, [t, weights], x.dtype, [ignoreIndex]);
    const total = counted.sum();
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
  }),
  grad: ({ total, shape, target, weight, ignoreIndex, reduction }: SavedNll, [g]) => [
    g!._nllLossSpread(target, total, weight?.detach() ?? null, ignoreIndex, reduction, shape),
    null,
  ],
});
interface SavedNll {
  readonly total: Tensor;
  readonly shape: readonly number[];
  readonly target: Tensor;
  readonly weight: Tensor | null;
  readonly ignoreIndex: number;
  readonly reduction: Reduction;
}

/** Of the target, the number of the place's class, the gradient of the loss and, where there are any, the weight of the class and the total. */
const spread = (weighted: boolean, mean: boolean): MapLoop =>
  perTarget((ignored, target, place, g, ...more) => {
    const here = e.and(e.eq(target!, place!), e.not(ignored));
    const scale = mean ? e.div(g!, more.at(-1)!) : g!;
    return e.select(here, e.neg(weighted ? e.mul(more[0]!, scale) : scale), 0);
  });
const spreads: readonly (readonly MapLoop[])[] = [false, true].map((weighted) => [false, true].map((mean) => spread(weighted, mean)));

type NllSpread = Rule<
  (target: Tensor, total: Tensor, weight: Tensor | null, ignoreIndex: number, reduction: Reduction, shape: readonly number[]) => Tensor
>;
/** The gradient of `nllLoss`: what arrives, at the place of each target class. It is linear, and its own gradient is the loss of the gradient. */
export const _nllLossSpread: NllSpread = rule({
  params: ["target", "total", "weight", "ignoreIndex", "reduction", "shape"],
  node: "NllLossBackwardBackward0",
  run: (
    k,
    g: Tensor,
    target: Tensor,
    total: Tensor,
    weight: Tensor | null,
    ignoreIndex: number,
    reduction: Reduction,
    shape: readonly number[],
  ) => {
    const [rows, classes] = shape.length === 1 ? [1, shape[0]!] : [shape[0]!, shape[1]!];
    const rest = product(shape.slice(2));
    const targets = target.reshape([rows, 1, rest]).expand([rows, classes, rest]);
    const places = k.positions(Layout.contiguous([1, classes, 1]), 0, g.device);
    const inputs = [targets, places, reduction === "none" ? g.reshape([rows, 1, rest]) : g];
    if (weight !== null) inputs.push(weight.reshape([1, classes, 1]));
    if (reduction === "mean") inputs.push(total);
    const loop = spreads[Number(weight !== null)]![Number(reduction === "mean")]!;
    return k.map(loop, inputs, g.dtype, [ignoreIndex]).reshape(shape);
  },
  save: (_, __: Tensor, target: Tensor, ___: Tensor, weight: Tensor | null, ignoreIndex: number, reduction: Reduction) => ({
    target,
    weight,
    ignoreIndex,
    reduction,
  }),
  grad: ({ target, weight, ignoreIndex, reduction }: Omit<SavedNll, "total" | "shape">, [g]) => [
    g!._nllLoss(target, weight, ignoreIndex, reduction)[0]!,
    null,
    null,
    null,
  ],
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
