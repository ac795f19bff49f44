import type { DType } from "../core/dtype.ts";
import { type Composite, composite, type Rule, rule, type Tensor } from "./define.ts";

/** A copy with storage of its own: the deep copy. The gradient flows through. */
export const clone: Rule<() => Tensor> = rule({
  params: [],
  run: (k, x: Tensor) => {
    const y = k.emptyLike(x);
    k.copy(x, y);
    return y;
  },
  grad: (_, [g]) => [g!],
});
/** The tensor itself if its elements lie in row-major order, else a row-major copy. */
export const contiguous: Composite<() => Tensor> = composite([], (x: Tensor) => (x.isContiguous() ? x : x._contiguousCopy()));
export const _contiguousCopy: Rule<() => Tensor> = rule({
  params: [],
  node: "CloneBackward0",
  run: (k, x: Tensor) => {
    const y = k.empty(x.shape, x.dtype, x.device);
    k.copy(x, y);
    return y;
  },
  grad: (_, [g]) => [g!],
});

/** The values as another dtype. */
export const convert: Rule<(dtype: DType) => Tensor> = rule({
  params: ["dtype"],
  node: "ToCopyBackward0",
  run: (k, x: Tensor, dtype: DType) => k.convert(x, dtype),
  save: (_, x: Tensor) => ({ dtype: x.dtype }),
  grad: ({ dtype }, [g]) => [g!.dtype === dtype ? g! : g!.convert(dtype)],
});

/** What differs from the tensor itself. */
export interface NewOptions {
  dtype?: DType;
}
/** Zeros of another shape with this tensor's dtype and device. */
export const newZeros: Rule<(size: readonly number[], options?: NewOptions) => Tensor> = rule({
  params: ["size", "dtype"],
  run: (k, x: Tensor, size: readonly number[], dtype?: DType) => k.full(size, 0, dtype ?? x.dtype, x.device),
});
/** Ones of another shape with this tensor's dtype and device. */
export const newOnes: Rule<(size: readonly number[], options?: NewOptions) => Tensor> = rule({
  params: ["size", "dtype"],
  run: (k, x: Tensor, size: readonly number[], dtype?: DType) => k.full(size, 1, dtype ?? x.dtype, x.device),
});
/** One value in another shape with this tensor's dtype and device. */
export const newFull: Rule<(size: readonly number[], fillValue: number | boolean, options?: NewOptions) => Tensor> = rule({
  params: ["size", "fillValue", "dtype"],
  run: (k, x: Tensor, size: readonly number[], value: number | boolean, dtype?: DType) => k.full(size, value, dtype ?? x.dtype, x.device),
});
/** An uninitialised tensor of another shape with this tensor's dtype and device. */
export const newEmpty: Rule<(size: readonly number[], options?: NewOptions) => Tensor> = rule({
  params: ["size", "dtype"],
  run: (k, x: Tensor, size: readonly number[], dtype?: DType) => k.empty(size, dtype ?? x.dtype, x.device),
});
