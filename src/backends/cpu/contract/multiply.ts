import type { WasmFunction } from "../engine.ts";
import { heap } from "../heap.ts";
import { PARALLEL, pool } from "../threads/pool.ts";
import { methods, word } from "./block-parameters.ts";
import { START_ELEMENTS, START_ZERO } from "./micro-kernel.ts";
import { productCost, runParts } from "./parts.ts";
import { planOf } from "./plan.ts";
import { count, type Dim, type Problem } from "./problem.ts";
import { TABLE_ENTRIES, type Workspace } from "./workspace.ts";

/** Addresses of the operands' first elements. */
export interface Addresses {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  /** What the sum starts from, if anything. */
  readonly d: number;
}

/** Writes the addresses of batch index `i` into the parameters at `words`. `own`: the sum starts from what c holds. */
function placeBatch(words: number, batch: readonly Dim[], at: Addresses, i: number, size: number, own: boolean): void {
  let { a, b, c, d } = at;
  let rest = i;
  for (let q = batch.length - 1; q >= 0; q--) {
    const dim = batch[q]!;
    const index = (rest % dim.size) * size;
    rest = Math.floor(rest / dim.size);
    a += index * dim.a;
    b += index * dim.b;
    c += index * dim.c;
    d += index * dim.d;
  }
  const i32 = heap.i32;
  i32[words + word.a] = a;
  i32[words + word.b] = b;
  i32[words + word.c] = c;
  i32[words + word.d] = own ? c : d;
}

/**
 * Computes c = a * b, or d + a * b if `starts`, for operands in memory with elements of `size` bytes; `block` is the block function of
 * their type. The output is cut into blocks of at most TABLE_ENTRIES rows and columns for each batch index; blocks are independent of each
 * other, and large ones are shared with other threads.
 */
export function multiply(problem: Problem, at: Addresses, size: 4 | 8, starts: boolean, space: Workspace, block: WasmFunction): void {
  const { m, k } = problem;
  const rows = count(m);
  const steps = count(k);
  if (rows === 0 || count(problem.n) === 0 || count(problem.batch) === 0) return;
  const p = space.words;
  const plan = planOf(problem, size, starts);
  const { method, batch, n, start, nChunk, nBlock } = plan;
  const columns = count(n);
  const batches = count(batch);
  const cost = productCost(rows * columns * steps * batches, size, plan);
  const threads = cost < PARALLEL ? 1 : pool.forCost(cost);
  const run = method === "stream" && n.length > 1 ? nBlock : 0;
  const i32 = heap.i32;
  i32[p + word.kBlock] = plan.kBlock;
  i32[p + word.mBlock] = plan.mBlock;
  i32[p + word.nBlock] = nBlock;
  i32[p + word.stretch] = plan.stretch;
  i32[p + word.method] = methods.indexOf(method);
  i32[p + word.aRuns] = plan.aRuns ? 1 : 0;
  i32[p + word.bRuns] = plan.bRuns ? 1 : 0;
  i32[p + word.cRuns] = plan.cRuns ? 1 : 0;

  for (let jn = 0; jn < columns; jn += nChunk) {
    const nn = Math.min(nChunk, columns - jn);
    space.table("bColumns", n, jn, nn, size);
    space.table("cColumns", n, jn, nn, size);
    if (start !== START_ZERO) space.table("dColumns", n, jn, nn, size);
    for (let jm = 0; jm < rows; jm += TABLE_ENTRIES) {
      const mm = Math.min(TABLE_ENTRIES, rows - jm);
      space.table("aRows", m, jm, mm, size);
      space.table("cRows", m, jm, mm, size);
      if (start !== START_ZERO) space.table("dRows", m, jm, mm, size);
      for (let jk = 0; jk === 0 || jk < steps; jk += TABLE_ENTRIES) {
        const kk = Math.min(TABLE_ENTRIES, steps - jk);
        if (kk > 0) {
          space.table("aSteps", k, jk, kk, size);
          space.table("bSteps", k, jk, kk, size);
        }
        // Later steps add to the output, which holds the sum over earlier ones.
        const own = jk > 0 || start === START_ZERO;
        const i32 = heap.i32;
        i32[p + word.m] = mm;
        i32[p + word.n] = nn;
        i32[p + word.k] = kk;
        i32[p + word.start] = jk > 0 ? START_ELEMENTS : start;
        i32[p + word.dRows] = own ? space.cRows : space.dRows;
        i32[p + word.dColumns] = own ? space.cColumns : space.dColumns;
        i32[p + word.dRuns] = (own ? plan.cRuns : plan.dRuns) ? 1 : 0;
        let i = 0;
        if (threads > 1)
          i = runParts(block, plan, space, run, batches, size, threads, (words, index) => placeBatch(words, batch, at, index, size, own));
        for (; i < batches; i++) {
          placeBatch(p, batch, at, i, size, own);
          block(space.address);
        }
      }
    }
  }
}
