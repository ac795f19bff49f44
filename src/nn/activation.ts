import { reprFloat, reprNumber } from "../core/print/python.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Args, constructorArguments } from "./arguments.ts";
import * as F from "./functional.ts";
import { Module } from "./module.ts";

export interface ActivationOptions {
  /** Writes the result over the input. */
  inplace?: boolean;
}
type ActivationArguments = Args<[], [inplace: boolean], ActivationOptions>;
const inplaceOf = (args: readonly unknown[]): boolean => (constructorArguments(["inplace"], 0, args)[0] as boolean | undefined) ?? false;

/** `max(x, 0)`. Any shape. */
export class ReLU extends Module {
  readonly inplace: boolean;
  constructor(...args: ActivationArguments) {
    super();
    this.inplace = inplaceOf(args);
  }
  forward(input: Tensor): Tensor {
    return F.relu(input, this.inplace);
  }
  override extraRepr(): string {
    return this.inplace ? "inplace=True" : "";
  }
}

/** `x * sigmoid(x)`, also called swish. Any shape. */
export class SiLU extends Module {
  readonly inplace: boolean;
  constructor(...args: ActivationArguments) {
    super();
    this.inplace = inplaceOf(args);
  }
  forward(input: Tensor): Tensor {
    return F.silu(input, this.inplace);
  }
  override extraRepr(): string {
    return this.inplace ? "inplace=True" : "";
  }
}

export interface GELUOptions {
  approximate?: F.GeluApproximation;
}
/** `x` times the probability that a standard normal number is at most x. Any shape. */
export class GELU extends Module {
  readonly approximate: F.GeluApproximation;
  constructor(...args: Args<[], [approximate: F.GeluApproximation], GELUOptions>) {
    super();
    const [approximate = "none"] = constructorArguments(["approximate"], 0, args) as [F.GeluApproximation?];
    this.approximate = approximate;
  }
  forward(input: Tensor): Tensor {
    return F.gelu(input, this.approximate);
  }
  override extraRepr(): string {
    return `approximate='${this.approximate}'`;
  }
}

export interface LeakyReLUOptions extends ActivationOptions {
  /** The slope where x is negative. */
  negativeSlope?: number;
}
/** `x` where positive, else `negativeSlope * x`. Any shape. */
export class LeakyReLU extends Module {
  readonly negativeSlope: number;
  readonly inplace: boolean;
  constructor(...args: Args<[], [negativeSlope: number, inplace: boolean], LeakyReLUOptions>) {
    super();
    const [negativeSlope = 0.01, inplace = false] = constructorArguments(["negativeSlope", "inplace"], 0, args) as [number?, boolean?];
    this.negativeSlope = negativeSlope;
    this.inplace = inplace;
  }
  forward(input: Tensor): Tensor {
    return F.leakyRelu(input, this.negativeSlope, this.inplace);
  }
  override extraRepr(): string {
    return `negative_slope=${reprFloat(this.negativeSlope)}${this.inplace ? ", inplace=True" : ""}`;
  }
}

/** `1 / (1 + exp(-x))`. Any shape. */
export class Sigmoid extends Module {
  forward(input: Tensor): Tensor {
    return F.sigmoid(input);
  }
}
/** The hyperbolic tangent. Any shape. */
export class Tanh extends Module {
  forward(input: Tensor): Tensor {
    return F.tanh(input);
  }
}

export interface SoftmaxOptions {
  /** The dimension along which the results add up to one. */
  dim?: number | null;
}
type SoftmaxArguments = Args<[], [dim: number | null], SoftmaxOptions>;
const dimOf = (args: readonly unknown[]): number | null => (constructorArguments(["dim"], 0, args)[0] as number | null | undefined) ?? null;
const reprDim = (dim: number | null): string => `dim=${dim === null ? "None" : reprNumber(dim)}`;

/** `exp(x)` divided by its sum along `dim`. Any shape. */
export class Softmax extends Module {
  readonly dim: number | null;
  constructor(...args: SoftmaxArguments) {
    super();
    this.dim = dimOf(args);
  }
  forward(input: Tensor): Tensor {
    return F.softmax(input, this.dim);
  }
  override extraRepr(): string {
    return reprDim(this.dim);
  }
}
/** The logarithm of the softmax along `dim`. Any shape. */
export class LogSoftmax extends Module {
  readonly dim: number | null;
  constructor(...args: SoftmaxArguments) {
    super();
    this.dim = dimOf(args);
  }
  forward(input: Tensor): Tensor {
    return F.logSoftmax(input, this.dim);
  }
  override extraRepr(): string {
    return reprDim(this.dim);
  }
}
