/** Loops in WebAssembly that do one thing as fast as the engine can. */
import { hasRelaxedMadd } from "../../src/backends/cpu/features.ts";
import { ModuleBuilder } from "../../src/backends/cpu/wasm/assembler.ts";

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

/** Four numbers added: the smallest useful kernel. */
function smallestKernel(): (a: number, b: number, out: number) => void {
  const m = new ModuleBuilder();
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  m.importMemory("env", "memory", { initial: 1, maximum: 1, shared: false });
  const f = m.func("run", ["i32", "i32", "i32"]);
  f.get(2).get(0).load("v128.load").get(1).load("v128.load").op("f32x4.add").store("v128.store");
  const module = new WebAssembly.Module(m.toBytes());
  return (new WebAssembly.Instance(module, { env: { memory } }).exports as { run(a: number, b: number, out: number): void }).run;
}

interface Handle {
  readonly storage: { readonly address: number; owners: number };
  readonly shape: readonly number[];
}

/** What no eager library gets around: a block from a free list, a storage and a handle, a kernel found and called, the block given back. */
export function callFloor(): { run: () => void; calls: number } {
  const calls = 100;
  const kernels = new Map([[1, smallestKernel()]]);
  const free = Array.from({ length: 8 }, (_, i) => 64 * (i + 3));
  const shape = [4];
  let last: Handle | null = null;
  const run = (): void => {
    for (let i = 0; i < calls; i++) {
      const address = free.pop()!;
      kernels.get(1)!(0, 64, address);
      last = { storage: { address, owners: 1 }, shape };
      if (--last.storage.owners === 0) free.push(last.storage.address);
    }
  };
  return { run, calls };
}

const PAGE = 65536;
const memoryOf = (bytes: number): WebAssembly.Memory => {
  const pages = Math.ceil(bytes / PAGE) + 1;
  return new WebAssembly.Memory({ initial: pages, maximum: pages });
};
/** As it is declared in a module. */
const limits = (memory: WebAssembly.Memory): { initial: number; maximum: number; shared: false } => {
  const pages = memory.buffer.byteLength / PAGE;
  return { initial: pages, maximum: pages, shared: false };
};
const STEP = 64;
const steps = (bytes: number): number => STEP * Math.max(1, Math.round(bytes / STEP));

/** Reads so many bytes and adds them up, in vectors. */
export function readLoop(bytes: number): () => void {
  const n = steps(bytes);
  const memory = memoryOf(n);
  new Uint8Array(memory.buffer).fill(0);
  const m = new ModuleBuilder();
  m.importMemory("env", "memory", limits(memory));
  const f = m.func("run", ["i32", "i32"], ["f32"]);
  const sums = [0, 16, 32, 48].map((at) => [at, f.local("v128")] as const);
  f.loop((top) => {
    for (const [at, s] of sums) f.get(0).load("v128.load", at).get(s).op("f32x4.add").set(s);
    f.bump(0, STEP);
    f.get(1).i32(STEP).op("i32.sub").tee(1).brIf(top);
  });
  for (const [at, s] of sums) if (at > 0) f.get(s).get(sums[0]![1]).op("f32x4.add").set(sums[0]![1]);
  f.get(sums[0]![1]).lane("f32x4.extract_lane", 0);
  const { run } = new WebAssembly.Instance(new WebAssembly.Module(m.toBytes()), { env: { memory } }).exports as {
    run(from: number, bytes: number): number;
  };
  return () => void run(0, n);
}

/** The triad a = b + 0.5 c over three arrays of so many bytes together. Source: J. McCalpin, "STREAM" (1995). */
export function triadLoop(bytes: number): () => void {
  const n = steps(bytes / 3);
  const memory = memoryOf(3 * n);
  new Uint8Array(memory.buffer).fill(0);
  const m = new ModuleBuilder();
  m.importMemory("env", "memory", limits(memory));
  const f = m.func("run", ["i32", "i32", "i32", "i32"]);
  const half = f.local("v128");
  f.v128("f32x4", 0.5).set(half);
  f.loop((top) => {
    for (const at of [0, 16, 32, 48]) {
      f.get(0).get(1).load("v128.load", at).get(2).load("v128.load", at).get(half).op("f32x4.mul").op("f32x4.add").store("v128.store", at);
    }
    f.bump(0, STEP).bump(1, STEP).bump(2, STEP);
    f.get(3).i32(STEP).op("i32.sub").tee(3).brIf(top);
  });
  const { run } = new WebAssembly.Instance(new WebAssembly.Module(m.toBytes()), { env: { memory } }).exports as {
    run(a: number, b: number, c: number, bytes: number): void;
  };
  return () => run(0, n, 2 * n, n);
}
