import { ShapeError, ValueError } from "../core/errors.ts";
import { rule, type Rule, type Tensor } from "./define.ts";

/** What normalising over a batch found. */
interface BatchNormArguments {
  weight: Tensor | null;
  bias: Tensor | null;
}
const others = (ndim: number): number[] => Array.from({ length: ndim }, (_, d) => d).filter((d) => d !== 1);
/** A vector over the channels, seen over the whole input. */
const perChannel = (v: Tensor, ndim: number): Tensor => v.reshape([1, -1, ...new Array<number>(Math.max(ndim - 2, 0)).fill(1)].slice(0, ndim));

type BatchNorm = Rule<(weight: Tensor | null, bias: Tensor | null, mean: Tensor, invstd: Tensor, training: boolean) => Tensor>;
/**
 * `(x - mean) * invstd * weight + bias` per channel. With `training`, mean and invstd are those of the batch itself and the gradient goes
 * through them. Source of the gradient: Ioffe and Szegedy 2015, section 3.
 */
export const _batchNorm: BatchNorm = rule({
  params: ["weight", "bias", "mean", "invstd", "training"], node: "NativeBatchNormBackward0",
  run: (_, x: Tensor, weight: Tensor | null, bias: Tensor | null, mean: Tensor, invstd: Tensor) => {
    const n = x.ndim;
    const scale = weight === null ? invstd : invstd.mul(weight);
    const y = x.sub(perChannel(mean, n)).mul_(perChannel(scale, n));
    return bias === null ? y : y.add_(perChannel(bias, n));
  },
  save: (_, x: Tensor, weight: Tensor | null, bias: Tensor | null, mean: Tensor, invstd: Tensor, training: boolean) => ({
    x, weight, hasBias: bias !== null, mean, invstd, training,
  }),
  grad: ({ x, weight, hasBias, mean, invstd, training }: BatchNormArguments & { x: Tensor; hasBias: boolean; mean: Tensor; invstd: Tensor; training: boolean }, [g], needs) => {
    const n = x.ndim;
    const dims = others(n);
    const toX = needs[0];
    const toWeight = weight !== null && needs[1];
    const toBias = hasBias && needs[weight === null ? 1 : 2];
    const normalized = x.sub(perChannel(mean, n)).mul(perChannel(invstd, n));
    const sum = g!.sum(dims);
    const dot = g!.mul(normalized).sum(dims);
    const scale = perChannel(weight === null ? invstd : invstd.mul(weight), n);
    const count = x.numel() / Math.max(x.shape[1]!, 1);
    const centred = training ? g!.sub(perChannel(sum.div(count), n)).sub(normalized.mul(perChannel(dot.div(count), n))) : g!;
    return [
      toX ? centred.mul(scale) : null,
      ...(weight === null ? [] : [toWeight ? dot : null]),
      ...(hasBias ? [toBias ? sum : null] : []),
      null, null,
    ];
  },
});

/** Options of batch normalisation, as PyTorch's functional form has them. */
export interface BatchNormOptions {
  weight?: Tensor | null;
  bias?: Tensor | null;
  training?: boolean;
  momentum?: number;
  eps?: number;
}

/** Normalises per channel with the batch's statistics (training) or the running ones, which training updates in place. */
export function batchNorm(x: Tensor, runningMean: Tensor | null, runningVar: Tensor | null, options: BatchNormOptions): Tensor {
  const { weight = null, bias = null, training = false, momentum = 0.1, eps = 1e-5 } = options;
  const channels = x.shape[1]!;
  if (training && x.numel() / Math.max(channels, 1) === 1) {
    throw new ValueError(`Expected more than 1 value per channel when training, got input size torch.Size([${x.shape.join(", ")}])`);
  }
  const expected: readonly (readonly [string, Tensor | null])[] = [["running_mean", runningMean], ["running_var", runningVar], ["weight", weight], ["bias", bias]];
  for (const [name, v] of expected) {
    if (v !== null && v.numel() !== channels) throw new ShapeError(`${name} should contain ${channels} elements not ${v.numel()}`);
  }
  if (!training) {
    if (runningMean === null || runningVar === null) throw new ValueError("Expected running_mean and running_var to be defined when training=False");
    return x._batchNorm(weight, bias, runningMean, runningVar.add(eps).rsqrt(), false);
  }
  const [mean, variance] = x.detach()._moments() as [Tensor, Tensor];
  if (runningMean !== null) runningMean.mul_(1 - momentum).add_(mean.to(runningMean.dtype), { alpha: momentum });
  if (runningVar !== null) {
    const count = x.numel() / channels;
    runningVar.mul_(1 - momentum).add_(variance.to(runningVar.dtype), { alpha: (momentum * count) / (count - 1) });
  }
  return x._batchNorm(weight, bias, mean, variance.add(eps).rsqrt(), true);
}
