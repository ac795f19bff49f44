import { ArgumentError, ambiguousInferred, dimOutOfRange, dimTwice, invalidShape, twoInferred } from "../core/errors.ts";
import { numel, replaced } from "../core/layout.ts";

/** A dimension counted from the front. */
export function dimIndex(dim: number, ndim: number): number {
  const n = Math.max(ndim, 1);
  if (!Number.isInteger(dim)) throw new ArgumentError(`a dimension must be an integer, not ${dim}`);
  if (dim < -n || dim >= n) throw dimOutOfRange(dim, ndim);
  return dim < 0 ? dim + n : dim;
}

/** `count` dimensions from `first` on. */
export function dimRange(first: number, count: number): number[] {
  const dims = new Array<number>(count);
  for (let i = 0; i < count; i++) dims[i] = first + i;
  return dims;
}

/** All dimensions, by how many there are. */
const everyDim: (readonly number[] | undefined)[] = [];
function allDims(ndim: number): readonly number[] {
  everyDim[ndim] ??= dimRange(0, ndim);
  return everyDim[ndim];
}
/** All dimensions but one. */
export function otherDims(ndim: number, dim: number): number[] {
  const dims = dimRange(0, ndim);
  dims.splice(dim, 1);
  return dims;
}

/** Dimensions counted from the front, each once; none given means all. A 0-d tensor has none, whatever is asked for within range. */
export function dimList(dims: number | readonly number[] | null | undefined, ndim: number): readonly number[] {
  if (dims === null || dims === undefined) return allDims(ndim);
  if (typeof dims === "number") {
    const dim = dimIndex(dims, ndim);
    return ndim === 0 ? [] : [dim];
  }
  if (dims.length === 0) return allDims(ndim);
  const list = dims.map((d) => dimIndex(d, ndim));
  list.forEach((d, i) => {
    if (list.indexOf(d) !== i) throw dimTwice(d);
  });
  return ndim === 0 ? [] : list;
}

/** A shape with at most one -1, which stands for what is left. */
export function inferShape(shape: readonly number[], n: number): number[] {
  const unknown = shape.indexOf(-1);
  if (shape.indexOf(-1, unknown + 1) > unknown && unknown >= 0) throw twoInferred();
  if (shape.some((s) => s < -1)) throw invalidShape(shape, n);
  if (unknown < 0) {
    if (numel(shape) !== n) throw invalidShape(shape, n);
    return [...shape];
  }
  const known = shape.reduce((a, s, d) => (d === unknown ? a : a * s), 1);
  if (known === 0 && n === 0) throw ambiguousInferred(shape);
  if (known === 0 || n % known !== 0) throw invalidShape(shape, n);
  return replaced(shape, unknown, n / known);
}
