import type { ComputeType, DType } from "../../core/dtype.ts";
import { mentions, position } from "../../kernel/expr.ts";
import type { Compiled, KernelOf, LaunchArgs } from "../../kernel/kernel.ts";
import { Codegen, declareCalls, type Lanes, valueType } from "./codegen.ts";
import { address, LoopNest, type Operand } from "./collapse.ts";
import { instantiate, newModule, type WasmFunction } from "./engine.ts";
import { heap } from "./heap.ts";
import { firstWord, LAUNCH, loadScalarArgument, RecordReader, scalarTypes, writeNest, writeScalars } from "./launch.ts";
import { advance, clampLanes, computeOutputs, loadAt, Loops, prepareRow, startRow, Stream, STRIDED, UNIT, type Walk, walkOf } from "./loops.ts";
import { chooseLanes } from "./map.ts";
import { type Monoid, monoid, widened } from "./monoid.ts";
import type { FunctionBuilder, ModuleBuilder } from "./wasm/assembler.ts";

/** What distinguishes the functions of one reduction. */
interface Variant {
  readonly lanes: Lanes;
  readonly keptRank: number;
  /** 0 where there is nothing to reduce. */
  readonly reducedRank: number;
  /** How outputs and inputs walk along the innermost kept dimension. */
  readonly walks: readonly Walk[];
}

/**
 * Reductions. The kept dimensions are the outer loops and the reduced ones the inner, each collapsed on their own. Vectors hold neighbouring
 * kept elements, so every lane folds its own elements in order.
 */
class CompiledReduce implements Compiled {
  readonly #inputs: readonly DType[];
  readonly #monoid: Monoid;
  readonly #scalars: readonly (ComputeType | null)[];
  readonly #lanes: Lanes;
  readonly #usesPosition: boolean;
  readonly #keptSizes: readonly number[];
  readonly #reducedSizes: readonly number[];
  readonly #kept: LoopNest;
  readonly #reduced: LoopNest;
  readonly #variants = new Map<number, WasmFunction>();

  constructor(kernel: KernelOf<"reduce">) {
    this.#inputs = kernel.inputs;
    this.#monoid = monoid(widened(kernel));
    const { init, fold, outputs } = this.#monoid;
    this.#scalars = scalarTypes([...init, ...fold, ...outputs.map((o) => o.value)]);
    this.#lanes = chooseLanes([...init, ...fold, ...outputs.map((o) => o.value)], this.#inputs, outputs);
    this.#usesPosition = fold.some((e) => mentions(e, position));
    const inputSizes = kernel.inputs.map((d) => d.itemsize);
    this.#keptSizes = [...outputs.map((o) => o.dtype.itemsize), ...inputSizes];
    this.#reducedSizes = [...inputSizes, 1];
    this.#kept = new LoopNest(this.#keptSizes.length);
    this.#reduced = new LoopNest(this.#reducedSizes.length);
  }

  run(inputs: readonly Operand[], outputs: readonly Operand[], args: LaunchArgs): void {
    if (outputs[0]!.layout.numel === 0) return;
    if (this.#scalars.length > 0) writeScalars(this.#scalars, args.scalars);
    this.#layKept(inputs, outputs);
    const empty = !this.#layReduced(inputs, outputs[0]!.layout.ndim);
    const f = this.#function(empty);
    let w = firstWord(this.#scalars.length);
    let k = 0;
    for (let j = 0; j < outputs.length; j++, k++) heap.i32[w++] = address(outputs[j]!, this.#keptSizes[k]!);
    for (let j = 0; j < inputs.length; j++, k++) heap.i32[w++] = address(inputs[j]!, this.#keptSizes[k]!);
    w = writeNest(w, this.#kept);
    if (!empty) writeNest(w, this.#reduced);
    f(LAUNCH);
  }

  #layKept(inputs: readonly Operand[], outputs: readonly Operand[]): void {
    const nest = this.#kept.clear();
    const shape = outputs[0]!.layout.shape;
    for (let d = 0; d < shape.length; d++) {
      if (shape[d] === 1) continue;
      nest.push(shape[d]!);
      let k = 0;
      for (let j = 0; j < outputs.length; j++, k++) nest.set(k, outputs[j]!.layout.strides[d]! * this.#keptSizes[k]!);
      for (let j = 0; j < inputs.length; j++, k++) nest.set(k, inputs[j]!.layout.strides[d]! * this.#keptSizes[k]!);
    }
    nest.sort().merge(this.#keptSizes);
  }

  /** Returns false where a reduced dimension is empty. */
  #layReduced(inputs: readonly Operand[], first: number): boolean {
    const nest = this.#reduced.clear();
    const n = inputs.length;
    if (n === 0) return false;
    const shape = inputs[0]!.layout.shape;
    let positions = 1;
    for (let d = first; d < shape.length; d++) positions *= shape[d]!;
    if (positions === 0) return false;
    for (let d = first; d < shape.length; d++) {
      const length = shape[d]!;
      if (length === 1) continue;
      positions /= length;
      nest.push(length);
      for (let j = 0; j < n; j++) nest.set(j, inputs[j]!.layout.strides[d]! * this.#reducedSizes[j]!);
      // Without a position nothing moves there, and the loops merge as the inputs allow.
      nest.set(n, this.#usesPosition ? positions : 0);
    }
    if (this.#monoid.simple !== null) nest.sort();
    nest.merge(this.#reducedSizes);
    return true;
  }

  #function(empty: boolean): WasmFunction {
    const kept = this.#kept;
    const lanes = kept.sizes[kept.rank - 1]! < this.#lanes ? 1 : this.#lanes;
    const reducedRank = empty ? 0 : this.#reduced.rank;
    const walks: Walk[] = [];
    let key = (kept.rank * 16 + reducedRank) * 4 + lanes;
    for (let k = 0; k < kept.width; k++) {
      const walk = walkOf(kept, k, this.#keptSizes[k]!);
      walks[k] = lanes === 1 && walk === UNIT ? STRIDED : walk;
      key = key * 3 + walks[k]!;
    }
    let f = this.#variants.get(key);
    if (f === undefined) {
      f = instantiate(this.module({ lanes, keptRank: kept.rank, reducedRank, walks }));
      this.#variants.set(key, f);
    }
    return f;
  }

  module(v: Variant): ModuleBuilder {
    const { init, fold, outputs } = this.#monoid;
    const values = outputs.map((o) => o.value);
    const m = newModule();
    const calls = declareCalls(m, [...init, ...fold, ...values]);
    const f = m.func("run", ["i32"]);
    const record = new RecordReader(f, this.#scalars.length);
    const dtypes = [...outputs.map((o) => o.dtype), ...this.#inputs];
    const kept = dtypes.map((dtype, k) => this.#stream(f, dtype, v.walks[k]!, v.keptRank));
    for (const s of kept) f.get(record.next()).set(s.row);
    const keptLoops = new Loops(f, record, v.keptRank, kept);
    const inputs = kept.slice(outputs.length);

    const states = init.map((e) => f.local(valueType(e.type, v.lanes)));
    const scalar = (slot: number, type: ComputeType): void => loadScalarArgument(f, slot, type);
    const stateLeaf = (slot: number): void => {
      f.get(states[slot]!);
    };
    const start = new Codegen(f, v.lanes, calls, { scalar }, init);
    const finish = new Codegen(f, v.lanes, calls, { scalar, state: stateLeaf }, values);
    const sinks = outputs.map((o, k) => ({ stream: kept[k]!, value: o.value }));
    const reduced = v.reducedRank === 0 ? null : this.#reducedLoop(f, record, v, inputs, calls, states, scalar);

    const count = f.local("i32");
    keptLoops.emit(() => {
      startRow(f, kept);
      f.get(keptLoops.inner).set(count);
      prepareRow(finish, kept);
      f.loop((top) => {
        clampLanes(finish, kept, count);
        start.begin();
        init.forEach((e, k) => {
          start.value(e).f.set(states[k]!);
        });
        reduced?.();
        const store = computeOutputs(finish, sinks, 0);
        if (v.lanes === 1) store(null);
        else f.get(count).i32(v.lanes).op("i32.ge_s").if(() => store(null), () => store(count));
        advance(finish, kept, 1);
        f.get(count).i32(v.lanes).op("i32.sub").tee(count).i32(0).op("i32.gt_s").brIf(top);
      });
    });
    return m;
  }

  #stream(f: FunctionBuilder, dtype: DType | null, walk: Walk, rank: number): Stream {
    const s = new Stream(dtype, walk, f.local("i32"));
    s.row = rank === 1 ? s.pointer : f.local("i32");
    return s;
  }

  /** The code that folds all reduced elements into the states, from the inputs' current kept element on. */
  #reducedLoop(
    f: FunctionBuilder, record: RecordReader, v: Variant, inputs: readonly Stream[], calls: ReadonlyMap<string, number>,
    states: readonly number[], scalar: (slot: number, type: ComputeType) => void,
  ): () => void {
    const { fold } = this.#monoid;
    // They step along the reduced dimensions, by whatever the nest says, and load lanes along the kept one.
    const streams = [...this.#inputs, null].map((dtype) => this.#stream(f, dtype, STRIDED, v.reducedRank));
    const loops = new Loops(f, record, v.reducedRank, streams);
    const at = streams[this.#inputs.length]!;
    const moving = this.#usesPosition ? streams : streams.slice(0, -1);
    const g: Codegen = new Codegen(f, v.lanes, calls, {
      scalar,
      arg: (slot, type) => loadAt(g, inputs[slot]!, type, streams[slot]!.pointer),
      position: () => f.get(at.pointer).op("i64.extend_i32_u"),
      state: (slot) => f.get(states[slot]!),
    }, fold);
    const count = f.local("i32");
    return () => {
      inputs.forEach((s, k) => {
        f.get(s.pointer).set(streams[k]!.row);
      });
      f.i32(0).set(at.row);
      loops.emit(() => {
        startRow(f, streams);
        f.get(loops.inner).set(count);
        f.loop((top) => {
          g.begin();
          const next = fold.map((e) => g.keep(e));
          next.forEach((local, k) => {
            f.get(local).set(states[k]!);
          });
          for (const s of moving) f.bumpBy(s.pointer, s.stride);
          f.get(count).i32(1).op("i32.sub").tee(count).brIf(top);
        });
      });
    };
  }
}

/** Reductions for the CPU. */
export const reduce = (kernel: KernelOf<"reduce">): Compiled => new CompiledReduce(kernel);
