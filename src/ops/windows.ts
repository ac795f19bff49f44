import { Layout } from "../core/layout.ts";
import type { Kernels } from "../tensor/kernels.ts";
import type { Tensor } from "./define.ts";

/** How windows lie in an input: a number for each spatial dimension, and in how many groups the channels are. */
export interface Geometry {
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
}
/** A number for every dimension. */
export function perDimension(x: number | readonly number[], n: number): number[] {
  return typeof x === "number" ? new Array<number>(n).fill(x) : x.length === 1 ? new Array<number>(n).fill(x[0]!) : [...x];
}

/** The tensor with a border of `value` around its last dimensions. */
export function padded(k: Kernels, x: Tensor, before: readonly number[], after: readonly number[], value: number): Tensor {
  const lead = x.ndim - before.length;
  if (before.every((n) => n === 0) && after.every((n) => n === 0)) return x;
  const size = x.shape.map((n, d) => (d < lead ? n : before[d - lead]! + n + after[d - lead]!));
  const whole = k.full(size, value, x.dtype, x.device);
  const { strides } = whole.layout;
  const offset = before.reduce((sum, n, d) => sum + n * strides[lead + d]!, 0);
  k.copy(x, k.view(whole, new Layout(x.shape, strides, offset)));
  return whole;
}

/** The window view of x [n, c, s...]: [n, g, c/g, k..., o...]. */
export function windows(
  k: Kernels,
  x: Tensor,
  kernel: readonly number[],
  out: readonly number[],
  stride: readonly number[],
  dilation: readonly number[],
  groups: number,
): Tensor {
  const { shape, strides, offset } = x.layout;
  const spatial = strides.slice(2);
  const channels = shape[1]! / groups;
  return k.view(
    x,
    new Layout(
      [shape[0]!, groups, channels, ...kernel, ...out],
      [
        strides[0]!,
        strides[1]! * channels,
        strides[1]!,
        ...spatial.map((s, d) => s * dilation[d]!),
        ...spatial.map((s, d) => s * stride[d]!),
      ],
      offset,
    ),
  );
}
