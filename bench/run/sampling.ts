import { Bench } from "tinybench";
import type { Task } from "../columns/column.ts";
import type { Sample } from "./protocol.ts";

/** A sample ends with the run that takes longer than this many seconds. */
const LONG = 0.05;
const CALLS = 40;
const PATIENCE = 4;

/** A task and how many of its runs one look at the clock is worth. */
export interface Warm {
  readonly task: Task;
  readonly runs: number;
}

const isPromise = (x: unknown): x is Promise<unknown> => x instanceof Promise;
const callsOf = (task: Task): number => task.calls ?? 1;
/** Finalizers run in a macrotask: memory of one sample is not paid for by the next. */
const macrotask = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/** A run of `n` runs, as one task: a function that awaits only if the work has to be awaited. */
function repeated({ run }: Task, n: number, awaited: boolean): () => unknown {
  if (!awaited) {
    return () => {
      for (let i = 0; i < n; i++) run();
    };
  }
  return async () => {
    for (let i = 0; i < n; i++) await run();
  };
}

/**
 * Runs a task for `time` milliseconds, and on for `CALLS` calls or to `PATIENCE` times that: an engine compiles what is called often. Finds
 * the number of runs that take `shortest` seconds together, and the seconds of the fastest call.
 */
export async function warmUp(task: Task, time: number, shortest: number): Promise<Warm & { readonly seconds: number }> {
  let least = Number.POSITIVE_INFINITY;
  let runs = 1;
  let called = 0;
  const begin = performance.now();
  for (let passed = 0; passed < time || (called < CALLS && passed < PATIENCE * time); passed = performance.now() - begin) {
    const start = performance.now();
    for (let i = 0; i < runs; i++) {
      const done = task.run();
      if (isPromise(done)) await done;
    }
    const each = (performance.now() - start) / 1000 / runs;
    called += runs;
    least = Math.min(least, each);
    if (each * runs < shortest) runs *= 2;
  }
  await macrotask();
  return { task, runs: Math.max(1, Math.ceil(shortest / least)), seconds: least / callsOf(task) };
}

/** Median seconds of a call for `time` milliseconds, by tinybench; `least` samples, but one where a run takes long. */
export async function sample({ task, runs }: Warm, time: number, least: number): Promise<Sample> {
  const calls = callsOf(task) * runs;
  const start = performance.now();
  const done = task.run();
  const awaited = isPromise(done);
  if (awaited) await done;
  const once = (performance.now() - start) / 1000;
  if (once > LONG) return { median: once / callsOf(task), best: once / callsOf(task), runs: 1 };
  const bench = new Bench({ time, iterations: least, warmup: false, throws: true });
  bench.add("task", repeated(task, runs, awaited), { async: awaited });
  await bench.run();
  const { result } = bench.tasks[0]!;
  if (!("latency" in result)) throw new Error(`not measured: ${result.state}`);
  await macrotask();
  const seconds = (ms: number): number => ms / 1000 / calls;
  return { median: seconds(result.latency.p50), best: seconds(result.latency.min), runs: result.latency.samplesCount };
}
