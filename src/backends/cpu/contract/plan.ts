import type { Method } from "./block.ts";
import { START_ELEMENTS, START_ROW, START_ZERO, TILE_ROWS, TILE_VECTORS } from "./micro-kernel.ts";
import { count, type Dim, type Problem } from "./problem.ts";
import { K_BLOCK_BYTES, M_BLOCK, N_BLOCK_BYTES, TABLE_ENTRIES } from "./workspace.ts";

/** Up to so many rows b is read as it lies: packing it pays when more rows use it. */
const UNPACKED_ROWS = 32;
/** Dot products beat tiles while rows and columns are so few that packing both operands costs more. */
const DOT_ROWS = 8;
const DOT_K_BLOCK_BYTES = 2048;
/** A single row or column stays in the first-level cache at this length, and the other operand passes by once, in long runs. */
const VECTOR_K_BLOCK_BYTES = 16384;
/** Columns from which on a single row is computed with b streaming by. */
const STREAM_COLUMNS = 8;

/** How a product is computed. */
export interface Plan {
  readonly method: Method;
  /** How its sums start: one of the START constants. */
  readonly start: number;
  /** Columns that share a table of offsets, at most. */
  readonly nChunk: number;
  /** Sizes of the packed blocks, in elements. */
  readonly mBlock: number;
  readonly nBlock: number;
  readonly kBlock: number;
  /** Whether k lies in runs of whole vectors in a, in b; whether the columns of whole tiles lie side by side in c, in d. */
  readonly aRuns: boolean;
  readonly bRuns: boolean;
  readonly cRuns: boolean;
  readonly dRuns: boolean;
}

/** Chooses the way for a product of elements of `size` bytes; `starts`: its sums start from d. */
export function planOf(problem: Problem, size: 4 | 8, starts: boolean): Plan {
  const { m, n, k } = problem;
  const lanes = 16 / size;
  const steps = count(k);
  const start = !starts ? START_ZERO : n.every((dim) => dim.d === 0) ? START_ROW : START_ELEMENTS;
  const aRuns = inRuns(k, "a", lanes);
  const bRuns = inRuns(k, "b", lanes);
  const method = methodFor(count(m), count(n), n, lanes, start, aRuns && bRuns);
  // Streams are of one run of columns.
  const run = method === "stream" && n.length > 1 ? n[n.length - 1]!.size : 0;
  const single = count(m) === 1 || count(n) === 1;
  const kMost = (method !== "dot" ? K_BLOCK_BYTES : single ? VECTOR_K_BLOCK_BYTES : DOT_K_BLOCK_BYTES) / size;
  return {
    method,
    start,
    nChunk: run > 0 ? TABLE_ENTRIES - (TABLE_ENTRIES % run) : TABLE_ENTRIES,
    mBlock: evenly(count(m), M_BLOCK, TILE_ROWS),
    nBlock: run > 0 ? run : N_BLOCK_BYTES / size,
    kBlock: evenly(steps, kMost, lanes),
    aRuns,
    bRuns,
    cRuns: inRuns(n, "c", TILE_VECTORS * lanes),
    dRuns: start === START_ELEMENTS && inRuns(n, "d", TILE_VECTORS * lanes),
  };
}

/** The length of parts, at most `most`, a multiple of `unit`, in which n is cut so that they are about equal. */
function evenly(n: number, most: number, unit: number): number {
  return n <= most ? most : Math.ceil(n / Math.ceil(n / most) / unit) * unit;
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

/** `dots`: k lies in runs of whole vectors in both operands. */
function methodFor(rows: number, columns: number, n: readonly Dim[], lanes: number, start: number, dots: boolean): Method {
  if (rows === 1 && streams(n, start)) return "stream";
  if (dots && Math.min(rows, columns) <= DOT_ROWS) return "dot";
  if (rows > UNPACKED_ROWS || !inRuns(n, "b", lanes)) return "packed";
  return n.length === 1 || n[n.length - 1]!.size % (TILE_VECTORS * lanes) === 0 ? "joined" : "split";
}
