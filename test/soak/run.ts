/** Runs one loop and measures it; in Node and in a page alike. */

import type { Tensor } from "torchlet";
import * as torch from "torchlet";
import { figures, heldFigures, resetPeaks } from "./figures.ts";
import { loops } from "./loops/index.ts";
import type { Held } from "./loops/loop.ts";

export interface RunRequest {
  readonly loop: string;
  readonly device: string;
  readonly steps: number;
  /** A loss is kept, as tensor, every so many steps; 0: none is. */
  readonly keepEvery: number;
  /** Bytes. */
  readonly highWaterMark: number;
}

/** Memory between two calls of the loop's function, after a collection. */
export interface Checkpoint {
  readonly step: number;
  readonly live: number;
  /** What of it is held, by name, in bytes. */
  readonly held: Readonly<Record<string, number>>;
  readonly heldBytes: number;
  /** How many of the held tensors are small. */
  readonly smallTensors: number;
}

export interface RunResult extends RunRequest {
  /** Whether collections were exact. */
  readonly exact: boolean;
  /** After a tenth of the steps, and after all. */
  readonly checkpoints: readonly [Checkpoint, Checkpoint];
  /** Live bytes at most, over the second half. */
  readonly peak: number;
  /** Bytes handed out over the second half. */
  readonly allocated: number;
  /** Milliseconds of a step, on average over the second half. */
  readonly stepTime: number;
  /** When each tenth ended, the beginning first: `Date.now()`. */
  readonly tenths: readonly number[];
  /** Kept losses, and those among them whose value is not what it was. */
  readonly kept: number;
  readonly wrong: readonly string[];
  /** The score before, after, and at which the loop has learned. */
  readonly score: readonly [before: number, after: number];
  readonly passing: number;
}

/** Runs a loop. The process or page has to be its own: everything live there is counted. */
export async function runLoop(request: RunRequest): Promise<RunResult> {
  const { device, steps, keepEvery } = request;
  const make = loops[request.loop];
  if (make === undefined) throw new Error(`there is no loop ${request.loop}: ${Object.keys(loops).join(", ")}`);
  torch.memory.setHighWaterMark(request.highWaterMark);
  if (device === "webgpu") await torch.webgpu.start();
  const loop = await make(device);
  const untrained = await loop.score();
  const kept: Tensor[] = [];
  const values: number[] = [];
  let step = 0;
  const tenths = [Date.now()];
  const train = (until: number): Promise<void> =>
    loop.train(until - step, (value, loss) => {
      if (!Number.isFinite(value)) throw new Error(`the loss of step ${step + 1} is ${value}`);
      if (++step % (steps / 10) === 0) tenths.push(Date.now());
      if (keepEvery === 0 || step % keepEvery !== 0) return;
      kept.push(loss);
      values.push(value);
    });
  let exact = true;
  const checkpoint = async (): Promise<Checkpoint> => {
    ({ exact } = await torch.memory.collect());
    const live = figures(device).live;
    const everything: Readonly<Record<string, Held>> = { ...loop.held(), "kept losses": kept };
    const { byName, bytes, small } = heldFigures(everything);
    return { step, live, held: byName, heldBytes: bytes, smallTensors: small };
  };

  await train(steps / 10);
  const first = await checkpoint();
  await train(steps / 2);
  resetPeaks(device);
  const half = { allocated: figures(device).allocated, time: performance.now() };
  await train(steps);
  const stepTime = (performance.now() - half.time) / (steps / 2);
  const { peak, allocated } = figures(device);
  const last = await checkpoint();

  const wrong: string[] = [];
  for (const [i, x] of kept.entries()) {
    const value = await x.item();
    if (value !== values[i]) wrong.push(`the loss of step ${(i + 1) * keepEvery} was ${values[i]} and is ${value}`);
  }
  return {
    ...request,
    exact,
    checkpoints: [first, last],
    peak,
    allocated: allocated - half.allocated,
    stepTime,
    tenths,
    kept: kept.length,
    wrong,
    score: [untrained, await loop.score()],
    passing: loop.passing,
  };
}
