import type { Tensor } from "../tensor/tensor.ts";
import { type Args, constructorArguments } from "./arguments.ts";
import { reductionOf } from "./functional/loss.ts";
import * as F from "./functional.ts";
import { Module } from "./module.ts";

type PairLossArguments = Args<[], [sizeAverage: boolean | null, reduce: boolean | null, reduction: F.Reduction], F.LossOptions>;

function reductionFrom(args: readonly unknown[]): F.Reduction {
  const [sizeAverage, reduce, reduction = "mean"] = constructorArguments(["sizeAverage", "reduce", "reduction"], 0, args) as [
    boolean?,
    boolean?,
    F.Reduction?,
  ];
  return reductionOf(reduction, sizeAverage, reduce);
}

/**
 * The mean of the squared differences of input and target (`reduction: "sum"`: their sum; `"none"`: each of them).
 * @example new nn.MSELoss()(model(x), y).backward();
 */
export class MSELoss extends Module {
  readonly reduction: F.Reduction;
  constructor(...args: PairLossArguments) {
    super();
    this.reduction = reductionFrom(args);
  }
  forward(input: Tensor, target: Tensor): Tensor {
    return F.mseLoss(input, target, { reduction: this.reduction });
  }
}
/** The mean of the absolute differences of input and target (`reduction: "sum"`: their sum; `"none"`: each of them). */
export class L1Loss extends Module {
  readonly reduction: F.Reduction;
  constructor(...args: PairLossArguments) {
    super();
    this.reduction = reductionFrom(args);
  }
  forward(input: Tensor, target: Tensor): Tensor {
    return F.l1Loss(input, target, { reduction: this.reduction });
  }
}

type NllArguments = Args<
  [],
  [weight: Tensor | null, sizeAverage: boolean | null, ignoreIndex: number, reduce: boolean | null, reduction: F.Reduction],
  F.NllLossOptions
>;
/**
 * The negative log likelihood of classes under log-probabilities, as `LogSoftmax` gives them.
 *
 * Shape: input (c), (n, c) or (n, c, ...), target the same without c, int64.
 */
export class NLLLoss extends Module {
  readonly ignoreIndex: number;
  readonly reduction: F.Reduction;
  /** (c): how much each class counts. */
  declare weight: Tensor | null;
  constructor(...args: NllArguments) {
    super();
    const [weight = null, sizeAverage, ignoreIndex = -100, reduce, reduction = "mean"] = constructorArguments(
      ["weight", "sizeAverage", "ignoreIndex", "reduce", "reduction"],
      0,
      args,
    ) as [(Tensor | null)?, boolean?, number?, boolean?, F.Reduction?];
    this.registerBuffer("weight", weight);
    this.ignoreIndex = ignoreIndex;
    this.reduction = reductionOf(reduction, sizeAverage, reduce);
  }
  forward(input: Tensor, target: Tensor): Tensor {
    const { weight, ignoreIndex, reduction } = this;
    return F.nllLoss(input, target, { weight, ignoreIndex, reduction });
  }
}

type CrossEntropyArguments = Args<
  [],
  [
    weight: Tensor | null,
    sizeAverage: boolean | null,
    ignoreIndex: number,
    reduce: boolean | null,
    reduction: F.Reduction,
    labelSmoothing: number,
  ],
  F.CrossEntropyOptions
>;
/**
 * The cross entropy of scores against classes or against probabilities of classes.
 *
 * Shape: input (c), (n, c) or (n, c, ...); target the same without c, int64, or the same shape, floating-point.
 *
 * @example
 * const lossFunction = new nn.CrossEntropyLoss();
 * lossFunction(model(images), labels).backward();
 */
export class CrossEntropyLoss extends Module {
  readonly ignoreIndex: number;
  readonly reduction: F.Reduction;
  readonly labelSmoothing: number;
  /** (c): how much each class counts. */
  declare weight: Tensor | null;
  constructor(...args: CrossEntropyArguments) {
    super();
    const [weight = null, sizeAverage, ignoreIndex = -100, reduce, reduction = "mean", labelSmoothing = 0] = constructorArguments(
      ["weight", "sizeAverage", "ignoreIndex", "reduce", "reduction", "labelSmoothing"],
      0,
      args,
    ) as [(Tensor | null)?, boolean?, number?, boolean?, F.Reduction?, number?];
    this.registerBuffer("weight", weight);
    this.ignoreIndex = ignoreIndex;
    this.reduction = reductionOf(reduction, sizeAverage, reduce);
    this.labelSmoothing = labelSmoothing;
  }
  forward(input: Tensor, target: Tensor): Tensor {
    const { weight, ignoreIndex, reduction, labelSmoothing } = this;
    return F.crossEntropy(input, target, { weight, ignoreIndex, reduction, labelSmoothing });
  }
}

type LogitsArguments = Args<
  [],
  [weight: Tensor | null, sizeAverage: boolean | null, reduce: boolean | null, reduction: F.Reduction, posWeight: Tensor | null],
  F.LogitsOptions
>;
/** The binary cross entropy of `sigmoid(input)` against probabilities of the same shape. */
export class BCEWithLogitsLoss extends Module {
  readonly reduction: F.Reduction;
  declare weight: Tensor | null;
  declare posWeight: Tensor | null;
  constructor(...args: LogitsArguments) {
    super();
    const [weight = null, sizeAverage, reduce, reduction = "mean", posWeight = null] = constructorArguments(
      ["weight", "sizeAverage", "reduce", "reduction", "posWeight"],
      0,
      args,
    ) as [(Tensor | null)?, boolean?, boolean?, F.Reduction?, (Tensor | null)?];
    this.registerBuffer("weight", weight);
    this.registerBuffer("posWeight", posWeight);
    this.reduction = reductionOf(reduction, sizeAverage, reduce);
  }
  protected override stateName(field: string): string {
    return field === "posWeight" ? "pos_weight" : field;
  }
  forward(input: Tensor, target: Tensor): Tensor {
    const { weight, posWeight, reduction } = this;
    return F.binaryCrossEntropyWithLogits(input, target, { weight, posWeight, reduction });
  }
}
