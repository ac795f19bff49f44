import type { ComputeType, DType } from "../../core/dtype.ts";
import { lower } from "../../kernel/elementary.ts";
import { type Expr, mentions, position } from "../../kernel/expr.ts";
import type { Compiled, KernelOf, LaunchArgs } from "../../kernel/kernel.ts";
import { LoopNest } from "../../kernel/loop-nest.ts";
import { Codegen, declareCalls, type Lanes } from "./codegen.ts";
import { instantiate, newModule, type WasmFunction } from "./engine.ts";
import { compileByExponent } from "./exponents.ts";
import { heap } from "./heap.ts";
import { argLeaves, chooseLanes, depth, weight } from "./lanes.ts";
import { firstWord, LAUNCH, loadScalarArgument, RecordReader, scalarTypes, writeNest, writeScalars } from "./launch.ts";
import {
  CHAIN,
  declareStill,
  innerLoop,
  Loops,
  loadFrom,
  loadWalk,
  prepareRow,
  STILL,
  STRIDED,
  Stream,
  startRow,
  UNIT,
  variantKey,
  type Walk,
  walkOf,
} from "./loops.ts";
import { address, type Operand } from "./operand.ts";
import { runFlat, runNest } from "./threads/chunks.ts";
import { elementCost } from "./threads/cost.ts";
import { PARALLEL } from "./threads/pool.ts";
import type { FunctionBuilder, ModuleBuilder } from "./wasm/assembler.ts";

/** A cache line, in bytes. */
const LINE = 64;
/** Elements of the innermost loop in a block where an operand goes across lines: so few lines stay in the cache until they are used up. */
const BLOCK = 16;
/** The weight of a body that is long beside what a processor has in flight. */
const LONG = 64;

/**
 * Elementwise kernels. Operands that all lie contiguously take a flat loop; any others a nest made for their number of dimensions and for
 * how each operand walks along the innermost one.
 */
class CompiledMap implements Compiled {
  readonly #inputs: readonly DType[];
  readonly #outputs: readonly { dtype: DType; value: Expr }[];
  readonly #itemsizes: readonly number[];
  readonly #scalars: readonly (ComputeType | null)[];
  readonly #roots: readonly Expr[];
  readonly #lanes: Lanes;
  readonly #usesPosition: boolean;
  readonly #arity: number;
  readonly #nest: LoopNest;
  readonly #variants = new Map<number | string, WasmFunction>();
  readonly #arguments: number[] = [];
  /** What an element costs; nothing where the elements have positions, which only the whole knows. */
  readonly #cost: number;
  #flat: WasmFunction | null = null;

  constructor(kernel: KernelOf<"map">) {
    this.#inputs = kernel.inputs;
    this.#outputs = kernel.outputs.map((o) => ({ dtype: o.dtype, value: lower(o.value) }));
    this.#roots = this.#outputs.map((o) => o.value);
    this.#usesPosition = this.#roots.some((e) => mentions(e, position));
    this.#itemsizes = [
      ...kernel.outputs.map((o) => o.dtype.itemsize),
      ...kernel.inputs.map((d) => d.itemsize),
      ...(this.#usesPosition ? [1] : []),
    ];
    this.#scalars = scalarTypes(this.#roots);
    this.#lanes = chooseLanes(this.#roots, this.#inputs, this.#outputs);
    this.#arity = kernel.outputs.length + kernel.inputs.length;
    this.#nest = new LoopNest(this.#itemsizes.length);
    this.#cost = this.#usesPosition ? 0 : elementCost(this.#roots, this.#lanes, this.#itemsizes);
  }

  run(inputs: readonly Operand[], outputs: readonly Operand[], args: LaunchArgs): void {
    const out = outputs[0]!;
    const n = out.layout.numel;
    if (n === 0) return;
    if (this.#scalars.length > 0) writeScalars(this.#scalars, args.scalars);
    let flat = true;
    for (let k = 0; k < outputs.length; k++) flat &&= outputs[k]!.layout.isContiguous;
    for (let k = 0; k < inputs.length; k++) flat &&= inputs[k]!.layout.isContiguous;
    if (!flat) this.#runNest(inputs, outputs, n);
    else if (n * this.#cost < PARALLEL || !this.#runChunks(inputs, outputs, n)) this.#runFlat(inputs, outputs, n);
  }

  /** On several threads, if that pays. */
  #runChunks(inputs: readonly Operand[], outputs: readonly Operand[], n: number): boolean {
    this.#flat ??= this.#build(1, () => UNIT, true);
    const addresses = [...outputs, ...inputs].map((x, k) => address(x, this.#itemsizes[k]!));
    return runFlat(this.#flat, n, addresses, this.#itemsizes, n * this.#cost);
  }

  /** The number of parameters is that of operands: without spread arguments for the usual ones, which cost more than a small kernel. */
  #runFlat(inputs: readonly Operand[], outputs: readonly Operand[], n: number): void {
    this.#flat ??= this.#build(1, () => UNIT, true);
    const f = this.#flat;
    const size = this.#itemsizes;
    const o = address(outputs[0]!, size[0]!);
    if (outputs.length === 1) {
      if (inputs.length === 0) {
        f(LAUNCH, n, o);
        return;
      }
      const a = address(inputs[0]!, size[1]!);
      if (inputs.length === 1) {
        f(LAUNCH, n, o, a);
        return;
      }
      const b = address(inputs[1]!, size[2]!);
      if (inputs.length === 2) {
        f(LAUNCH, n, o, a, b);
        return;
      }
      if (inputs.length === 3) {
        f(LAUNCH, n, o, a, b, address(inputs[2]!, size[3]!));
        return;
      }
    }
    const list = this.#arguments;
    let k = 0;
    list[k++] = LAUNCH;
    list[k++] = n;
    for (let j = 0; j < outputs.length; j++, k++) list[k] = address(outputs[j]!, size[k - 2]!);
    for (let j = 0; j < inputs.length; j++, k++) list[k] = address(inputs[j]!, size[k - 2]!);
    f(...list);
  }

  #runNest(inputs: readonly Operand[], outputs: readonly Operand[], n: number): void {
    const nest = this.#nest.clear();
    const size = this.#itemsizes;
    const shape = outputs[0]!.layout.shape;
    let positions = outputs[0]!.layout.numel;
    for (let d = 0; d < shape.length; d++) {
      const length = shape[d]!;
      if (length === 1) continue;
      nest.push(length);
      let k = 0;
      for (let j = 0; j < outputs.length; j++, k++) nest.set(k, outputs[j]!.layout.strides[d]! * size[k]!);
      for (let j = 0; j < inputs.length; j++, k++) nest.set(k, inputs[j]!.layout.strides[d]! * size[k]!);
      if (this.#usesPosition) {
        positions /= length;
        nest.set(k, positions);
      }
    }
    nest.sort().merge(size);
    if (this.#lanes > 1) nest.avoidShort(this.#lanes);
    if (this.#usesPosition || !nest.goesAcross(LINE)) {
      this.#launchNest(inputs, outputs, 0, n);
      return;
    }
    const last = nest.rank - 1;
    const length = nest.sizes[last]!;
    const rest = length % BLOCK;
    if (rest > 0) {
      nest.sizes[last] = rest;
      this.#launchNest(inputs, outputs, length - rest, (n / length) * rest);
    }
    nest.sizes[last] = length - rest;
    nest.block(BLOCK);
    this.#launchNest(inputs, outputs, 0, (n / length) * (length - rest));
  }

  /** Runs through the nest, `n` elements, its innermost loop from number `from` on. */
  #launchNest(inputs: readonly Operand[], outputs: readonly Operand[], from: number, n: number): void {
    const nest = this.#nest;
    const size = this.#itemsizes;
    const key = variantKey(nest.rank, nest.width, this.#walkOf);
    let f = this.#variants.get(key);
    if (f === undefined) {
      f = this.#build(nest.rank, this.#walkOf, false);
      this.#variants.set(key, f);
    }
    const first = firstWord(this.#scalars.length);
    let w = first;
    let k = 0;
    for (let j = 0; j < outputs.length; j++, k++) heap.i32[w++] = address(outputs[j]!, size[k]!) + from * nest.innerStride(k);
    for (let j = 0; j < inputs.length; j++, k++) heap.i32[w++] = address(inputs[j]!, size[k]!) + from * nest.innerStride(k);
    const end = writeNest(w, nest);
    if (n * this.#cost < PARALLEL || !runNest(f, nest, first, end, n * this.#cost)) f(LAUNCH);
  }

  readonly #walkOf = (k: number): Walk => {
    const isLoad = k >= this.#outputs.length && k < this.#arity;
    const walk = isLoad ? loadWalk(this.#nest, k, this.#itemsizes[k]!, this.#lanes) : walkOf(this.#nest, k, this.#itemsizes[k]!);
    // Numbers are loaded from any step alike, so there is no need for two functions.
    return this.#lanes === 1 && walk === UNIT ? STRIDED : walk;
  };

  #build(rank: number, walk: (k: number) => Walk, flat: boolean): WasmFunction {
    return instantiate(this.module(rank, walk, flat));
  }

  /** The module of a variant: its function `run` takes the launch record and, where `flat`, the number of elements and all addresses. */
  module(rank: number, walk: (k: number) => Walk, flat: boolean): ModuleBuilder {
    const m = newModule();
    const calls = declareCalls(m, this.#roots);
    const f = m.func(
      "run",
      Array.from({ length: flat ? 2 + this.#arity : 1 }, () => "i32" as const),
    );
    const streams = this.#streams(f, rank, walk, flat);
    const record = new RecordReader(f, this.#scalars.length);
    if (!flat) for (let k = 0; k < this.#arity; k++) f.get(record.next()).set(streams[k]!.row);
    const loops = flat ? null : new Loops(f, record, rank, streams);

    let copy = 0;
    const nOut = this.#outputs.length;
    const g: Codegen = new Codegen(
      f,
      this.#lanes,
      calls,
      {
        arg: (slot, type) => loadFrom(g, streams[nOut + slot]!, type, copy),
        position: () => this.#position(g, streams[this.#arity]!, copy),
        scalar: (slot, type) => loadScalarArgument(f, slot, type),
      },
      this.#roots,
    );
    for (const a of argLeaves(this.#roots)) declareStill(g, streams[nOut + a.slot]!, a.type);
    const sinks = this.#outputs.map((o, k) => ({ stream: streams[k]!, value: o.value }));
    const setCopy = (c: number): void => {
      copy = c;
    };
    const unroll = this.#unroll(streams);
    if (loops === null) {
      prepareRow(g, streams);
      innerLoop(g, streams, sinks, 1, unroll, setCopy);
      return m;
    }
    const count = f.local("i32");
    loops.emit(() => {
      startRow(f, streams);
      f.get(loops.inner).set(count);
      prepareRow(g, streams);
      innerLoop(g, streams, sinks, count, unroll, setCopy);
    });
    return m;
  }

  /** The position's current value, or of two lanes their values. */
  #position(g: Codegen, s: Stream, copy: number): void {
    const f = g.f;
    f.get(s.pointer)
      .i32(copy * g.lanes)
      .op("i32.add")
      .op("i64.extend_i32_u");
    if (g.lanes === 1) return;
    f.op("i64x2.splat");
    if (s.walk === STILL) return;
    if (s.walk === UNIT) f.get(f.hoist("v128", "lanes2", () => f.v128Bytes([0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])));
    else
      f.get(f.hoist("v128", "i32x4:0", () => f.v128("i32x4", 0)))
        .get(s.steps[0]!)
        .op("i64.extend_i32_u")
        .lane("i64x2.replace_lane", 1);
    f.op("i64x2.add");
  }

  #streams(f: FunctionBuilder, rank: number, walk: (k: number) => Walk, flat: boolean): Stream[] {
    const dtypes = [...this.#outputs.map((o) => o.dtype), ...this.#inputs];
    return this.#itemsizes.map((_, k) => {
      const s = new Stream(dtypes[k] ?? null, walk(k), flat && k < this.#arity ? 2 + k : f.local("i32"));
      s.row = flat || rank === 1 ? s.pointer : f.local("i32");
      return s;
    });
  }

  /** Bodies are repeated, so that the loop's own instructions weigh less and those of other elements fill the waits of a chain. */
  #unroll(streams: readonly Stream[]): number {
    if (streams.some((s) => s.walk === STRIDED)) return 1;
    const n = weight(this.#roots) + streams.filter((s) => s.walk !== STILL).length;
    if (this.#lanes === 1) return n <= 6 ? 2 : 1;
    // Where two chains run side by side already, more copies want more registers than there are. A long body needs them all the same: a processor
    // does not look past it.
    const fillsItself = n >= CHAIN && n <= LONG && weight(this.#roots) >= 2 * depth(this.#roots);
    return fillsItself ? 2 : n <= 128 ? 4 : n <= 200 ? 2 : 1;
  }
}

/** Elementwise kernels for the CPU. */
export const map = (kernel: KernelOf<"map">): Compiled => compileByExponent(kernel, (k) => new CompiledMap(k));

/** The flat module of a kernel, for those who want to read it. */
export const mapModule = (kernel: KernelOf<"map">): ModuleBuilder => new CompiledMap(kernel).module(1, () => UNIT, true);
