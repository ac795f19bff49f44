import { isGradEnabled } from "../../autograd/modes.ts";
import { maxPool, type PoolOptions } from "../../tensor/functional-ops.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Size } from "../arguments.ts";
import { functional } from "./define.ts";

/** What max pooling takes beside input and window. */
export interface MaxPoolOptions extends PoolOptions {
  /** Gives the positions of the maxima as well. */
  returnIndices?: boolean;
}
/** The maxima, and where in each image (flattened) they stand. */
export type ValuesAndIndices = readonly [values: Tensor, indices: Tensor];

interface MaxPool {
  (input: Tensor, kernelSize: Size, options: MaxPoolOptions & { returnIndices: true }): ValuesAndIndices;
  (
    input: Tensor,
    kernelSize: Size,
    stride: Size | null,
    padding: Size,
    dilation: Size,
    ceilMode: boolean,
    returnIndices: true,
  ): ValuesAndIndices;
  (input: Tensor, kernelSize: Size, stride: Size | null, options: MaxPoolOptions & { returnIndices?: false }): Tensor;
  (
    input: Tensor,
    kernelSize: Size,
    stride?: Size | null,
    padding?: Size,
    dilation?: Size,
    ceilMode?: boolean,
    returnIndices?: false,
  ): Tensor;
  (input: Tensor, kernelSize: Size, options?: MaxPoolOptions & { returnIndices?: false }): Tensor;
  (input: Tensor, options: MaxPoolOptions & { kernelSize: Size; returnIndices?: false }): Tensor;
}

/* @__NO_SIDE_EFFECTS__ */
const pool = (nd: number): MaxPool =>
  functional(
    `maxPool${nd}d`,
    ["input", "kernelSize", "stride", "padding", "dilation", "ceilMode", "returnIndices"],
    2,
    1,
    (
      input: Tensor,
      kernelSize: Size,
      stride: Size | null = null,
      padding: Size = 0,
      dilation: Size = 1,
      ceilMode: boolean = false,
      returnIndices: boolean = false,
    ) => {
      const indexed = returnIndices || (isGradEnabled() && input.requiresGrad);
      const [values, indices] = maxPool(nd, input, kernelSize, { stride, padding, dilation, ceilMode }, indexed);
      return returnIndices ? [values, indices] : values;
    },
  );

/** The greatest element of every window of `input` (n, c, l) or (c, l). `stride` is the size of the window where it is left out. */
export const maxPool1d: MaxPool = pool(1);
/** The greatest element of every window of `input` (n, c, h, w) or (c, h, w). `stride` is the size of the window where it is left out. */
export const maxPool2d: MaxPool = pool(2);
/** The greatest element of every window of `input` (n, c, d, h, w) or (c, d, h, w). `stride` is the size of the window where it is left out. */
export const maxPool3d: MaxPool = pool(3);
