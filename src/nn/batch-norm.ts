import { int64 } from "../core/dtype.ts";
import { normRank } from "../core/errors.ts";
import { reprBool, reprFloat } from "../core/print/python.ts";
import { tensor } from "../tensor/creation.ts";
import { ownedBy } from "../tensor/scratch.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { constructorArguments, type NamedArgs } from "./arguments.ts";
import { blank, blankParameter, type FactoryOptions, place } from "./factory.ts";
import * as F from "./functional.ts";
import * as init from "./init.ts";
import { Module } from "./module.ts";
import type { Parameter } from "./parameter.ts";

export interface BatchNormOptions extends FactoryOptions {
  /** Added to the variance, so that nothing is divided by zero. */
  eps?: number;
  /** The weight of each new batch in the running statistics; null: all batches so far count the same. */
  momentum?: number | null;
  /** Whether the result is scaled and shifted by trained parameters. */
  affine?: boolean;
  /** Whether running statistics are kept; without, the batch's own are used in evaluation too. */
  trackRunningStats?: boolean;
}
type BatchNormArguments = NamedArgs<
  { numFeatures: number },
  [numFeatures: number],
  [eps: number, momentum: number | null, affine: boolean, trackRunningStats: boolean],
  BatchNormOptions
>;
const PARAMS = ["numFeatures", "eps", "momentum", "affine", "trackRunningStats", "device", "dtype"];
/** PyTorch's names of the buffers. */
const STATE_NAMES: Readonly<Record<string, string>> = {
  runningMean: "running_mean",
  runningVar: "running_var",
  numBatchesTracked: "num_batches_tracked",
};

abstract class BatchNormNd extends Module {
  readonly numFeatures: number;
  readonly eps: number;
  readonly momentum: number | null;
  readonly affine: boolean;
  readonly trackRunningStats: boolean;
  /** (numFeatures) */
  weight: Parameter | null;
  /** (numFeatures) */
  bias: Parameter | null;
  declare runningMean: Tensor | null;
  declare runningVar: Tensor | null;
  declare numBatchesTracked: Tensor | null;

  constructor(...args: BatchNormArguments) {
    super();
    const [numFeatures, eps = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true, device, dtype] = constructorArguments(
      PARAMS,
      1,
      args,
    ) as [number, number?, (number | null)?, boolean?, boolean?, FactoryOptions["device"]?, FactoryOptions["dtype"]?];
    this.numFeatures = numFeatures;
    this.eps = eps;
    this.momentum = momentum;
    this.affine = affine;
    this.trackRunningStats = trackRunningStats;
    this.weight = affine ? blankParameter([numFeatures], dtype) : null;
    this.bias = affine ? blankParameter([numFeatures], dtype) : null;
    this.registerBuffer("runningMean", trackRunningStats ? blank([numFeatures], dtype) : null);
    this.registerBuffer("runningVar", trackRunningStats ? blank([numFeatures], dtype) : null);
    this.registerBuffer("numBatchesTracked", trackRunningStats ? tensor(0n, { device: "cpu" }) : null);
    this.resetParameters();
    place(this, device);
  }

  /** Forgets the running statistics: means 0, variances 1. */
  resetRunningStats(): void {
    this.runningMean?.zero_();
    this.runningVar?.fill_(1);
    this.numBatchesTracked?.zero_();
  }
  /** Forgets the running statistics and sets weight to 1 and bias to 0. */
  resetParameters(): void {
    this.resetRunningStats();
    if (this.weight !== null) init.ones_(this.weight);
    if (this.bias !== null) init.zeros_(this.bias);
  }

  /** The number of dimensions of inputs, in PyTorch's words. */
  protected abstract readonly ranks: { readonly allowed: readonly number[]; readonly text: string };

  forward(input: Tensor): Tensor {
    if (!this.ranks.allowed.includes(input.ndim)) throw normRank(this.ranks.text, input.ndim);
    const { runningMean, runningVar, numBatchesTracked, weight, bias, training, eps } = this;
    const batch = training || (runningMean === null && runningVar === null);
    const kept = !training || this.trackRunningStats;
    if (!training || numBatchesTracked === null) {
      return F.batchNorm(input, kept ? runningMean : null, kept ? runningVar : null, weight, bias, batch, this.momentum ?? 0, eps);
    }
    numBatchesTracked.add_(1);
    return ownedBy(
      () =>
        F.batchNorm(
          input,
          runningMean,
          runningVar,
          weight,
          bias,
          batch,
          this.momentum ?? numBatchesTracked.to(runningMean!.dtype).reciprocal(),
          eps,
        ),
      (y) => [y],
    );
  }

  protected override stateName(field: string): string {
    return STATE_NAMES[field] ?? field;
  }
  /** Files from before PyTorch 0.4.1 do not count batches. */
  protected override completeState(state: Map<string, unknown>, prefix: string): void {
    const key = `${prefix}num_batches_tracked`;
    if (this.trackRunningStats && !state.has(key))
      state.set(key, tensor(0, { dtype: int64, device: this.numBatchesTracked?.device ?? null }));
  }
  override extraRepr(): string {
    const momentum = this.momentum === null ? "None" : reprFloat(this.momentum);
    return `${this.numFeatures}, eps=${reprFloat(this.eps)}, momentum=${momentum}, affine=${reprBool(this.affine)}, track_running_stats=${reprBool(this.trackRunningStats)}`;
  }
}

/**
 * Batch normalisation of vectors or sequences: each channel less its mean and divided by its standard deviation over the batch (in evaluation: by
 * the running ones), then scaled and shifted. Source: Ioffe and Szegedy 2015.
 *
 * Shape: (n, numFeatures) or (n, numFeatures, l), unchanged.
 */
export class BatchNorm1d extends BatchNormNd {
  protected get ranks(): { allowed: readonly number[]; text: string } {
    return { allowed: [2, 3], text: "2D or 3D" };
  }
}
/**
 * Batch normalisation of images; see `BatchNorm1d`.
 *
 * Shape: (n, numFeatures, h, w), unchanged.
 */
export class BatchNorm2d extends BatchNormNd {
  protected get ranks(): { allowed: readonly number[]; text: string } {
    return { allowed: [4], text: "4D" };
  }
}
/**
 * Batch normalisation of volumes; see `BatchNorm1d`.
 *
 * Shape: (n, numFeatures, d, h, w), unchanged.
 */
export class BatchNorm3d extends BatchNormNd {
  protected get ranks(): { allowed: readonly number[]; text: string } {
    return { allowed: [5], text: "5D" };
  }
}
