import type { Compiled, KernelOf } from "../../kernel/kernel.ts";
import { address, LoopNest, type Operand } from "./collapse.ts";
import { instantiate, newModule, type WasmFunction } from "./engine.ts";
import { heap } from "./heap.ts";
import { firstWord, LAUNCH, RecordReader, writeNest } from "./launch.ts";
import { Loops, startRow, Stream, STRIDED, UNIT } from "./loops.ts";
import { moveBytes, moveElement, type RawSize } from "./raw.ts";

/** The modules depend on the elements' size and the shape of the nest alone, so all copies share them. */
const variants = new Map<number, WasmFunction>();

class CompiledCopy implements Compiled {
  readonly #size: RawSize;
  readonly #itemsizes: readonly number[];
  readonly #nest = new LoopNest(2);

  constructor(kernel: KernelOf<"copy">) {
    this.#size = kernel.inputs[0]!.itemsize as RawSize;
    this.#itemsizes = [this.#size, this.#size];
  }

  run(inputs: readonly Operand[], outputs: readonly Operand[]): void {
    const [from, to] = [inputs[0]!, outputs[0]!];
    const { shape, numel } = to.layout;
    if (numel === 0) return;
    const size = this.#size;
    if (to.layout.isContiguous && from.layout.isContiguous) {
      const start = address(from, size);
      heap.u8.copyWithin(address(to, size), start, start + numel * size);
      return;
    }
    const nest = this.#nest.clear();
    for (let d = 0; d < shape.length; d++) {
      if (shape[d] === 1) continue;
      nest.push(shape[d]!);
      nest.set(0, to.layout.strides[d]! * size);
      nest.set(1, from.layout.strides[d]! * size);
    }
    nest.sort().merge(this.#itemsizes);
    const runs = nest.innerStride(0) === size && nest.innerStride(1) === size;
    const key = (nest.rank * 16 + size) * 2 + (runs ? 1 : 0);
    let f = variants.get(key);
    if (f === undefined) {
      f = build(size, nest.rank, runs);
      variants.set(key, f);
    }
    let w = firstWord(0);
    heap.i32[w++] = address(to, size);
    heap.i32[w++] = address(from, size);
    writeNest(w, nest);
    f(LAUNCH);
  }
}

function build(size: RawSize, rank: number, runs: boolean): WasmFunction {
  const m = newModule();
  const f = m.func("run", ["i32"]);
  const record = new RecordReader(f, 0);
  const streams = [0, 1].map(() => {
    const s = new Stream(null, runs ? UNIT : STRIDED, f.local("i32"));
    s.row = f.local("i32");
    f.get(record.next()).set(s.row);
    return s;
  });
  const loops = new Loops(f, record, rank, streams);
  const [to, from] = [streams[0]!, streams[1]!];
  const count = f.local("i32");
  loops.emit(() => {
    startRow(f, streams);
    f.get(loops.inner).set(count);
    if (runs) {
      f.get(count).i32(size).op("i32.mul").set(count);
      moveBytes(f, count, to.pointer, from.pointer);
      return;
    }
    f.loop((top) => {
      moveElement(f, size, to.pointer, from.pointer);
      f.bumpBy(to.pointer, to.stride).bumpBy(from.pointer, from.stride);
      f.get(count).i32(1).op("i32.sub").tee(count).brIf(top);
    });
  });
  return instantiate(m);
}

/** Copies for the CPU. */
export const copy = (kernel: KernelOf<"copy">): Compiled => new CompiledCopy(kernel);
