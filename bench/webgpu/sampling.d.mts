import type { Task } from "./rows.mjs";

/** Seconds of a run, or of one of its ops. */
export interface Sample {
  readonly median: number;
  readonly best: number;
  /** The same until the GPU has done it, which differs where JavaScript's time is what counts. */
  readonly completed: number;
  readonly runs: number;
}

export declare const median: (values: readonly number[]) => number;
/** Runs a task for `time` milliseconds, each run awaited to its end. */
export declare const sample: (task: Task, time: number, least?: number) => Promise<Sample>;
/** Runs until pipelines are compiled and JavaScript too. */
export declare const warmUp: (task: Task, time: number) => Promise<void>;
