import { int64 } from "../core/dtype.ts";
import { Layout, replaced, unsqueeze } from "../core/layout.ts";
import * as e from "../kernel/expr.ts";
import { arg, constant, type Expr, scalar, state } from "../kernel/expr.ts";
import type { Kernels } from "../tensor/kernels.ts";
import {
  type MapLoop,
  type Monoid,
  mapLoop,
  perRow,
  type ReduceLoop,
  type RowsLoop,
  type Rule,
  reduceLoop,
  rowsLoop,
  rule,
  type Tensor,
} from "./define.ts";
import { dimList } from "./dimension.ts";
import { atClasses, classLoop, type Reduction } from "./nll-loss.ts";

const classDim = (x: Tensor): number => (x.ndim === 1 ? 0 : 1);
/** What there is for each target, seen beside the scores: with one class. */
const oneClass = (k: Kernels, x: Tensor, dim: number): Tensor => k.view(x, unsqueeze(x.layout, dim));
const weightsAt = (k: Kernels, weight: Tensor, classes: Tensor): Tensor =>
  atClasses(
    k,
    weight,
    0,
    classes.shape.map(() => 0),
    classes,
  );

/** The greatest score of each row, and the logarithm of the sum of what the others are beside it. */
const normalizerLoop: RowsLoop = rowsLoop((row, [x]) => {
  const top = row.max(x!);
  return [perRow(top), perRow(e.log(row.sum(e.exp(e.sub(x!, top)))))];
});
/** `top + log(sum) - score`, of which the last two meet first: their difference has the digits that a large score would lose. */
const lossOf = (score: Expr, top: Expr, logSum: Expr): Expr => e.sub(logSum, e.sub(score, top));

const elements = (weighted: boolean): MapLoop =>
  mapLoop(([score, top, logSum, target, weight]) => {
    const loss = lossOf(score!, top!, logSum!);
    return e.select(e.eq(target!, scalar(0, "i64")), 0, weighted ? e.mul(loss, weight!) : loss);
  });
const elementLoops = [elements(false), elements(true)] as const;
/** The sum or the mean of the losses, and the sum of the weights. */
const sums = (weighted: boolean, mean: boolean): ReduceLoop =>
  reduceLoop("crossEntropy", {
    monoid: (t): Monoid => {
      const [score, top, logSum] = [arg(0, t), arg(1, t), arg(2, t)];
      const counted = (x: Expr): Expr => e.select(e.eq(arg(3, "i64"), scalar(0, "i64")), 0, x);
      const weight = weighted ? arg(4, t) : constant(1, t);
      const [sum, total] = [state(0, t), state(1, t)];
      return {
        init: [constant(0, t), constant(0, t)],
        lift: [counted(e.mul(lossOf(score, top, logSum), weight)), counted(weight)],
        combine: [e.add(sum, state(2, t)), e.add(total, state(3, t))],
        outputs: [mean ? e.div(sum, total) : sum, total],
      };
    },
    compute: (d) => d,
    outputs: (d) => [d, d],
    operands: weighted ? [null, null, int64, null] : [null, null, int64],
    scalars: (_, ignoreIndex) => [ignoreIndex],
  });
const sumLoops = [false, true].map((weighted) => [sums(weighted, false), sums(weighted, true)] as const);

/** How much each row's loss counts in the gradient. */
const factors = (weighted: boolean, mean: boolean): MapLoop =>
  mapLoop(([target, g, ...more]) => {
    const scaled = mean ? e.div(g!, more.at(-1)!) : g!;
    return e.select(e.eq(target!, scalar(0, "i64")), 0, weighted ? e.mul(more[0]!, scaled) : scaled);
  });
const factorLoops = [false, true].map((weighted) => [factors(weighted, false), factors(weighted, true)] as const);
/** The share of each class, less 1 at the target. Classes fit 32 bits, in which they go into vectors beside the scores. */
const slopeLoop = mapLoop(([x, top, logSum, factor]) => {
  const share = e.exp(e.sub(e.sub(x!, top!), logSum!));
  return e.mul(factor!, e.sub(share, e.select(e.eq(arg(4, "i32"), arg(5, "i32")), constant(1, x!.type), 0)));
});

type CrossEntropy = Rule<(target: Tensor, weight: Tensor | null, ignoreIndex: number, reduction: Reduction) => readonly Tensor[]>;

/**
 * The cross entropy of scores against classes, straight from the scores: it keeps two numbers for each row and no logarithms of shares. Gives the loss,
 * those numbers, and the total weight (with `reduction: "none"`, 0).
 */
export const _crossEntropy: CrossEntropy = rule({
  params: ["target", "weight", "ignoreIndex", "reduction"],
  node: (x: Tensor) => (x.ndim > 2 ? "NllLoss2DBackward0" : "NllLossBackward0"),
  nonDifferentiable: [1, 2, 3],
  run: (k, x: Tensor, target: Tensor, weight: Tensor | null, ignoreIndex: number, reduction: Reduction) => {
    const dim = classDim(x);
    const classes = oneClass(k, target, dim);
    const at = k.map(classLoop, [classes], int64, [ignoreIndex]);
    const score = atClasses(k, x, dim, replaced(x.stride(), dim, 0), at);
    const [top, logSum] = k.rows(normalizerLoop, x, [dim]) as [Tensor, Tensor];
    const operands = [top, logSum, classes];
    if (weight !== null) operands.push(weightsAt(k, weight, at));
    if (reduction === "none") {
      const losses = k.map(elementLoops[weight === null ? 0 : 1], [score, ...operands], x.dtype, [ignoreIndex]);
      return [k.view(losses, Layout.contiguous(target.shape)), top, logSum, k.full([], 0, x.dtype, x.device)];
    }
    const loop = sumLoops[weight === null ? 0 : 1]![reduction === "mean" ? 1 : 0];
    const [loss, total] = k.reduce(loop, score, dimList(null, x.ndim), false, { operands, parameter: ignoreIndex }) as [Tensor, Tensor];
    return [loss, top, logSum, total];
  },
  save: ([, top, logSum, total], x: Tensor, target: Tensor, weight: Tensor | null, ignoreIndex: number, reduction: Reduction) => ({
    x,
    target,
    weight,
    ignoreIndex,
    reduction,
    top,
    logSum,
    total,
  }),
  grad: ({ x, target, weight, ignoreIndex, reduction, top, logSum, total }: SavedCrossEntropy, [g]) => [
    g!._crossEntropyGrad(x, target, weight?.detach() ?? null, top, logSum, total, ignoreIndex, reduction),
    null,
  ],
});

interface Saved {
  readonly x: Tensor;
  readonly target: Tensor;
  readonly weight: Tensor | null;
  readonly ignoreIndex: number;
  readonly reduction: Reduction;
  readonly total: Tensor;
}
interface SavedCrossEntropy extends Saved {
  readonly top: Tensor;
  readonly logSum: Tensor;
}
type CrossEntropyGrad = Rule<
  (
    x: Tensor,
    target: Tensor,
    weight: Tensor | null,
    top: Tensor,
    logSum: Tensor,
    total: Tensor,
    ignoreIndex: number,
    reduction: Reduction,
  ) => Tensor
>;
/** The gradient of `_crossEntropy` by the scores: `softmax(x)`, less 1 at the target, times what arrives. */
export const _crossEntropyGrad: CrossEntropyGrad = rule({
  params: ["x", "target", "weight", "top", "logSum", "total", "ignoreIndex", "reduction"],
  node: "NllLossBackwardBackward0",
  run: (
    k,
    g: Tensor,
    x: Tensor,
    target: Tensor,
    weight: Tensor | null,
    top: Tensor,
    logSum: Tensor,
    total: Tensor,
    ignoreIndex: number,
    reduction: Reduction,
  ) => {
    const dim = classDim(x);
    const classes = oneClass(k, target, dim);
    const inputs = [classes, reduction === "none" ? oneClass(k, g, dim) : g];
    if (weight !== null) inputs.push(weightsAt(k, weight, k.map(classLoop, [classes], int64, [ignoreIndex])));
    if (reduction === "mean") inputs.push(total);
    const loop = factorLoops[weight === null ? 0 : 1]![reduction === "mean" ? 1 : 0];
    const factor = k.map(loop, inputs, g.dtype, [ignoreIndex]);
    const places = k.positions(Layout.contiguous(x.shape.map((n, d) => (d === dim ? n : 1))), 0, x.device);
    return k.map(slopeLoop, [x, top, logSum, factor, classes, places], x.dtype);
  },
  save: (
    _,
    g: Tensor,
    x: Tensor,
    target: Tensor,
    weight: Tensor | null,
    _top: Tensor,
    _logSum: Tensor,
    total: Tensor,
    ignoreIndex: number,
    reduction: Reduction,
  ) => ({ g, x, target, weight, total, ignoreIndex, reduction }),
  // As the gradient of nllLoss, y, followed by that of logSoftmax: y - softmax(x) * sum(y).
  grad: ({ g, x, target, weight, total, ignoreIndex, reduction }: Saved & { readonly g: Tensor }, [h], [toG, toX]) => {
    const dim = classDim(x);
    const shares = x.softmax(dim);
    const dg = toG ? h!.sub(h!.mul(shares).sum(dim, true))._nllLoss(target, weight, ignoreIndex, reduction)[0]! : null;
    if (!toX) return [dg, null];
    const y = g._nllLossSpread(target, total, weight, ignoreIndex, reduction, x.shape);
    return [dg, h!.mul(y.sum(dim, true))._softmaxGrad(shares, dim).neg()];
  },
});
