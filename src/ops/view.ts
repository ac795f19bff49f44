import {
  expandNewDim,
  expandRank,
  expandSize,
  flattenOrder,
  IndexError,
  narrowLength,
  negativeStep,
  notViewable,
  permuteRank,
  permuteTwice,
  ShapeError,
  selectOutOfRange,
  TorchletError,
  tooManyDimsForT,
} from "../core/errors.ts";
import {
  extent,
  Layout,
  permute as permuted,
  replaced,
  select as selected,
  slice as sliced,
  transpose as transposed,
  unsqueeze as unsqueezed,
  viewStrides,
} from "../core/layout.ts";
import { type Composite, composite, view as define, type Rule, rule, type Tensor, type View } from "./define.ts";
import { dimIndex, dimList, inferShape } from "./dimension.ts";

type ShapeView = View<(...shape: number[] | [readonly number[]]) => Tensor>;
type DimsView = View<(...dims: number[] | [readonly number[]]) => Tensor>;

function viewLayout(x: Layout, shape: readonly number[]): Layout {
  const full = inferShape(shape, x.numel);
  const strides = viewStrides(x, full);
  if (strides === null) throw notViewable();
  return new Layout(full, strides, x.offset);
}

/**
 * The same elements in another shape, without a copy; one size may be -1. Raises where strides do not allow it.
 * @example torch.arange(6).view(2, 3)
 */
export const view: ShapeView = define({ params: ["shape"], variadic: true, layout: viewLayout, grad: (g, shape) => g.reshape(shape) });
/** What `reshape` gives where strides allow it. */
export const _reshapeAlias: View<(to: Layout) => Tensor> = define({
  params: ["to"],
  layout: (_, to: Layout) => to,
  grad: (g, shape) => g.reshape(shape),
});

/** The same elements in another shape: a view where possible, else a copy. */
export const reshape: Composite<(...shape: number[] | [readonly number[]]) => Tensor> = composite(
  ["shape"],
  (x: Tensor, shape: readonly number[]) => {
    const full = inferShape(shape, x.numel());
    const { layout } = x;
    const strides = viewStrides(layout, full);
    return strides === null ? x._contiguousCopy().view(full) : x._reshapeAlias(new Layout(full, strides, layout.offset));
  },
  { variadic: true },
);

/** All of a tensor as a view of it: what `x[...]` gives. */
const aliased: View<() => Tensor> = define({ params: [], node: "AliasBackward0", layout: (x) => x, grad: (g) => g });

export { aliased as _alias };

/** Dimensions `startDim` to `endDim` as one. */
export const flatten: Composite<(startDim?: number, endDim?: number) => Tensor> = composite(
  ["startDim", "endDim"],
  (x: Tensor, startDim = 0, endDim = -1) => {
    const start = dimIndex(startDim, x.ndim);
    const end = dimIndex(endDim, x.ndim);
    if (start > end) throw flattenOrder();
    if (x.ndim === 0) return x.reshape([1]);
    if (start === end) return x;
    const { shape } = x;
    const merged = shape.slice(start, end + 1).reduce((a, b) => a * b, 1);
    return x.reshape([...shape.slice(0, start), merged, ...shape.slice(end + 1)]);
  },
);

/** Two dimensions exchanged. */
export const transpose: View<(dim0: number, dim1: number) => Tensor> = define({
  params: ["dim0", "dim1"],
  layout: (x, a: number, b: number) => swapped(x, dimIndex(a, x.ndim), dimIndex(b, x.ndim)),
  grad: (g, _, a: number, b: number) => g.transpose(a, b),
});
const swapped = (x: Layout, a: number, b: number): Layout => (x.ndim === 0 ? x : transposed(x, a, b));

/** A matrix transposed; vectors and 0-d tensors stay. */
export const t: View<() => Tensor> = define({
  params: [],
  layout: (x) => {
    if (x.ndim > 2) throw tooManyDimsForT(x.ndim);
    return x.ndim < 2 ? x : swapped(x, 0, 1);
  },
  grad: (g) => g.t(),
});

/** The dimensions in the order given. */
export const permute: DimsView = define({
  params: ["dims"],
  variadic: true,
  layout: (x, dims: readonly number[]) => {
    if (dims.length !== x.ndim) throw permuteRank(x.ndim, dims.length);
    const order = dims.map((d) => dimIndex(d, x.ndim));
    if (order.some((d, i) => order.indexOf(d) !== i)) throw permuteTwice();
    return permuted(x, order);
  },
  grad: (g, _, dims: readonly number[]) => {
    const inverse = new Array<number>(dims.length);
    dims.forEach((d, i) => {
      inverse[dimIndex(d, dims.length)] = i;
    });
    return g.permute(inverse);
  },
});

/** Stretches dimensions of size 1, and adds leading ones, without a copy; -1 keeps a size. */
export const expand: ShapeView = define({
  params: ["size"],
  variadic: true,
  layout: (x, shape: readonly number[]) => expandLayout(x, shape),
  grad: (g, shape) => g.sumToSize(shape),
});
function expandLayout(x: Layout, shape: readonly number[]): Layout {
  const pad = shape.length - x.ndim;
  if (pad < 0) throw expandRank("torch.FloatTensor", x.shape, shape);
  const full = shape.map((n, d) => {
    if (n !== -1) return n;
    if (d < pad) throw expandNewDim(shape, d);
    return x.shape[d - pad]!;
  });
  const strides = new Array<number>(full.length);
  for (let d = full.length - 1; d >= 0; d--) {
    const own = d < pad ? 1 : x.shape[d - pad]!;
    if (d >= pad && own !== full[d] && own !== 1) throw expandSize(full, x.shape, d, own);
    strides[d] = d < pad || (own === 1 && full[d] !== 1) ? 0 : x.strides[d - pad]!;
  }
  return new Layout(full, strides, x.offset);
}

/** A new dimension of size 1. */
export const unsqueeze: View<(dim: number) => Tensor> = define({
  params: ["dim"],
  layout: (x, dim: number) => unsqueezed(x, dimIndex(dim, x.ndim + 1)),
  grad: (g, shape, dim: number) => g.squeeze(dimIndex(dim, shape.length + 1)),
});

/** Without dimensions of size 1: all of them, or those named. */
export const squeeze: View<(dim?: number | readonly number[]) => Tensor> = define({
  params: ["dim"],
  layout: (x, dim?: number | readonly number[]) => {
    const among = dim === undefined ? null : dimList(dim, x.ndim);
    const kept: number[] = [];
    for (let d = 0; d < x.ndim; d++) if (x.shape[d] !== 1 || (among !== null && !among.includes(d))) kept.push(d);
    return permuted(x, kept);
  },
  grad: (g, shape) => g.reshape(shape),
});

/** Elements `index` of a dimension, which goes away. */
export const select: View<(dim: number, index: number) => Tensor> = define({
  params: ["dim", "index"],
  layout: (x, dim: number, index: number) => {
    if (x.ndim === 0) throw new IndexError("select() cannot be applied to a 0-dim tensor.");
    const d = dimIndex(dim, x.ndim);
    const n = x.shape[d]!;
    if (index < -n || index >= n) throw selectOutOfRange(index, x.shape, d);
    return selected(x, d, index < 0 ? index + n : index);
  },
  grad: (g, shape, dim: number, index: number) => {
    const whole = g.newZeros(shape);
    whole.select(dim, index).copy_(g);
    return whole;
  },
});

/** `length` elements of a dimension from `start`. */
export const narrow: View<(dim: number, start: number, length: number) => Tensor> = define({
  params: ["dim", "start", "length"],
  node: "SliceBackward0",
  layout: (x, dim: number, start: number, length: number) => {
    if (x.ndim === 0) throw new TorchletError("narrow() cannot be applied to a 0-dim tensor.");
    const d = dimIndex(dim, x.ndim);
    const n = x.shape[d]!;
    if (length < 0) throw new TorchletError("narrow(): length must be non-negative.");
    if (start < -n || start > n) throw new IndexError(`start out of range (expected to be in range of [${-n}, ${n}], but got ${start})`);
    const from = start < 0 ? start + n : start;
    if (from + length > n) throw narrowLength(from, length, n);
    return sliced(x, d, from, length);
  },
  grad: (g, shape, dim: number, start: number, length: number) => {
    const whole = g.newZeros(shape);
    whole.narrow(dim, start, length).copy_(g);
    return whole;
  },
});

const clampIndex = (i: number, n: number): number => Math.min(Math.max(i < 0 ? i + n : i, 0), n);

/** Elements `start` to `end` (exclusive) of a dimension in steps of `step`: Python's `x[start:end:step]`. */
export const slice: View<(dim: number, start?: number | null, end?: number | null, step?: number | null) => Tensor> = define({
  params: ["dim", "start", "end", "step"],
  layout: (x, dim: number, start?: number | null, end?: number | null, step?: number | null) => {
    if (x.ndim === 0) throw new ShapeError("slice() cannot be applied to a 0-dim tensor.");
    const d = dimIndex(dim, x.ndim);
    const n = x.shape[d]!;
    const by = step ?? 1;
    if (by <= 0) throw negativeStep();
    const from = clampIndex(start ?? 0, n);
    const to = Math.max(clampIndex(end ?? n, n), from);
    return sliced(x, d, from, Math.ceil((to - from) / by), by);
  },
  grad: (g, shape, dim: number, start?: number | null, end?: number | null, step?: number | null) => {
    const whole = g.newZeros(shape);
    whole.slice(dim, start, end, step).copy_(g);
    return whole;
  },
});

/** Any strides and offset on the same storage; elements may be shown several times. */
export const asStrided: View<(size: readonly number[], stride: readonly number[], storageOffset?: number) => Tensor> = define({
  params: ["size", "stride", "storageOffset"],
  layout: (x, size: readonly number[], stride: readonly number[], offset?: number) => {
    if (size.length !== stride.length) throw new ShapeError("mismatch in length of strides and shape");
    return new Layout(size, stride, offset ?? x.offset);
  },
  gradOfLayout: (g, x, view) => g._asStridedBackward(x, view),
});

/** Adds each element of a gradient where a strided view showed it, then reads the base's own elements: the gradient of `asStrided`. */
export const _asStridedBackward: Rule<(base: Layout, view: Layout) => Tensor> = rule({
  params: ["base", "view"],
  node: "AsStridedBackwardBackward0",
  run: (k, g: Tensor, base: Layout, seen: Layout) => {
    const low = Math.min(lowest(base), lowest(seen));
    const storage = g.newZeros([Math.max(extent(base), extent(seen)) - low]);
    const places = (l: Layout): Tensor => k.positions(l, -low, g.device);
    const gathered = storage.indexAdd(0, places(seen).reshape([-1]), g.reshape([-1]));
    // An element that the base itself shows several times counts once for each.
    const counts = storage.indexAdd(0, places(base).reshape([-1]), g.newOnes([base.numel]));
    const at = places(base).reshape([-1]);
    return gathered.indexSelect(0, at).div(counts.indexSelect(0, at)).reshape(base.shape);
  },
  save: (_, __, base: Layout, seen: Layout) => ({ base, seen }),
  grad: ({ base, seen }: { base: Layout; seen: Layout }, [h]) => {
    const whole = h!.newZeros([Math.max(extent(base), extent(seen))]);
    const at = whole.asStrided(base.shape, base.strides, base.offset);
    return [at.copy_(h!).asStrided(seen.shape, seen.strides, seen.offset).contiguous()];
  },
});
const lowest = (l: Layout): number => l.strides.reduce((p, s, d) => (s < 0 ? p + (l.shape[d]! - 1) * s : p), l.offset);

/** The diagonal of two dimensions, as the last dimension. */
export const diagonal: View<(offset?: number, dim1?: number, dim2?: number) => Tensor> = define({
  params: ["offset", "dim1", "dim2"],
  layout: (x, offset = 0, dim1 = 0, dim2 = 1) => {
    const a = dimIndex(dim1, x.ndim);
    const b = dimIndex(dim2, x.ndim);
    if (a === b) throw new ShapeError(`diagonal dimensions cannot be identical ${dim1}, ${dim2}`);
    const length = Math.max(0, offset >= 0 ? Math.min(x.shape[a]!, x.shape[b]! - offset) : Math.min(x.shape[a]! + offset, x.shape[b]!));
    const at = length === 0 ? 0 : offset >= 0 ? offset * x.strides[b]! : -offset * x.strides[a]!;
    const kept = x.shape.map((_, d) => d).filter((d) => d !== a && d !== b);
    return new Layout(
      [...kept.map((d) => x.shape[d]!), length],
      [...kept.map((d) => x.strides[d]!), x.strides[a]! + x.strides[b]!],
      x.offset + at,
    );
  },
  grad: (g, shape, offset = 0, dim1 = 0, dim2 = 1) => {
    const whole = g.newZeros(shape);
    whole.diagonal(offset, dim1, dim2).copy_(g);
    return whole;
  },
});

/** All windows of `size` elements, `step` apart, along a dimension; the window becomes the last dimension. */
export const unfold: View<(dimension: number, size: number, step: number) => Tensor> = define({
  params: ["dimension", "size", "step"],
  layout: (x, dimension: number, size: number, step: number) => {
    const d = dimIndex(dimension, x.ndim);
    const n = x.ndim === 0 ? 1 : x.shape[d]!;
    if (size > n) throw new ShapeError(`maximum size for tensor at dimension ${d} is ${n} but size is ${size}`);
    if (step <= 0) throw new ShapeError(`step is ${step} but must be > 0`);
    if (x.ndim === 0) return new Layout([size], [1], x.offset);
    const stride = x.strides[d]!;
    return new Layout(
      [...replaced(x.shape, d, Math.floor((n - size) / step) + 1), size],
      [...replaced(x.strides, d, stride * step), stride],
      x.offset,
    );
  },
  grad: (g, shape, dimension: number, size: number, step: number) => g.unfoldBackward(shape, dimension, size, step),
});

/** A tensor of the shape of `other`, stretched. */
export const expandAs: Composite<(other: Tensor) => Tensor> = composite(["other"], (x: Tensor, other: Tensor) => x.expand(other.shape));
/** The same elements in the shape of `other`. */
export const viewAs: Composite<(other: Tensor) => Tensor> = composite(["other"], (x: Tensor, other: Tensor) => x.view(other.shape));
/** The same elements in the shape of `other`, copied where needed. */
export const reshapeAs: Composite<(other: Tensor) => Tensor> = composite(["other"], (x: Tensor, other: Tensor) => x.reshape(other.shape));
/** One dimension as several; one of the sizes may be -1. */
export const unflatten: Composite<(dim: number, sizes: readonly number[]) => Tensor> = composite(
  ["dim", "sizes"],
  (x: Tensor, dim: number, sizes: readonly number[]) => {
    const d = dimIndex(dim, x.ndim);
    return x.view([...x.shape.slice(0, d), ...inferShape(sizes, x.shape[d]!), ...x.shape.slice(d + 1)]);
  },
);
/** The elements in one dimension. */
export const ravel: Composite<() => Tensor> = composite([], (x: Tensor) => x.contiguous().view([-1]));

/** Adds up the elements that windows of `unfold` show several times: its gradient. */
export const unfoldBackward: Rule<(shape: readonly number[], dimension: number, size: number, step: number) => Tensor> = rule({
  params: ["shape", "dimension", "size", "step"],
  run: (_, g: Tensor, shape: readonly number[], dimension: number, size: number, step: number) => {
    const out = g.newZeros(shape);
    for (let i = 0; i < size; i++) {
      const part = g.select(-1, i);
      const d = dimIndex(dimension, shape.length);
      if (shape.length === 0) out.add_(part);
      else out.slice(d, i, i + (part.shape[d]! - 1) * step + 1, step).add_(part);
    }
    return out;
  },
  save: (_, __, ___, dimension: number, size: number, step: number) => ({ dimension, size, step }),
  grad: ({ dimension, size, step }: { dimension: number; size: number; step: number }, [g]) => [g!.unfold(dimension, size, step)],
});

/** A piece of `split`: a view that may not be written to while it is recorded, because it is one of several. */
export const _part: View<(dim: number, start: number, length: number, piece: number) => Tensor> = define({
  params: ["dim", "start", "length", "piece"],
  node: "SplitBackward0",
  multiple: (_dim: number, _start: number, _length: number, piece: number) => piece,
  layout: (x, d: number, start: number, length: number) => sliced(x, d, start, length),
  grad: (g, shape, dim: number, start: number, length: number) => {
    const whole = g.newZeros(shape);
    whole.narrow(dim, start, length).copy_(g);
    return whole;
  },
});
/** A piece of `unbind`. */
export const _element: View<(dim: number, index: number) => Tensor> = define({
  params: ["dim", "index"],
  node: "UnbindBackward0",
  multiple: (_dim: number, index: number) => index,
  layout: (x, d: number, index: number) => selected(x, d, index),
  grad: (g, shape, dim: number, index: number) => {
    const whole = g.newZeros(shape);
    whole.select(dim, index).copy_(g);
    return whole;
  },
});
