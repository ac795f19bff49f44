import { type ConvolutionOptions, convolve } from "../../tensor/functional-ops.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Size } from "../arguments.ts";
import { type Functional, functional } from "./define.ts";

/** What `conv1d` and its kin take beside input and weight. */
export interface ConvOptions extends ConvolutionOptions {
  bias?: Tensor | null;
}
type Conv = Functional<
  [input: Tensor, weight: Tensor],
  [bias: Tensor | null, stride: Size, padding: Size | "same" | "valid", dilation: Size, groups: number],
  ConvOptions,
  Tensor
>;
type Sizes = NonNullable<ConvolutionOptions["padding"]>;

/* @__NO_SIDE_EFFECTS__ */
const conv = (nd: number): Conv =>
  functional(
    `conv${nd}d`,
    ["input", "weight", "bias", "stride", "padding", "dilation", "groups"],
    2,
    2,
    (
      input: Tensor,
      weight: Tensor,
      bias: Tensor | null = null,
      stride: Size = 1,
      padding: Sizes = 0,
      dilation: Size = 1,
      groups: number = 1,
    ) => convolve(nd, input, weight, bias, { stride, padding, dilation, groups }),
  );

/**
 * Convolution over one dimension: `input` (n, c, l) or (c, l) with `weight` (out, c / groups, k) and `bias` (out). `padding` is a border of zeros on
 * both sides; `"same"` keeps the length.
 */
export const conv1d: Conv = conv(1);
/** Convolution over two dimensions: `input` (n, c, h, w) or (c, h, w) with `weight` (out, c / groups, kh, kw) and `bias` (out). */
export const conv2d: Conv = conv(2);
/** Convolution over three dimensions: `input` (n, c, d, h, w) or (c, d, h, w) with `weight` (out, c / groups, kd, kh, kw) and `bias` (out). */
export const conv3d: Conv = conv(3);
