import type { ComputeType, DType } from "../../core/dtype.ts";
import type { Expr } from "../../kernel/expr.ts";
import type { LoopNest } from "../../kernel/loop-nest.ts";
import type { Codegen, Lanes } from "./codegen.ts";
import {
  byteLanes,
  loadPaired,
  loadScalar,
  loadSplat,
  loadStrided,
  loadVector,
  type Packed,
  pack,
  packBytes,
  storeOne,
  storePacked,
  storeScalar,
  valueLocal,
} from "./elements.ts";
import { weight } from "./lanes.ts";
import type { RecordReader } from "./launch.ts";
import type { FunctionBuilder } from "./wasm/assembler.ts";

/** How an operand moves in the innermost loop: not at all, element by element, over every other element, or by any step. */
export const STILL = 0;
export const UNIT = 1;
export const STRIDED = 2;
export const PAIRED = 3;
export type Walk = 0 | 1 | 2 | 3;

/** The walk of operand `k` of a nest, for numbers or stores: those need to know only whether it moves and whether to the next element. */
export function walkOf(nest: LoopNest, k: number, itemsize: number): Walk {
  const stride = nest.innerStride(k);
  return stride === 0 ? STILL : stride === itemsize ? UNIT : STRIDED;
}

/** The walk of an operand that vectors are loaded from. Every other 32-bit element is two loads and a shuffle. */
export function loadWalk(nest: LoopNest, k: number, itemsize: number, lanes: Lanes): Walk {
  if (lanes === 4 && itemsize === 4 && nest.innerStride(k) === 8) return PAIRED;
  return walkOf(nest, k, itemsize);
}

/** Tells functions apart by how operands walk, on top of another small number: a number where it fits, which is looked up faster. */
export function variantKey(base: number, width: number, walk: (k: number) => Walk): number | string {
  let key = base;
  for (let k = 0; k < width; k++) key = key * 4 + walk(k);
  if (key <= Number.MAX_SAFE_INTEGER) return key;
  return `${base}:${Array.from({ length: width }, (_, k) => walk(k)).join("")}`;
}

/** An operand in generated code, or (without a dtype) the position, which steps by elements. */
export class Stream {
  readonly dtype: DType | null;
  readonly itemsize: number;
  readonly walk: Walk;
  /** Locals: the address of the current element, and that of the current row where there are rows. */
  readonly pointer: number;
  row: number = -1;
  /** Local: the step, for strided walks. */
  stride: number = -1;
  /** Locals: for strided walks of vectors, what lane 1, 2 ... are away, and on through the vectors that are taken together to what follows them. */
  steps: number[] = [];
  /** Locals: values of a still operand, by the type they are wanted in. */
  readonly values: Map<ComputeType, number> = new Map();

  constructor(dtype: DType | null, walk: Walk, pointer: number) {
    this.dtype = dtype;
    this.itemsize = dtype?.itemsize ?? 1;
    this.walk = walk;
    this.pointer = pointer;
  }
}

/** A nest of loops in generated code: the locals that hold what `writeNest` wrote. */
export class Loops {
  readonly #f: FunctionBuilder;
  readonly #rank: number;
  readonly #streams: readonly Stream[];
  readonly #sizes: number[];
  readonly #deltas: number[][] = [];

  /** Reads a nest's words. The streams' `row` locals hold the addresses at which the nest starts. */
  constructor(f: FunctionBuilder, record: RecordReader, rank: number, streams: readonly Stream[]) {
    this.#f = f;
    this.#rank = rank;
    this.#streams = streams;
    this.#sizes = record.take(rank);
    for (const s of streams) {
      if (s.walk === STRIDED) s.stride = record.next();
      else record.skip(1);
    }
    for (let d = rank - 2; d >= 0; d--) this.#deltas[d] = record.take(streams.length);
  }

  /** The size of the innermost loop: a local. */
  get inner(): number {
    return this.#sizes[this.#rank - 1]!;
  }

  /** The loop `out` levels outside the innermost: its size, and how far the streams' rows move when it steps (for 1: their strides). */
  outer(out: number): { size: number; steps: readonly number[] } {
    const d = this.#rank - 1 - out;
    return { size: this.#sizes[d]!, steps: this.#deltas[d]! };
  }

  /** All loops but the `left` innermost around `body`; it finds the streams' `row` at the start of a row and leaves it alone. */
  emit(body: () => void, left: number = 1): void {
    const level = (d: number): void => {
      if (d === this.#rank - left) {
        body();
        return;
      }
      const counter = this.#f.local("i32");
      this.#f.get(this.#sizes[d]!).set(counter);
      this.#f.loop((top) => {
        level(d + 1);
        this.#streams.forEach((s, k) => {
          this.#f.bumpBy(s.row, this.#deltas[d]![k]!);
        });
        this.#f.get(counter).i32(1).op("i32.sub").tee(counter).brIf(top);
      });
    };
    level(0);
  }
}

/** Copies the rows' addresses to the current ones. */
export function startRow(f: FunctionBuilder, streams: readonly Stream[]): void {
  for (const s of streams) if (s.row !== s.pointer) f.get(s.row).set(s.pointer);
}

/** Reads what does not change along a row, and computes the lanes' distances, of as many vectors as are taken together. */
export function prepareRow(g: Codegen, streams: readonly Stream[], vectors: number = 1): void {
  const f = g.f;
  for (const s of streams) {
    if (s.walk === STRIDED && g.lanes > 1) {
      if (s.steps.length === 0) s.steps = Array.from({ length: g.lanes * vectors }, () => f.local("i32"));
      s.steps.forEach((step, k) => {
        f.get(s.stride);
        if (k > 0) f.get(s.steps[k - 1]!).op("i32.add");
        f.set(step);
      });
    }
    for (const [type, local] of s.values) {
      f.get(s.pointer);
      if (g.lanes === 1) loadScalar(g, s.dtype!, type);
      else loadSplat(g, s.dtype!, type);
      f.set(local);
    }
  }
}

/** Declares that a region reads a still operand as `type`, so that `prepareRow` loads it. */
export function declareStill(g: Codegen, s: Stream, type: ComputeType): void {
  if (s.walk === STILL && !s.values.has(type)) s.values.set(type, valueLocal(g, type));
}

/** Leaves an operand's current element, or elements, on the stack. `copy` counts vectors of an unrolled loop. */
export function loadFrom(g: Codegen, s: Stream, type: ComputeType, copy: number = 0): void {
  const f = g.f;
  if (s.walk === STILL) f.get(s.values.get(type)!);
  else if (g.lanes === 1) {
    f.get(s.pointer);
    loadScalar(g, s.dtype!, type, copy * s.itemsize);
  } else loadAt(g, s, type, s.pointer, copy);
}

/** Leaves the element, or the lanes along a stream's walk, that lie at the address in a local on the stack. `copy` as in `loadFrom`. */
export function loadAt(g: Codegen, s: Stream, type: ComputeType, pointer: number, copy: number = 0): void {
  const f = g.f;
  if (g.lanes === 1) {
    f.get(pointer);
    loadScalar(g, s.dtype!, type);
  } else if (s.walk === UNIT) loadVector(g, s.dtype!, type, pointer, copy * g.lanes * s.itemsize);
  else if (s.walk === PAIRED) loadPaired(g, s.dtype!, type, pointer, 2 * copy * g.lanes * s.itemsize);
  else if (s.walk === STILL) {
    f.get(pointer);
    loadSplat(g, s.dtype!, type);
  } else loadStrided(g, s.dtype!, type, (lane) => laneAddress(f, s, copy * g.lanes + lane, pointer));
}

/** Leaves the address of a lane, counted through the vectors that are taken together, on the stack. */
function laneAddress(f: FunctionBuilder, s: Stream, lane: number, pointer: number = s.pointer): void {
  f.get(pointer);
  if (lane > 0) f.get(s.steps[lane - 1]!).op("i32.add");
}

/** Moves all streams on by `vectors` vectors (or elements). */
export function advance(g: Codegen, streams: readonly Stream[], vectors: number): void {
  const f = g.f;
  for (const s of streams) {
    if (s.walk === UNIT) f.bump(s.pointer, vectors * g.lanes * s.itemsize);
    else if (s.walk === PAIRED) f.bump(s.pointer, 2 * vectors * g.lanes * s.itemsize);
    else if (s.walk === STRIDED) f.bumpBy(s.pointer, g.lanes === 1 ? s.stride : s.steps[vectors * g.lanes - 1]!);
  }
}

/** Before a last vector of only `count` elements: surplus lanes repeat the last element, so that they read nothing foreign. */
export function clampLanes(g: Codegen, streams: readonly Stream[], count: number): void {
  const f = g.f;
  const strided = streams.filter((s) => s.walk === STRIDED);
  if (strided.length === 0 || g.lanes === 1) return;
  f.get(count)
    .i32(g.lanes)
    .op("i32.lt_s")
    .if(() => {
      for (const s of strided) {
        for (let lane = 1; lane < g.lanes; lane++) {
          f.get(s.steps[lane - 1]!);
          if (lane === 1) f.i32(0);
          else f.get(s.steps[lane - 2]!);
          f.get(count)
            .i32(lane)
            .op("i32.gt_s")
            .op("select")
            .set(s.steps[lane - 1]!);
        }
      }
    });
}

/** One output of a loop: where it goes and what it is. */
export interface Sink {
  readonly stream: Stream;
  readonly value: Expr;
}

/** Computes the outputs, all of them before any is stored, since an output may lie where an input lies. Returns the store. */
export function computeOutputs(g: Codegen, sinks: readonly Sink[], copy: number): (count: number | null) => void {
  return outputsOf(g.begin(), sinks, copy);
}

/** From this weight on an expression is a chain of operations that wait for one another, which other elements' operations can fill. */
export const CHAIN = 16;

/** Computes what there is of several vectors, step by step for all of them. Returns their regions. */
export function computeInStep(g: Codegen, copies: number, setCopy: (copy: number) => void): Codegen[] {
  const regions = Array.from({ length: copies }, (_, k) => (k === 0 ? g.begin() : g.beside()));
  for (const e of g.steps()) {
    regions.forEach((region, copy) => {
      setCopy(copy);
      region.keep(e);
    });
  }
  return regions;
}

/** The same after some of it was computed. */
export function outputsOf(g: Codegen, sinks: readonly Sink[], copy: number): (count: number | null) => void {
  if (g.lanes === 1) {
    const values = sinks.map((s) => g.keep(s.value));
    return () => {
      sinks.forEach((s, k) => {
        g.f.get(s.stream.pointer).get(values[k]!);
        storeScalar(g, s.stream.dtype!, s.value.type, copy * s.stream.itemsize);
      });
    };
  }
  const packed = sinks.map((s) => {
    g.value(s.value);
    return pack(g, s.stream.dtype!, s.value.type);
  });
  return (count) => {
    sinks.forEach((s, k) => {
      storeVector(g, s.stream, packed[k]!, copy, count);
    });
  };
}

/** Stores a vector: all of it, or (given the local `count`) at most so many elements. */
function storeVector(g: Codegen, s: Stream, packed: Packed, copy: number, count: number | null): void {
  const f = g.f;
  if (count === null && s.walk === UNIT) {
    storePacked(g, packed, s.pointer, copy * g.lanes * s.itemsize);
    return;
  }
  for (let lane = 0; lane < g.lanes; lane++) {
    const store = (): void => {
      if (s.walk === UNIT) storeOne(g, packed, lane, () => f.get(s.pointer), lane * s.itemsize);
      else storeOne(g, packed, lane, () => laneAddress(f, s, copy * g.lanes + lane), 0);
    };
    if (count === null || lane === 0) store();
    else f.get(count).i32(lane).op("i32.gt_s").if(store);
  }
}

/**
 * The innermost loop of a map: `count` elements (a local, at least 1, which is used up) from the streams' current addresses. With `unroll`
 * above 1, none of the streams may be strided.
 */
export function innerLoop(
  g: Codegen,
  streams: readonly Stream[],
  sinks: readonly Sink[],
  count: number,
  unroll: number,
  setCopy: (copy: number) => void,
): void {
  const f = g.f;
  if (unroll > 1) {
    const block = g.lanes * unroll;
    f.block((exit) => {
      f.get(count).i32(block).op("i32.lt_s").brIf(exit);
      f.loop((top) => {
        const bytes = unroll === 4 && g.lanes === 4 ? sinks.filter((s) => s.stream.itemsize === 1) : [];
        const others = sinks.filter((s) => !bytes.includes(s));
        const vectors = bytes.map((): number[] => []);
        const together = g.lanes > 1 && bytes.length === 0 && weight(sinks.map((s) => s.value)) >= CHAIN;
        const stores = (together ? computeInStep(g, unroll, setCopy) : []).map((region, copy) => {
          setCopy(copy);
          return outputsOf(region, sinks, copy);
        });
        for (const store of stores) store(null);
        for (let copy = together ? unroll : 0; copy < unroll; copy++) {
          setCopy(copy);
          const store = computeOutputs(g, others, copy);
          bytes.forEach((s, k) => {
            g.value(s.value);
            vectors[k]!.push(byteLanes(g, s.stream.dtype!, s.value.type));
          });
          store(null);
        }
        bytes.forEach((s, k) => {
          packBytes(g, s.stream.dtype!, s.stream.pointer, vectors[k]!);
        });
        advance(g, streams, unroll);
        f.get(count).i32(block).op("i32.sub").tee(count).i32(block).op("i32.ge_s").brIf(top);
      });
    });
    setCopy(0);
    f.block((done) => {
      f.get(count).op("i32.eqz").brIf(done);
      lastLoop(g, streams, sinks, count);
    });
  } else lastLoop(g, streams, sinks, count);
}

/** Vector by vector; the last one may be partly filled. */
function lastLoop(g: Codegen, streams: readonly Stream[], sinks: readonly Sink[], count: number): void {
  const f = g.f;
  f.loop((top) => {
    clampLanes(g, streams, count);
    const store = computeOutputs(g, sinks, 0);
    if (g.lanes === 1) store(null);
    else
      f.get(count)
        .i32(g.lanes)
        .op("i32.ge_s")
        .if(
          () => store(null),
          () => store(count),
        );
    advance(g, streams, 1);
    f.get(count).i32(g.lanes).op("i32.sub").tee(count).i32(0).op("i32.gt_s").brIf(top);
  });
}
