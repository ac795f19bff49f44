import * as torch from "torchlet";
import type { Row } from "../rows/row.ts";
import type { Task } from "./column.ts";

const KiB = 1024;
const TIMES = 100;
/** What a training step may hold at once. */
const MIXED = [64, 4, 4 * KiB, 128, 1000, 20_000, 300, 512, 70_000, 200_000, 16, 2 * KiB];

/** Takes blocks from the CPU's pool and gives them back, many times in a run: one is too short for a clock. */
export function poolTask(row: Row): Task {
  const { pool } = torch.device("cpu");
  const { bytes } = row.size;
  const result = () => [];
  if (bytes !== undefined) {
    const run = (): void => {
      for (let i = 0; i < TIMES; i++) pool.free(pool.allocate(bytes));
    };
    return { calls: TIMES, run, result };
  }
  const held = MIXED.map((n) => pool.allocate(n));
  const run = (): void => {
    for (let i = 0; i < TIMES; i++) {
      const k = i % MIXED.length;
      pool.free(held[k]!);
      held[k] = pool.allocate(MIXED[k]!);
    }
  };
  const dispose = (): void => {
    for (const block of held) pool.free(block);
  };
  return { calls: TIMES, run, result, dispose };
}
