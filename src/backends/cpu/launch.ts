import type { ComputeType } from "../../core/dtype.ts";
import { type Expr, leaves } from "../../kernel/expr.ts";
import type { LoopNest } from "../../kernel/loop-nest.ts";
import { heap } from "./heap.ts";
import type { FunctionBuilder } from "./wasm/assembler.ts";

/**
 * The launch record: what a run tells a kernel beyond a few parameters. It lies in the heap's first page; kernels get its address.
 *
 *     scalars   8 bytes each: a double, an int64, or an int32 in the low half
 *     words     32 bits each: whatever the kernel's kind lays down, written by `word`
 */
export const LAUNCH = 1024;
/** In front of it lie a few values that one launch of a run leaves for the next: up to here from `SCRATCH`. */
export const SCRATCH = 512;
/** Records end before this: room for dozens of operands in as many dimensions. */
const LAUNCH_END = 32768;

/** The types of the scalars that expressions name, by slot; null where a slot is not used. */
export function scalarTypes(roots: readonly Expr[]): (ComputeType | null)[] {
  const types: (ComputeType | null)[] = [];
  for (const [slot, e] of leaves(roots, "scalar")) types[slot] = e.type;
  for (let k = 0; k < types.length; k++) types[k] ??= null;
  return types;
}

/** Writes the scalars of a run. */
export function writeScalars(types: readonly (ComputeType | null)[], values: readonly (number | bigint)[] | undefined): void {
  for (let k = 0; k < types.length; k++) {
    const type = types[k]!;
    if (type === null) continue;
    const value = values![k]!;
    if (type === "f32" || type === "f64") heap.f64[(LAUNCH >> 3) + k] = Number(value);
    else if (typeof value === "bigint") heap.i64[(LAUNCH >> 3) + k] = value;
    else if (type === "bool") heap.i32[(LAUNCH >> 2) + 2 * k] = value === 0 ? 0 : 1;
    else {
      heap.i32[(LAUNCH >> 2) + 2 * k] = value;
      heap.i32[(LAUNCH >> 2) + 2 * k + 1] = Math.floor(value / 2 ** 32);
    }
  }
}

/** Leaves a scalar on the stack, read from the record whose address is in local 0. */
export function loadScalarArgument(f: FunctionBuilder, slot: number, type: ComputeType): void {
  f.get(0);
  if (type === "f32" || type === "f64") {
    f.load("f64.load", 8 * slot);
    if (type === "f32") f.op("f32.demote_f64");
  } else f.load(type === "i64" ? "i64.load" : "i32.load", 8 * slot);
}

/** Words after the scalars: the index of the first one in `heap.i32`. */
export const firstWord = (scalars: number): number => (LAUNCH >> 2) + 2 * scalars;

/** Reads word after word in a function's prologue, in the order in which the run writes them. */
export class RecordReader {
  readonly #f: FunctionBuilder;
  #offset: number;
  constructor(f: FunctionBuilder, scalars: number) {
    this.#f = f;
    this.#offset = 8 * scalars;
  }
  /** The next word in a new local. */
  next(): number {
    const local = this.#f.local("i32");
    this.#f.get(0).load("i32.load", this.#offset).set(local);
    this.#offset += 4;
    return local;
  }
  /** The next words in new locals. */
  take(n: number): number[] {
    return Array.from({ length: n }, () => this.next());
  }
  /** Passes over words. */
  skip(n: number): void {
    this.#offset += 4 * n;
  }
}

/**
 * Writes a nest at `word`: sizes outermost first, every operand's innermost step, then by loop from the innermost but one outwards what
 * every operand moves when that loop takes a step, having walked through the loop inside it. The `left` innermost loops leave the operands'
 * rows alone. Returns the next word.
 */
export function writeNest(word: number, nest: LoopNest, left: number = 1): number {
  const { rank, width, sizes, strides } = nest;
  const words = heap.i32;
  let w = word;
  for (let d = 0; d < rank; d++) words[w++] = sizes[d]!;
  for (let k = 0; k < width; k++) words[w++] = strides[(rank - 1) * width + k]!;
  for (let d = rank - 2; d >= 0; d--) {
    for (let k = 0; k < width; k++) {
      const inside = d >= rank - 1 - left ? 0 : sizes[d + 1]! * strides[(d + 1) * width + k]!;
      words[w++] = strides[d * width + k]! - inside;
    }
  }
  if (w > LAUNCH_END >> 2) throw new Error(`a kernel of ${width} operands in ${rank} dimensions is too large`);
  return w;
}
