import type { DType } from "../core/dtype.ts";
import { notForDtype } from "../core/errors.ts";
import * as e from "../kernel/expr.ts";
import { type MapLoop, mapLoop, type Rule, rule, type Tensor } from "./define.ts";
import { dimIndex } from "./dimension.ts";

export interface SoftmaxOptions {
  dim?: number;
  dtype?: DType | null;
}
type Softmax = Rule<(dim: number, dtype?: DType | null | SoftmaxOptions) => Tensor>;

function prepared(name: string, x: Tensor, dim: number, dtype: DType | null | undefined): { x: Tensor; dim: number } {
  const d = dimIndex(dim, x.ndim);
  const input = (dtype == null ? x : x.to(dtype)).contiguous();
  if (!input.dtype.isFloatingPoint)
    throw notForDtype(`${name}${d === Math.max(x.ndim - 1, 0) ? "_lastdim_kernel_impl" : "_kernel_impl"}`, input.dtype.scalarName);
  return { x: input, dim: d };
}
const reduced = (x: Tensor, dim: number): number[] => (x.ndim === 0 ? [] : [dim]);
/** The greatest of each row, so that no exponential overflows. An infinite maximum counts as 0: the row's differences would be NaN. */
const peak = (x: Tensor, dim: number): Tensor => x.amax(reduced(x, dim), true);
const expLoop: MapLoop = mapLoop(([x, greatest]) => e.exp(e.sub(x!, greatest!)));

/** `exp(x) / sum(exp(x))` along a dimension. */
export const softmax: Softmax = rule({
  params: ["dim", "dtype"],
  run: (k, input: Tensor, dimension: number, dtype?: DType | null) => {
    const { x, dim } = prepared("softmax", input, dimension, dtype);
    if (x.numel() === 0) return x.clone();
    const y = k.map(expLoop, [x, peak(x, dim)], x.dtype);
    return y.div_(y.sum(reduced(x, dim), true));
  },
  save: ([y], x: Tensor, dim: number) => ({ y, dim: dimIndex(dim, x.ndim) }),
  grad: ({ y, dim }: { y: Tensor; dim: number }, [g]) => {
    const gy = g!.mul(y);
    return [gy.sub(y.mul(gy.sum(reduced(y, dim), true)))];
  },
});

/** `log(softmax(x))` along a dimension, without the loss of digits. */
export const logSoftmax: Softmax = rule({
  params: ["dim", "dtype"],
  run: (_, input: Tensor, dimension: number, dtype?: DType | null) => {
    const { x, dim } = prepared("log_softmax", input, dimension, dtype);
    if (x.numel() === 0) return x.clone();
    const shifted = x.sub(peak(x, dim));
    return shifted.sub_(shifted.exp().sum(reduced(x, dim), true).log_());
  },
  save: ([y], x: Tensor, dim: number) => ({ y, dim: dimIndex(dim, x.ndim) }),
  grad: ({ y, dim }: { y: Tensor; dim: number }, [g]) => [g!.addcmul(y.exp(), g!.sum(reduced(y, dim), true), { value: -1 })],
});
