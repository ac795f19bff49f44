import type { Compiled, KernelOf } from "../../kernel/kernel.ts";
import { LoopNest } from "../../kernel/loop-nest.ts";
import { instantiate, newModule, type WasmFunction } from "./engine.ts";
import { heap } from "./heap.ts";
import { firstWord, LAUNCH, RecordReader, writeNest } from "./launch.ts";
import { Loops, STRIDED, Stream, startRow, UNIT } from "./loops.ts";
import { address, type Operand } from "./operand.ts";
import { fillElements, moveBytes, moveElement, type RawSize } from "./raw.ts";
import { transpose } from "./transpose.ts";

/** The modules depend on the elements' size and the shape of the nest alone, so all copies share them. */
const variants = new Map<number, WasmFunction>();

/** Moves bytes that lie contiguously on both sides; the ranges may overlap. */
let move: WasmFunction | undefined;

/** The engine's copy in WebAssembly: V8's `copyWithin` goes through shared memory word by word. */
function buildMove(): WasmFunction {
  const m = newModule();
  m.func("run", ["i32", "i32", "i32"]).get(0).get(1).get(2).memoryCopy();
  return instantiate(m);
}

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
      move ??= buildMove();
      move(address(to, size), address(from, size), numel * size);
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
    const way = wayOf(nest, size);
    const key = (nest.rank * 16 + size) * 4 + way;
    let f = variants.get(key);
    if (f === undefined) {
      f = build(size, nest.rank, way);
      variants.set(key, f);
    }
    let w = firstWord(0);
    heap.i32[w++] = address(to, size);
    heap.i32[w++] = address(from, size);
    writeNest(w, nest, way === TRANSPOSE ? 2 : 1);
    f(LAUNCH);
  }
}

/** Element by element. */
const ELEMENTS = 0;
/** Runs of bytes: both sides are contiguous along the innermost loop. */
const RUNS = 1;
/** One element many times. */
const FILL = 2;
/** The two innermost loops are a matrix that is contiguous along one on one side and along the other on the other. */
const TRANSPOSE = 3;
type Way = 0 | 1 | 2 | 3;

/** Chooses how to copy, and brings the loops of a transposition together. */
function wayOf(nest: LoopNest, size: number): Way {
  if (nest.innerStride(0) !== size) return ELEMENTS;
  if (nest.innerStride(1) === size) return RUNS;
  if (nest.innerStride(1) === 0) return FILL;
  for (let d = nest.rank - 2; d >= 0; d--) {
    if (nest.strides[d * 2 + 1] !== size || nest.sizes[d]! < 16 / size) continue;
    nest.bringIn(d);
    return TRANSPOSE;
  }
  return ELEMENTS;
}

function build(size: RawSize, rank: number, way: Way): WasmFunction {
  const m = newModule();
  const f = m.func("run", ["i32"]);
  const record = new RecordReader(f, 0);
  const streams = [0, 1].map(() => {
    const s = new Stream(null, way === RUNS ? UNIT : STRIDED, f.local("i32"));
    s.row = f.local("i32");
    f.get(record.next()).set(s.row);
    return s;
  });
  const loops = new Loops(f, record, rank, streams);
  const [to, from] = [streams[0]!, streams[1]!];
  const count = f.local("i32");
  if (way === TRANSPOSE) {
    loops.emit(() => {
      startRow(f, streams);
      const { size: rows, steps } = loops.outer(1);
      transpose(f, size, { to: to.pointer, from: from.pointer, rowStep: steps[0]!, columnStep: from.stride, rows, columns: loops.inner });
    }, 2);
    return instantiate(m);
  }
  loops.emit(() => {
    startRow(f, streams);
    f.get(loops.inner).set(count);
    if (way !== ELEMENTS) f.get(count).i32(size).op("i32.mul").set(count);
    if (way === RUNS) moveBytes(f, count, to.pointer, from.pointer);
    else if (way === FILL) fillElements(f, size, count, to.pointer, from.pointer);
    else
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
