import type { Compiled, KernelOf, LaunchArgs } from "../../kernel/kernel.ts";
import { LoopNest } from "../../kernel/loop-nest.ts";
import { instantiate, newModule, type WasmFunction } from "./engine.ts";
import { heap } from "./heap.ts";
import { addLookup, checkIndices, readIndexed, writeIndexed } from "./indices.ts";
import { firstWord, LAUNCH, RecordReader, writeNest } from "./launch.ts";
import { Loops, STILL, STRIDED, Stream, startRow, UNIT } from "./loops.ts";
import { address, type Operand } from "./operand.ts";
import { moveBytes, moveElement, type RawSize } from "./raw.ts";

/** How the innermost loop of a gather goes. */
type Inner = 0 | 1 | 2;
/** A run of bytes: no index changes along it. */
const BLOCK = 0;
/** No index changes, but elements do not follow each other. */
const ROW = 1;
/** Every element is looked up. */
const ELEMENT = 2;

/** The modules depend on nothing but these, so all gathers share them. */
const variants = new Map<number, WasmFunction>();

class CompiledGather implements Compiled {
  readonly #size: RawSize;
  readonly #indices: number;
  readonly #itemsizes: readonly number[];
  readonly #nest: LoopNest;

  constructor(kernel: KernelOf<"gather">) {
    this.#size = kernel.inputs[0]!.itemsize as RawSize;
    this.#indices = kernel.inputs.length - 1;
    this.#itemsizes = [this.#size, ...kernel.inputs.map((d) => d.itemsize)];
    this.#nest = new LoopNest(2 + this.#indices);
  }

  run(inputs: readonly Operand[], outputs: readonly Operand[], args: LaunchArgs): void {
    const out = outputs[0]!;
    const { shape, numel } = out.layout;
    if (numel === 0) return;
    checkIndices(inputs.slice(1), args);
    const nest = this.#nest.clear();
    for (let d = 0; d < shape.length; d++) {
      if (shape[d] === 1) continue;
      nest.push(shape[d]!);
      nest.set(0, out.layout.strides[d]! * this.#size);
      for (let k = 0; k < inputs.length; k++) nest.set(k + 1, inputs[k]!.layout.strides[d]! * this.#itemsizes[k + 1]!);
    }
    nest.sort().merge(this.#itemsizes);
    const f = this.#function();
    let w = firstWord(0);
    heap.i32[w++] = address(out, this.#size);
    for (let k = 0; k < inputs.length; k++) heap.i32[w++] = address(inputs[k]!, this.#itemsizes[k + 1]!);
    w = writeIndexed(w, args.indexed!, this.#size);
    writeNest(w, nest);
    f(LAUNCH);
  }

  #function(): WasmFunction {
    const nest = this.#nest;
    let still = true;
    for (let k = 0; k < this.#indices; k++) still &&= nest.innerStride(k + 2) === 0;
    const unit = nest.innerStride(0) === this.#size && nest.innerStride(1) === this.#size;
    const inner: Inner = still ? (unit ? BLOCK : ROW) : ELEMENT;
    const key = ((this.#indices * 64 + nest.rank) * 3 + inner) * 16 + this.#size;
    let f = variants.get(key);
    if (f === undefined) {
      f = build(this.#size, this.#indices, nest.rank, inner);
      variants.set(key, f);
    }
    return f;
  }
}

function build(size: RawSize, indices: number, rank: number, inner: Inner): WasmFunction {
  const m = newModule();
  const f = m.func("run", ["i32"]);
  const record = new RecordReader(f, 0);
  const streams = Array.from({ length: 2 + indices }, (_, k) => {
    const s = new Stream(null, inner === BLOCK ? UNIT : inner === ROW && k >= 2 ? STILL : STRIDED, f.local("i32"));
    s.row = f.local("i32");
    return s;
  });
  for (const s of streams) f.get(record.next()).set(s.row);
  const lookups = readIndexed(record, indices);
  const loops = new Loops(f, record, rank, streams);
  const [to, from] = [streams[0]!, streams[1]!];
  const count = f.local("i32");
  const [source, scratch] = [f.local("i32"), f.local("i32")];
  const lookUp = (): void => {
    f.get(from.pointer);
    lookups.forEach((lookup, k) => {
      addLookup(f, streams[2 + k]!.pointer, lookup, scratch);
    });
    f.set(source);
  };
  loops.emit(() => {
    startRow(f, streams);
    f.get(loops.inner).set(count);
    if (inner !== ELEMENT) lookUp();
    if (inner === BLOCK) {
      f.get(count).i32(size).op("i32.mul").set(count);
      moveBytes(f, count, to.pointer, source);
      return;
    }
    f.loop((top) => {
      if (inner === ELEMENT) lookUp();
      moveElement(f, size, to.pointer, source);
      if (inner === ELEMENT) for (const s of streams) f.bumpBy(s.pointer, s.stride);
      else f.bumpBy(to.pointer, to.stride).bumpBy(source, from.stride);
      f.get(count).i32(1).op("i32.sub").tee(count).brIf(top);
    });
  });
  return instantiate(m);
}

/** Gathers for the CPU. */
export const gather = (kernel: KernelOf<"gather">): Compiled => new CompiledGather(kernel);
