import { randomBounds, randomEmpty, randomEmptyCast, randomEmptyInclusive, randomFullRange } from "../errors.ts";
import { type Elements, elementsOf, type NarrowKind, type RandomArray } from "./elements.ts";
import { type Generator, wordsPerDraw } from "./generator.ts";

const values = new Float64Array(wordsPerDraw);

/**
 * `randint(from, to)` and `random_(from, to)`: whole numbers from `from` to `to - 1`, one output modulo `to - from` for each, or
 * two where that is 2^32 or more. With null for `to` the last one is the largest that the dtype can hold.
 *
 * For floating-point dtypes, bounds that the dtype does not have first move inward, so that no value rounds to `to`.
 *
 * @param kind with a Uint8Array "bool", with a Float32Array a narrower dtype.
 */
export function fillRandint(g: Generator, out: RandomArray, from: bigint, to: bigint | null, kind?: NarrowKind): void {
  const elements = elementsOf(out, kind);
  const [low, range] = integerBounds(elements, from, to);
  const exact = low >= BigInt(Number.MIN_SAFE_INTEGER) && low + range <= BigInt(Number.MAX_SAFE_INTEGER);
  if (exact && !takesPairs(range, elements)) fillFromWords(g, out, Number(low), Number(range), elements);
  else fillAsBigInt(g, out, low, range, elements);
}

/**
 * `random_()`: whole numbers from 0 to the largest of an integer dtype, and from 0 to 2^24 for float32, 2^53 for float64.
 *
 * @param kind with a Uint8Array "bool", with a Float32Array a narrower dtype.
 */
export function fillRandom(g: Generator, out: RandomArray, kind?: NarrowKind): void {
  const elements = elementsOf(out, kind);
  const range = randomRange(elements);
  if (elements.digits < 32) fillFromWords(g, out, 0, Number(range), elements);
  else fillAsBigInt(g, out, 0n, range, elements);
}

/** How many numbers `random_()` draws from. */
export const randomRange = ({ digits, floating }: Elements): bigint => (1n << BigInt(digits)) + (floating ? 1n : 0n);

/** The first number and how many there are, as PyTorch's `random_from_to_impl` finds them. */
export function integerBounds(elements: Elements, from: bigint, to: bigint | null): [low: bigint, range: bigint] {
  const { floating, digits, max } = elements;
  if (to !== null && from >= to) throw randomEmpty(from, to);
  if (to === null && from === -(1n << 63n)) {
    if (digits === 11 || (!floating && digits < 63)) throw randomFullRange();
    return [0n, 1n << 64n]; // wraps to every int64
  }
  const low = floating ? inward(from, 1n, elements) : from;
  let last = floating ? 1n << BigInt(digits) : max;
  if (to !== null) last = (floating ? inward(to, -1n, elements) : to) - 1n;
  if (floating && to === null && low >= last) throw randomEmptyInclusive(low, last);
  if (low > last && floating) throw randomEmptyCast(low, last + 1n);
  checkBounds("from", low, elements);
  checkBounds("to - 1", last, elements);
  return [low, last - low + 1n];
}

function checkBounds(name: "from" | "to - 1", value: bigint, { min, max, typeName }: Elements): void {
  if (value < min || value > max) throw randomBounds(name, typeName);
}

/** The bound, or where its neighbour inside rounds across it, the next number inside that the dtype has. */
function inward(bound: bigint, step: bigint, elements: Elements): bigint {
  const inside = bound + step;
  const value = nearest(inside, elements);
  const rounded = Number.isFinite(value) ? BigInt.asIntN(64, BigInt(value)) : -(1n << 63n); // back to int64, as the processor does
  if (step > 0n ? rounded >= bound : rounded < bound) return bound;
  const size = inside < 0n ? -inside : inside;
  return rounded + step * (1n << BigInt(size.toString(2).length - elements.digits));
}

/** Whether a value takes two outputs. int32 with all its 2^32 values does not. */
const takesPairs = (range: bigint, { floating, digits }: Elements): boolean => range >= 1n << 32n && (floating || digits === 63);

/** `low` plus an output modulo `range`, for a range of at most 2^32. */
function fillFromWords(g: Generator, out: RandomArray, low: number, range: number, elements: Elements): void {
  const modulus = range >>> 0; // 0 stands for 2^32
  const halves = out instanceof BigInt64Array ? new Int32Array(out.buffer, out.byteOffset, 2 * out.length) : null;
  for (let start = 0; start < out.length; start += wordsPerDraw) {
    const count = Math.min(out.length - start, wordsPerDraw);
    const words = g.words(count);
    for (let i = 0; i < count; i++) values[i] = low + (modulus === 0 ? words[i]! : words[i]! % modulus);
    if (elements.floating) for (let i = 0; i < count; i++) values[i] = elements.round(values[i]!);
    if (halves !== null) storeInt64(halves, start, count);
    else if (!(out instanceof BigInt64Array)) out.set(values.subarray(0, count), start);
  }
}

function storeInt64(halves: Int32Array, start: number, count: number): void {
  for (let i = 0; i < count; i++) {
    halves[2 * (start + i)] = values[i]!; // modulo 2^32
    halves[2 * (start + i) + 1] = Math.floor(values[i]! * 2 ** -32);
  }
}

/** `low` plus one output or two modulo `range`, beyond what numbers hold. */
function fillAsBigInt(g: Generator, out: RandomArray, low: bigint, range: bigint, elements: Elements): void {
  const pairs = takesPairs(range, elements);
  for (let i = 0; i < out.length; i++) {
    const value = BigInt.asIntN(64, low + ((pairs ? g.u64() : BigInt(g.u32())) % range));
    if (out instanceof BigInt64Array) out[i] = value;
    else out[i] = nearest(value, elements);
  }
}

/** The value of a floating-point dtype nearest to an int64. */
function nearest(value: bigint, { digits, round }: Elements): number {
  const low = value & 0x7ffn;
  if (digits === 53 || low === 0n || BigInt.asIntN(53, value) === value) return round(Number(value));
  // Number() rounds as well. An odd last bit of its 53 in place of the ones lost leaves the decision to the second rounding.
  return round(Number((value - low) | 0x800n));
}

/** `randperm(n)`: a permutation of the numbers from 0 to n - 1, by the shuffle of Fisher and Yates from the front. */
export function randperm(g: Generator, n: number): BigInt64Array<ArrayBuffer> {
  const out = new BigInt64Array(n);
  const halves = new Int32Array(out.buffer);
  for (let i = 0; i < n; i++) halves[2 * i] = i;
  for (let i = 0; i < n - 1; i++) {
    const j = i + (g.u32() % ((n - i) >>> 0));
    const value = halves[2 * i]!;
    halves[2 * i] = halves[2 * j]!;
    halves[2 * j] = value;
  }
  return out;
}
