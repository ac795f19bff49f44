import { memory } from "torchlet";
import { hasRelaxedMadd } from "../src/backends/cpu/features.ts";
import { ModuleBuilder } from "../src/backends/cpu/wasm/assembler.ts";

/** What the machine gives this process at most, one thread, measured before the table. */
export interface Limits {
  /** Multiply-adds on registers in WebAssembly: operations a second. */
  readonly flops: number;
  readonly fused: boolean;
  /** Bytes read and written a second by the engine's own copy, for arrays of about this many bytes. */
  bandwidth(bytes: number): number;
  /** Seconds for a call into WebAssembly that adds four numbers. */
  readonly call: number;
}

const ACCUMULATORS = 12;
const STEPS = 100_000;

/** A loop of independent multiply-adds, enough of them to hide their latency. Their sum is the result: what nobody uses would not be computed. */
function multiplyAdd(): () => void {
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
function smallestKernel(): (a: number, b: number, out: number) => void {
  const m = new ModuleBuilder();
  const shared = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  m.importMemory("env", "memory", { initial: 1, maximum: 1, shared: false });
  const f = m.func("run", ["i32", "i32", "i32"]);
  f.get(2).get(0).load("v128.load").get(1).load("v128.load").op("f32x4.add").store("v128.store");
  const module = new WebAssembly.Module(m.toBytes());
  return (new WebAssembly.Instance(module, { env: { memory: shared } }).exports as { run(a: number, b: number, out: number): void }).run;
}

/** Seconds of a call at best: the least of `samples`, each of enough calls to take two milliseconds. */
function seconds(run: () => void, samples: number = 15): number {
  let calls = 1;
  const once = (): number => {
    const start = performance.now();
    for (let i = 0; i < calls; i++) run();
    return (performance.now() - start) / 1000;
  };
  for (once(); once() < 0.002; ) calls *= 2;
  return Math.min(...Array.from({ length: samples }, () => once() / calls));
}

export async function measureLimits(): Promise<Limits> {
  const flops = (STEPS * ACCUMULATORS * 8) / seconds(multiplyAdd());
  const add = smallestKernel();
  const known = new Map<number, number>();
  const bandwidth = (bytes: number): number => {
    const size = 2 ** Math.round(Math.log2(bytes));
    if (!known.has(size)) {
      const from = new Float32Array(Math.max(size / 8, 4)).fill(1);
      const to = new Float32Array(from.length);
      known.set(size, (2 * from.byteLength) / seconds(() => to.set(from)));
    }
    return known.get(size)!;
  };
  const call = seconds(() => add(0, 16, 32));
  await memory.collect();
  return { flops, fused: hasRelaxedMadd, bandwidth, call };
}
