import type { Compiled, KernelOf, LaunchArgs } from "../../kernel/kernel.ts";
import { LoopNest } from "../../kernel/loop-nest.ts";
import type { Lanes } from "./codegen.ts";
import { instantiate, type WasmFunction } from "./engine.ts";
import { heap } from "./heap.ts";
import { firstWord, LAUNCH, writeNest, writeScalars } from "./launch.ts";
import { loadWalk, STRIDED, UNIT, variantKey, type Walk, walkOf } from "./loops.ts";
import { address, type Operand } from "./operand.ts";
import type { RowsVariant } from "./rows-context.ts";
import { rowsModule } from "./rows-module.ts";
import { RowsPlan } from "./rows-plan.ts";
import { CHUNK } from "./sums.ts";
import { runNest } from "./threads/chunks.ts";
import { elementCost } from "./threads/cost.ts";
import { PARALLEL } from "./threads/pool.ts";

/** Vectors of rows side by side that are taken together: a cache line's worth. */
const STRIP = 4;

/**
 * Rows kernels: all stages of a row, or of a few rows side by side, while it lies in the cache. Vectors go along the rows, or across them where
 * neighbours in memory belong to different rows.
 */
class CompiledRows implements Compiled {
  readonly #plan: RowsPlan;
  readonly #sizes: readonly number[];
  readonly #alongSizes: readonly number[];
  /** What an element costs. */
  readonly #cost: number;
  readonly #kept: LoopNest;
  readonly #row: LoopNest;
  readonly #variants = new Map<number | string, WasmFunction>();
  readonly #walks: Walk[] = [];
  readonly #walkOf = (k: number): Walk => this.#walks[k]!;

  constructor(kernel: KernelOf<"rows">) {
    this.#plan = new RowsPlan(kernel);
    const { dtypes, along } = this.#plan;
    this.#sizes = dtypes.map((d) => d.itemsize);
    this.#alongSizes = along.map((k) => this.#sizes[k]!);
    this.#cost = elementCost(this.#plan.roots, Math.max(this.#plan.rowLanes, this.#plan.keptLanes) as Lanes, this.#sizes);
    this.#kept = new LoopNest(dtypes.length);
    this.#row = new LoopNest(along.length);
  }

  run(inputs: readonly Operand[], outputs: readonly Operand[], args: LaunchArgs): void {
    const { scalars } = this.#plan;
    const split = args.kept!;
    const { shape } = inputs[0]!.layout;
    for (let d = 0; d < split; d++) if (shape[d] === 0) return;
    if (scalars.length > 0) writeScalars(scalars, args.scalars);
    this.#layKept(inputs, outputs, split);
    const elements = this.#layRow(inputs, outputs, split);
    const f = this.#function(elements);
    const first = firstWord(scalars.length);
    let w = first;
    const sizes = this.#sizes;
    const n = outputs.length;
    for (let j = 0; j < n; j++) heap.i32[w++] = address(outputs[j]!, sizes[j]!);
    for (let j = 0; j < inputs.length; j++) heap.i32[w++] = address(inputs[j]!, sizes[n + j]!);
    w = writeNest(w, this.#kept);
    if (elements > 0) w = writeNest(w, this.#row);
    let cost = elements * this.#cost;
    for (let d = 0; d < split; d++) cost *= shape[d]!;
    // Rows can be cut anywhere, and vectors of rows side by side not.
    if (cost < PARALLEL || !runNest(f, this.#kept, first, w, cost, this.#alongPays(elements) ? 1 : 64)) f(LAUNCH);
  }

  #layKept(inputs: readonly Operand[], outputs: readonly Operand[], split: number): void {
    const nest = this.#kept.clear();
    const sizes = this.#sizes;
    const { shape } = inputs[0]!.layout;
    const n = outputs.length;
    for (let d = 0; d < split; d++) {
      if (shape[d] === 1) continue;
      nest.push(shape[d]!);
      for (let j = 0; j < n; j++) nest.set(j, outputs[j]!.layout.strides[d]! * sizes[j]!);
      for (let j = 0; j < inputs.length; j++) nest.set(n + j, inputs[j]!.layout.strides[d]! * sizes[n + j]!);
    }
    nest.sort().merge(sizes);
  }

  /** Returns how many elements a row has. */
  #layRow(inputs: readonly Operand[], outputs: readonly Operand[], split: number): number {
    const nest = this.#row.clear();
    const { along, commutative } = this.#plan;
    const { shape } = inputs[0]!.layout;
    const n = outputs.length;
    let elements = 1;
    for (let d = split; d < shape.length; d++) {
      elements *= shape[d]!;
      if (shape[d] === 1) continue;
      nest.push(shape[d]!);
      for (let i = 0; i < along.length; i++) {
        const k = along[i]!;
        const { strides } = (k < n ? outputs[k]! : inputs[k - n]!).layout;
        nest.set(i, strides[d]! * this.#alongSizes[i]!);
      }
    }
    if (elements === 0) return 0;
    if (commutative) nest.sort();
    nest.merge(this.#alongSizes);
    return elements;
  }

  #function(elements: number): WasmFunction {
    const [kept, row, plan, walks] = [this.#kept, this.#row, this.#plan, this.#walks];
    const outputs = plan.outputs.length;
    let way: RowsVariant["way"] = "across";
    let lanes: Lanes = 1;
    if (this.#alongPays(elements)) {
      way = "along";
      lanes = plan.rowLanes;
      for (let i = 0; i < row.width; i++) {
        const isLoad = plan.along[i]! >= outputs;
        walks[i] = isLoad ? loadWalk(row, i, this.#alongSizes[i]!, lanes) : walkOf(row, i, this.#alongSizes[i]!);
      }
      walks.length = row.width;
    } else {
      if (kept.sizes[kept.rank - 1]! >= plan.keptLanes) lanes = plan.keptLanes;
      for (let k = 0; k < kept.width; k++) {
        const walk = walkOf(kept, k, this.#sizes[k]!);
        walks[k] = lanes === 1 && walk === UNIT ? STRIDED : walk;
      }
      walks.length = kept.width;
    }
    const rowRank = elements === 0 ? 0 : row.rank;
    const deep = way === "across" && elements > CHUNK;
    const base = (((kept.rank * 64 + rowRank) * 2 + (way === "along" ? 1 : 0)) * 3 + (lanes >> 1)) * 2 + (deep ? 1 : 0);
    const key = variantKey(base, walks.length, this.#walkOf);
    let f = this.#variants.get(key);
    if (f === undefined) {
      const strips = way === "across" && lanes > 1 && !walks.includes(STRIDED) ? STRIP : 1;
      f = instantiate(rowsModule(plan, { way, lanes, strips, deep, keptRank: kept.rank, rowRank, walks: [...walks] }));
      this.#variants.set(key, f);
    }
    return f;
  }

  /** Whether vectors go along the rows: if those are long enough, and do not jump where rows are neighbours. */
  #alongPays(elements: number): boolean {
    const { rowLanes, keptLanes } = this.#plan;
    if (elements === 0 || rowLanes === 1) return false;
    const [kept, row] = [this.#kept, this.#row];
    if (keptLanes === 1 || kept.sizes[kept.rank - 1]! < keptLanes) return true;
    for (let i = 0; i < row.width; i++) if (walkOf(row, i, this.#alongSizes[i]!) === STRIDED) return false;
    return true;
  }
}

/** Rows kernels for the CPU. */
export const rows = (kernel: KernelOf<"rows">): Compiled => new CompiledRows(kernel);
