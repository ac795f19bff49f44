import type { DType } from "../core/dtype.ts";
import { catEmpty, catRank, catSizes, missingArguments, splitZero, stackEmpty, stackSizes, TorchletError } from "../core/errors.ts";
import { replaced, sameShape, slice as sliced } from "../core/layout.ts";
import { resultType } from "../core/promotion.ts";
import { type Composite, composite, type Rule, rule, type Tensor } from "./define.ts";
import { dimIndex } from "./dimension.ts";

/** An empty vector joins with anything: PyTorch keeps this for old programs. */
const counts = (x: Tensor): boolean => !(x.ndim === 1 && x.shape[0] === 0);

/** The size of each tensor along `dim`, checked against the first. */
function joinedSizes(tensors: readonly Tensor[], dim: number): number[] {
  const first = tensors.find(counts) ?? tensors[0]!;
  return tensors.map((x, i) => {
    if (!counts(x)) return 0;
    if (x.ndim !== first.ndim) throw catRank(first.ndim, x.ndim);
    x.shape.forEach((n, d) => {
      if (d !== dim && n !== first.shape[d]) throw catSizes(dim, first.shape[d]!, n, i);
    });
    return x.shape[dim]!;
  });
}

interface CatOp extends Rule<(dim?: number) => Tensor> {
  (tensors: readonly Tensor[], dim?: number | { dim?: number }): Tensor;
}
/**
 * Tensors joined along a dimension they have; all other sizes agree.
 * @example torch.cat([a, b], 1)
 */
export const cat: CatOp = rule({
  params: ["dim"],
  method: false,
  run: (k, tensors: readonly Tensor[], dim = 0) => {
    if (tensors.length === 0) throw catEmpty();
    const zeroDim = tensors.findIndex((x) => x.ndim === 0);
    if (zeroDim >= 0) throw new TorchletError(`zero-dimensional tensor (at position ${zeroDim}) cannot be concatenated`);
    const first = tensors.find(counts) ?? tensors[0]!;
    const d = dimIndex(dim, first.ndim);
    const sizes = joinedSizes(tensors, d);
    const dtype: DType = resultType(tensors);
    const joined = sizes.reduce((a, b) => a + b, 0);
    const out = k.empty(replaced(first.shape, d, joined), dtype, first.device);
    let at = 0;
    tensors.forEach((x, i) => {
      const n = sizes[i]!;
      if (n > 0) k.copy(x.dtype === dtype ? x : k.convert(x, dtype), k.view(out, sliced(out.layout, d, at, n)));
      at += n;
    });
    return out;
  },
  save: (_, tensors: readonly Tensor[], dim = 0) => {
    const first = tensors.find(counts) ?? tensors[0]!;
    const d = dimIndex(dim, first.ndim);
    return { dim: d, sizes: joinedSizes(tensors, d), shapes: tensors.map((x) => x.shape) };
  },
  grad: ({ dim, sizes, shapes }: { dim: number; sizes: number[]; shapes: number[][] }, [g], needs) => {
    let at = 0;
    return sizes.map((n, i) => {
      const from = at;
      at += n;
      return needs[i] ? (sameShape(shapes[i]!, [0]) ? g!.newZeros([0]) : g!.narrow(dim, from, n)) : null;
    });
  },
});

interface StackOp extends Composite<(dim?: number) => Tensor> {
  (tensors: readonly Tensor[], dim?: number | { dim?: number }): Tensor;
}
/**
 * Tensors of one shape joined along a new dimension.
 * @example torch.stack([a, b]) // (2, ...)
 */
export const stack: StackOp = composite(
  ["dim"],
  (tensors: readonly Tensor[], dim = 0) => {
    if (tensors.length === 0) throw stackEmpty();
    tensors.forEach((x, i) => {
      if (!sameShape(x.shape, tensors[0]!.shape)) throw stackSizes(tensors[0]!.shape, x.shape, i);
    });
    const d = dimIndex(dim, tensors[0]!.ndim + 1);
    return cat(
      tensors.map((x) => x.unsqueeze(d)),
      d,
    );
  },
  { method: false },
);
/** This tensor and others of its shape joined along a new dimension. */
export const stackWith: Composite<(others: readonly Tensor[], dim: number) => Tensor> = composite(
  ["others", "dim"],
  (x: Tensor, others: readonly Tensor[], dim: number) => stack([x, ...others], dim),
);

/** Pieces of `splitSize` along a dimension (the last may be smaller), or of the sizes given; views. */
export const split: Composite<(splitSize: number | readonly number[], dim?: number) => Tensor[]> = composite(
  ["splitSize", "dim"],
  (x: Tensor, splitSize: number | readonly number[], dim = 0) => {
    const d = dimIndex(dim, x.ndim);
    const n = x.shape[d]!;
    if (typeof splitSize === "number") {
      if (splitSize < 0) throw new TorchletError(`split expects split_size be non-negative, but got split_size=${splitSize}`);
      if (splitSize === 0 && n !== 0) throw splitZero(n);
    }
    const sizes = typeof splitSize === "number" ? chunkSizes(n, splitSize) : splitSize;
    const total = sizes.reduce((a, b) => a + b, 0);
    if (total !== n)
      throw new TorchletError(
        `split_with_sizes expects split_sizes to sum exactly to ${n} (input tensor's size at dimension ${d}), but got split_sizes=[${sizes.join(", ")}]`,
      );
    let at = 0;
    return sizes.map((size, i) => {
      const part = x._part(d, at, size, i);
      at += size;
      return part;
    });
  },
);
const chunkSizes = (n: number, size: number): number[] =>
  n === 0 ? [0] : Array.from({ length: Math.ceil(n / size) }, (_, i) => Math.min(size, n - i * size));

/** At most `chunks` pieces of equal size along a dimension; views. */
export const chunk: Composite<(chunks: number, dim?: number) => Tensor[]> = composite(
  ["chunks", "dim"],
  (x: Tensor, chunks: number, dim = 0) => {
    if (chunks <= 0) throw new TorchletError(`chunk expects \`chunks\` to be greater than 0, got: ${chunks}`);
    const n = x.shape[dimIndex(dim, x.ndim)]!;
    return x.split(Math.max(Math.ceil(n / chunks), 1), dim);
  },
);

/** One view per element of a dimension. */
export const unbind: Composite<(dim?: number) => Tensor[]> = composite(["dim"], (x: Tensor, dim = 0) => {
  const d = dimIndex(dim, x.ndim);
  return Array.from({ length: x.shape[d]! }, (_, i) => x._element(d, i));
});

/** The tensor `repeats` times along each dimension; more repeats than dimensions add leading ones. */
export const repeat: Composite<(...repeats: number[] | [readonly number[]]) => Tensor> = composite(
  ["repeats"],
  (x: Tensor, repeats?: readonly number[]) => {
    if (repeats === undefined) throw missingArguments("repeat", ["repeats"]);
    if (repeats.length < x.ndim)
      throw new TorchletError("Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor");
    const shape = [...repeats.slice(0, repeats.length - x.ndim).map(() => 1), ...x.shape];
    // Each dimension becomes a pair (repeat, size), stretched and merged.
    const pairs = x.reshape(shape.flatMap((n) => [1, n])).expand(shape.flatMap((n, d) => [repeats[d]!, n]));
    return pairs.clone().reshape(shape.map((n, d) => n * repeats[d]!));
  },
  { variadic: true },
);
