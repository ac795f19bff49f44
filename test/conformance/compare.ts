/** How close a result has to be to a recorded one. */
import type { StorageArray } from "./corpus.ts";

/** Elements as numbers; integers beyond 2^53 stay exact. */
export type Elements = ArrayLike<number | bigint>;

/** A recorded floating-point result with its tolerance. */
export interface Expected {
  /** What PyTorch gave. */
  readonly value: Elements;
  /** The result in float64, rounded to the dtype; null where none is recorded. */
  readonly truth: Elements | null;
  /** [max |value - truth|, max |truth|] over the elements finite in both. */
  readonly error: readonly [number, number];
}

/** The tolerance of the corpus: four times PyTorch's own error, and two millionths of the largest element. */
export function tolerance([error, largest]: readonly [number, number]): number {
  return 4 * error + 2e-6 * largest + 1e-30;
}

/** Null where every element of `got` is within `allowed` of the truth, else what the worst element is. NaN meets NaN, inf the same inf. */
export function compareClose(got: Elements, expected: Expected, allowed: number = tolerance(expected.error)): string | null {
  const { value, truth } = expected;
  if (got.length !== value.length) return `${got.length} elements, expected ${value.length}`;
  let worst = -1;
  let distance = 0;
  for (let i = 0; i < got.length; i++) {
    const x = Number(got[i]);
    const target = Number(truth ? truth[i] : value[i]);
    const recorded = Number(value[i]);
    const off = miss(x, target);
    if (off <= allowed) continue;
    // Where PyTorch itself does not reach the truth (it overflows, or there is no limit), its own answer is right as well.
    if (!(Number.isFinite(recorded) && Number.isFinite(target)) && miss(x, recorded) <= allowed) continue;
    if (worst < 0 || off > distance) {
      worst = i;
      distance = off;
    }
  }
  if (worst < 0) return null;
  const target = truth ? truth[worst] : value[worst];
  return `element ${worst}: ${got[worst]}, expected ${target} (off by ${distance.toExponential(2)}, allowed ${allowed.toExponential(2)})`;
}

/** |x - y|; 0 for the same infinity or two NaN, Infinity for any other value that is not finite. */
function miss(x: number, y: number): number {
  if (Object.is(x, y) || x === y) return 0;
  if (!Number.isFinite(x) || !Number.isFinite(y)) return Number.POSITIVE_INFINITY;
  return Math.abs(x - y);
}

/** Null where the elements are the same bit for bit (any NaN equals any NaN), else the first that differs. */
export function compareExact(got: Elements, expected: Elements): string | null {
  if (got.length !== expected.length) return `${got.length} elements, expected ${expected.length}`;
  for (let i = 0; i < got.length; i++) {
    const x = got[i];
    const y = expected[i];
    if (Object.is(x, y)) continue;
    if (sameInteger(x, y) || sameInteger(y, x)) continue;
    return `element ${i}: ${shown(x)}, expected ${shown(y)}`;
  }
  return null;
}

/** The same integer, held as a bigint here and as a number there. */
function sameInteger(x: number | bigint | undefined, y: number | bigint | undefined): boolean {
  return typeof x === "bigint" && Number.isSafeInteger(y) && x === BigInt(y as number);
}

function shown(x: number | bigint | undefined): string {
  return Object.is(x, -0) ? "-0" : String(x);
}

/** The values of stored elements: 16-bit floats are decoded from their bits. */
export function numbers(dtype: string, stored: StorageArray | Elements): Elements {
  if (dtype === "float16" && stored instanceof Uint16Array) return Array.from(stored, halfToNumber);
  if (dtype === "bfloat16" && stored instanceof Uint16Array) return Array.from(stored, bfloatToNumber);
  return stored as Elements;
}

function bfloatToNumber(bits: number): number {
  return new Float32Array(new Uint32Array([bits << 16]).buffer)[0] as number;
}

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The distance and the largest value between two recordings, as `err` states it. */
export function errorBetween(value: Elements, truth: Elements): [number, number] {
  let error = 0;
  let largest = 0;
  for (let i = 0; i < value.length; i++) {
    const [x, y] = [Number(value[i]), Number(truth[i])];
    if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
    error = Math.max(error, Math.abs(x - y));
    largest = Math.max(largest, Math.abs(y));
  }
  return [error, largest];
}

/** The shapes are equal. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((n, i) => n === b[i]);
}

/** The strides lay elements out alike: strides of dimensions with at most one element do not count, nor any where there are none. */
export function sameLayout(shape: readonly number[], a: readonly number[], b: readonly number[]): boolean {
  return shape.includes(0) || shape.every((size, i) => size === 1 || a[i] === b[i]);
}
