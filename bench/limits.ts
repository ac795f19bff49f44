import { memory } from "torchlet";
import { hasRelaxedMadd } from "../src/backends/cpu/features.ts";
import { COPIED, copyLoop, multiplyAdd, multiplyAddFlops, smallestKernel } from "./loops.ts";

/** What the machine gives this process at most, one thread, measured before the table. */
export interface Limits {
  /** Multiply-adds on registers in WebAssembly: operations a second. */
  readonly flops: number;
  readonly fused: boolean;
  /** Bytes read and written a second by a loop in WebAssembly that copies, for operands of about this many bytes together. */
  bandwidth(bytes: number): number;
  /** Seconds for a call into WebAssembly that adds four numbers. */
  readonly call: number;
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
  const flops = multiplyAddFlops / seconds(multiplyAdd());
  const add = smallestKernel();
  const copy = copyLoop();
  const known = new Map<number, number>();
  const bandwidth = (bytes: number): number => {
    const half = Math.min(Math.max(64 * Math.round(bytes / 128), 64), COPIED / 2);
    if (!known.has(half)) known.set(half, (2 * half) / seconds(() => copy(half)));
    return known.get(half)!;
  };
  const call = seconds(() => add(0, 16, 32));
  await memory.collect();
  return { flops, fused: hasRelaxedMadd, bandwidth, call };
}
