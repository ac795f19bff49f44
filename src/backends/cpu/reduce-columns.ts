import { type ComputeType, type DType, int32 } from "../../core/dtype.ts";
import { mentions, position } from "../../kernel/expr.ts";
import type { Compiled, KernelOf, LaunchArgs } from "../../kernel/kernel.ts";
import { LoopNest } from "../../kernel/loop-nest.ts";
import type { Lanes } from "./codegen.ts";
import { instantiate, type WasmFunction } from "./engine.ts";
import { heap } from "./heap.ts";
import { chooseLanes } from "./lanes.ts";
import { firstWord, LAUNCH, scalarTypes, writeNest, writeScalars } from "./launch.ts";
import { STILL, UNIT, variantKey, type Walk, walkOf } from "./loops.ts";
import { floatSums, type Monoid, monoid, type Simple, simpleOperations } from "./monoid.ts";
import { address, type Operand } from "./operand.ts";
import { type ColumnPlan, columnsModule, MOST_COMPONENTS, WORKSPACE_BYTES } from "./reduce-columns-module.ts";
import { layKept, layReduced } from "./reduce-nests.ts";
import { CHUNK } from "./sums.ts";
import { runNest } from "./threads/chunks.ts";
import { elementCost } from "./threads/cost.ts";
import { PARALLEL } from "./threads/pool.ts";

/** Smaller reductions lie in the first-level cache, however they are gone through; narrower ones go down memory anyway. */
const LEAST = 2 ** 15;
const LEAST_ROWS = 16;
const LEAST_COLUMNS = 128;

let workspace = 0;
/** The address of the calling thread's accumulators. */
const ownWorkspace = (): number => (workspace ||= heap.allocate(WORKSPACE_BYTES).offset);

/**
 * Reductions down the columns of large matrices. To go down a few columns at a time jumps from row to row, which memory is slow at; here rows
 * are added, a block of them at a time, to accumulators that stay in the first-level cache.
 */
class ColumnReduce implements Compiled {
  readonly #others: Compiled;
  readonly #plan: ColumnPlan;
  readonly #scalars: readonly (ComputeType | null)[];
  readonly #keptSizes: readonly number[];
  readonly #reducedSizes: readonly number[];
  readonly #kept: LoopNest;
  readonly #reduced: LoopNest;
  readonly #cost: number;
  readonly #variants = new Map<number | string, WasmFunction>();
  readonly #walks: Walk[] = [];
  readonly #walkOf = (k: number): Walk => this.#walks[k]!;

  /** `others` runs what does not go down columns. */
  constructor(plan: ColumnPlan, others: Compiled, scalars: readonly (ComputeType | null)[]) {
    const { inputs, lanes, monoid } = plan;
    const inputSizes = inputs.map((d) => d.itemsize);
    this.#plan = plan;
    this.#others = others;
    this.#scalars = scalars;
    this.#keptSizes = [...monoid.outputs.map((o) => o.dtype.itemsize), ...inputSizes];
    this.#reducedSizes = [...inputSizes, 1];
    this.#kept = new LoopNest(this.#keptSizes.length);
    this.#reduced = new LoopNest(this.#reducedSizes.length);
    this.#cost = elementCost(monoid.fold, lanes, inputSizes);
  }

  run(inputs: readonly Operand[], outputs: readonly Operand[], args: LaunchArgs): void {
    if (inputs[0]!.layout.numel < LEAST || !this.#lay(inputs, outputs)) {
      this.#others.run(inputs, outputs, args);
      return;
    }
    if (this.#scalars.length > 0) writeScalars(this.#scalars, args.scalars);
    const [kept, reduced] = [this.#kept, this.#reduced];
    const rows = reduced.sizes[0]!;
    const f = this.#function(rows);
    const i32 = heap.i32;
    const first = firstWord(this.#scalars.length);
    let w = first;
    // Workers put the address of their own memory here.
    const own = w;
    i32[w++] = ownWorkspace();
    const at = w;
    let k = 0;
    for (let j = 0; j < outputs.length; j++, k++) i32[w++] = address(outputs[j]!, this.#keptSizes[k]!);
    for (let j = 0; j < inputs.length; j++, k++) i32[w++] = address(inputs[j]!, this.#keptSizes[k]!);
    w = writeNest(w, kept);
    w = writeNest(w, reduced);
    const cost = outputs[0]!.layout.numel * rows * this.#cost;
    const scratch = { bytes: WORKSPACE_BYTES, fields: [[own - (LAUNCH >> 2), 0]] as const };
    if (cost < PARALLEL || !runNest(f, kept, at, w, cost, 64, scratch)) f(LAUNCH);
  }

  /** Lays out the loops. Returns whether they go down the columns of a matrix, or of several. */
  #lay(inputs: readonly Operand[], outputs: readonly Operand[]): boolean {
    const [kept, reduced] = [this.#kept, this.#reduced];
    layKept(kept, this.#keptSizes, outputs, inputs);
    if (kept.sizes[kept.rank - 1]! < LEAST_COLUMNS) return false;
    layReduced(reduced, this.#reducedSizes, inputs, outputs[0]!.layout.ndim, false, true);
    if (reduced.rank !== 1 || reduced.sizes[0]! < LEAST_ROWS) return false;
    let jumps = false;
    for (let k = 0; k < kept.width; k++) {
      const walk = walkOf(kept, k, this.#keptSizes[k]!);
      this.#walks[k] = walk;
      const j = k - outputs.length;
      if (walk !== UNIT && (walk !== STILL || j < 0)) return false;
      if (j >= 0) jumps ||= walk === UNIT && reduced.strides[j] !== this.#reducedSizes[j];
    }
    return jumps;
  }

  #function(rows: number): WasmFunction {
    const { rank, width } = this.#kept;
    const deep = rows > CHUNK;
    const key = variantKey(rank * 2 + (deep ? 1 : 0), width, this.#walkOf);
    let f = this.#variants.get(key);
    if (f === undefined) {
      f = instantiate(columnsModule(this.#plan, { deep, keptRank: rank, walks: this.#walks.slice(0, width) }));
      this.#variants.set(key, f);
    }
    return f;
  }
}

/** Compiles a reduction whose large matrices are reduced down their columns, where its operation allows that; `others` runs what else there is. */
export function compileColumns(kernel: KernelOf<"reduce">, others: Compiled): Compiled {
  const simple: readonly Simple[] | null = simpleOperations(kernel);
  if (simple === null || simple.length > MOST_COMPONENTS || kernel.inputs.length === 0 || kernel.lift.some((e) => mentions(e, position)))
    return others;
  const { init, lift, fold, outputs }: Monoid = monoid(kernel);
  const dtypes: readonly DType[] = [...kernel.inputs, int32];
  const roots = [...init, ...fold, ...outputs.map((o) => o.value)];
  const lanes: Lanes = chooseLanes(roots, dtypes, outputs);
  if (lanes === 1) return others;
  const scalars = scalarTypes(roots);
  const plan = {
    inputs: kernel.inputs,
    monoid: { init, lift, fold, outputs },
    simple,
    sums: floatSums(kernel),
    lanes,
    scalars: scalars.length,
  };
  return new ColumnReduce(plan, others, scalars);
}
