import { memory } from "torchlet";
import { Bench } from "tinybench";

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
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Calls of `run` that take about a fifth of a millisecond together: a clock cannot see shorter ones. */
function callsPerSample(run: () => unknown): number {
  run();
  for (let n = 1; ; n *= 2) {
    const start = performance.now();
    for (let i = 0; i < n; i++) run();
    if (performance.now() - start > 0.2) return n;
  }
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
    if ("none" in cell) times[name] = cell.none;
    else columns.push({ name, run: cell.run, calls: callsPerSample(cell.run), medians: [] });
  }
  for (let round = 0; round < settings.rounds; round++) {
    for (let i = 0; i < columns.length; i++) {
      const column = columns[(i + round) % columns.length]!;
      const bench = new Bench({ time: settings.time, warmupTime: settings.time / 4, iterations: 3, warmupIterations: 1 });
      bench.add(column.name, repeated(column.run, column.calls));
      await bench.run();
      const { result } = bench.tasks[0]!;
      if (!("latency" in result)) throw new Error(`${row.name}, ${column.name}: ${"error" in result ? String(result.error) : result.state}`);
      column.medians.push(result.latency.p50 / 1000 / column.calls);
      await settle();
    }
  }
  for (const { name, medians } of columns) times[name] = median(medians);
  return times;
}
