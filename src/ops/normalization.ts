import { type DType, float32, float64 } from "../core/dtype.ts";
import { normBatch, normSize, normStatistics } from "../core/errors.ts";
import { Layout } from "../core/layout.ts";
import * as e from "../kernel/expr.ts";
import { arg, cast, constant, type Expr, state } from "../kernel/expr.ts";
import {
  mapLoop,
  type Pointwise,
  type PointwiseInplace,
  perElement,
  perRow,
  pointwise,
  type ReduceLoop,
  type RowsLoop,
  type Rule,
  reduceLoop,
  rowsLoop,
  rule,
  type Tensor,
  type View,
  view,
} from "./define.ts";
import { otherDims } from "./dimension.ts";

/** `(x - mean) * scale + shift`, each of the last three seen over x. */
export const _normalized: Pointwise<(mean: Tensor, scale: Tensor, shift: Tensor) => Tensor> = pointwise(4, {
  node: "NativeBatchNormBackward0",
  f: (x, mean, scale, shift) => e.add(e.mul(e.sub(x!, mean!), scale!), shift!),
});
/** A vector over the channels, seen over an input of `ndim` dimensions. */
export const _perChannel: View<(ndim: number) => Tensor> = view({
  params: ["ndim"],
  layout: ({ shape, strides, offset }, ndim: number) => {
    const ones = new Array<number>(ndim - 2).fill(1);
    return new Layout([1, shape[0]!, ...ones], [shape[0]! * strides[0]!, strides[0]!, ...ones], offset);
  },
  grad: (g, shape) => g.reshape(shape),
});
const perChannel = (v: Tensor, ndim: number): Tensor => (v.ndim === 1 ? v : v.reshape([-1]))._perChannel(ndim);

const inverse = (variance: Expr, eps: Expr): Expr => e.div(1, e.sqrt(e.add(variance, eps)));
const EPS = [{ name: "eps" }] as const;
/** `1 / sqrt(variance + eps)` */
export const _inverseDeviation: Pointwise<(eps: number) => Tensor> = pointwise(1, { params: EPS, f: (v, eps) => inverse(v!, eps!) });
/** `weight / sqrt(variance + eps)` */
export const _weightedScale: Pointwise<(weight: Tensor, eps: number) => Tensor> = pointwise(2, {
  params: EPS,
  f: (v, weight, eps) => e.mul(inverse(v!, eps!), weight!),
});
const scaleOf = (variance: Tensor, weight: Tensor | null, eps: number): Tensor =>
  weight === null ? variance._inverseDeviation(eps) : variance._weightedScale(weight, eps);
function normalize(x: Tensor, weight: Tensor | null, bias: Tensor | null, mean: Tensor, variance: Tensor, eps: number): Tensor {
  const shift = bias ?? mean.newZeros(mean.shape);
  return x._normalized(perChannel(mean, x.ndim), perChannel(scaleOf(variance, weight, eps), x.ndim), perChannel(shift, x.ndim));
}

/**
 * Note [Sums of a normalisation's gradient]. That gradient sums to zero over each channel, so whatever is wrong with a number per channel adds up over
 * all of its elements. Where the device has float64 these few numbers are kept in it, and so is the arithmetic of one element.
 */
const wideDtype = (x: Tensor): DType => (x.device.backend.supports(float64) ? float64 : x.dtype);
const sumsLoop = (wide: boolean): ReduceLoop =>
  reduceLoop("channel_sums", {
    monoid: (t) => {
      const [y, x, mean] = [0, 1, 2].map((i) => arg(i, t)) as [Expr, Expr, Expr];
      const away = e.sub(x, mean);
      return {
        init: [0, 0, 0].map((v) => constant(v, t)),
        lift: [y, e.mul(y, away), away],
        combine: [0, 1, 2].map((i) => e.add(state(i, t), state(3 + i, t))),
        outputs: [0, 1, 2].map((i) => state(i, t)),
      };
    },
    compute: (d) => (wide ? float64 : d),
    outputs: (d) => [d, d, d],
    operands: [null, null],
  });
const wideSums = sumsLoop(true);
const plainSums = sumsLoop(false);

const sumLoop = (wide: boolean): ReduceLoop =>
  reduceLoop("channel_sum", {
    monoid: (t) => ({ init: [constant(0, t)], lift: [arg(0, t)], combine: [e.add(state(0, t), state(1, t))], outputs: [state(0, t)] }),
    compute: (d) => (wide ? float64 : d),
    outputs: (d) => [d],
  });
const wideSum = sumLoop(true);
const plainSum = sumLoop(false);

/** The sum over each channel: the gradient of a bias. Under a batch normalisation its terms cancel, see the note above. */
export const _channelSum: Rule<() => Tensor> = rule({
  params: [],
  run: (k, y: Tensor) => k.reduce(wideDtype(y) === float64 ? wideSum : plainSum, y, otherDims(y.ndim, 1))[0]!,
  save: (_, y: Tensor) => ({ shape: y.shape }),
  grad: ({ shape }: { shape: number[] }, [g]) => [perChannel(g!, shape.length).expand(shape)],
});

/** Over each channel: the sum of y, that of `y * (x - mean)`, and that of `x - mean`, which is zero but for the rounding of the mean. */
export const _channelSums: Rule<(x: Tensor, mean: Tensor) => readonly Tensor[]> = rule({
  params: ["x", "mean"],
  nonDifferentiable: [2],
  run: (k, y: Tensor, x: Tensor, mean: Tensor) =>
    k.reduce(wideDtype(x) === float64 ? wideSums : plainSums, y, otherDims(x.ndim, 1), false, { operands: [x, perChannel(mean, x.ndim)] }),
  save: (_, y: Tensor, x: Tensor, mean: Tensor) => ({ y, x, mean }),
  grad: ({ y, x, mean }: { y: Tensor; x: Tensor; mean: Tensor }, [gSum, gDot]) => {
    const n = x.ndim;
    const dSum = gSum === null ? null : perChannel(gSum!, n).expand(x.shape);
    if (!gDot) return [dSum, null, null];
    const dot = perChannel(gDot, n);
    const dx = y.mul(dot);
    const dy = x.sub(perChannel(mean, n)).mul(dot);
    return [dSum === null ? dy : dy.add(dSum), dx, dx.sum(otherDims(n, 1)).neg()];
  },
});

const slopeLoop = mapLoop(([y, x, mean, slope, scale, shift]) => {
  const wide = (v: Expr | undefined): Expr => cast(v!, slope!.type === "f64" ? float64 : float32);
  return e.add(e.add(e.mul(e.sub(wide(x), wide(mean)), slope!), e.mul(wide(y), wide(scale))), wide(shift));
});
/** `(x - mean) * slope + y * scale + shift`, numbers per channel but for x and y: the shape that the gradient of a normalisation has. */
export const _normalizedGrad: Rule<(x: Tensor, mean: Tensor, slope: Tensor, scale: Tensor, shift: Tensor) => Tensor> = rule({
  params: ["x", "mean", "slope", "scale", "shift"],
  run: (k, y: Tensor, x: Tensor, ...channel: Tensor[]) => k.map(slopeLoop, [y, x, ...channel.map((v) => perChannel(v, x.ndim))], x.dtype),
  save: (_, y: Tensor, x: Tensor, mean: Tensor, slope: Tensor, scale: Tensor) => ({ y, x, mean, slope, scale }),
  grad: ({ y, x, mean, slope, scale }: { y: Tensor; x: Tensor; mean: Tensor; slope: Tensor; scale: Tensor }, [g]) => {
    const n = x.ndim;
    const dx = g!.mul(perChannel(slope, n));
    const [dShift, dSlope] = g!._channelSums(x, mean) as [Tensor, Tensor];
    return [g!.mul(perChannel(scale, n)), dx, dx.sum(otherDims(n, 1)).neg(), dSlope, g!.mul(y).sum(otherDims(n, 1)), dShift];
  },
});

// Numbers per channel that the gradient is made of. `off` is how far the true mean is from the rounded one.

/** The sum of the gradient's products with the normalised x, from the sum `product` of those with `x - mean`, and the gradient's own. */
export const _normalizedDot: Pointwise<(sum: Tensor, off: Tensor, invstd: Tensor) => Tensor> = pointwise(4, {
  f: (product, sum, off, invstd) => e.mul(e.sub(product!, e.mul(sum!, off!)), invstd!),
});
const COUNT = [{ name: "count" }] as const;
/** How the gradient goes with `x - mean`. */
export const _normalizedSlope: Pointwise<(invstd: Tensor, scale: Tensor, count: number) => Tensor> = pointwise(3, {
  params: COUNT,
  f: (dot, invstd, scale, count) => e.neg(e.div(e.mul(e.mul(dot!, invstd!), scale!), count!)),
});
/** What the gradient has besides. */
export const _normalizedShift: Pointwise<(scale: Tensor, slope: Tensor, off: Tensor, count: number) => Tensor> = pointwise(4, {
  params: COUNT,
  f: (sum, scale, slope, off, count) => e.neg(e.add(e.div(e.mul(sum!, scale!), count!), e.mul(slope!, off!))),
});

/** Statistics and result of a channel in one kernel, which goes over it three times while it is in the cache. */
const channelLoop = (hasWeight: boolean, hasBias: boolean): RowsLoop =>
  rowsLoop((row, [x, ...affine]) => {
    const count = row.scalar(0, x!.type);
    const mean = e.div(row.sum(x!), count);
    const away = e.sub(x!, mean);
    const variance = e.div(row.sum(e.mul(away, away)), count);
    const invstd = e.div(1, e.sqrt(e.add(variance, row.scalar(1, x!.type))));
    const scaled = e.mul(away, hasWeight ? e.mul(affine[0]!, invstd) : invstd);
    const y = hasBias ? e.add(scaled, affine[hasWeight ? 1 : 0]!) : scaled;
    return [perElement(y), perRow(mean), perRow(variance)];
  });
const channelLoops = [false, true].map((weight) => [false, true].map((bias) => channelLoop(weight, bias)));
/** Half floats round in between, and parameters of another dtype promote. */
const isOneKind = (x: Tensor, ...parameters: readonly (Tensor | null)[]): boolean =>
  (x.dtype === float32 || x.dtype === float64) && parameters.every((v) => v === null || v.dtype === x.dtype);

interface SavedBatchNorm {
  readonly x: Tensor;
  readonly weight: Tensor | null;
  readonly hasBias: boolean;
  readonly mean: Tensor;
  readonly variance: Tensor;
  readonly eps: number;
}
/**
 * Normalises x (n, c, ...) by the mean and the variance (over the count) of each channel: gives the result, the mean and the variance. All three
 * have gradients, so that the gradient formula, which mentions the last two, can be differentiated in its turn.
 * Source of the gradient: Ioffe and Szegedy 2015, section 3.
 */
export const _batchNorm: Rule<(weight: Tensor | null, bias: Tensor | null, eps: number) => readonly Tensor[]> = rule({
  params: ["weight", "bias", "eps"],
  node: "NativeBatchNormBackward0",
  run: (k, x: Tensor, weight: Tensor | null, bias: Tensor | null, eps: number) => {
    if (!isOneKind(x, weight, bias)) {
      const [mean, variance] = x._moments() as [Tensor, Tensor];
      return [normalize(x, weight, bias, mean, variance, eps), mean, variance];
    }
    const affine = [weight, bias].filter((v) => v !== null).map((v) => perChannel(v, x.ndim));
    const loop = channelLoops[Number(weight !== null)]![Number(bias !== null)]!;
    const channels = x.shape[1]!;
    const [y, mean, variance] = k.rows(loop, x, otherDims(x.ndim, 1), affine, [x.numel() / Math.max(channels, 1), eps]) as [
      Tensor,
      Tensor,
      Tensor,
    ];
    const vector = Layout.contiguous([channels]);
    return [y, k.view(mean, vector), k.view(variance, vector)];
  },
  save: ([, mean, variance], x: Tensor, weight: Tensor | null, bias: Tensor | null, eps: number) => ({
    x,
    weight,
    hasBias: bias !== null,
    mean,
    variance,
    eps,
  }),
  grad: ({ x, weight, hasBias, mean, variance, eps }: SavedBatchNorm, [g, gMean, gVariance], [toX, ...needs]) => {
    const count = x.numel() / Math.max(x.shape[1]!, 1);
    const spread = variance.to(wideDtype(x));
    const invstd = scaleOf(spread, null, eps);
    const y = g ?? x.newZeros(x.shape);
    const [sum, product, away] = y._channelSums(x, mean) as [Tensor, Tensor, Tensor];
    const off = away.div(count);
    const dot = product._normalizedDot(sum, off, invstd);
    const toWeight = g !== null && weight !== null && needs[0];
    const toBias = g !== null && hasBias && needs[weight === null ? 0 : 1];
    let dx: Tensor | null = null;
    if (toX) {
      const scale = scaleOf(spread, weight, eps);
      let slope = dot._normalizedSlope(invstd, scale, count);
      if (gVariance) slope = slope.add(gVariance.mul(2 / count));
      let shift = sum._normalizedShift(scale, slope, off, count);
      if (gMean) shift = shift.add(gMean.div(count));
      dx = y._normalizedGrad(x, mean, slope, scale, shift);
    }
    return [dx, ...(weight === null ? [] : [toWeight ? dot : null]), ...(hasBias ? [toBias ? sum : null] : [])];
  },
});

/** Options of batch normalisation. */
export interface BatchNormOptions {
  weight?: Tensor | null;
  bias?: Tensor | null;
  /** Normalise by the batch's own statistics, and update the running ones. */
  training?: boolean;
  /** The weight of the batch in the running statistics. */
  momentum?: number | Tensor;
  eps?: number;
}

/** Nothing to normalise: as PyTorch does it, so that parameters still get gradients. */
function emptyResult(x: Tensor, weight: Tensor | null, bias: Tensor | null): Tensor {
  const scaled = weight === null || weight.numel() === 0 ? x.clone() : x.mul(weight.select(0, 0));
  return bias === null || bias.numel() === 0 ? scaled : scaled.add(bias.select(0, 0));
}

/** Running statistics moved towards those of a batch. */
export const _follow: PointwiseInplace<(batch: Tensor, momentum: number) => Tensor> = pointwise(2, {
  inplace: true,
  params: [{ name: "momentum" }],
  f: (running, batch, momentum) => e.add(e.mul(running!, e.sub(1, momentum!)), e.mul(batch!, momentum!)),
});
function follow(running: Tensor, batch: Tensor, momentum: number | Tensor): void {
  const to = batch.detach().to(running.dtype);
  if (typeof momentum === "number") running._follow_(to, momentum);
  else running.add_(to.sub(running).mul(momentum));
}

/** Normalises per channel with the batch's statistics (training) or the running ones, which training updates in place. */
export function batchNorm(x: Tensor, runningMean: Tensor | null, runningVar: Tensor | null, options: BatchNormOptions): Tensor {
  const { weight = null, bias = null, training = false, momentum = 0.1, eps = 1e-5 } = options;
  const channels = x.shape[1] ?? 0;
  if (training && x.shape.reduce((n, size, d) => (d === 1 ? n : n * size), 1) === 1) {
    throw normBatch(x.shape);
  }
  if (!training && runningMean === null) throw normStatistics("running_mean");
  if (!training && runningVar === null) throw normStatistics("running_var");
  const expected: readonly (readonly [string, Tensor | null])[] = [
    ["running_mean", runningMean],
    ["running_var", runningVar],
    ["weight", weight],
    ["bias", bias],
  ];
  for (const [name, v] of expected) {
    if (v !== null && v.numel() !== channels) throw normSize(name, channels, v.numel());
  }
  if (x.numel() === 0) return emptyResult(x, weight, bias);
  if (!training) return normalize(x, weight, bias, runningMean!, runningVar!, eps);
  const [y, mean, variance] = x._batchNorm(weight, bias, eps) as [Tensor, Tensor, Tensor];
  if (runningMean !== null) follow(runningMean, mean, momentum);
  if (runningVar !== null) {
    const count = x.numel() / Math.max(channels, 1);
    follow(runningVar, variance.detach().mul(count / (count - 1)), momentum); // unbiased, as PyTorch keeps it
  }
  return y;
}
