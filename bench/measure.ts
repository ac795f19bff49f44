import { Bench } from "tinybench";
import { memory } from "torchlet";

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

export interface Settings {
  /** How often the columns take turns. */
  readonly rounds: number;
  /** Milliseconds to a column and round. */
  readonly time: number;
  /** Milliseconds to a column before the first round. */
  readonly warmup: number;
}

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

/** Measures a row: in each round every column once, in turning order; the median over rounds of tinybench's medians. */
export async function measure(row: Row, settings: Settings): Promise<Times> {
  const times: Times = {};
  const columns: { name: string; run: () => unknown; calls: number; medians: number[] }[] = [];
  for (const [name, cell] of Object.entries(row.cells)) {
    const calls = "none" in cell ? null : await warmUp(cell.run, settings.warmup);
    if ("none" in cell) times[name] = cell.none;
    else if (calls === null) times[name] = "> 1 s";
    else columns.push({ name, run: cell.run, calls, medians: [] });
  }
  for (let round = 0; round < settings.rounds; round++) {
    for (let i = 0; i < columns.length; i++) {
      const column = columns[(i + round) % columns.length]!;
      const bench = new Bench({ time: settings.time, warmupTime: settings.time / 4, iterations: 5, warmupIterations: 1 });
      bench.add(column.name, repeated(column.run, column.calls));
      await bench.run();
      const { result } = bench.tasks[0]!;
      if (!("latency" in result))
        throw new Error(`${row.name}, ${column.name}: ${"error" in result ? String(result.error) : result.state}`);
      column.medians.push(result.latency.p50 / 1000 / column.calls);
      await settle();
    }
  }
  for (const { name, medians } of columns) times[name] = median(medians);
  return times;
}
