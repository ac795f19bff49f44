import { dropoutProbability } from "../core/errors.ts";
import { reprBool, reprFloat } from "../core/print/python.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Args, constructorArguments } from "./arguments.ts";
import * as F from "./functional.ts";
import { Module } from "./module.ts";

export interface DropoutOptions {
  /** The probability that an element (or channel) becomes zero. */
  p?: number;
  /** Writes the result over the input. */
  inplace?: boolean;
}
type DropoutArguments = Args<[], [p: number, inplace: boolean], DropoutOptions>;

abstract class DropoutNd extends Module {
  readonly p: number;
  readonly inplace: boolean;
  constructor(...args: DropoutArguments) {
    super();
    const [p = 0.5, inplace = false] = constructorArguments(["p", "inplace"], 0, args) as [number?, boolean?];
    if (!(p >= 0 && p <= 1)) throw dropoutProbability(p);
    this.p = p;
    this.inplace = inplace;
  }
  override extraRepr(): string {
    return `p=${reprFloat(this.p)}, inplace=${reprBool(this.inplace)}`;
  }
}

/**
 * In training, zeroes each element with probability `p` and divides the others by 1 - p; otherwise gives its input. Any shape.
 * Source: Hinton et al. 2012.
 */
export class Dropout extends DropoutNd {
  forward(input: Tensor): Tensor {
    return F.dropout(input, this.p, this.training, this.inplace);
  }
}
/** In training, zeroes whole channels. Shape: (n, c, l) or (c, l). */
export class Dropout1d extends DropoutNd {
  forward(input: Tensor): Tensor {
    return F.dropout1d(input, this.p, this.training, this.inplace);
  }
}
/** In training, zeroes whole channels. Shape: (n, c, h, w) or (n, c, l). */
export class Dropout2d extends DropoutNd {
  forward(input: Tensor): Tensor {
    return F.dropout2d(input, this.p, this.training, this.inplace);
  }
}
/** In training, zeroes whole channels. Shape: (n, c, d, h, w) or (c, d, h, w). */
export class Dropout3d extends DropoutNd {
  forward(input: Tensor): Tensor {
    return F.dropout3d(input, this.p, this.training, this.inplace);
  }
}
