import { reprBool, reprFloat } from "../core/print/python.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { constructorArguments, type NamedArgs } from "./arguments.ts";
import { blankParameter, type FactoryOptions, place } from "./factory.ts";
import * as F from "./functional.ts";
import * as init from "./init.ts";
import { Module } from "./module.ts";
import type { Parameter } from "./parameter.ts";

export interface LayerNormOptions extends FactoryOptions {
  /** Added to the variance, so that nothing is divided by zero. */
  eps?: number;
  /** Whether the result is scaled and shifted by trained parameters, one for each element. */
  elementwiseAffine?: boolean;
}
type LayerNormArguments = NamedArgs<
  { normalizedShape: number | readonly number[] },
  [normalizedShape: number | readonly number[]],
  [eps: number, elementwiseAffine: boolean],
  LayerNormOptions
>;
const PARAMS = ["normalizedShape", "eps", "elementwiseAffine", "device", "dtype"];

/**
 * Each block of the last dimensions, which are `normalizedShape`, less its mean and divided by its standard deviation, then times `weight` plus `bias`.
 * (..., normalizedShape) to the same shape; no running statistics, the same in training and evaluation.
 * @example new nn.LayerNorm(768)
 */
export class LayerNorm extends Module {
  readonly normalizedShape: readonly number[];
  readonly eps: number;
  readonly elementwiseAffine: boolean;
  /** (normalizedShape) */
  weight: Parameter | null;
  /** (normalizedShape) */
  bias: Parameter | null;

  constructor(...args: LayerNormArguments) {
    super();
    const [shape, eps = 1e-5, elementwiseAffine = true, device, dtype] = constructorArguments(PARAMS, 1, args) as [
      number | readonly number[],
      number?,
      boolean?,
      FactoryOptions["device"]?,
      FactoryOptions["dtype"]?,
    ];
    this.normalizedShape = typeof shape === "number" ? [shape] : [...shape];
    this.eps = eps;
    this.elementwiseAffine = elementwiseAffine;
    this.weight = elementwiseAffine ? blankParameter(this.normalizedShape, dtype) : null;
    this.bias = elementwiseAffine ? blankParameter(this.normalizedShape, dtype) : null;
    this.resetParameters();
    place(this, device);
  }

  /** Sets weight to 1 and bias to 0. */
  resetParameters(): void {
    if (this.weight !== null) init.ones_(this.weight);
    if (this.bias !== null) init.zeros_(this.bias);
  }

  forward(input: Tensor): Tensor {
    return F.layerNorm(input, this.normalizedShape, this.weight, this.bias, this.eps);
  }

  override extraRepr(): string {
    const shape = this.normalizedShape.length === 1 ? `(${this.normalizedShape[0]},)` : `(${this.normalizedShape.join(", ")})`;
    return `${shape}, eps=${reprFloat(this.eps)}, elementwise_affine=${reprBool(this.elementwiseAffine)}`;
  }
}
