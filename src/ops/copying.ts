import type { DType } from "../core/dtype.ts";
import { rowMajor } from "../core/layout.ts";
import { type Composite, composite, rule, type Rule, type Tensor } from "./define.ts";

/** A copy with storage of its own: the deep copy. The gradient flows through. */
export const clone: Rule<() => Tensor> = rule({
  params: [],
  run: (k, x: Tensor) => {
    const dense = denseStrides(x);
    const y = k.emptyStrided(x.shape, dense, x.dtype, x.device);
    k.copy(x, y);
    return y;
  },
  grad: (_, [g]) => [g!],
});
/** Strides without gaps in the order of the tensor's own, or row-major where elements are shown several times. */
function denseStrides(x: Tensor): number[] {
  const strides = x.stride();
  const order = x.shape.map((_, d) => d).sort((a, b) => strides[b]! - strides[a]! || a - b);
  const dense = new Array<number>(x.ndim);
  let n = 1;
  for (const d of order.reverse()) {
    if (x.shape[d]! > 1 && strides[d] !== n) return rowMajor(x.shape);
    dense[d] = n;
    n *= Math.max(x.shape[d]!, 1);
  }
  return x.isContiguous() ? rowMajor(x.shape) : dense;
}

/** The tensor itself if its elements lie in row-major order, else a row-major copy. */
export const contiguous: Composite<() => Tensor> = composite([], (x: Tensor) => (x.isContiguous() ? x.alias() : x._contiguousCopy()));
export const _contiguousCopy: Rule<() => Tensor> = rule({
  params: [], node: "CloneBackward0",
  run: (k, x: Tensor) => {
    const y = k.empty(x.shape, x.dtype, x.device);
    k.copy(x, y);
    return y;
  },
  grad: (_, [g]) => [g!],
});

/** The values as another dtype. */
export const convert: Rule<(dtype: DType) => Tensor> = rule({
  params: ["dtype"], node: "ToCopyBackward0",
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
  params: ["size", "dtype"], run: (k, x: Tensor, size: readonly number[], dtype?: DType) => k.full(size, 0, dtype ?? x.dtype, x.device),
});
/** Ones of another shape with this tensor's dtype and device. */
export const newOnes: Rule<(size: readonly number[], options?: NewOptions) => Tensor> = rule({
  params: ["size", "dtype"], run: (k, x: Tensor, size: readonly number[], dtype?: DType) => k.full(size, 1, dtype ?? x.dtype, x.device),
});
/** One value in another shape with this tensor's dtype and device. */
export const newFull: Rule<(size: readonly number[], fillValue: number | boolean, options?: NewOptions) => Tensor> = rule({
  params: ["size", "fillValue", "dtype"],
  run: (k, x: Tensor, size: readonly number[], value: number | boolean, dtype?: DType) => k.full(size, value, dtype ?? x.dtype, x.device),
});
/** An uninitialised tensor of another shape with this tensor's dtype and device. */
export const newEmpty: Rule<(size: readonly number[], options?: NewOptions) => Tensor> = rule({
  params: ["size", "dtype"], run: (k, x: Tensor, size: readonly number[], dtype?: DType) => k.empty(size, dtype ?? x.dtype, x.device),
});
