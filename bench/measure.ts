import { Bench } from "tinybench";
import { memory } from "torchlet";
import type { Pace } from "./pace.ts";

/** What a column does for a row: a call, or why there is none. */
export type Cell = { readonly run: () => unknown } | { readonly none: string };

/** One line of the table: the same work in every column. */
export interface Row {
  readonly group: string;
  readonly name: string;
  /** What one run amounts to: floating-point operations, or bytes that have to be moved, or kernels that have to be called. */
  readonly flops?: number | undefined;
  readonly bytes?: number | undefined;
  readonly kernels?: number | undefined;
  readonly cells: Readonly<Record<string, Cell>>;
}
/** Median seconds of a run by column, or why there are none. */
export type Times = Record<string, number | string>;

/** What is being measured of a row: its column, and the medians of the rounds so far. */
interface Column {
  readonly name: string;
  readonly run: () => unknown;
  readonly calls: number;
  readonly medians: number[];
}

export interface Settings {
  /** How often the columns take turns. */
  readonly rounds: number;
  /** Milliseconds to a column and round. */
  readonly time: number;
  /** Milliseconds to a column before the first round. */
  readonly warmup: number;
  readonly pace: Pace;
}

/** How often a round is tried again when the machine was not steady before and after it. */
const ATTEMPTS = 6;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * Warms a column up, which for compiled and collected code takes thousands of calls, and gives the number of calls that take about a fifth of a
 * millisecond together: a clock cannot see shorter ones. Null for one call that takes longer than a second.
 */
async function warmUp(run: () => unknown, time: number): Promise<number | null> {
  const begin = performance.now();
  run();
  if (performance.now() - begin > 1000) return null;
  let calls = 1;
  let least = Number.POSITIVE_INFINITY;
  while (performance.now() - begin < time) {
    const start = performance.now();
    for (let i = 0; i < calls; i++) run();
    const each = (performance.now() - start) / calls;
    least = Math.min(least, each);
    if (each * calls < 0.2) calls *= 2;
  }
  await settle();
  return Math.max(1, Math.ceil(0.2 / least));
}

/** A run of `n` calls, as one task. */
const repeated = (run: () => unknown, n: number) => (): void => {
  for (let i = 0; i < n; i++) run();
};

/** Finalizers run, so that memory of one column is not paid for by the next. */
async function settle(): Promise<void> {
  await memory.collect();
}

/** Median seconds of a run, by tinybench. */
async function sample({ name, run, calls }: Column, time: number): Promise<number> {
  const bench = new Bench({ time, warmupTime: time / 4, iterations: 5, warmupIterations: 1 });
  bench.add(name, repeated(run, calls));
  await bench.run();
  const { result } = bench.tasks[0]!;
  if (!("latency" in result)) throw new Error(`${name}: ${"error" in result ? String(result.error) : result.state}`);
  await settle();
  return result.latency.p50 / 1000 / calls;
}

/** The same on a steady machine; where it does not become steady, the fastest of several attempts. */
async function steadySample(column: Column, { time, pace }: Settings): Promise<number> {
  let fastest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < ATTEMPTS; i++) {
    await pace.wait(2000);
    fastest = Math.min(fastest, await sample(column, time));
    if (pace.steady()) break;
  }
  return fastest;
}

/** Measures a row: in each round every column once, in turning order; the median over rounds of tinybench's medians. */
export async function measure(row: Row, settings: Settings): Promise<Times> {
  const times: Times = {};
  const columns: Column[] = [];
  for (const [name, cell] of Object.entries(row.cells)) {
    const calls = "none" in cell ? null : await warmUp(cell.run, settings.warmup);
    if ("none" in cell) times[name] = cell.none;
    else if (calls === null) times[name] = "> 1 s";
    else columns.push({ name, run: cell.run, calls, medians: [] });
  }
  for (let round = 0; round < settings.rounds; round++) {
    for (let i = 0; i < columns.length; i++) {
      const column = columns[(i + round) % columns.length]!;
      column.medians.push(await steadySample(column, settings));
    }
  }
  for (const { name, medians } of columns) times[name] = median(medians);
  return times;
}
