import { ShapeError, ValueError } from "../core/errors.ts";
import * as e from "../kernel/expr.ts";
import { type Pointwise, pointwise, rule, type Rule, type Tensor } from "./define.ts";

/** `(x - mean) * scale + shift`, each of the last three seen over x. */
export const _normalized: Pointwise<(mean: Tensor, scale: Tensor, shift: Tensor) => Tensor> = pointwise(4, {
  node: "NativeBatchNormBackward0", f: (x, mean, scale, shift) => e.add(e.mul(e.sub(x!, mean!), scale!), shift!),
});
/** `(x - mean) * y`. */
export const _centredProduct: Pointwise<(mean: Tensor, y: Tensor) => Tensor> = pointwise(3, { f: (x, mean, y) => e.mul(e.sub(x!, mean!), y!) });
/** `(x - mean) * slope + y * scale + shift`: the shape that the gradient of a normalisation has. */
export const _normalizedGrad: Pointwise<(mean: Tensor, slope: Tensor, y: Tensor, scale: Tensor, shift: Tensor) => Tensor> = pointwise(6, {
  f: (x, mean, slope, y, scale, shift) => e.add(e.add(e.mul(e.sub(x!, mean!), slope!), e.mul(y!, scale!)), shift!),
});

const others = (ndim: number): number[] => Array.from({ length: ndim }, (_, d) => d).filter((d) => d !== 1);
/** A vector over the channels, seen over the whole input. */
const perChannel = (v: Tensor, ndim: number): Tensor => v.reshape([1, -1, ...new Array<number>(ndim - 2).fill(1)]);
/** `1 / sqrt(variance + eps)`, times the weight where there is one. */
const scaleOf = (variance: Tensor, weight: Tensor | null, eps: number): Tensor => {
  const invstd = variance.add(eps).rsqrt();
  return weight === null ? invstd : invstd.mul(weight);
};
function normalize(x: Tensor, weight: Tensor | null, bias: Tensor | null, mean: Tensor, variance: Tensor, eps: number): Tensor {
  const shift = bias ?? mean.newZeros(mean.shape);
  return x._normalized(perChannel(mean, x.ndim), perChannel(scaleOf(variance, weight, eps), x.ndim), perChannel(shift, x.ndim));
}

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
  params: ["weight", "bias", "eps"], node: "NativeBatchNormBackward0",
  run: (_, x: Tensor, weight: Tensor | null, bias: Tensor | null, eps: number) => {
    const [mean, variance] = x._moments() as [Tensor, Tensor];
    return [normalize(x, weight, bias, mean, variance, eps), mean, variance];
  },
  save: ([, mean, variance], x: Tensor, weight: Tensor | null, bias: Tensor | null, eps: number) => ({ x, weight, hasBias: bias !== null, mean, variance, eps }),
  grad: ({ x, weight, hasBias, mean, variance, eps }: SavedBatchNorm, [g, gMean, gVariance], [toX, ...needs]) => {
    const n = x.ndim;
    const count = x.numel() / Math.max(x.shape[1]!, 1);
    const invstd = scaleOf(variance, null, eps);
    const y = g ?? x.newZeros(x.shape);
    const sum = y.sum(others(n));
    const dot = x._centredProduct(perChannel(mean, n), y).sum(others(n)).mul(invstd); // of the gradient with the normalised x
    const toWeight = weight !== null && needs[0];
    const toBias = hasBias && needs[weight === null ? 0 : 1];
    let dx: Tensor | null = null;
    if (toX) {
      const scale = scaleOf(variance, weight, eps);
      let slope = dot.mul(invstd).mul(scale).div(-count);
      let shift = sum.mul(scale).div(-count);
      if (gVariance) slope = slope.add(gVariance.mul(2 / count));
      if (gMean) shift = shift.add(gMean.div(count));
      dx = x._normalizedGrad(perChannel(mean, n), perChannel(slope, n), y, perChannel(scale, n), perChannel(shift, n));
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

/** Moves running statistics towards those of a batch, in place. */
function follow(running: Tensor, batch: Tensor, momentum: number | Tensor): void {
  const to = batch.detach().to(running.dtype);
  if (typeof momentum === "number") running.mul_(1 - momentum).add_(to, { alpha: momentum });
  else running.add_(to.sub(running).mul(momentum));
}

/** Normalises per channel with the batch's statistics (training) or the running ones, which training updates in place. */
export function batchNorm(x: Tensor, runningMean: Tensor | null, runningVar: Tensor | null, options: BatchNormOptions): Tensor {
  const { weight = null, bias = null, training = false, momentum = 0.1, eps = 1e-5 } = options;
  const channels = x.shape[1] ?? 1;
  if (training && x.shape.reduce((n, size, d) => (d === 1 ? n : n * size), 1) === 1) {
    throw new ValueError(`Expected more than 1 value per channel when training, got input size torch.Size([${x.shape.join(", ")}])`);
  }
  if (!training && runningMean === null) throw new ShapeError("running_mean must be defined in evaluation mode");
  if (!training && runningVar === null) throw new ShapeError("running_var must be defined in evaluation mode");
  const expected: readonly (readonly [string, Tensor | null])[] = [["running_mean", runningMean], ["running_var", runningVar], ["weight", weight], ["bias", bias]];
  for (const [name, v] of expected) {
    if (v !== null && v.numel() !== channels) throw new ShapeError(`${name} should contain ${channels} elements not ${v.numel()}`);
  }
  if (!training) return normalize(x, weight, bias, runningMean!, runningVar!, eps);
  const [y, mean, variance] = x._batchNorm(weight, bias, eps) as [Tensor, Tensor, Tensor];
  if (runningMean !== null) follow(runningMean, mean, momentum);
  if (runningVar !== null) {
    const count = x.numel() / Math.max(channels, 1);
    follow(runningVar, variance.detach().mul(count / (count - 1)), momentum); // unbiased, as PyTorch keeps it
  }
  return y;
}
