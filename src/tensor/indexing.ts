import { bool, int64, type Scalar, uint8 } from "../core/dtype.ts";
import {
  ArgumentError,
  indexDtype,
  indexOutOfBounds,
  invalidIndex,
  maskedSelectMask,
  maskShape,
  negativeStep,
  sizeMismatch,
  tooManyIndices,
  zeroDimIndex,
  zeroStep,
} from "../core/errors.ts";
import { broadcastShapes } from "../core/layout.ts";
import { ownedBy } from "../memory/ownership.ts";
import { pythonTypeName } from "./call-pointwise.ts";
import { type NestedData, tensor } from "./creation.ts";
import { Tensor } from "./tensor.ts";

/**
 * One index: a whole number takes one element, a string is a Python slice (`"1:3"`, `"::2"`), `null` adds a dimension, `"..."` stands for all
 * dimensions that no other index names, a bool tensor or boolean is a mask, an int64 tensor or an array of whole numbers looks up.
 */
export type Index = number | bigint | string | null | boolean | Tensor | readonly NestedData[];

export interface Indexing {
  /**
   * Elements by index, as `x[...]` in Python. Numbers, slices and `null` give views; masks and index tensors give copies.
   * @example
   * x.at(0)                 // x[0]
   * x.at("1:3", "...", -1)  // x[1:3, ..., -1]
   * x.at(x.gt(0))           // x[x > 0]
   */
  at(...indices: Index[]): Tensor;
  /**
   * Assigns to the same elements, as `x[...] = value`.
   * @example
   * x.setAt([0, "1:3"], 7)
   * x.setAt([mask], values)
   */
  setAt(indices: Index | readonly Index[], value: Tensor | number | bigint | boolean | Scalar): void;
  /** The positions of elements that are not zero, one row (n, ndim) each. */
  nonzero(): Tensor;
  /** The elements where a mask holds, in one dimension. */
  maskedSelect(mask: Tensor): Tensor;
}

interface Slice {
  readonly start: number | null;
  readonly end: number | null;
  readonly step: number;
}

/** Reads `"1:3"`, `"::2"`, `":"`. */
function parseSlice(text: string): Slice {
  const parts = text.split(":").map((p) => p.trim());
  if (parts.length < 2 || parts.length > 3 || parts.some((p) => !/^([+-]?\d+)?$/.test(p))) {
    throw new ArgumentError(
      text.includes(":") ? "slice indices must be integers or None or have an __index__ method" : "new(): invalid data type 'str'",
    );
  }
  const [start, end, step] = parts.map((p) => (p === "" ? null : Number(p)));
  if (step === 0) throw zeroStep();
  if (step != null && step < 0) throw negativeStep();
  return { start: start ?? null, end: end ?? null, step: step ?? 1 };
}

/** Whether a tensor of one element counts as the number that it holds. */
const isWhole = (x: Tensor): boolean => x.dtype.category === "int" && x.dtype !== uint8;
const isMask = (x: Tensor): boolean => x.dtype === bool || x.dtype === uint8;

/** How many dimensions of the tensor an index uses up. */
function consumes(i: Index): number {
  if (i === null || i === "..." || typeof i === "boolean") return 0;
  return i instanceof Tensor && isMask(i) ? i.ndim : 1;
}

/** What is left of the indices after numbers, slices, `null` and `"..."` have been applied as views (the tensor itself where they change nothing). */
interface Resolved {
  readonly view: Tensor;
  readonly indices: (Tensor | null)[] | null;
}

/** The positions where a mask holds, one int64 vector per dimension. */
export function maskPositions(mask: Tensor): Tensor[] {
  const positions = nonzeroOf(mask);
  return Array.from({ length: mask.ndim }, (_, d) => positions.select(1, d));
}

function nonzeroOf(x: Tensor): Tensor {
  const data = x.toTypedArraySync();
  const found: number[] = [];
  for (let i = 0; i < data.length; i++) if (Number(data[i]) !== 0) found.push(i);
  const { shape, ndim } = x;
  const out = new BigInt64Array(found.length * ndim);
  found.forEach((flat, row) => {
    let rest = flat;
    for (let d = ndim - 1; d >= 0; d--) {
      out[row * ndim + d] = BigInt(rest % shape[d]!);
      rest = Math.floor(rest / shape[d]!);
    }
  });
  return tensor(out, { device: x.device }).view(found.length, ndim);
}

function asIndexTensor(i: Index, x: Tensor): Tensor {
  if (Array.isArray(i)) {
    const t = tensor(i as NestedData, { device: x.device });
    // Whole numbers in an array are positions, though numbers make floats elsewhere; an empty array too.
    return t.dtype.isFloatingPoint ? (i.flat(Number.POSITIVE_INFINITY).every(Number.isInteger) ? t.to(int64) : t) : t;
  }
  return i as Tensor;
}

function resolve(x: Tensor, given: readonly Index[]): Resolved {
  const used = given.reduce<number>((n, i) => n + consumes(i), 0);
  if (given.filter((i) => i === "...").length > 1) throw new ArgumentError("an index can only have a single ellipsis ('...')");
  if (used > x.ndim) throw x.ndim === 0 && given.every((i) => typeof i === "number") ? zeroDimIndex() : tooManyIndices(x.ndim);
  let view = x;
  let dim = 0;
  const tensors: { dim: number; t: Tensor }[] = [];
  for (const [position, i] of given.entries()) {
    if (i === "...") dim += x.ndim - used;
    else if (i === null) view = view.unsqueeze(dim++);
    else if (typeof i === "boolean") {
      view = view.unsqueeze(dim);
      tensors.push({ dim: dim++, t: tensor(i ? [0n] : new BigInt64Array(0), { device: x.device }) });
    } else if (typeof i === "number" || typeof i === "bigint") view = takeOne(view, dim, Number(i), position);
    else if (typeof i === "string") {
      const { start, end, step } = parseSlice(i);
      if (start !== null || end !== null || step !== 1) view = view.slice(dim, start, end, step);
      dim++;
    } else if (i instanceof Tensor || Array.isArray(i)) {
      const t = asIndexTensor(i, x);
      if (t.ndim === 0 && isWhole(t) && t.device.backend.readSync !== undefined) {
        view = takeOne(view, dim, Number(t.itemSync()), position);
        continue;
      }
      dim = addTensor(view, tensors, dim, t);
      if (t.ndim === 0 && isMask(t)) view = view.unsqueeze(dim - 1);
    } else throw invalidIndex(pythonTypeName(i));
  }
  if (tensors.length === 0) return { view, indices: null };
  const indices: (Tensor | null)[] = new Array<Tensor | null>(view.ndim).fill(null);
  for (const { dim: d, t } of tensors) indices[d] = t;
  return { view, indices };
}

/** `position` among the indices stands for the dimension in messages, as in PyTorch. */
function takeOne(view: Tensor, dim: number, i: number, position: number): Tensor {
  if (!Number.isInteger(i)) throw invalidIndex("float");
  const n = view.shape[dim]!;
  if (i < -n || i >= n) throw indexOutOfBounds(i, position, n);
  return view.select(dim, i);
}

/** Adds an index tensor at `dim`; gives the dimension after it. */
function addTensor(view: Tensor, tensors: { dim: number; t: Tensor }[], dim: number, t: Tensor): number {
  if (t.dtype.isFloatingPoint) throw indexDtype();
  if (!isMask(t)) {
    tensors.push({ dim, t: t.to(int64) });
    return dim + 1;
  }
  if (t.ndim === 0) {
    tensors.push({ dim, t: tensor(t.itemSync() ? [0n] : new BigInt64Array(0), { device: view.device }) });
    return dim + 1;
  }
  t.shape.forEach((n, d) => {
    if (n !== view.shape[dim + d]) throw maskShape(t.shape, d, view.shape, dim + d);
  });
  maskPositions(t).forEach((positions, d) => tensors.push({ dim: dim + d, t: positions }));
  return dim + t.ndim;
}

const asList = (indices: Index | readonly Index[]): readonly Index[] => (Array.isArray(indices) ? indices : [indices as Index]);

export const indexing: Indexing & ThisType<Tensor> = {
  at(...indices) {
    const read = (): Tensor => {
      const { view, indices: tensors } = resolve(this, indices);
      if (tensors !== null) return view._index(tensors);
      return view === this ? this._alias() : view;
    };
    return ownedBy(read, (y) => [y]);
  },

  setAt(indices, value) {
    const write = (): void => {
      const { view, indices: tensors } = resolve(this, asList(indices));
      if (tensors === null) {
        if (!(value instanceof Tensor)) view.fill_(value);
        else view.copy_(stretched(value, view));
        return;
      }
      const source = value instanceof Tensor ? value : tensor(value, { dtype: this.dtype, device: this.device });
      view._indexPut_(tensors, source.ndim === 0 && source.dtype !== this.dtype ? source.to(this.dtype) : source, false);
    };
    ownedBy(write, () => []);
  },

  nonzero() {
    return ownedBy(
      () => nonzeroOf(this),
      (y) => [y],
    );
  },

  maskedSelect(mask) {
    if (!isMask(mask)) throw maskedSelectMask();
    const shape = common(this, mask);
    return ownedBy(
      () => this.expand(shape)._index(maskPositions(mask.expand(shape))),
      (y) => [y],
    );
  },
};

function common(a: Tensor, b: Tensor): readonly number[] {
  const shape = broadcastShapes(a.shape, b.shape);
  if (!Array.isArray(shape)) throw sizeMismatch(shape.a, shape.b, shape.dim);
  return shape;
}

/** A value for assignment: leading dimensions of size 1 are forgiven. */
function stretched(value: Tensor, to: Tensor): Tensor {
  let v = value;
  while (v.ndim > to.ndim && v.shape[0] === 1) v = v.squeeze(0);
  return v.expand(to.shape);
}
