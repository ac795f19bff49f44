import * as torch from "torchlet";
import type { Peer } from "../gpujs.ts";
import type { Row } from "../measure.ts";

const KiB = 1024;
/** Allocations in one run: one is too short for a clock. */
const TIMES = 100;
/** What a training step may hold at once. */
const MIXED = [64, 4, 4 * KiB, 128, 1000, 20_000, 300, 512, 70_000, 200_000, 16, 2 * KiB];

/** What it costs to take a block from a warm free list and to give it back, with all figures kept; a run does so many times. */
export function allocation(peer: Peer): Row[] {
  const { pool } = torch.device("cpu");
  const row = (name: string, run: () => void): Row => ({
    group: "allocation",
    name: `${name}, ${TIMES} times`,
    cells: { torchlet: { run }, ...Object.fromEntries(peer.columns.map((c) => [c, { none: "no pool" }])) },
  });
  const same = (name: string, bytes: number): Row =>
    row(`allocate and free ${name}`, () => {
      for (let i = 0; i < TIMES; i++) pool.free(pool.allocate(bytes));
    });
  const held = MIXED.map((bytes) => pool.allocate(bytes));
  for (const block of held) pool.free(block);
  return [
    same("64 B", 64),
    same("4 KB", 4 * KiB),
    same("1 MB", 1024 * KiB),
    row(`allocate and free a block of ${MIXED.length} sizes held at once`, () => {
      for (let i = 0; i < TIMES; i++) {
        const k = i % MIXED.length;
        if (i >= MIXED.length) pool.free(held[k]!);
        held[k] = pool.allocate(MIXED[k]!);
      }
      for (let k = 0; k < MIXED.length; k++) pool.free(held[(TIMES + k) % MIXED.length]!);
    }),
  ];
}
