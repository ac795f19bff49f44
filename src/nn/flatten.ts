import { reprTuple } from "../core/print/python.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Args, constructorArguments, type NamedArgs } from "./arguments.ts";
import { Module } from "./module.ts";

export interface FlattenOptions {
  startDim?: number;
  endDim?: number;
}
/**
 * Dimensions `startDim` (1) to `endDim` (the last) as one.
 * @example new nn.Flatten()(torch.randn(32, 1, 5, 5)); // (32, 25)
 */
export class Flatten extends Module {
  readonly startDim: number;
  readonly endDim: number;
  constructor(...args: Args<[], [startDim: number, endDim: number], FlattenOptions>) {
    super();
    const [startDim = 1, endDim = -1] = constructorArguments(["startDim", "endDim"], 0, args) as [number?, number?];
    this.startDim = startDim;
    this.endDim = endDim;
  }
  forward(input: Tensor): Tensor {
    return input.flatten(this.startDim, this.endDim);
  }
  override extraRepr(): string {
    return `start_dim=${this.startDim}, end_dim=${this.endDim}`;
  }
}

type UnflattenArguments = NamedArgs<
  { dim: number; unflattenedSize: readonly number[] },
  [dim: number, unflattenedSize: readonly number[]],
  [],
  object
>;
/**
 * One dimension as several, of which one may be -1: whatever is left.
 * @example new nn.Unflatten(1, [2, 3])(torch.randn(4, 6)); // (4, 2, 3)
 */
export class Unflatten extends Module {
  readonly dim: number;
  readonly unflattenedSize: readonly number[];
  constructor(...args: UnflattenArguments) {
    super();
    const [dim, unflattenedSize] = constructorArguments(["dim", "unflattenedSize"], 2, args) as [number, readonly number[]];
    this.dim = dim;
    this.unflattenedSize = unflattenedSize;
  }
  forward(input: Tensor): Tensor {
    return input.unflatten(this.dim, this.unflattenedSize);
  }
  override extraRepr(): string {
    return `dim=${this.dim}, unflattened_size=${reprTuple(this.unflattenedSize)}`;
  }
}
