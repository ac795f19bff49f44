import type { Method } from "./block-parameters.ts";
import { START_ELEMENTS, START_ROW, START_ZERO, TILE_ROWS, TILE_VECTORS } from "./micro-kernel.ts";
import { count, type Dim, type Problem } from "./problem.ts";
import { SWEEP_VECTORS } from "./sweep-kernel.ts";
import { K_BLOCK_BYTES, M_BLOCK, N_BLOCK_BYTES, TABLE_ENTRIES } from "./workspace.ts";

/** Up to so many rows, or steps, b is read as it lies: packing it pays when more rows use it, and for sums long enough to hide it. */
const SWEPT_ROWS = 32;
const SWEPT_STEPS = 32;
/** What a stretch of b's columns may take of the first-level cache. */
const STRETCH_BYTES = 16384;
/** Columns from which on such a product is done apart, so that the tables of their offsets serve again for the next. */
const SWEPT_COLUMNS = 512;
/** Dot products beat tiles while rows and columns are so few that packing both operands costs more. */
const DOT_ROWS = 12;
const DOT_K_BLOCK_BYTES = 2048;
/** A single row or column stays in the first-level cache at this length, and the other operand passes by once, in long runs. */
const VECTOR_K_BLOCK_BYTES = 16384;
/** Columns from which on a single row is computed with b streaming by. */
const STREAM_COLUMNS = 8;

/** How a product is computed. */
export interface Plan {
  readonly method: Method;
  /** The batch dimensions, and the columns of one product: dimensions that only b has can be either. */
  readonly batch: readonly Dim[];
  readonly n: readonly Dim[];
  /** How its sums start: one of the START constants. */
  readonly start: number;
  /** Columns that share a table of offsets, at most. */
  readonly nChunk: number;
  /** Sizes of the packed blocks, in elements. */
  readonly mBlock: number;
  readonly nBlock: number;
  readonly kBlock: number;
  /** Columns that pass by all rows together where b is read as it lies. */
  readonly stretch: number;
  /** Whether k lies in runs of whole vectors in a, in b; whether the columns of whole tiles lie side by side in c, in d. */
  readonly aRuns: boolean;
  readonly bRuns: boolean;
  readonly cRuns: boolean;
  readonly dRuns: boolean;
}

/** Chooses the way for a product of elements of `size` bytes; `starts`: its sums start from d. */
export function planOf(problem: Problem, size: 4 | 8, starts: boolean): Plan {
  const { m, k } = problem;
  const lanes = 16 / size;
  const steps = count(k);
  const start = !starts ? START_ZERO : problem.n.every((dim) => dim.d === 0) ? START_ROW : START_ELEMENTS;
  const aRuns = inRuns(k, "a", lanes);
  const bRuns = inRuns(k, "b", lanes);
  const method = methodFor(problem, lanes, start, aRuns && bRuns);
  const outer = method === "swept" ? outerColumns(problem.n) : 0;
  const batch = outer > 0 ? [...problem.batch, ...problem.n.slice(0, outer)] : problem.batch;
  const n = outer > 0 ? problem.n.slice(outer) : problem.n;
  // Streams are of one run of columns.
  const run = method === "stream" && n.length > 1 ? n[n.length - 1]!.size : 0;
  const single = count(m) === 1 || count(n) === 1;
  const sweep = SWEEP_VECTORS * lanes;
  const kMost = (method !== "dot" ? K_BLOCK_BYTES : single ? VECTOR_K_BLOCK_BYTES : DOT_K_BLOCK_BYTES) / size;
  const kBlock = evenly(steps, kMost, lanes);
  return {
    method,
    batch,
    n,
    start,
    nChunk: run > 0 ? TABLE_ENTRIES - (TABLE_ENTRIES % run) : TABLE_ENTRIES,
    mBlock: evenly(count(m), M_BLOCK, TILE_ROWS),
    nBlock: run > 0 ? run : N_BLOCK_BYTES / size,
    kBlock,
    stretch: Math.max(1, Math.floor(STRETCH_BYTES / size / sweep / Math.max(1, Math.min(steps, kBlock)))) * sweep,
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

/** How many dimensions lie around columns that are enough for a product of their own. */
function outerColumns(n: readonly Dim[]): number {
  let inner = 1;
  let i = n.length;
  while (i > 0 && inner < SWEPT_COLUMNS) inner *= n[--i]!.size;
  return i;
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
function methodFor({ m, n, k }: Problem, lanes: number, start: number, dots: boolean): Method {
  const [rows, columns] = [count(m), count(n)];
  if (rows === 1 && streams(n, start)) return "stream";
  if (dots && Math.min(rows, columns) <= DOT_ROWS) return "dot";
  const runs = inRuns(n, "b", lanes) && inRuns(n, "c", lanes) && (start !== START_ELEMENTS || inRuns(n, "d", lanes));
  return runs && (rows <= SWEPT_ROWS || count(k) <= SWEPT_STEPS) ? "swept" : "packed";
}
