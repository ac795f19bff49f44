import type { Row } from "../rows/row.ts";
import { callFloor, multiplyAdd, multiplyAddFlops, readLoop, triadLoop } from "./loops.ts";
import type { Limit } from "./protocol.ts";

/** Seconds of a call at best: the least of some samples, each of enough calls to take half a millisecond. */
function seconds(run: () => void): number {
  let calls = 1;
  const once = (): number => {
    const start = performance.now();
    for (let i = 0; i < calls; i++) run();
    return (performance.now() - start) / 1000;
  };
  for (once(); once() < 0.0005; ) calls *= 2;
  const samples = calls === 1 ? 4 : 8;
  return Math.min(...Array.from({ length: samples }, () => once() / calls));
}

interface Loop {
  readonly bytes: number;
  readonly access: string;
  readonly run: () => void;
}
let peakLoop: (() => void) | null = null;
let floorLoop: { run: () => void; calls: number } | null = null;
/** Of the row at hand: a loop over 1e7 elements has 160 MB of its own. */
let moving: Loop | null = null;

/** Seconds that moving a row's bytes takes in a loop that does nothing else. */
function movingTime(bytes: number, access: "read" | "triad"): number {
  if (moving === null || moving.bytes !== bytes || moving.access !== access) {
    moving = { bytes, access, run: access === "read" ? readLoop(bytes) : triadLoop(bytes) };
  }
  return seconds(moving.run);
}

/**
 * What the machine gives this process at most, one thread, measured now: the row's multiply-adds on registers in WebAssembly, or its bytes
 * moved by a loop over as many, whichever takes longer; and for each call the floor of one.
 */
export function limitOf({ flops, bytes, access, calls }: Row): Limit {
  peakLoop ??= multiplyAdd();
  floorLoop ??= callFloor();
  const peak = multiplyAddFlops / seconds(peakLoop);
  if (flops === undefined && bytes === undefined && calls === 0) return { seconds: null, peak };
  const computing = (flops ?? 0) / peak;
  const moved = bytes === undefined ? 0 : movingTime(bytes, access!);
  const floor = calls === 0 ? 0 : (calls * seconds(floorLoop.run)) / floorLoop.calls;
  return { seconds: Math.max(computing, moved) + floor, peak };
}
