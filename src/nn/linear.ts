import { reprBool } from "../core/print/python.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { constructorArguments, type NamedArgs } from "./arguments.ts";
import { blankParameter, type FactoryOptions, place } from "./factory.ts";
import { fans } from "./fans.ts";
import * as F from "./functional.ts";
import * as init from "./init.ts";
import { Module } from "./module.ts";
import type { Parameter } from "./parameter.ts";

export interface LinearOptions extends FactoryOptions {
  /** Whether a bias is added. */
  bias?: boolean;
}
type LinearArguments = NamedArgs<
  { inFeatures: number; outFeatures: number },
  [inFeatures: number, outFeatures: number],
  [bias: boolean],
  LinearOptions
>;

/**
 * A fully connected layer: `x @ weight.t() + bias`.
 *
 * Shape: (..., inFeatures) -> (..., outFeatures).
 * Weight and bias start uniform in (-1/sqrt(inFeatures), 1/sqrt(inFeatures)).
 *
 * @example
 * const layer = new nn.Linear(20, 30);
 * layer(torch.randn(128, 20)); // (128, 30)
 */
export class Linear extends Module {
  readonly inFeatures: number;
  readonly outFeatures: number;
  /** (outFeatures, inFeatures) */
  weight: Parameter;
  /** (outFeatures) */
  bias: Parameter | null;

  constructor(...args: LinearArguments) {
    super();
    const [inFeatures, outFeatures, bias = true, device, dtype] = constructorArguments(
      ["inFeatures", "outFeatures", "bias", "device", "dtype"],
      2,
      args,
    ) as [number, number, boolean?, FactoryOptions["device"]?, FactoryOptions["dtype"]?];
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    this.weight = blankParameter([outFeatures, inFeatures], dtype);
    this.bias = bias ? blankParameter([outFeatures], dtype) : null;
    this.resetParameters();
    place(this, device);
  }

  /** Draws weight and bias anew. */
  resetParameters(): void {
    // A slope of sqrt(5) makes the bound of Kaiming's initialisation 1 / sqrt(inFeatures).
    init.kaimingUniform_(this.weight, Math.sqrt(5));
    if (this.bias === null) return;
    const { fanIn } = fans(this.weight);
    const bound = fanIn > 0 ? 1 / Math.sqrt(fanIn) : 0;
    init.uniform_(this.bias, -bound, bound);
  }

  forward(input: Tensor): Tensor {
    return F.linear(input, this.weight, this.bias);
  }
  override extraRepr(): string {
    return `in_features=${this.inFeatures}, out_features=${this.outFeatures}, bias=${reprBool(this.bias !== null)}`;
  }
}

/** Gives back what it is given; takes, and ignores, any arguments: a placeholder. */
export class Identity extends Module {
  constructor(..._args: readonly unknown[]) {
    super();
  }
  forward(input: Tensor): Tensor {
    return input;
  }
}
