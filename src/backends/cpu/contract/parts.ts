import type { WasmFunction } from "../engine.ts";
import { heap } from "../heap.ts";
import { pool } from "../threads/pool.ts";
import { FIELDS, type Field, word } from "./block-parameters.ts";
import { TILE_ROWS, TILE_VECTORS } from "./micro-kernel.ts";
import type { Plan } from "./plan.ts";
import { scratch, type Workspace } from "./workspace.ts";

/** Nanoseconds of one multiply-add, by the bytes of an element, and of packing one element. */
const MULTIPLY_ADD = { 4: 0.045, 8: 0.09 } as const;
const STREAMED = 0.1;
const PACK = 0.5;
/** What a part costs beyond its arithmetic. */
const PART = 300;
/** The last parts do not end at the same time: so much of one is lost. */
const UNEVEN = 0.1;
/** More parts of a block than so many are never better, unless there are more threads. */
const MOST = 16;
/** Parts of one job. */
const JOB = 2048;

/** The cost of a product of so many multiply-adds on one thread, in nanoseconds. */
export const productCost = (multiplyAdds: number, size: 4 | 8, { method }: Plan): number =>
  multiplyAdds * (method === "stream" ? STREAMED : MULTIPLY_ADD[size]);

/** The rows and columns of a part. */
interface Part {
  readonly rows: number;
  readonly columns: number;
}

/**
 * Cuts a block of m rows, n columns and k steps. Parts that pack the same rows or columns pack them each for itself; so there are no more
 * than keep the threads busy. An element's sum does not depend on how blocks are cut.
 */
function partOf(plan: Plan, m: number, n: number, k: number, run: number, batches: number, size: 4 | 8, threads: number): Part {
  const { method } = plan;
  const rowGrain = 4 * TILE_ROWS;
  const columnGrain = run > 0 ? run : (4 * TILE_VECTORS * 16) / size;
  const packs = { a: method === "packed" || method === "swept", b: method === "packed" };
  const most = Math.max(MOST, 2 * threads);
  let best: Part = { rows: m, columns: n };
  let least = Number.POSITIVE_INFINITY;
  for (let i = 1; i <= most; i++) {
    const rows = Math.ceil(m / i / rowGrain) * rowGrain;
    if (i > 1 && (rows * (i - 1) >= m || method === "stream")) break;
    for (let j = 1; i * j <= most; j++) {
      const columns = Math.ceil(n / j / columnGrain) * columnGrain;
      if (j > 1 && columns * (j - 1) >= n) break;
      const [r, c] = [Math.min(rows, m), Math.min(columns, n)];
      const packed = (packs.a ? r : 0) + (packs.b ? c : 0);
      const cost = productCost(r * c * k, size, plan) + packed * k * PACK + PART;
      const time = (Math.ceil((i * j * batches) / threads) + UNEVEN) * cost;
      if (time >= least) continue;
      least = time;
      best = { rows: r, columns: c };
    }
  }
  return best;
}

/** Tables that a part enters at its first row, and at its first column. */
const rowTables: readonly Field[] = ["aRows", "cRows", "dRows"];
const columnTables: readonly Field[] = ["bColumns", "cColumns", "dColumns"];

/**
 * Computes the block whose parameters lie in `space`, once for each batch index, on several threads. `place(words, i)` writes the addresses
 * of batch index i into the parameters at `words`; columns come in runs of `run`, if that is not 0. Returns how many batch indices are done,
 * from 0 on: none where workers cannot take part.
 */
export function runParts(
  block: WasmFunction,
  plan: Plan,
  space: Workspace,
  run: number,
  batches: number,
  size: 4 | 8,
  threads: number,
  place: (words: number, i: number) => void,
): number {
  const p = space.words;
  const [m, n, k] = [heap.i32[p + word.m]!, heap.i32[p + word.n]!, heap.i32[p + word.k]!];
  const { rows, columns } = partOf(plan, m, n, k, run, batches, size, threads);
  const parts = Math.ceil(m / rows) * Math.ceil(n / columns);
  if (parts * batches === 1) return 0;
  const atOnce = Math.floor(JOB / parts);
  for (let first = 0; first < batches; first += atOnce) {
    const last = Math.min(first + atOnce, batches);
    let w = pool.begin(block, parts * (last - first), FIELDS, scratch);
    if (w === 0) return first;
    const i32 = heap.i32;
    for (let i = first; i < last; i++) {
      for (let row = 0; row < m; row += rows) {
        for (let column = 0; column < n; column += columns, w += FIELDS) {
          i32.copyWithin(w, p, p + FIELDS);
          place(w, i);
          i32[w + word.m] = Math.min(rows, m - row);
          i32[w + word.n] = Math.min(columns, n - column);
          for (const table of rowTables) i32[w + word[table]]! += 4 * row;
          for (const table of columnTables) i32[w + word[table]]! += 4 * column;
        }
      }
    }
    pool.run(block, threads, false);
  }
  return batches;
}
