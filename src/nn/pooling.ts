import { reprBool, reprValue } from "../core/print/python.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { constructorArguments, type NamedArgs, type Size } from "./arguments.ts";
import * as F from "./functional.ts";
import { Module } from "./module.ts";

export interface MaxPoolOptions<Indices extends boolean = boolean> {
  /** The size of the window where it is left out. */
  stride?: Size | null;
  /** Places of minus infinity added on both sides. */
  padding?: Size;
  dilation?: Size;
  /** Gives the positions of the maxima as well. */
  returnIndices?: Indices;
  /** Rounds the size of the result up. */
  ceilMode?: boolean;
}
type MaxPoolArguments = NamedArgs<
  { kernelSize: Size },
  [kernelSize: Size],
  [stride: Size | null, padding: Size, dilation: Size, returnIndices: false, ceilMode: boolean],
  MaxPoolOptions<false>
>;
/** With `returnIndices` the maxima and their positions, else the maxima. */
type Pooled<Indices extends boolean> = Indices extends true ? F.ValuesAndIndices : Tensor;

abstract class MaxPoolNd<Indices extends boolean> extends Module {
  readonly kernelSize: Size;
  readonly stride: Size;
  readonly padding: Size;
  readonly dilation: Size;
  readonly returnIndices: boolean;
  readonly ceilMode: boolean;

  constructor(args: readonly unknown[]) {
    super();
    const [kernelSize, stride, padding = 0, dilation = 1, returnIndices = false, ceilMode = false] = constructorArguments(
      ["kernelSize", "stride", "padding", "dilation", "returnIndices", "ceilMode"],
      1,
      args,
    ) as [Size, (Size | null)?, Size?, Size?, boolean?, boolean?];
    this.kernelSize = kernelSize;
    this.stride = stride ?? kernelSize;
    this.padding = padding;
    this.dilation = dilation;
    this.returnIndices = returnIndices;
    this.ceilMode = ceilMode;
  }
  protected pooled(pool: typeof F.maxPool2d, input: Tensor): Pooled<Indices> {
    const { kernelSize, stride, padding, dilation, ceilMode, returnIndices } = this;
    return pool(input, kernelSize, stride, padding, dilation, ceilMode, returnIndices as true) as Pooled<Indices>;
  }
  override extraRepr(): string {
    const { kernelSize, stride, padding, dilation, ceilMode } = this;
    const sizes = Object.entries({ kernel_size: kernelSize, stride, padding, dilation }).map(
      ([name, size]) => `${name}=${reprValue(size)}`,
    );
    return [...sizes, `ceil_mode=${reprBool(ceilMode)}`].join(", ");
  }
}

/**
 * The greatest element of every window.
 *
 * Shape: (n, c, l) or (c, l) -> (n, c, l') or (c, l'), with l' = floor((l + 2 padding - dilation (kernelSize - 1) - 1) / stride) + 1.
 */
export class MaxPool1d<Indices extends boolean = false> extends MaxPoolNd<Indices> {
  constructor(kernelSize: Size, options: MaxPoolOptions<Indices> & { returnIndices: Indices });
  constructor(...args: MaxPoolArguments);
  constructor(...args: readonly unknown[]) {
    super(args);
  }
  forward(input: Tensor): Pooled<Indices> {
    return this.pooled(F.maxPool1d, input);
  }
}
/**
 * The greatest element of every window.
 *
 * Shape: (n, c, h, w) or (c, h, w) -> (n, c, h', w') or (c, h', w'); each size as for `MaxPool1d`.
 *
 * @example
 * new nn.MaxPool2d(2)(torch.randn(20, 16, 50, 32)); // (20, 16, 25, 16)
 */
export class MaxPool2d<Indices extends boolean = false> extends MaxPoolNd<Indices> {
  constructor(kernelSize: Size, options: MaxPoolOptions<Indices> & { returnIndices: Indices });
  constructor(...args: MaxPoolArguments);
  constructor(...args: readonly unknown[]) {
    super(args);
  }
  forward(input: Tensor): Pooled<Indices> {
    return this.pooled(F.maxPool2d, input);
  }
}
/**
 * The greatest element of every window.
 *
 * Shape: (n, c, d, h, w) or (c, d, h, w) -> (n, c, d', h', w') or (c, d', h', w'); each size as for `MaxPool1d`.
 */
export class MaxPool3d<Indices extends boolean = false> extends MaxPoolNd<Indices> {
  constructor(kernelSize: Size, options: MaxPoolOptions<Indices> & { returnIndices: Indices });
  constructor(...args: MaxPoolArguments);
  constructor(...args: readonly unknown[]) {
    super(args);
  }
  forward(input: Tensor): Pooled<Indices> {
    return this.pooled(F.maxPool3d, input);
  }
}
