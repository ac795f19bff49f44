import { count, type Dim } from "../contract/problem.ts";
import { heap } from "../heap.ts";
import { firstOfRun, type Key, offsetOf, strideOf } from "./dims.ts";
import { copiesOf } from "./gather.ts";

/** Bytes of a block of copied elements, lines that it has at most, and runs that a line is copied from at a time. */
const BLOCK_BYTES = 2 ** 20;
const MOST_LINES = 1024;
const MOST_RUNS = 4096;

/** The memory of blocks: two tables of offsets, and the elements. */
interface Space {
  readonly lines: number;
  readonly runs: number;
  readonly elements: number;
}
let shared: Space | null = null;
function space(): Space {
  if (shared === null) {
    const lines = heap.allocate(4 * (MOST_LINES + MOST_RUNS) + BLOCK_BYTES).offset;
    shared = { lines, runs: lines + 4 * MOST_LINES, elements: lines + 4 * (MOST_LINES + MOST_RUNS) };
  }
  return shared;
}

/** A matrix in the heap: how far apart its lines are, in elements, and whether a line holds the steps of one row or the rows of one step. */
export interface Placed {
  readonly at: number;
  readonly line: number;
  readonly stepsInLine: boolean;
}

/** Writes the offsets, in bytes, of `length` indices of some dimensions from `first` on. */
function fillTable(table: number, dims: readonly Dim[], key: Key, first: number, length: number, size: number): void {
  const { i32 } = heap;
  const outer = dims.slice(0, -1);
  const inner = dims.length === 0 ? 1 : dims[dims.length - 1]!.size;
  const step = strideOf(dims, key) * size;
  let p = table >>> 2;
  for (let i = first; i < first + length; ) {
    const within = i % inner;
    const n = Math.min(inner - within, first + length - i);
    let offset = offsetOf(outer, key, Math.floor(i / inner)) * size + within * step;
    for (let j = 0; j < n; j++, offset += step) i32[p++] = offset;
    i += n;
  }
}

/** What the table of lines holds. */
let held: { readonly dims: readonly Dim[]; readonly key: Key; readonly first: number; readonly length: number } | null = null;
function fillLines(dims: readonly Dim[], key: Key, first: number, length: number, size: number): void {
  if (held !== null && held.dims === dims && held.key === key && held.first === first && held.length === length) return;
  held = { dims, key, first, length };
  fillTable(space().lines, dims, key, first, length, size);
}

/** An operand that is no matrix as it lies, seen by blocks of rows and steps that are copied into one. */
export class Patches {
  /** Rows and steps of a block. */
  readonly rows: number;
  readonly steps: number;
  readonly #key: Key;
  readonly #size: 4 | 8;
  /** Whether a line of a block holds rows (of one step) or steps (of one row): what lies closer together. */
  readonly #rowsInLine: boolean;
  readonly #along: Line;
  readonly #across: readonly Dim[];

  constructor(key: Key, rows: readonly Dim[], steps: readonly Dim[], size: 4 | 8) {
    this.#key = key;
    this.#size = size;
    const [ofRows, ofSteps] = [new Line(rows, key, size), new Line(steps, key, size)];
    this.#rowsInLine = ofRows.near === ofSteps.near ? ofRows.run >= ofSteps.run : ofRows.near;
    this.#along = this.#rowsInLine ? ofRows : ofSteps;
    const [along, across] = this.#rowsInLine ? [rows, steps] : [steps, rows];
    this.#across = across;
    const lines = even(count(across), MOST_LINES, 1);
    const inLine = even(count(along), Math.floor(BLOCK_BYTES / size / lines), this.#along.run);
    [this.rows, this.steps] = this.#rowsInLine ? [inLine, lines] : [lines, inLine];
  }

  /** Copies a block of the operand at `source`. The next one takes its place. */
  block(source: number, row: number, rows: number, step: number, steps: number): Placed {
    const [first, length, firstLine, lines] = this.#rowsInLine ? [row, rows, step, steps] : [step, steps, row, rows];
    const { elements } = space();
    fillLines(this.#across, this.#key, firstLine, lines, this.#size);
    this.#along.copy(source, first, length, lines, elements);
    return { at: elements, line: length, stepsInLine: !this.#rowsInLine };
  }
}

/** Copies a whole operand to a matrix whose lines hold every row's steps. */
export function copyWhole(key: Key, rows: readonly Dim[], steps: readonly Dim[], size: 4 | 8, source: number, target: number): void {
  const line = count(steps);
  const all = count(rows);
  const along = new Line(steps, key, size);
  for (let first = 0; first < all; first += MOST_LINES) {
    const lines = Math.min(MOST_LINES, all - first);
    fillLines(rows, key, first, lines, size);
    along.copy(source, 0, line, lines, target + first * line * size);
  }
}

/** The elements along the lines of a matrix, of which the innermost dimensions that lie like one are a run. */
class Line {
  /** The length of a run. */
  readonly run: number;
  /** Whether the elements of a run lie side by side. */
  readonly near: boolean;
  readonly #outer: readonly Dim[];
  readonly #key: Key;
  readonly #step: number;
  readonly #size: 4 | 8;

  constructor(dims: readonly Dim[], key: Key, size: 4 | 8) {
    const first = firstOfRun(dims, key);
    this.run = count(dims.slice(first));
    this.near = strideOf(dims, key) === 1;
    this.#outer = dims.slice(0, first);
    this.#key = key;
    this.#step = strideOf(dims, key) * size;
    this.#size = size;
  }

  /** Copies `length` elements, from `first` on, of as many lines as the table of lines has, one line after the other. */
  copy(source: number, first: number, length: number, lines: number, target: number): void {
    const size = this.#size;
    const run = this.run;
    const { gather } = copiesOf(size);
    const { lines: lineTable, runs: runTable } = space();
    for (let i = first; i < first + length; ) {
      const within = i % run;
      const left = first + length - i;
      // Whole runs together, parts of runs one by one.
      const whole = within === 0 && left >= run;
      const runs = whole ? Math.min(Math.floor(left / run), MOST_RUNS) : 1;
      const part = whole ? run : Math.min(run - within, left);
      fillTable(runTable, this.#outer, this.#key, Math.floor(i / run), runs, size);
      const to = target + (i - first) * size;
      gather(source + within * this.#step, lineTable, lines, runTable, runs, part, this.#step, to, length * size);
      i += runs * part;
    }
  }
}

/** The size of the parts, all about as large, of at most `most` and, if that is possible, of whole runs, that `n` is cut into. */
function even(n: number, most: number, run: number): number {
  const unit = run <= most ? run : 1;
  const units = Math.ceil(n / unit);
  const parts = Math.ceil(units / Math.floor(most / unit));
  return Math.ceil(units / parts) * unit;
}
