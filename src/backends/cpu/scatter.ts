import type { ComputeType, DType } from "../../core/dtype.ts";
import { lower } from "../../kernel/elementary.ts";
import { type Expr, leaves } from "../../kernel/expr.ts";
import type { Compiled, KernelOf, LaunchArgs } from "../../kernel/kernel.ts";
import { LoopNest } from "../../kernel/loop-nest.ts";
import { Codegen, declareCalls, type Lanes } from "./codegen.ts";
import { vectorElements, vectorStores } from "./elements.ts";
import { instantiate, newModule, type WasmFunction } from "./engine.ts";
import { heap } from "./heap.ts";
import { addLookup, checkIndices, readIndexed, writeIndexed } from "./indices.ts";
import { vectorizes } from "./lanes.ts";
import { firstWord, LAUNCH, loadScalarArgument, RecordReader, scalarTypes, writeNest, writeScalars } from "./launch.ts";
import {
  computeOutputs,
  declareStill,
  innerLoop,
  Loops,
  loadFrom,
  prepareRow,
  STILL,
  STRIDED,
  Stream,
  startRow,
  UNIT,
  type Walk,
  walkOf,
} from "./loops.ts";
import { address, type Operand } from "./operand.ts";
import { moveElement, type RawSize } from "./raw.ts";

/**
 * Scatters. Elements are visited in row-major order, one after the other where indices change, so that of elements that meet the last one
 * stays and sums have one order. Along a loop in which no index changes nothing can meet, and vectors combine.
 */
class CompiledScatter implements Compiled {
  readonly #dtype: DType;
  readonly #indices: number;
  readonly #combine: Expr | null;
  readonly #lanes: Lanes;
  readonly #scalars: readonly (ComputeType | null)[];
  readonly #itemsizes: readonly number[];
  readonly #nest: LoopNest;
  readonly #variants = new Map<number, WasmFunction>();

  constructor(kernel: KernelOf<"scatter">) {
    this.#dtype = kernel.inputs[0]!;
    this.#indices = kernel.inputs.length - 1;
    this.#combine = kernel.combine === null ? null : lower(kernel.combine);
    this.#scalars = this.#combine === null ? [] : scalarTypes([this.#combine]);
    this.#lanes = this.#combine === null ? 1 : scatterLanes(this.#combine, this.#dtype);
    this.#itemsizes = [this.#dtype.itemsize, ...kernel.inputs.map((d) => d.itemsize)];
    this.#nest = new LoopNest(2 + this.#indices);
  }

  run(inputs: readonly Operand[], outputs: readonly Operand[], args: LaunchArgs): void {
    const target = outputs[0]!;
    const { shape, numel } = inputs[0]!.layout;
    if (numel === 0) return;
    checkIndices(inputs.slice(1), args);
    if (this.#scalars.length > 0) writeScalars(this.#scalars, args.scalars);
    const nest = this.#nest.clear();
    for (let d = 0; d < shape.length; d++) {
      if (shape[d] === 1) continue;
      nest.push(shape[d]!);
      nest.set(0, target.layout.strides[d]! * this.#itemsizes[0]!);
      for (let k = 0; k < inputs.length; k++) nest.set(k + 1, inputs[k]!.layout.strides[d]! * this.#itemsizes[k + 1]!);
    }
    nest.merge(this.#itemsizes);
    const f = this.#function();
    let w = firstWord(this.#scalars.length);
    heap.i32[w++] = address(target, this.#itemsizes[0]!);
    for (let k = 0; k < inputs.length; k++) heap.i32[w++] = address(inputs[k]!, this.#itemsizes[k + 1]!);
    w = writeIndexed(w, args.indexed!, this.#itemsizes[0]!);
    writeNest(w, nest);
    f(LAUNCH);
  }

  #function(): WasmFunction {
    const nest = this.#nest;
    let still = true;
    for (let k = 0; k < this.#indices; k++) still &&= nest.innerStride(k + 2) === 0;
    const target = walkOf(nest, 0, this.#itemsizes[0]!);
    // A target that stays where it is meets itself in every element.
    const lanes = still && target !== STILL ? this.#lanes : 1;
    const values = walkOf(nest, 1, this.#itemsizes[1]!);
    const walks: [Walk, Walk] = lanes === 1 ? [STRIDED, STRIDED] : [target, values];
    const key = ((nest.rank * 8 + lanes) * 2 + (still ? 1 : 0)) * 9 + walks[0] * 3 + walks[1];
    let f = this.#variants.get(key);
    if (f === undefined) {
      f = this.#build(nest.rank, lanes, still, walks);
      this.#variants.set(key, f);
    }
    return f;
  }

  #build(rank: number, lanes: Lanes, still: boolean, walks: readonly [Walk, Walk]): WasmFunction {
    const m = newModule();
    const combine = this.#combine;
    const roots = combine === null ? [] : [combine];
    const calls = declareCalls(m, roots);
    const f = m.func("run", ["i32"]);
    const record = new RecordReader(f, this.#scalars.length);
    const streams = Array.from({ length: 2 + this.#indices }, (_, k) => {
      const s = new Stream(k < 2 ? this.#dtype : null, walks[k] ?? (still ? STILL : STRIDED), f.local("i32"));
      s.row = f.local("i32");
      return s;
    });
    for (const s of streams) f.get(record.next()).set(s.row);
    const lookups = readIndexed(record, this.#indices);
    const loops = new Loops(f, record, rank, streams);
    const [to, from] = [streams[0]!, streams[1]!];
    // Where elements are looked up one by one, the target's address is computed anew for each.
    const target = still ? to : new Stream(this.#dtype, STRIDED, f.local("i32"));
    const count = f.local("i32");
    const scratch = f.local("i32");
    let copy = 0;
    const g: Codegen = new Codegen(
      f,
      lanes,
      calls,
      {
        scalar: (slot, type) => loadScalarArgument(f, slot, type),
        state: (slot, type) => loadFrom(g, slot === 0 ? target : from, type, copy),
      },
      roots,
    );
    for (const [, e] of leaves(roots, "state")) declareStill(g, from, e.type);
    const lookUp = (): void => {
      f.get(to.pointer);
      lookups.forEach((lookup, k) => {
        addLookup(f, streams[2 + k]!.pointer, lookup, scratch);
      });
      f.set(target.pointer);
    };
    const element = (): void => {
      if (combine === null) moveElement(f, this.#dtype.itemsize as RawSize, target.pointer, from.pointer);
      else computeOutputs(g, [{ stream: target, value: combine }], 0)(null);
    };
    loops.emit(() => {
      startRow(f, streams);
      f.get(loops.inner).set(count);
      if (still) lookUp();
      if (still && lanes > 1) {
        prepareRow(g, [to, from]);
        const unroll = walks[0] === UNIT && walks[1] !== STRIDED ? 2 : 1;
        innerLoop(g, [to, from], [{ stream: to, value: combine! }], count, unroll, (c) => {
          copy = c;
        });
        return;
      }
      f.loop((top) => {
        if (!still) lookUp();
        element();
        for (const s of streams) if (s.walk === STRIDED) f.bumpBy(s.pointer, s.stride);
        f.get(count).i32(1).op("i32.sub").tee(count).brIf(top);
      });
    });
    return instantiate(m);
  }
}

/** Old and new elements are loaded and the combined one stored as the same dtype. */
function scatterLanes(combine: Expr, dtype: DType): Lanes {
  const types = [...leaves([combine], "state").values()].map((e) => e.type);
  for (const lanes of [4, 2] as const) {
    if (vectorizes([combine], lanes) && types.every((t) => vectorElements(dtype, t, lanes)) && vectorStores(dtype, combine.type, lanes))
      return lanes;
  }
  return 1;
}

/** Scatters for the CPU. */
export const scatter = (kernel: KernelOf<"scatter">): Compiled => new CompiledScatter(kernel);
