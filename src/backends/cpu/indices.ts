import type { Indexed, LaunchArgs } from "../../kernel/kernel.ts";
import { LoopNest } from "../../kernel/loop-nest.ts";
import { instantiate, newModule, type WasmFunction } from "./engine.ts";
import { heap } from "./heap.ts";
import { firstWord, LAUNCH, RecordReader, writeNest } from "./launch.ts";
import { Loops, STRIDED, Stream, startRow } from "./loops.ts";
import { address, type Operand } from "./operand.ts";
import type { FunctionBuilder } from "./wasm/assembler.ts";

/** Index operands of gathers and scatters: int64, valid below the size, from 0 or, where the dimension wraps, from -size. */

const nest = new LoopNest(1);
/** Functions that look for an index out of range, by the rank of the nest. */
const checks: WasmFunction[] = [];

/** Raises the caller's error for the first index that is out of range, before anything is written. */
export function checkIndices(indices: readonly Operand[], args: LaunchArgs): void {
  for (let j = 0; j < indices.length; j++) {
    const index = indices[j]!;
    const { shape, strides } = index.layout;
    nest.clear();
    for (let d = 0; d < shape.length; d++) {
      // What is expanded holds the same indices again.
      if (shape[d] === 1 || strides[d] === 0) continue;
      nest.push(shape[d]!);
      nest.set(0, strides[d]! * 8);
    }
    nest.sort().merge([8]);
    checks[nest.rank] ??= checker(nest.rank);
    const check = checks[nest.rank]!;
    const { size, wraps } = args.indexed![j]!;
    let w = firstWord(1);
    heap.i32[w++] = address(index, 8);
    heap.i32[w++] = wraps ? size : 0;
    heap.i32[w++] = wraps ? 2 * size : size;
    writeNest(w, nest);
    if (check(LAUNCH) !== 0) throw args.fault!(Number(heap.i64[LAUNCH >> 3]), j);
  }
}

/** The bad index, if there is one, is left in the record's first 8 bytes. */
function checker(rank: number): WasmFunction {
  const m = newModule();
  const f = m.func("run", ["i32"], ["i32"]);
  const record = new RecordReader(f, 1);
  const s = new Stream(null, STRIDED, f.local("i32"));
  s.row = f.local("i32");
  f.get(record.next()).set(s.row);
  const shift = f.local("i64");
  const bound = f.local("i64");
  f.get(record.next()).op("i64.extend_i32_u").set(shift);
  f.get(record.next()).op("i64.extend_i32_u").set(bound);
  const loops = new Loops(f, record, rank, [s]);
  const count = f.local("i32");
  const index = f.local("i64");
  loops.emit(() => {
    startRow(f, [s]);
    f.get(loops.inner).set(count);
    f.loop((top) => {
      // lowest <= index < size, as one unsigned comparison of index - lowest
      f.get(s.pointer)
        .load("i64.load")
        .tee(index)
        .get(shift)
        .op("i64.add")
        .get(bound)
        .op("i64.ge_u")
        .if(() => {
          f.get(0).get(index).store("i64.store").i32(1).op("return");
        });
      f.bumpBy(s.pointer, s.stride).get(count).i32(1).op("i32.sub").tee(count).brIf(top);
    });
  });
  f.i32(0);
  return instantiate(m);
}

/** Writes what a kernel needs of the looked-up dimensions: sizes and steps in bytes. Returns the next word. */
export function writeIndexed(word: number, indexed: readonly Indexed[], itemsize: number): number {
  let w = word;
  for (let j = 0; j < indexed.length; j++) {
    heap.i32[w++] = indexed[j]!.size;
    heap.i32[w++] = indexed[j]!.stride * itemsize;
  }
  return w;
}

/** A looked-up dimension in generated code: locals. */
export interface Lookup {
  readonly size: number;
  readonly stride: number;
}

/** Reads what `writeIndexed` wrote. */
export const readIndexed = (record: RecordReader, n: number): Lookup[] =>
  Array.from({ length: n }, () => ({ size: record.next(), stride: record.next() }));

/** Adds to the address on the stack what an index at `pointer` (a local) looks up. Valid indices fit into 32 bits. */
export function addLookup(f: FunctionBuilder, pointer: number, { size, stride }: Lookup, scratch: number): void {
  f.get(pointer).load("i32.load").tee(scratch).get(scratch).i32(31).op("i32.shr_s").get(size).op("i32.and").op("i32.add");
  f.get(stride).op("i32.mul").op("i32.add");
}
