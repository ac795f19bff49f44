import { channelsByGroups, groupsPositive, paddingModeUnknown, paddingStrided, paddingString } from "../core/errors.ts";
import { reprTuple } from "../core/print/python.ts";
import { type convolve, perDimension } from "../tensor/functional-ops.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { constructorArguments, type NamedArgs, type Size } from "./arguments.ts";
import { blankParameter, type FactoryOptions, place } from "./factory.ts";
import { fans } from "./fans.ts";
import * as F from "./functional.ts";
import * as init from "./init.ts";
import { Module } from "./module.ts";
import type { Parameter } from "./parameter.ts";

/** What a convolution's border is filled with: zeros, or the input mirrored, stretched or repeated. */
export type ConvPaddingMode = "zeros" | "reflect" | "replicate" | "circular";
/** Places added on both sides of each dimension; `"same"` keeps the size, `"valid"` adds none. */
export type ConvPadding = Size | "same" | "valid";

export interface ConvOptions extends FactoryOptions {
  stride?: Size;
  padding?: ConvPadding;
  dilation?: Size;
  /** Input and output channels are split into this many groups that do not see each other. */
  groups?: number;
  bias?: boolean;
  paddingMode?: ConvPaddingMode;
}
type ConvArguments = NamedArgs<
  { inChannels: number; outChannels: number; kernelSize: Size },
  [inChannels: number, outChannels: number, kernelSize: Size],
  [stride: Size, padding: ConvPadding, dilation: Size, groups: number, bias: boolean, paddingMode: ConvPaddingMode],
  ConvOptions
>;
const PARAMS = [
  "inChannels",
  "outChannels",
  "kernelSize",
  "stride",
  "padding",
  "dilation",
  "groups",
  "bias",
  "paddingMode",
  "device",
  "dtype",
];

/** How many places a padding adds before and after each dimension, from the last dimension on. */
function border(padding: readonly number[] | "same" | "valid", kernel: readonly number[], dilation: readonly number[]): number[] {
  const sides = kernel.map((k, d): [number, number] => {
    if (typeof padding !== "string") return [padding[d]!, padding[d]!];
    const total = padding === "same" ? dilation[d]! * (k - 1) : 0;
    return [Math.floor(total / 2), total - Math.floor(total / 2)];
  });
  return sides.reverse().flat();
}

abstract class ConvNd extends Module {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[] | "same" | "valid";
  readonly dilation: readonly number[];
  readonly groups: number;
  readonly paddingMode: ConvPaddingMode;
  /** (outChannels, inChannels / groups, ...kernelSize) */
  weight: Parameter;
  /** (outChannels) */
  bias: Parameter | null;

  constructor(nd: number, args: readonly unknown[]) {
    super();
    const [
      inChannels,
      outChannels,
      kernelSize,
      stride = 1,
      padding = 0,
      dilation = 1,
      groups = 1,
      bias = true,
      paddingMode = "zeros",
      device,
      dtype,
    ] = constructorArguments(PARAMS, 3, args) as [
      number,
      number,
      Size,
      Size?,
      ConvPadding?,
      Size?,
      number?,
      boolean?,
      ConvPaddingMode?,
      FactoryOptions["device"]?,
      FactoryOptions["dtype"]?,
    ];
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernelSize = perDimension(kernelSize, nd);
    this.stride = perDimension(stride, nd);
    this.padding = typeof padding === "string" ? padding : perDimension(padding, nd);
    this.dilation = perDimension(dilation, nd);
    this.groups = groups;
    this.paddingMode = paddingMode;
    this.#check();
    this.weight = blankParameter([outChannels, inChannels / groups, ...this.kernelSize], dtype);
    this.bias = bias ? blankParameter([outChannels], dtype) : null;
    this.resetParameters();
    place(this, device);
  }

  #check(): void {
    if (this.groups <= 0) throw groupsPositive();
    if (this.inChannels % this.groups !== 0) throw channelsByGroups("in");
    if (this.outChannels % this.groups !== 0) throw channelsByGroups("out");
    if (typeof this.padding === "string") {
      if (this.padding !== "same" && this.padding !== "valid") throw paddingString(this.padding);
      if (this.padding === "same" && this.stride.some((s) => s !== 1)) throw paddingStrided();
    }
    if (!["zeros", "reflect", "replicate", "circular"].includes(this.paddingMode)) throw paddingModeUnknown(this.paddingMode);
  }

  /** Draws weight and bias anew. */
  resetParameters(): void {
    // A slope of sqrt(5) makes the bound of Kaiming's initialisation 1 / sqrt(fanIn).
    init.kaimingUniform_(this.weight, Math.sqrt(5));
    const { fanIn } = fans(this.weight);
    if (this.bias !== null && fanIn !== 0) init.uniform_(this.bias, -1 / Math.sqrt(fanIn), 1 / Math.sqrt(fanIn));
  }

  forward(input: Tensor): Tensor {
    const { weight, bias, stride, padding, dilation, groups, paddingMode } = this;
    const nd = this.kernelSize.length;
    if (paddingMode === "zeros") return conv(nd, input, weight, bias, { stride, padding, dilation, groups });
    const padded = F.pad(input, border(padding, this.kernelSize, dilation), paddingMode);
    const y = conv(nd, padded, weight, bias, { stride, padding: 0, dilation, groups });
    padded.dispose();
    return y;
  }

  override extraRepr(): string {
    const { padding, dilation, groups, paddingMode } = this;
    const parts = [
      `${this.inChannels}`,
      `${this.outChannels}`,
      `kernel_size=${reprTuple(this.kernelSize)}`,
      `stride=${reprTuple(this.stride)}`,
    ];
    if (typeof padding === "string") parts.push(`padding=${padding}`);
    else if (padding.some((n) => n !== 0)) parts.push(`padding=${reprTuple(padding)}`);
    if (dilation.some((n) => n !== 1)) parts.push(`dilation=${reprTuple(dilation)}`);
    if (groups !== 1) parts.push(`groups=${groups}`);
    if (this.bias === null) parts.push("bias=False");
    if (paddingMode !== "zeros") parts.push(`padding_mode=${paddingMode}`);
    return parts.join(", ");
  }
}

const conv = (nd: number, x: Tensor, weight: Tensor, bias: Tensor | null, options: Parameters<typeof convolve>[4]): Tensor =>
  [F.conv1d, F.conv2d, F.conv3d][nd - 1]!(x, weight, bias, options as F.ConvOptions);

/**
 * Convolution over one dimension.
 *
 * Shape: (n, inChannels, l) or (inChannels, l) -> (n, outChannels, l') or (outChannels, l'), with
 * l' = floor((l + 2 padding - dilation (kernelSize - 1) - 1) / stride) + 1.
 *
 * @example
 * const layer = new nn.Conv1d(16, 33, 3, { stride: 2 });
 * layer(torch.randn(20, 16, 50)); // (20, 33, 24)
 */
export class Conv1d extends ConvNd {
  constructor(...args: ConvArguments) {
    super(1, args);
  }
}
/**
 * Convolution over two dimensions.
 *
 * Shape: (n, inChannels, h, w) or (inChannels, h, w) -> (n, outChannels, h', w') or (outChannels, h', w'); each size as for `Conv1d`.
 *
 * @example
 * const layer = new nn.Conv2d(1, 8, 5, { padding: 2 });
 * layer(torch.randn(20, 1, 28, 28)); // (20, 8, 28, 28)
 */
export class Conv2d extends ConvNd {
  constructor(...args: ConvArguments) {
    super(2, args);
  }
}
/**
 * Convolution over three dimensions.
 *
 * Shape: (n, inChannels, d, h, w) or (inChannels, d, h, w) -> (n, outChannels, d', h', w') or (outChannels, d', h', w'); each size as for `Conv1d`.
 */
export class Conv3d extends ConvNd {
  constructor(...args: ConvArguments) {
    super(3, args);
  }
}
