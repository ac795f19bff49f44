import type { LoopNest } from "../../../kernel/loop-nest.ts";
import type { WasmFunction } from "../engine.ts";
import { heap } from "../heap.ts";
import { LAUNCH } from "../launch.ts";
import { pool, type Scratch } from "./pool.ts";

/** What a chunk should cost, and how many there are at least and at most: the last ones to end are to be short. */
const CHUNK = 100_000;
const FEW = 4;
const SOME = 8;
const MANY = 256;

/** Elements that a chunk of an innermost loop is a multiple of: whole vectors, and cache lines that two threads do not share. */
const GRAIN = 64;

/** Into how many chunks work of this cost is cut. It does not depend on the number of threads. */
export const chunksFor = (cost: number): number =>
  Math.min(MANY, Math.max(cost < SOME * CHUNK * 0.1 ? FEW : SOME, Math.ceil(cost / CHUNK)));

/**
 * Runs a flat kernel, `f(LAUNCH, n, ...addresses)`, on several threads if that pays; else false, and nothing is done. Operand k moves
 * `sizes[k]` bytes with each element.
 */
export function runFlat(f: WasmFunction, n: number, addresses: readonly number[], sizes: readonly number[], cost: number): boolean {
  const threads = pool.forCost(cost);
  if (threads === 1) return false;
  const length = Math.ceil(n / chunksFor(cost) / GRAIN) * GRAIN;
  const chunks = Math.ceil(n / length);
  const words = 2 + addresses.length;
  let w = pool.begin(f, chunks, words);
  if (w === 0) return false;
  const i32 = heap.i32;
  for (let from = 0; from < n; from += length) {
    i32[w++] = LAUNCH;
    i32[w++] = Math.min(length, n - from);
    for (let k = 0; k < addresses.length; k++) i32[w++] = addresses[k]! + from * sizes[k]!;
  }
  pool.run(f, threads, true);
  return true;
}

/**
 * Runs a kernel on several threads whose launch record has been written, if that pays; else false, and nothing is done. In the record, which
 * ends before word `end` of the heap, the addresses of the nest's operands begin at word `at`, and the nest follows. One loop of the nest is
 * cut, so its iterations must not depend on each other; the innermost one at multiples of `grain`. Workers have `scratch` memory of their own.
 */
export function runNest(
  f: WasmFunction,
  nest: LoopNest,
  at: number,
  end: number,
  cost: number,
  grain: number = GRAIN,
  scratch?: Scratch,
): boolean {
  const threads = pool.forCost(cost);
  if (threads === 1) return false;
  const { rank, width, sizes, strides } = nest;
  const wanted = chunksFor(cost);
  const d = loopToCut(nest, wanted, grain);
  const size = sizes[d]!;
  const multiple = d === rank - 1 ? grain : 1;
  const length = Math.ceil(size / wanted / multiple) * multiple;
  const chunks = Math.ceil(size / length);
  if (chunks === 1) return false;
  const start = LAUNCH >> 2;
  const words = end - start;
  let w = pool.begin(f, chunks, words, scratch);
  if (w === 0) return false;
  const i32 = heap.i32;
  const sizeWord = at + width + d - start;
  // Where the loop outside says how far it moves: less, as this loop now comes less far. The innermost loop leaves rows alone.
  const outer = d === 0 || d === rank - 1 ? -1 : at + width + rank + width + (rank - 1 - d) * width - start;
  for (let from = 0; from < size; from += length, w += words) {
    const count = Math.min(length, size - from);
    i32.copyWithin(w, start, end);
    for (let k = 0; k < width; k++) {
      const stride = strides[d * width + k]!;
      i32[w + at - start + k]! += from * stride;
      if (outer >= 0) i32[w + outer + k]! += (size - count) * stride;
    }
    i32[w + sizeWord] = count;
  }
  pool.run(f, threads, false);
  return true;
}

/** The outermost loop that gives enough chunks, or else the one that gives most. */
function loopToCut({ rank, sizes }: LoopNest, wanted: number, grain: number): number {
  let best = 0;
  let most = 0;
  for (let d = 0; d < rank; d++) {
    const chunks = d === rank - 1 ? Math.floor(sizes[d]! / grain) : sizes[d]!;
    if (chunks >= wanted) return d;
    if (chunks > most) {
      most = chunks;
      best = d;
    }
  }
  return best;
}
