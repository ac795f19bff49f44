/** Loops in WebAssembly that do one thing as fast as the engine can. */
import { hasRelaxedMadd } from "../src/backends/cpu/features.ts";
import { ModuleBuilder } from "../src/backends/cpu/wasm/assembler.ts";

const ACCUMULATORS = 12;
const STEPS = 100_000;
/** Floating-point operations of one run of `multiplyAdd`. */
export const multiplyAddFlops: number = STEPS * ACCUMULATORS * 8;

/** A loop of independent multiply-adds, enough of them to hide their latency. Their sum is the result: what nobody uses would not be computed. */
export function multiplyAdd(): () => void {
  const m = new ModuleBuilder();
  const f = m.func("run", ["i32"], ["f32"]);
  const sums = Array.from({ length: ACCUMULATORS }, () => f.local("v128"));
  const x = f.local("v128");
  f.v128("f32x4", 0.5).set(x);
  f.loop((top) => {
    for (const s of sums) {
      if (hasRelaxedMadd) f.get(x).get(x).get(s).op("f32x4.relaxed_madd").set(s);
      else f.get(x).get(x).op("f32x4.mul").get(s).op("f32x4.add").set(s);
    }
    f.get(0).i32(1).op("i32.sub").tee(0).brIf(top);
  });
  f.get(sums[0]!);
  for (const s of sums.slice(1)) f.get(s).op("f32x4.add");
  f.lane("f32x4.extract_lane", 0);
  const { run } = new WebAssembly.Instance(new WebAssembly.Module(m.toBytes())).exports as { run(n: number): void };
  return () => run(STEPS);
}

/** The smallest useful kernel: four numbers added, addresses as arguments. */
export function smallestKernel(): (a: number, b: number, out: number) => void {
  const m = new ModuleBuilder();
  const shared = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  m.importMemory("env", "memory", { initial: 1, maximum: 1, shared: false });
  const f = m.func("run", ["i32", "i32", "i32"]);
  f.get(2).get(0).load("v128.load").get(1).load("v128.load").op("f32x4.add").store("v128.store");
  const module = new WebAssembly.Module(m.toBytes());
  return (new WebAssembly.Instance(module, { env: { memory: shared } }).exports as { run(a: number, b: number, out: number): void }).run;
}

/** The size of the memory that `copyLoop` works in. */
export const COPIED: number = 16 * 1024 * 1024;

/** Copies a number of bytes, a multiple of 64, from the beginning of a memory to its second half. */
export function copyLoop(): (bytes: number) => void {
  const m = new ModuleBuilder();
  const memory = new WebAssembly.Memory({ initial: COPIED / 65536, maximum: COPIED / 65536 });
  m.importMemory("env", "memory", { initial: COPIED / 65536, maximum: COPIED / 65536, shared: false });
  const f = m.func("run", ["i32", "i32", "i32"]);
  f.loop((top) => {
    for (const at of [0, 16, 32, 48]) f.get(1).get(0).load("v128.load", at).store("v128.store", at);
    f.bump(0, 64).bump(1, 64);
    f.get(2).i32(64).op("i32.sub").tee(2).brIf(top);
  });
  const { run } = new WebAssembly.Instance(new WebAssembly.Module(m.toBytes()), { env: { memory } }).exports as {
    run(from: number, to: number, bytes: number): void;
  };
  return (bytes) => run(0, COPIED / 2, bytes);
}
