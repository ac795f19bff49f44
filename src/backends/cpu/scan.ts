import type { ComputeType, DType } from "../../core/dtype.ts";
import { mentions, position } from "../../kernel/expr.ts";
import type { Compiled, KernelOf, LaunchArgs } from "../../kernel/kernel.ts";
import { LoopNest } from "../../kernel/loop-nest.ts";
import { Codegen, declareCalls, valueType } from "./codegen.ts";
import { instantiate, newModule, type WasmFunction } from "./engine.ts";
import { heap } from "./heap.ts";
import { firstWord, LAUNCH, loadScalarArgument, RecordReader, scalarTypes, writeNest, writeScalars } from "./launch.ts";
import { advance, computeOutputs, Loops, loadFrom, STRIDED, Stream, startRow } from "./loops.ts";
import { type Monoid, monoid } from "./monoid.ts";
import { address, type Operand } from "./operand.ts";
import type { ModuleBuilder } from "./wasm/assembler.ts";

/** Inclusive scans along the last dimension: element by element, since each needs the state of the one before. */
class CompiledScan implements Compiled {
  readonly #inputs: readonly DType[];
  readonly #monoid: Monoid;
  readonly #scalars: readonly (ComputeType | null)[];
  readonly #itemsizes: readonly number[];
  readonly #nest: LoopNest;
  /** By the rank of the nest. */
  readonly #variants: WasmFunction[] = [];

  constructor(kernel: KernelOf<"scan">) {
    this.#inputs = kernel.inputs;
    this.#monoid = monoid(kernel);
    const { init, fold, outputs } = this.#monoid;
    this.#scalars = scalarTypes([...init, ...fold, ...outputs.map((o) => o.value)]);
    this.#itemsizes = [...outputs.map((o) => o.dtype.itemsize), ...kernel.inputs.map((d) => d.itemsize)];
    this.#nest = new LoopNest(this.#itemsizes.length);
  }

  run(inputs: readonly Operand[], outputs: readonly Operand[], args: LaunchArgs): void {
    const { shape, numel } = outputs[0]!.layout;
    if (numel === 0) return;
    if (this.#scalars.length > 0) writeScalars(this.#scalars, args.scalars);
    const nest = this.#nest.clear();
    const last = shape.length - 1;
    const push = (d: number, size: number): void => {
      nest.push(size);
      let k = 0;
      for (const x of outputs) nest.set(k, (x.layout.strides[d] ?? 0) * this.#itemsizes[k++]!);
      for (const x of inputs) nest.set(k, (x.layout.strides[d] ?? 0) * this.#itemsizes[k++]!);
    };
    for (let d = 0; d < last; d++) if (shape[d] !== 1) push(d, shape[d]!);
    nest.sort().merge(this.#itemsizes);
    push(last, shape[last] ?? 1);
    this.#variants[nest.rank] ??= instantiate(this.module(nest.rank));
    const f = this.#variants[nest.rank]!;
    let w = firstWord(this.#scalars.length);
    let k = 0;
    for (const x of outputs) heap.i32[w++] = address(x, this.#itemsizes[k++]!);
    for (const x of inputs) heap.i32[w++] = address(x, this.#itemsizes[k++]!);
    writeNest(w, nest);
    f(LAUNCH);
  }

  module(rank: number): ModuleBuilder {
    const { init, fold, outputs } = this.#monoid;
    const values = outputs.map((o) => o.value);
    const m = newModule();
    const calls = declareCalls(m, [...init, ...fold, ...values]);
    const f = m.func("run", ["i32"]);
    const record = new RecordReader(f, this.#scalars.length);
    const streams = [...outputs.map((o) => o.dtype), ...this.#inputs].map((dtype) => {
      const s = new Stream(dtype, STRIDED, f.local("i32"));
      s.row = f.local("i32");
      return s;
    });
    for (const s of streams) f.get(record.next()).set(s.row);
    const loops = new Loops(f, record, rank, streams);
    const states = init.map((e) => f.local(valueType(e.type, 1)));
    const index = f.local("i64");
    const scalar = (slot: number, type: ComputeType): void => loadScalarArgument(f, slot, type);
    const stateLeaf = (slot: number): void => {
      f.get(states[slot]!);
    };
    const start = new Codegen(f, 1, calls, { scalar }, init);
    const step: Codegen = new Codegen(
      f,
      1,
      calls,
      {
        scalar,
        state: stateLeaf,
        arg: (slot, type) => loadFrom(step, streams[outputs.length + slot]!, type),
        position: () => f.get(index),
      },
      fold,
    );
    const finish = new Codegen(f, 1, calls, { scalar, state: stateLeaf }, values);
    const sinks = outputs.map((o, k) => ({ stream: streams[k]!, value: o.value }));
    const usesPosition = fold.some((e) => mentions(e, position));
    const count = f.local("i32");
    loops.emit(() => {
      startRow(f, streams);
      f.get(loops.inner).set(count);
      start.begin();
      init.forEach((e, k) => {
        start.value(e).f.set(states[k]!);
      });
      if (usesPosition) f.i64(0).set(index);
      f.loop((top) => {
        step.begin();
        const next = fold.map((e) => step.keep(e));
        next.forEach((local, k) => {
          f.get(local).set(states[k]!);
        });
        computeOutputs(finish, sinks, 0)(null);
        advance(finish, streams, 1);
        if (usesPosition) f.get(index).i64(1).op("i64.add").set(index);
        f.get(count).i32(1).op("i32.sub").tee(count).brIf(top);
      });
    });
    return m;
  }
}

/** Scans for the CPU. */
export const scan = (kernel: KernelOf<"scan">): Compiled => new CompiledScan(kernel);
