import { argumentType } from "../../core/errors.ts";
import { pythonTypeName } from "../../tensor/call-pointwise.ts";
import { batchNorm as apply, type BatchNormOptions, layerNorm as normalizeLayer } from "../../tensor/functional-ops.ts";
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

/** Options of layer normalisation. */
export interface LayerNormSettings {
  /** Of the normalised shape. */
  weight?: Tensor | null;
  /** Of the normalised shape. */
  bias?: Tensor | null;
  /** Added to the variance, so that nothing is divided by zero. */
  eps?: number;
}
/**
 * Layer normalisation: each of the last dimensions' blocks, of shape `normalizedShape`, less its mean and divided by its standard deviation (over the
 * count), then times `weight` plus `bias`, all in one kernel.
 * @throws ShapeError where the input does not end in that shape, or weight or bias have another; DTypeError where dtypes differ or are not floating.
 * @example F.layerNorm(x, [x.shape.at(-1)!], weight, bias)
 */
export const layerNorm: Functional<
  [input: Tensor, normalizedShape: readonly number[]],
  [weight: Tensor | null, bias: Tensor | null, eps: number],
  LayerNormSettings,
  Tensor
> = functional(
  "layerNorm",
  ["input", "normalizedShape", "weight", "bias", "eps"],
  2,
  1,
  (input: Tensor, normalizedShape: readonly number[], weight: Tensor | null = null, bias: Tensor | null = null, eps: number = 1e-5) => {
    if (!Array.isArray(normalizedShape))
      throw argumentType("layerNorm", "normalizedShape", 2, "tuple of ints", pythonTypeName(normalizedShape));
    return normalizeLayer(input, normalizedShape, weight, bias, eps);
  },
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
