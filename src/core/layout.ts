/** The number of elements of a shape. */
export function numel(shape: readonly number[]): number {
  let n = 1;
  for (let d = 0; d < shape.length; d++) n *= shape[d]!;
  return n;
}

/** Row-major strides of a shape, in elements. */
export function rowMajor(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let n = 1;
  for (let d = shape.length - 1; d >= 0; d--) {
    strides[d] = n;
    n *= Math.max(shape[d]!, 1);
  }
  return strides;
}

/** How a tensor looks at its storage: shape, strides and offset in elements. Immutable; views are functions from layout to layout. */
export class Layout {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
  readonly numel: number;
  /** Whether the elements lie in row-major order without gaps. */
  readonly isContiguous: boolean;
  /** Whether it is the layout that a new tensor of its shape has: contiguous from 0, and with the usual strides also where a size is 1. */
  readonly isPlain: boolean;

  constructor(shape: readonly number[], strides: readonly number[], offset: number) {
    this.shape = shape;
    this.strides = strides;
    this.offset = offset;
    this.numel = numel(shape);
    this.isContiguous = contiguousStrides(shape, strides, this.numel);
    this.isPlain = offset === 0 && this.isContiguous && hasUsualStrides(shape, strides);
  }

  get ndim(): number {
    return this.shape.length;
  }

  static contiguous(shape: readonly number[], offset: number = 0): Layout {
    if (shape.length === 0 && offset === 0) return SCALAR;
    return new Layout(shape, rowMajor(shape), offset);
  }
}

/** What every new tensor without dimensions has. */
const SCALAR = new Layout([], [], 0);

function contiguousStrides(shape: readonly number[], strides: readonly number[], n: number): boolean {
  if (n === 0) return true;
  let expected = 1;
  for (let d = shape.length - 1; d >= 0; d--) {
    if (shape[d] === 1) continue;
    if (strides[d] !== expected) return false;
    expected *= shape[d]!;
  }
  return true;
}

function hasUsualStrides(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let d = shape.length - 1; d >= 0; d--) {
    if (strides[d] !== expected) return false;
    expected *= Math.max(shape[d]!, 1);
  }
  return true;
}

/** Whether two shapes are equal. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let d = 0; d < a.length; d++) if (a[d] !== b[d]) return false;
  return true;
}

/**
 * The shape that both shapes broadcast to, or the first dimension (of the result) in which they differ.
 * Shapes are aligned at their last dimension; a size of 1 stretches.
 */
export function broadcastShapes(a: readonly number[], b: readonly number[]): number[] | { a: number; b: number; dim: number } {
  const n = Math.max(a.length, b.length);
  const out = new Array<number>(n);
  for (let d = n - 1; d >= 0; d--) {
    const x = a[d - n + a.length] ?? 1;
    const y = b[d - n + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return { a: x, b: y, dim: d };
    out[d] = x === 1 ? y : x;
  }
  return out;
}

/** The layout seen through a larger shape; stretched dimensions get stride 0. The shapes must be known to match. */
export function expandTo(l: Layout, shape: readonly number[]): Layout {
  if (l.shape === shape) return l;
  const pad = shape.length - l.shape.length;
  const strides = new Array<number>(shape.length);
  for (let d = 0; d < shape.length; d++) strides[d] = d < pad || (l.shape[d - pad] === 1 && shape[d] !== 1) ? 0 : l.strides[d - pad]!;
  return new Layout(shape, strides, l.offset);
}

/** The dimensions in the given order. */
export function permute(l: Layout, dims: readonly number[]): Layout {
  return new Layout(
    dims.map((d) => l.shape[d]!),
    dims.map((d) => l.strides[d]!),
    l.offset,
  );
}

// `with` and `toSpliced` take several times as long as these, and views are made all the time.

/** A list with another value at one place. */
export function replaced(list: readonly number[], at: number, value: number): number[] {
  const other = list.slice();
  other[at] = value;
  return other;
}
function without(list: readonly number[], at: number): number[] {
  const n = list.length - 1;
  const other = new Array<number>(n);
  for (let d = 0; d < n; d++) other[d] = list[d < at ? d : d + 1]!;
  return other;
}
function inserted(list: readonly number[], at: number, value: number): number[] {
  const n = list.length + 1;
  const other = new Array<number>(n);
  for (let d = 0; d < n; d++) other[d] = d < at ? list[d]! : d === at ? value : list[d - 1]!;
  return other;
}
function exchanged(list: readonly number[], a: number, b: number): number[] {
  const other = list.slice();
  other[a] = list[b]!;
  other[b] = list[a]!;
  return other;
}
/** Two dimensions exchanged. */
export const transpose = (l: Layout, a: number, b: number): Layout =>
  new Layout(exchanged(l.shape, a, b), exchanged(l.strides, a, b), l.offset);

/** Elements `start`, `start + step`, ... of one dimension, `length` of them. */
export function slice(l: Layout, dim: number, start: number, length: number, step: number = 1): Layout {
  const stride = l.strides[dim]!;
  return new Layout(replaced(l.shape, dim, length), replaced(l.strides, dim, stride * step), l.offset + start * stride);
}

/** One element of a dimension; the dimension goes away. */
export function select(l: Layout, dim: number, index: number): Layout {
  return new Layout(without(l.shape, dim), without(l.strides, dim), l.offset + index * l.strides[dim]!);
}

/** Dimensions walked from their last element: negative strides. For kernels that read; no tensor keeps such a layout. */
export function reversed(l: Layout, dims: readonly number[]): Layout {
  let { offset } = l;
  for (const d of dims) offset += Math.max(l.shape[d]! - 1, 0) * l.strides[d]!;
  return new Layout(
    l.shape,
    l.strides.map((s, d) => (dims.includes(d) ? -s : s)),
    offset,
  );
}

/** A new dimension of size 1 before `dim`. */
export function unsqueeze(l: Layout, dim: number): Layout {
  const stride = dim < l.ndim ? l.shape[dim]! * l.strides[dim]! : 1;
  return new Layout(inserted(l.shape, dim, 1), inserted(l.strides, dim, stride), l.offset);
}

/**
 * Strides under which `shape` shows the same elements in the same order without a copy, or null where none exist.
 * `shape` must have as many elements as the layout. Dimensions that lie in memory as one block are split and merged freely; blocks are not.
 */
export function viewStrides(l: Layout, shape: readonly number[]): number[] | null {
  if (l.numel === 0) return rowMajor(shape);
  const strides = new Array<number>(shape.length);
  let d = shape.length - 1;
  let chunk = 1; // elements of the current block that are accounted for
  let base = l.ndim > 0 ? l.strides[l.ndim - 1]! : 1;
  for (let s = l.ndim - 1; s >= 0; s--) {
    chunk *= l.shape[s]!;
    const ends = s === 0 || (l.shape[s - 1] !== 1 && l.strides[s - 1] !== chunk * base);
    if (!ends) continue;
    let n = 1;
    while (d >= 0 && (n < chunk || shape[d] === 1)) {
      strides[d] = n * base;
      n *= shape[d]!;
      d--;
    }
    if (n !== chunk) return null;
    if (s > 0) {
      chunk = 1;
      base = l.strides[s - 1]!;
    }
  }
  for (; d >= 0; d--) strides[d] = 1; // only sizes of 1 are left (a 0-d layout seen with dimensions)
  return strides;
}

/** The number of elements of storage that the layout reaches, counted from the storage's start. */
export function extent(l: Layout): number {
  if (l.numel === 0) return 0;
  let last = l.offset;
  for (let d = 0; d < l.ndim; d++) if (l.strides[d]! > 0) last += (l.shape[d]! - 1) * l.strides[d]!;
  return last + 1;
}

/** The storage index of every element in row-major order. For hosts and tests; kernels have their own loops. */
export function* indices(l: Layout): Generator<number, void, undefined> {
  const at = new Array<number>(l.ndim).fill(0);
  let p = l.offset;
  for (let k = 0; k < l.numel; k++) {
    yield p;
    for (let d = l.ndim - 1; d >= 0; d--) {
      p += l.strides[d]!;
      if (++at[d]! < l.shape[d]!) break;
      p -= at[d]! * l.strides[d]!;
      at[d] = 0;
    }
  }
}
