import { batchNorm as apply, type BatchNormOptions } from "../../tensor/functional-ops.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type Functional, functional } from "./define.ts";

/**
 * Batch normalisation of `input` (n, c, ...): each channel less its mean and divided by its standard deviation, then times `weight` plus `bias`
 * (all of size c). With `training` these are the batch's own, and the running ones are updated in place; otherwise the running ones.
 */
export const batchNorm: Functional<
  [input: Tensor, runningMean: Tensor | null, runningVar: Tensor | null],
  [weight: Tensor | null, bias: Tensor | null, training: boolean, momentum: number | Tensor, eps: number],
  BatchNormOptions,
  Tensor
> = functional(
  "batchNorm",
  ["input", "runningMean", "runningVar", "weight", "bias", "training", "momentum", "eps"],
  1,
  1,
  (
    input: Tensor,
    runningMean: Tensor | null = null,
    runningVar: Tensor | null = null,
    weight: Tensor | null = null,
    bias: Tensor | null = null,
    training: boolean = false,
    momentum: number | Tensor = 0.1,
    eps: number = 1e-5,
  ) => apply(input, runningMean, runningVar, { weight, bias, training, momentum, eps }),
);

/**
 * `input` divided by its p-norm along a dimension, or by `eps` where that is smaller.
 * @example F.normalize(x, { dim: 1 })
 */
export const normalize: Functional<
  [input: Tensor],
  [p: number, dim: number, eps: number],
  { p?: number; dim?: number; eps?: number },
  Tensor
> = functional("normalize", ["input", "p", "dim", "eps"], 1, 1, (input: Tensor, p: number = 2, dim: number = 1, eps: number = 1e-12) =>
  input.div(input._vectorNorm(p, dim, true).clampMin(eps).expand(input.shape)),
);
