import { withGrad } from "../autograd/modes.ts";
import { bool, type DataArray, int64, type Scalar, uint8 } from "../core/dtype.ts";
import {
  ArgumentError,
  indexDtype,
  indexOutOfBounds,
  indexPutDtypes,
  invalidIndex,
  maskedSelectMask,
  maskShape,
  needsValues,
  negativeStep,
  sizeMismatch,
  tooManyIndices,
  zeroDimIndex,
  zeroStep,
} from "../core/errors.ts";
import { broadcastShapes } from "../core/layout.ts";
import { ownedBy } from "../memory/ownership.ts";
import { byPosition } from "./arguments.ts";
import { pythonTypeName } from "./call-pointwise.ts";
import { type NestedData, tensor } from "./creation.ts";
import { checkReadable, isReadable } from "./faults.ts";
import { Tensor } from "./tensor.ts";
import { uploaded } from "./transfer.ts";

/**
 * One index: a whole number takes one element, a string is a Python slice (`"1:3"`, `"::2"`), `null` adds a dimension, `"..."` stands for all
 * dimensions that no other index names, a bool tensor or boolean is a mask, an int64 tensor or an array of whole numbers looks up. On a device whose
 * values cannot be read at once, an int64 tensor without dimensions gives a copy, not a view, and what a mask selects cannot be told: there, `await x.atAsync(mask)`.
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
  /** `at` on every device: masks are read first. */
  atAsync(...indices: Index[]): Promise<Tensor>;
  /**
   * Assigns to the same elements, as `x[...] = value`.
   * @example
   * x.setAt([0, "1:3"], 7)
   * x.setAt([mask], values)
   */
  setAt(indices: Index | readonly Index[], value: Tensor | number | bigint | boolean | Scalar): void;
  /** `setAt` on every device: masks are read first, so that each element that they select may get a value of its own. */
  setAtAsync(indices: Index | readonly Index[], value: Tensor | number | bigint | boolean | Scalar): Promise<void>;
  /**
   * The positions of elements that are not zero, one row (n, ndim) each, int64.
   * @throws DeviceError where values cannot be read at once: there, `await x.nonzeroAsync()`.
   */
  nonzero(options?: { asTuple?: false }): Tensor;
  /** With `asTuple` as one vector for each dimension, which index together: `x.at(...x.nonzero({ asTuple: true }))`. */
  nonzero(options: { asTuple: true }): readonly Tensor[];
  /** `nonzero` on every device. */
  nonzeroAsync(options?: { asTuple?: false }): Promise<Tensor>;
  nonzeroAsync(options: { asTuple: true }): Promise<readonly Tensor[]>;
  /**
   * The elements where a mask holds, in one dimension.
   * @throws DeviceError where values cannot be read at once: there, `await x.maskedSelectAsync(mask)`.
   */
  maskedSelect(mask: Tensor): Tensor;
  /** `maskedSelect` on every device. */
  maskedSelectAsync(mask: Tensor): Promise<Tensor>;
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

/** Positions (n, ndim) as an int64 vector for each dimension. */
const columns = (positions: Tensor): Tensor[] => Array.from({ length: positions.shape[1]! }, (_, d) => positions.select(1, d));

/** Half floats are read as bits, of which those of -0 are not zero. */
const countable = (x: Tensor): Tensor => (x.isFloatingPoint() && x.elementSize() === 2 ? x.ne(0) : x);

function nonzeroOf(x: Tensor): Tensor {
  checkReadable(x, "nonzero()", "await x.nonzeroAsync()");
  return positionsIn(countable(x).toTypedArraySync(), x);
}

/** Where the elements of `x`, given in row-major order, are not zero. Laid out by columns, as in PyTorch. */
function positionsIn(data: DataArray, x: Tensor): Tensor {
  const found: number[] = [];
  for (let i = 0; i < data.length; i++) if (Number(data[i]) !== 0) found.push(i);
  const { shape, ndim } = x;
  const n = found.length;
  const out = new BigInt64Array(n * ndim);
  found.forEach((flat, row) => {
    let rest = flat;
    for (let d = ndim - 1; d >= 0; d--) {
      out[d * n + row] = BigInt(rest % shape[d]!);
      rest = Math.floor(rest / shape[d]!);
    }
  });
  return tensor(out, { device: x.device }).view(ndim, n).t();
}

interface NonzeroOptions {
  asTuple?: boolean;
}
/** Reads the options of `nonzero`; as a tuple, a number counts as a vector of one. */
function nonzeroOptions(x: Tensor, given: readonly unknown[]): { asTuple: boolean; of: Tensor } {
  const [options] = byPosition("nonzero", ["asTuple"], given) as [NonzeroOptions["asTuple"]?];
  const asTuple = options ?? false;
  return { asTuple, of: asTuple && x.ndim === 0 ? x.reshape([1]) : x };
}

function asIndexTensor(i: Index, x: Tensor): Tensor {
  if (Array.isArray(i)) {
    const t = tensor(i as NestedData, { device: x.device });
    // Whole numbers in an array are positions, though numbers make floats elsewhere; an empty array too.
    return t.dtype.isFloatingPoint ? (i.flat(Number.POSITIVE_INFINITY).every(Number.isInteger) ? t.to(int64) : t) : t;
  }
  return i as Tensor;
}

/** A mask that is left as it is, and the first dimension that it covers. */
interface Mask {
  readonly dim: number;
  readonly mask: Tensor;
}

/** `masks`: takes the masks among the indices, which are not resolved then. */
function resolve(x: Tensor, given: readonly Index[], masks: Mask[] | null = null): Resolved {
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
      // Where it cannot be read, it looks up like any other.
      if (t.ndim === 0 && isWhole(t) && isReadable(t.device)) {
        view = takeOne(view, dim, Number(t.itemSync()), position);
        continue;
      }
      if (t.ndim === 0 && isMask(t)) view = view.unsqueeze(dim);
      dim = addTensor(view, tensors, dim, t, masks);
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

/** Adds an index tensor at `dim`; gives the dimension after it. A mask of no dimensions covers one of size 1. */
function addTensor(view: Tensor, tensors: { dim: number; t: Tensor }[], dim: number, t: Tensor, masks: Mask[] | null): number {
  if (t.dtype.isFloatingPoint) throw indexDtype();
  if (!isMask(t)) {
    tensors.push({ dim, t: fromHost(t.to(int64), view) });
    return dim + 1;
  }
  const mask = t.ndim === 0 ? t.reshape([1]) : t;
  mask.shape.forEach((n, d) => {
    if (n !== view.shape[dim + d]) throw maskShape(t.shape, d, view.shape, dim + d);
  });
  if (masks !== null && !isReadable(mask.device)) masks.push({ dim, mask });
  else {
    checkReadable(mask, "the shape of what a mask selects", "await x.atAsync(mask)");
    columns(nonzeroOf(mask)).forEach((positions, d) => tensors.push({ dim: dim + d, t: fromHost(positions, view) }));
  }
  return dim + mask.ndim;
}

/** Positions may come from a device that can be read at once, as in PyTorch from the CPU. */
const fromHost = (t: Tensor, x: Tensor): Tensor => (t.device !== x.device && isReadable(t.device) ? uploaded(t, x.device) : t);

/**
 * Assignment through a mask without knowing where it holds: what is there is written back elsewhere. The shape of the value must not depend on how
 * many elements the mask selects.
 */
function setWhere(view: Tensor, { dim, mask }: Mask, value: Tensor): void {
  if (value.dtype !== view.dtype) throw indexPutDtypes(view.dtype.scalarName, value.dtype.scalarName);
  const after = view.ndim - dim - mask.ndim;
  // The value is laid out as [before, selected, after]; each of the mask's dimensions takes the place of `selected`.
  const at = value.ndim - after - 1;
  if (at >= 0 && value.shape[at] !== 1)
    throw needsValues("assigning one value to each element that a mask selects", view.device.type, "await x.setAtAsync([mask], values)");
  const held = mask.dtype === bool ? mask : mask.ne(0);
  const spread = held.reshape([...mask.shape, ...new Array<number>(after).fill(1)]);
  const source = at < 0 ? value : value.reshape([...value.shape.slice(0, at), ...mask.shape.map(() => 1), ...value.shape.slice(at + 1)]);
  view.copy_(spread._where(stretched(source, view), view));
}

const asList = (indices: Index | readonly Index[]): readonly Index[] => (Array.isArray(indices) ? indices : [indices as Index]);

/** The indices with masks where they can be read: on the CPU. Index tensors may come from there. */
const readable = (indices: readonly Index[]): Promise<Index[]> =>
  Promise.all(indices.map(async (i) => (i instanceof Tensor && isMask(i) && !isReadable(i.device) ? await i.detach().cpu() : i)));

const handlesOf = (x: Tensor | readonly Tensor[]): readonly Tensor[] => (x instanceof Tensor ? [x] : x);

export const indexing: Record<keyof Indexing, unknown> & ThisType<Tensor> = {
  at(...indices: Index[]) {
    const read = (): Tensor => {
      const { view, indices: tensors } = resolve(this, indices);
      if (tensors !== null) return view._index(tensors);
      return view === this ? this._alias() : view;
    };
    return ownedBy(read, (y) => [y]);
  },

  async atAsync(...indices: Index[]) {
    return this.at(...(await readable(indices)));
  },

  async setAtAsync(indices: Index | readonly Index[], value: Tensor | number | bigint | boolean | Scalar) {
    this.setAt(await readable(asList(indices)), value);
  },

  setAt(indices: Index | readonly Index[], value: Tensor | number | bigint | boolean | Scalar) {
    const write = (): void => {
      const masks: Mask[] | null = isReadable(this.device) ? null : [];
      const { view, indices: tensors } = resolve(this, asList(indices), masks);
      if (masks !== null && masks.length > 0) {
        if (masks.length > 1 || tensors !== null)
          throw needsValues("assignment through a mask with other index tensors", this.device.type, "await x.setAtAsync([...], values)");
        setWhere(view, masks[0]!, valueFor(this, value));
        return;
      }
      if (tensors === null) {
        if (!(value instanceof Tensor)) view.fill_(value);
        else view.copy_(stretched(value, view));
        return;
      }
      view._indexPut_(tensors, valueFor(this, value), false);
    };
    ownedBy(write, () => []);
  },

  nonzero(...given: readonly unknown[]) {
    const find = (): Tensor | readonly Tensor[] => {
      const { asTuple, of } = nonzeroOptions(this, given);
      const positions = nonzeroOf(of);
      return asTuple ? columns(positions) : positions;
    };
    return ownedBy(find, handlesOf);
  },

  async nonzeroAsync(...given: readonly unknown[]) {
    const { asTuple, of, counted } = ownedBy(
      () => withGrad(false, () => ({ ...nonzeroOptions(this.detach(), given), counted: countable(this.detach()) })),
      ({ of, counted }) => [of, counted],
    );
    const data = await counted.toTypedArray();
    const find = (): Tensor | readonly Tensor[] => (asTuple ? columns(positionsIn(data, of)) : positionsIn(data, of));
    const positions = ownedBy(find, handlesOf);
    counted.dispose();
    of.dispose();
    return positions;
  },

  maskedSelect(mask: Tensor) {
    const shape = selectedFrom(this, mask);
    checkReadable(mask, "maskedSelect()", "await x.maskedSelectAsync(mask)");
    return ownedBy(
      () => this.expand(shape)._index(columns(nonzeroOf(mask.expand(shape)))),
      (y) => [y],
    );
  },

  async maskedSelectAsync(mask: Tensor) {
    const shape = selectedFrom(this, mask);
    const whole = mask.expand(shape);
    const positions = await whole.nonzeroAsync();
    whole.dispose();
    try {
      return ownedBy(
        () => this.expand(shape)._index(columns(positions)),
        (y) => [y],
      );
    } finally {
      positions.dispose();
    }
  },
};

/** A value for assignment through index tensors. */
function valueFor(x: Tensor, value: Tensor | number | bigint | boolean | Scalar): Tensor {
  if (!(value instanceof Tensor)) return tensor(value, { dtype: x.dtype, device: x.device });
  return value.ndim === 0 && value.dtype !== x.dtype ? value.to(x.dtype) : value;
}

/** The shape that a tensor and a mask for `maskedSelect` have together. */
function selectedFrom(x: Tensor, mask: Tensor): readonly number[] {
  if (!isMask(mask)) throw maskedSelectMask();
  return common(x, mask);
}

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
