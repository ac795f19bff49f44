import { type ComputeType, type DType, int32 } from "../../core/dtype.ts";
import { mentions, position } from "../../kernel/expr.ts";
import type { Compiled, KernelOf, LaunchArgs } from "../../kernel/kernel.ts";
import { LoopNest } from "../../kernel/loop-nest.ts";
import type { Lanes } from "./codegen.ts";
import { instantiate, type WasmFunction } from "./engine.ts";
import { heap } from "./heap.ts";
import { chooseLanes } from "./lanes.ts";
import { firstWord, LAUNCH, scalarTypes, writeNest, writeScalars } from "./launch.ts";
import { loadWalk, STRIDED, UNIT, variantKey, type Walk, walkOf } from "./loops.ts";
import { floatSums, type Monoid, monoid, narrowed, type Simple, type Source, simpleOperations, widened } from "./monoid.ts";
import { address, type Operand } from "./operand.ts";
import { compileColumns } from "./reduce-columns.ts";
import { type Plan, reduceModule, type Variant } from "./reduce-module.ts";
import { layKept, layReduced } from "./reduce-nests.ts";
import { compileParted } from "./reduce-parts.ts";
import { compileSegmented } from "./reduce-segments.ts";
import { CHUNK } from "./sums.ts";
import { runNest } from "./threads/chunks.ts";
import { elementCost } from "./threads/cost.ts";
import { PARALLEL } from "./threads/pool.ts";

/**
 * Reductions. The kept dimensions are the outer loops and the reduced ones the inner, each collapsed on their own. There are three ways:
 * - vectors along the innermost reduced dimension, for operations that are commutative;
 * - vectors of neighbouring kept elements, each lane folding its own elements in order;
 * - element by element.
 * What goes down the columns of large matrices has a function of its own (`reduce-columns.ts`).
 */
class CompiledReduce implements Compiled {
  readonly #inputs: readonly DType[];
  readonly #simple: readonly Simple[] | null;
  /** Element by element, and the ends of the first way: float32 sums in double precision. */
  readonly #scalar: Monoid;
  /** In vectors: positions in 32 bits. */
  readonly #vector: Monoid;
  readonly #sums: readonly boolean[];
  /** Lanes of the first and the second way; 1 where it does not go. */
  readonly #rowLanes: Lanes;
  readonly #keptLanes: Lanes;
  readonly #usesPosition: boolean;
  readonly #scalars: readonly (ComputeType | null)[];
  readonly #keptSizes: readonly number[];
  readonly #reducedSizes: readonly number[];
  readonly #kept: LoopNest;
  readonly #reduced: LoopNest;
  readonly #variants = new Map<number | string, WasmFunction>();
  readonly #walks: Walk[] = [];
  /** What an element costs. */
  readonly #cost: number;
  readonly #walkOf = (k: number): Walk => this.#walks[k]!;
  /** For all elements of operands without gaps: in vectors, and one by one. */
  readonly #whole: (WasmFunction | null)[] = [null, null];

  constructor(kernel: KernelOf<"reduce">) {
    this.#inputs = kernel.inputs;
    const source: Source = kernel;
    const inVectors = narrowed(source, kernel.inputs.length) ?? source;
    this.#simple = simpleOperations(source);
    this.#scalar = monoid(widened(source));
    this.#vector = monoid(inVectors);
    this.#sums = floatSums(inVectors);
    const { init, fold, outputs } = this.#vector;
    const values = outputs.map((o) => o.value);
    const dtypes = [...kernel.inputs, int32];
    this.#usesPosition = this.#scalar.fold.some((e) => mentions(e, position));
    this.#rowLanes = this.#simple === null || this.#usesPosition ? 1 : chooseLanes(fold, dtypes, []);
    this.#keptLanes = chooseLanes([...init, ...fold, ...values], dtypes, outputs);
    this.#scalars = scalarTypes([...init, ...fold, ...values]);
    const inputSizes = kernel.inputs.map((d) => d.itemsize);
    this.#keptSizes = [...outputs.map((o) => o.dtype.itemsize), ...inputSizes];
    this.#reducedSizes = [...inputSizes, 1];
    this.#kept = new LoopNest(this.#keptSizes.length);
    this.#reduced = new LoopNest(this.#reducedSizes.length);
    this.#cost = elementCost(fold, Math.max(this.#rowLanes, this.#keptLanes) as Lanes, inputSizes);
  }

  run(inputs: readonly Operand[], outputs: readonly Operand[], args: LaunchArgs): void {
    if (outputs[0]!.layout.numel === 0) return;
    if (this.#scalars.length > 0) writeScalars(this.#scalars, args.scalars);
    if (this.#isWhole(inputs, outputs)) {
      this.#runWhole(inputs, outputs);
      return;
    }
    layKept(this.#kept, this.#keptSizes, outputs, inputs);
    const { ndim } = outputs[0]!.layout;
    const elements = layReduced(this.#reduced, this.#reducedSizes, inputs, ndim, this.#usesPosition, this.#simple !== null);
    const f = this.#function(elements);
    const first = firstWord(this.#scalars.length);
    let w = first;
    let k = 0;
    for (let j = 0; j < outputs.length; j++, k++) heap.i32[w++] = address(outputs[j]!, this.#keptSizes[k]!);
    for (let j = 0; j < inputs.length; j++, k++) heap.i32[w++] = address(inputs[j]!, this.#keptSizes[k]!);
    w = writeNest(w, this.#kept);
    if (elements > 0) w = writeNest(w, this.#reduced);
    const cost = outputs[0]!.layout.numel * elements * this.#cost;
    // Rows can be cut anywhere, and vectors of kept elements not.
    if (cost < PARALLEL || !runNest(f, this.#kept, first, w, cost, this.#rowsPay(elements) ? 1 : 64)) f(LAUNCH);
  }

  /** Whether all elements of operands without gaps go into one, as in most losses, and are too few for several threads. */
  #isWhole(inputs: readonly Operand[], outputs: readonly Operand[]): boolean {
    if (outputs[0]!.layout.numel !== 1 || inputs.length === 0 || this.#usesPosition) return false;
    const { numel } = inputs[0]!.layout;
    if (numel === 0 || numel * this.#cost >= PARALLEL) return false;
    for (let j = 0; j < inputs.length; j++) if (!inputs[j]!.layout.isContiguous) return false;
    return true;
  }

  /** Without laying out loops: there are two, of one element and of all, and each operand goes on by an element. */
  #runWhole(inputs: readonly Operand[], outputs: readonly Operand[]): void {
    const elements = inputs[0]!.layout.numel;
    const way = elements >= this.#rowLanes ? 0 : 1;
    let f = this.#whole[way]!;
    if (f === null) {
      layKept(this.#kept, this.#keptSizes, outputs, inputs);
      layReduced(this.#reduced, this.#reducedSizes, inputs, outputs[0]!.layout.ndim, false, this.#simple !== null);
      f = this.#function(elements);
      this.#whole[way] = f;
    }
    const i32 = heap.i32;
    let w = firstWord(this.#scalars.length);
    let k = 0;
    for (let j = 0; j < outputs.length; j++, k++) i32[w++] = address(outputs[j]!, this.#keptSizes[k]!);
    for (let j = 0; j < inputs.length; j++, k++) i32[w++] = address(inputs[j]!, this.#keptSizes[k]!);
    i32[w++] = 1;
    for (k = 0; k < this.#keptSizes.length; k++) i32[w++] = this.#keptSizes[k]!;
    i32[w++] = elements;
    for (k = 0; k < this.#reducedSizes.length; k++) i32[w++] = this.#reducedSizes[k]!;
    f(LAUNCH);
  }

  #function(elements: number): WasmFunction {
    const [kept, reduced] = [this.#kept, this.#reduced];
    const walks = this.#walks;
    const n = this.#inputs.length;
    let way: Variant["way"] = "elements";
    let lanes: Lanes = 1;
    if (this.#rowsPay(elements)) {
      way = "rows";
      lanes = this.#rowLanes;
      for (let k = 0; k < n; k++) walks[k] = loadWalk(reduced, k, this.#reducedSizes[k]!, lanes);
    } else {
      if (kept.sizes[kept.rank - 1]! >= this.#keptLanes && this.#keptLanes > 1) {
        way = "kept";
        lanes = this.#keptLanes;
      }
      for (let k = 0; k < kept.width; k++) {
        const walk = k < kept.width - n ? walkOf(kept, k, this.#keptSizes[k]!) : loadWalk(kept, k, this.#keptSizes[k]!, lanes);
        walks[k] = lanes === 1 && walk === UNIT ? STRIDED : walk;
      }
    }
    const count = way === "rows" ? n : kept.width;
    const reducedRank = elements === 0 ? 0 : reduced.rank;
    const deep = way === "kept" && elements > CHUNK;
    const base = ((kept.rank * 64 + reducedRank) * 3 + (way === "rows" ? 2 : way === "kept" ? 1 : 0)) * 2 + (deep ? 1 : 0);
    const key = variantKey(base, count, this.#walkOf);
    let f = this.#variants.get(key);
    if (f === undefined) {
      f = instantiate(reduceModule(this.#plan(way), { way, lanes, deep, keptRank: kept.rank, reducedRank, walks: walks.slice(0, count) }));
      this.#variants.set(key, f);
    }
    return f;
  }

  /** Whether vectors go along the reduced dimension: if rows are long enough, and do not jump where kept elements would be neighbours. */
  #rowsPay(elements: number): boolean {
    if (elements === 0 || this.#rowLanes === 1) return false;
    const [kept, reduced] = [this.#kept, this.#reduced];
    const length = reduced.sizes[reduced.rank - 1]!;
    if (length < 2 * this.#rowLanes) return kept.rank === 1 && kept.sizes[0] === 1 && length >= this.#rowLanes;
    let strided = 0;
    for (let k = 0; k < this.#inputs.length; k++) if (walkOf(reduced, k, this.#reducedSizes[k]!) === STRIDED) strided++;
    return strided === 0 || this.#keptLanes === 1 || kept.sizes[kept.rank - 1]! < this.#keptLanes;
  }

  #plan(way: Variant["way"]): Plan {
    return {
      inputs: this.#inputs,
      ends: way === "kept" ? this.#vector : this.#scalar,
      fold: way === "elements" ? this.#scalar.fold : this.#vector.fold,
      lift: this.#vector.lift,
      simple: this.#simple,
      sums: this.#sums,
      scalars: this.#scalars.length,
      usesPosition: this.#usesPosition,
    };
  }
}

/** Reductions for the CPU. */
export function reduce(kernel: KernelOf<"reduce">): Compiled {
  const ordered = simpleOperations(kernel) === null || kernel.lift.some((e) => mentions(e, position));
  const compile = (k: KernelOf<"reduce">): Compiled => new CompiledReduce(k);
  return ordered ? compileSegmented(kernel, ordered, compile) : compileColumns(kernel, compileParted(kernel, compile));
}
