import type { WasmFunction } from "../engine.ts";
import { heap } from "../heap.ts";
import { type Method, methods, word } from "./block.ts";
import { START_ELEMENTS, START_ROW, START_ZERO, TILE_VECTORS } from "./micro-kernel.ts";
import { count, type Dim, type Problem } from "./problem.ts";
import { K_BLOCK_BYTES, M_BLOCK, N_BLOCK_BYTES, TABLE_ENTRIES, type Workspace } from "./workspace.ts";

/** Up to so many rows b is read as it lies: packing it pays when more rows use it. */
const UNPACKED_ROWS = 32;
/** Dot products beat tiles while rows and columns are so few that packing both operands costs more. */
const DOT_ROWS = 8;
const DOT_K_BLOCK_BYTES = 2048;
/** Columns from which on a single row is computed with b streaming by. */
const STREAM_COLUMNS = 8;

/** Addresses of the operands' first elements. */
export interface Addresses {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  /** What the sum starts from, if anything. */
  readonly d: number;
}

/** Whether the innermost dimension has stride 1 and whole groups of `lanes` elements in it. */
function inRuns(group: readonly Dim[], operand: "a" | "b" | "c" | "d", lanes: number): boolean {
  const inner = group[group.length - 1];
  return inner !== undefined && inner[operand] === 1 && (group.length === 1 || inner.size % lanes === 0);
}

/** Whether a row's columns lie side by side in b, c and d, in runs that are neither short nor longer than a table. */
function streams(n: readonly Dim[], start: number): boolean {
  const inner = n[n.length - 1];
  if (inner === undefined || inner.b !== 1 || inner.c !== 1 || (start === START_ELEMENTS && inner.d !== 1)) return false;
  return inner.size >= STREAM_COLUMNS && (n.length === 1 || inner.size <= TABLE_ENTRIES);
}

function methodFor(problem: Problem, rows: number, columns: number, lanes: number, start: number): Method {
  const { n, k } = problem;
  if (rows === 1 && streams(n, start)) return "stream";
  if (inRuns(k, "a", lanes) && inRuns(k, "b", lanes) && Math.min(rows, columns) <= DOT_ROWS) return "dot";
  if (rows > UNPACKED_ROWS || !inRuns(n, "b", lanes)) return "packed";
  return n.length === 1 || n[n.length - 1]!.size % (TILE_VECTORS * lanes) === 0 ? "joined" : "split";
}

/**
 * Computes c = a * b, or d + a * b if `starts`, for operands in memory with elements of `size` bytes; `block` is the block function of
 * their type. The output is cut into blocks of at most TABLE_ENTRIES rows and columns for each batch index; blocks are independent of each
 * other.
 */
export function multiply(problem: Problem, at: Addresses, size: 4 | 8, starts: boolean, space: Workspace, block: WasmFunction): void {
  const { m, n, k, batch } = problem;
  const rows = count(m);
  const columns = count(n);
  const steps = count(k);
  const batches = count(batch);
  if (rows === 0 || columns === 0 || batches === 0) return;
  const i32 = heap.i32;
  const p = space.words;
  const lanes = 16 / size;
  const start = !starts ? START_ZERO : n.every((dim) => dim.d === 0) ? START_ROW : START_ELEMENTS;
  const method = methodFor(problem, rows, columns, lanes, start);
  // Streams are of one run of columns.
  const run = method === "stream" && n.length > 1 ? n[n.length - 1]!.size : 0;
  const nChunk = run > 0 ? TABLE_ENTRIES - (TABLE_ENTRIES % run) : TABLE_ENTRIES;

  const kMost = (method === "dot" ? DOT_K_BLOCK_BYTES : K_BLOCK_BYTES) / size;
  const kParts = Math.ceil(steps / kMost);
  i32[p + word.kBlock] = kParts <= 1 ? kMost : Math.ceil(Math.ceil(steps / kParts) / lanes) * lanes;
  i32[p + word.mBlock] = M_BLOCK;
  i32[p + word.nBlock] = run > 0 ? run : N_BLOCK_BYTES / size;
  i32[p + word.method] = methods.indexOf(method);
  i32[p + word.aRuns] = inRuns(k, "a", lanes) ? 1 : 0;
  i32[p + word.bRuns] = inRuns(k, "b", lanes) ? 1 : 0;
  const cRuns = inRuns(n, "c", TILE_VECTORS * lanes) ? 1 : 0;
  const dRuns = start === START_ELEMENTS && inRuns(n, "d", TILE_VECTORS * lanes) ? 1 : 0;
  i32[p + word.cRuns] = cRuns;

  let loadedM = -1;
  let loadedN = -1;
  let loadedK = -1;
  for (let i = 0; i < batches; i++) {
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
    i32[p + word.a] = a;
    i32[p + word.b] = b;
    i32[p + word.c] = c;
    for (let jn = 0; jn < columns; jn += nChunk) {
      const nn = Math.min(nChunk, columns - jn);
      i32[p + word.n] = nn;
      if (loadedN !== jn) {
        loadedN = jn;
        space.table("bColumns", n, jn, nn, size);
        space.table("cColumns", n, jn, nn, size);
        if (start !== START_ZERO) space.table("dColumns", n, jn, nn, size);
      }
      for (let jm = 0; jm < rows; jm += TABLE_ENTRIES) {
        const mm = Math.min(TABLE_ENTRIES, rows - jm);
        i32[p + word.m] = mm;
        if (loadedM !== jm) {
          loadedM = jm;
          space.table("aRows", m, jm, mm, size);
          space.table("cRows", m, jm, mm, size);
          if (start !== START_ZERO) space.table("dRows", m, jm, mm, size);
        }
        for (let jk = 0; jk === 0 || jk < steps; jk += TABLE_ENTRIES) {
          const kk = Math.min(TABLE_ENTRIES, steps - jk);
          i32[p + word.k] = kk;
          if (loadedK !== jk && kk > 0) {
            loadedK = jk;
            space.table("aSteps", k, jk, kk, size);
            space.table("bSteps", k, jk, kk, size);
          }
          // Later steps add to the output, which holds the sum over earlier ones.
          const own = jk > 0 || start === START_ZERO;
          i32[p + word.start] = jk > 0 ? START_ELEMENTS : start;
          i32[p + word.d] = own ? c : d;
          i32[p + word.dRows] = own ? space.cRows : space.dRows;
          i32[p + word.dColumns] = own ? space.cColumns : space.dColumns;
          i32[p + word.dRuns] = own ? cRuns : dRuns;
          block(space.address);
        }
      }
    }
  }
}
