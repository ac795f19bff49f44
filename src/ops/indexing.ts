import { int64 } from "../core/dtype.ts";
import {
  DTypeError,
  IndexError,
  indexIntoEmpty,
  indexOutOfBounds,
  indexPutDtypes,
  indexShapes,
  indexValueShape,
  ShapeError,
} from "../core/errors.ts";
import { broadcastShapes, expandTo, Layout, replaced, sameShape } from "../core/layout.ts";
import type { Indexed } from "../kernel/kernel.ts";
import type { Fault, Kernels, ScatterMode } from "../tensor/kernels.ts";
import { type Composite, composite, type Rule, type RuleInplace, rule, type Tensor } from "./define.ts";
import { dimIndex } from "./dimension.ts";

const checkIndexDtype = (name: string, index: Tensor): void => {
  if (index.dtype !== int64) throw new DTypeError(`${name}(): Expected dtype int64 for index`);
};
const bounds =
  (dim: number, size: number, type = "RuntimeError"): Fault =>
  (value) =>
    indexOutOfBounds(value, dim, size, type);

/** Where `x` is looked up along `dim` at places of `shape`: its layout there, and the looked-up dimension. */
function lookup(x: Layout, dim: number, shape: readonly number[]): { layout: Layout; size: number; stride: number } {
  if (x.ndim === 0)
    return {
      layout: new Layout(
        shape,
        shape.map(() => 0),
        x.offset,
      ),
      size: 1,
      stride: 1,
    };
  return { layout: new Layout(shape, replaced(x.strides, dim, 0), x.offset), size: x.shape[dim]!, stride: x.strides[dim]! };
}

function checkGather(name: string, x: Tensor, dim: number, index: Tensor): void {
  if (index.numel() === 0) return;
  checkIndexDtype(name, index);
  if (Math.max(index.ndim, 1) !== Math.max(x.ndim, 1))
    throw new ShapeError("Index tensor must have the same number of dimensions as input tensor");
  index.shape.forEach((n, d) => {
    if (d !== dim && n > (x.shape[d] ?? 1)) {
      throw new ShapeError(
        `Size does not match at dimension ${d} expected index [${index.shape.join(", ")}] to be smaller than self [${x.shape.join(", ")}] apart from dimension ${dim}`,
      );
    }
  });
}

/** out[i][j] = input[index[i][j]][j] for dim 0, and likewise for others: looks up along one dimension. Negative indices raise. */
export const gather: Rule<(dim: number, index: Tensor) => Tensor> = rule({
  params: ["dim", "index"],
  run: (k, x: Tensor, dim: number, index: Tensor) => {
    const d = dimIndex(dim, x.ndim);
    checkGather("gather", x, d, index);
    const { layout, size, stride } = lookup(x.layout, d, index.shape);
    return k.gather(x, layout, [index.numel() === 0 ? index.to(int64) : index], [{ size, stride, wraps: false }], bounds(d, size));
  },
  save: (_, x: Tensor, dim: number, index: Tensor) => ({ index, shape: x.shape, dim: dimIndex(dim, x.ndim) }),
  grad: ({ index, shape, dim }: { index: Tensor; shape: number[]; dim: number }, [g]) => [
    g!.newZeros(shape).scatterAdd(dim, index, g!),
    null,
  ],
});

function scattered(k: Kernels, name: string, x: Tensor, dim: number, index: Tensor, src: Tensor, mode: ScatterMode): Tensor {
  const d = dimIndex(dim, x.ndim);
  if (index.numel() === 0) return x.clone();
  checkIndexDtype(name, index);
  if (src.dtype !== x.dtype) throw new DTypeError(`${name}(): Expected self.dtype to be equal to src.dtype`);
  if (Math.max(index.ndim, 1) !== Math.max(x.ndim, 1))
    throw new ShapeError("Index tensor must have the same number of dimensions as self tensor");
  if (Math.max(index.ndim, 1) !== Math.max(src.ndim, 1))
    throw new ShapeError("Index tensor must have the same number of dimensions as src tensor");
  index.shape.forEach((n, i) => {
    if ((i !== d && n > (x.shape[i] ?? 1)) || n > (src.shape[i] ?? 1)) {
      throw new ShapeError(
        `Expected index [${index.shape.join(", ")}] to be smaller than self [${x.shape.join(", ")}] apart from dimension ${d} and to be smaller size than src [${src.shape.join(", ")}]`,
      );
    }
  });
  const out = k.empty(x.shape, x.dtype, x.device);
  k.copy(x, out);
  const { layout, size, stride } = lookup(out.layout, d, index.shape);
  const part = k.view(src, new Layout(index.shape, src.ndim === 0 ? index.shape.map(() => 0) : src.stride(), src.storageOffset()));
  k.scatter(out, layout, part, [index], [{ size, stride, wraps: false }], mode, bounds(d, size));
  return out;
}

const asSource = (x: Tensor, index: Tensor, src: Tensor | number): Tensor =>
  typeof src === "number" ? x.newFull([], src).expand(index.shape) : src;

/** A copy with `src` written where `index` says along `dim`: the mirror of `gather`. A number writes itself. */
export const scatter: RuleInplace<(dim: number, index: Tensor, src: Tensor | number) => Tensor> = rule({
  params: ["dim", "index", "src"],
  inplace: true,
  run: (k, x: Tensor, dim: number, index: Tensor, src: Tensor | number) =>
    scattered(k, "scatter", x, dim, index, asSource(x, index, src), "set"),
  save: (_, x: Tensor, dim: number, index: Tensor, src: Tensor | number) => ({
    index,
    dim: dimIndex(dim, x.ndim),
    tensor: typeof src !== "number",
    shape: typeof src === "number" ? null : src.shape,
  }),
  grad: ({ index, dim, tensor, shape }: { index: Tensor; dim: number; tensor: boolean; shape: number[] | null }, [g], [toX, , toSrc]) => [
    toX ? g!.scatter(dim, index, 0) : null,
    null,
    tensor && toSrc ? toShape(g!.gather(dim, index), shape!) : null,
  ],
});

/** The gradient of a source of which only the corner `index` covers was used. */
function toShape(g: Tensor, shape: readonly number[]): Tensor {
  return sameShape(g.shape, shape)
    ? g
    : g.pad(
        shape
          .map((n, d) => n - g.shape[d]!)
          .reverse()
          .flatMap((n) => [0, n]),
        0,
      );
}

/** A copy with `src` added where `index` says along `dim`. */
export const scatterAdd: RuleInplace<(dim: number, index: Tensor, src: Tensor) => Tensor> = rule({
  params: ["dim", "index", "src"],
  inplace: true,
  run: (k, x: Tensor, dim: number, index: Tensor, src: Tensor) => scattered(k, "scatter", x, dim, index, src, "add"),
  save: (_, x: Tensor, dim: number, index: Tensor, src: Tensor) => ({ index, dim: dimIndex(dim, x.ndim), shape: src.shape }),
  grad: ({ index, dim, shape }: { index: Tensor; dim: number; shape: number[] }, [g], [toX, , toSrc]) => [
    toX ? g! : null,
    null,
    toSrc ? toShape(g!.gather(dim, index), shape) : null,
  ],
});

const indexVector = (name: string, index: Tensor): Tensor => {
  if (index.ndim > 1) throw new IndexError(`${name}(): Index is supposed to be a vector`);
  if (index.dtype.name !== "int64" && index.dtype.name !== "int32")
    throw new DTypeError(`${name}(): Expected dtype int32 or int64 for index`);
  return index.to(int64);
};

/** The slices of a dimension that a vector of indices names, in its order. */
export const indexSelect: Rule<(dim: number, index: Tensor) => Tensor> = rule({
  params: ["dim", "index"],
  run: (k, x: Tensor, dim: number, index: Tensor) => {
    const d = dimIndex(dim, x.ndim);
    const at = indexVector("index_select", index);
    const n = at.numel();
    const shape = x.ndim === 0 ? [] : replaced(x.shape, d, n);
    const { layout, size, stride } = lookup(x.layout, d, shape);
    const along = at.reshape(shape.map((_, i) => (i === d ? n : 1)));
    return k.gather(x, layout, [along], [{ size, stride, wraps: false }], (): Error => new IndexError("index out of range in self"));
  },
  save: (_, x: Tensor, dim: number, index: Tensor) => ({ index, shape: x.shape, dim: dimIndex(dim, x.ndim) }),
  grad: ({ index, shape, dim }: { index: Tensor; shape: number[]; dim: number }, [g]) => [
    g!.newZeros(shape).indexAdd(dim, index, g!),
    null,
  ],
});

/** A copy with `alpha * source` added to the slices of a dimension that a vector of indices names. */
export const indexAdd: RuleInplace<(dim: number, index: Tensor, source: Tensor, options?: { alpha?: number }) => Tensor> = rule({
  params: ["dim", "index", "source", "alpha"],
  inplace: true,
  run: (k, x: Tensor, dim: number, index: Tensor, source: Tensor, alpha = 1) => {
    const d = dimIndex(dim, x.ndim);
    const at = indexVector("index_add_", index);
    if (x.dtype !== source.dtype)
      throw new DTypeError(
        "index_add_(): self and source expected to have the same dtype, but got (self) " +
          x.dtype.scalarName +
          " and (source) " +
          source.dtype.scalarName,
      );
    if (source.ndim > 0 && at.numel() !== source.shape[d])
      throw new ShapeError(
        `index_add_(): Number of indices (${at.numel()}) should be equal to source.size(dim): (${source.shape[d]}), for dim: ${d}`,
      );
    const out = k.empty(x.shape, x.dtype, x.device);
    k.copy(x, out);
    const { layout, size, stride } = lookup(out.layout, d, x.ndim === 0 ? [] : source.shape);
    const along = at.reshape(layout.shape.map((_, i) => (i === d ? at.numel() : 1)));
    k.scatter(
      out,
      layout,
      alpha === 1 ? source : source.mul(alpha),
      [along],
      [{ size, stride, wraps: false }],
      "add",
      (): Error => new IndexError("index out of range in self"),
    );
    return out;
  },
  save: (_, x: Tensor, dim: number, index: Tensor, __: Tensor, alpha = 1) => ({ index, dim: dimIndex(dim, x.ndim), alpha }),
  grad: ({ index, dim, alpha }: { index: Tensor; dim: number; alpha: number }, [g], [toX, , toSource]) => [
    toX ? g! : null,
    null,
    toSource ? g!.indexSelect(dim, index).mul(alpha) : null,
  ],
});

// ---- x[tensors]

/** Index tensors per dimension; null where a dimension is taken whole. Index tensors are int64 and broadcast with each other. */
export type IndexList = readonly (Tensor | null)[];

interface Plan {
  /** The shape of the result. */
  readonly shape: number[];
  /** The layout of the indexed tensor over the result. */
  readonly layout: Layout;
  readonly indices: Tensor[];
  readonly indexed: Indexed[];
}

/** Where `x[indices]` looks: the broadcast index dimensions stand where the indices stood if these are next to each other, else in front. */
function plan(x: Layout, list: IndexList): Plan {
  const dims = list.flatMap((t, d) => (t === null ? [] : [d]));
  const given = dims.map((d) => list[d]!);
  let common: readonly number[] = [];
  for (const t of given) {
    const both = broadcastShapes(common, t.shape);
    if (!Array.isArray(both)) throw indexShapes(given.map((g) => g.shape));
    common = both;
  }
  const rest = x.shape.map((_, d) => d).filter((d) => !dims.includes(d));
  // An index without dimensions takes its dimension away, like a number: it has no place in the result.
  const placed = dims.filter((d) => list[d]!.ndim > 0);
  const [first = x.ndim, last = x.ndim] = [placed[0], placed.at(-1)];
  const together = !rest.some((d) => d > first && d < last);
  const before = together ? rest.filter((d) => d < first) : [];
  const after = together ? rest.filter((d) => d > first) : rest;
  const shape = [...before.map((d) => x.shape[d]!), ...common, ...after.map((d) => x.shape[d]!)];
  const strides = [...before.map((d) => x.strides[d]!), ...common.map(() => 0), ...after.map((d) => x.strides[d]!)];
  const indices = given.map((t) => t.expand(common).reshape([...common, ...after.map(() => 1)]));
  if (dims.some((d) => x.shape[d] === 0) && common.every((n) => n > 0) && common.length > 0) {
    throw indexIntoEmpty();
  }
  return {
    shape,
    layout: new Layout(shape, strides, x.offset),
    indices,
    indexed: dims.map((d) => ({ size: x.shape[d]!, stride: x.strides[d]!, wraps: true })),
  };
}
/** PyTorch counts the index tensors here, not the dimensions. */
const faultOf =
  (p: Plan): Fault =>
  (value, which) =>
    indexOutOfBounds(value, which, p.indexed[which]!.size);

/** `x[indices]`: looks up in several dimensions at once. */
export const _index: Rule<(indices: IndexList) => Tensor> = rule({
  params: ["indices"],
  node: "IndexBackward0",
  run: (k, x: Tensor, indices: IndexList) => {
    const p = plan(x.layout, indices);
    return k.gather(x, p.layout, p.indices, p.indexed, faultOf(p), true);
  },
  save: (_, x: Tensor, indices: IndexList) => ({ shape: x.shape, indices }),
  grad: ({ shape, indices }: { shape: number[]; indices: IndexList }, [g]) => [g!.newZeros(shape)._indexPut(indices, g!, true)],
});

function checkValues(x: Tensor, p: Plan, values: Tensor): Tensor {
  if (values.dtype !== x.dtype) throw indexPutDtypes(x.dtype.scalarName, values.dtype.scalarName);
  // Leading dimensions of size 1 are forgiven, as in assignment.
  let v = values;
  while (v.ndim > p.shape.length && v.shape[0] === 1) v = v.squeeze(0);
  const both = broadcastShapes(v.shape, p.shape);
  if (!Array.isArray(both) || !sameShape(both, p.shape)) throw indexValueShape(values.shape, p.shape);
  return v;
}

/** A copy with `values` written (or, with `accumulate`, added) at `x[indices]`. */
export const _indexPut: RuleInplace<(indices: IndexList, values: Tensor, accumulate?: boolean) => Tensor> = rule({
  params: ["indices", "values", "accumulate"],
  inplace: true,
  node: "IndexPutBackward0",
  run: (k, x: Tensor, indices: IndexList, values: Tensor, accumulate = false) => {
    const out = k.empty(x.shape, x.dtype, x.device);
    const p = plan(out.layout, indices);
    const v = checkValues(x, p, values);
    k.copy(x, out);
    k.scatter(out, p.layout, k.view(v, expandTo(v.layout, p.shape)), p.indices, p.indexed, accumulate ? "add" : "set", faultOf(p));
    return out;
  },
  save: (_, __, indices: IndexList, values: Tensor, accumulate = false) => ({ indices, accumulate, shape: values.shape }),
  grad: ({ indices, accumulate, shape }: { indices: IndexList; accumulate: boolean; shape: number[] }, [g], needs) => {
    const toValues = needs.at(-1)!;
    const toX = needs[0] ? (accumulate ? g! : g!._indexPut(indices, g!.newZeros([]), false)) : null;
    return [toX, ...indices.filter((t) => t !== null).map(() => null), toValues ? g!._index(indices).sumToSize(shape) : null];
  },
});

/** The elements of the flattened tensor at the places named. */
export const take: Composite<(index: Tensor) => Tensor> = composite(["index"], (x: Tensor, index: Tensor) => {
  if (index.dtype !== int64) throw new DTypeError(`take(): Expected a long tensor for index, but got ${index.dtype.scalarName}`);
  if (x.numel() === 0 && index.numel() > 0) throw new IndexError("take(): tried to take from an empty tensor");
  return x.reshape([-1])._index([index]);
});
