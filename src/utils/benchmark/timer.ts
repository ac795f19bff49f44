import { statementKind } from "../../core/errors.ts";
import { openDevices } from "../../dispatch/device.ts";
import { macrotask } from "../../memory/host-collector.ts";
import { relieve, underPressure } from "../../memory/pressure.ts";
import { Measurement, type TaskSpec } from "./measurement.ts";
import { quantile } from "./statistics.ts";
import { setThreadCount, threadCount } from "./threads.ts";
import { tinybench } from "./tinybench.ts";

/** What a statement and its setup are called with. */
export type Globals = Readonly<Record<string, unknown>>;

// biome-ignore lint/suspicious/noExplicitAny: what globals hold is the user's to say
export interface TimerOptions<G extends object = any> {
  /** What is measured. A promise that it returns is awaited. */
  readonly stmt: (globals: G) => unknown;
  /** Runs before each measurement. An object that it returns is added to the globals. */
  readonly setup?: (globals: G) => unknown;
  /** What the statement and the setup are called with. */
  readonly globals?: Globals;
  /** What the statement does: `add`. */
  readonly label?: string;
  /** What tells it from others of the label, a row of `Compare`: `64x64`. */
  readonly subLabel?: string;
  /** What tells apart who does it, a column of `Compare`: `WebGPU`. */
  readonly description?: string;
  /** Under which circumstances: the same task in another environment is another row. */
  readonly env?: string;
  /** How many threads the library computes with while it is measured. 1 by default. */
  readonly numThreads?: number;
}

export interface BlockedAutorangeOptions {
  /** Seconds. 0.2 by default. */
  readonly minRunTime?: number;
  /** Called after each measurement with the number of runs and the seconds that they took. */
  readonly callback?: (number: number, seconds: number) => void;
}
export interface AdaptiveAutorangeOptions extends BlockedAutorangeOptions {
  /** The share of the median that the interquartile range has to be below. 0.1 by default. */
  readonly threshold?: number;
  /** Seconds. 10 by default. */
  readonly maxRunTime?: number;
}

/** Milliseconds at a stretch: then the collector has its chance. Longer where a device has to be waited for, which takes time itself. */
const STRETCH = 5;
const DEVICE_STRETCH = 100;
/** An engine compiles what runs often, and again what runs very often: before blocks are measured a statement runs for so many seconds, at most. */
const WARMUP = 0.25;
const MOST_RUNS = 2 ** 31 - 1;
/** No run is shorter, in seconds: what took no time to see is not divided by. */
const LEAST = 1e-9;

/** The text of a function without what makes it one: `() => x.add(y)` is `x.add(y)`. */
function textOf(f: ((...args: never[]) => unknown) | undefined): string {
  if (f === undefined) return "";
  const text = String(f)
    .replace(/^\s*(?:async\s*)?(?:\([^()]*\)|\w+)\s*=>\s*/, "")
    .trim();
  const body = /^\{([\s\S]*)\}$/.exec(text)?.[1] ?? text;
  const lines = body.split("\n").filter((line, i, all) => line.trim() !== "" || (i > 0 && i < all.length - 1));
  const margin = Math.min(...lines.filter((l) => l.trim() !== "").map((l) => l.length - l.trimStart().length));
  return lines.length === 1 ? lines[0]!.trim().replace(/;$/, "") : lines.map((l) => l.slice(margin)).join("\n");
}

/** Devices that work beside the host: what was handed to them has to be waited for. */
const distant = (): (() => Promise<void>)[] =>
  openDevices().flatMap(({ backend }) => (backend.readSync === undefined && !backend.isLost ? [() => backend.synchronize()] : []));

/**
 * Measures how long a statement takes: with warm-up, in as many runs as the clock needs, in replicates that show the noise, on a fixed number of threads,
 * and waiting at the end of each measurement for what was handed to a GPU. The package `tinybench` does the timing; install it beside Torchlet.
 *
 * @example
 * const { Timer, Compare } = torch.utils.benchmark;
 * const timer = new Timer({ stmt: () => x.matmul(y), label: "matmul", subLabel: "64x64", description: "cpu" });
 * const m = await timer.blockedAutorange({ minRunTime: 0.5 });
 * console.log(m.median, m.iqr); // seconds
 */
export class Timer {
  readonly #options: TimerOptions;
  readonly #spec: TaskSpec;
  /** Runs at a stretch. */
  #stretch = 1;

  constructor(options: TimerOptions) {
    const { stmt, setup, label, subLabel, description, env, numThreads = 1 } = options;
    if (typeof stmt !== "function") throw statementKind("stmt");
    if (setup !== undefined && typeof setup !== "function") throw statementKind("setup");
    this.#options = options;
    this.#spec = {
      stmt: textOf(stmt),
      setup: textOf(setup),
      label: label ?? null,
      subLabel: subLabel ?? null,
      description: description ?? null,
      env: env ?? null,
      numThreads,
    };
  }

  /**
   * Runs the statement `number` times, after a hundredth of that to warm up.
   * @example console.log(String(await timer.timeit(1000)));
   */
  async timeit(number: number | { number?: number } = 1_000_000): Promise<Measurement> {
    const n = typeof number === "number" ? number : (number.number ?? 1_000_000);
    return await this.#onThreads(async () => {
      await this.#blocks(Math.max(Math.floor(n / 100), 2));
      return new Measurement(n, await this.#blocks(n), this.#spec);
    });
  }

  /**
   * Measures for `minRunTime` in blocks of as many runs as make the clock's own time negligible, after half of that time to warm up.
   */
  async blockedAutorange({ minRunTime = 0.2, callback }: BlockedAutorangeOptions = {}): Promise<Measurement> {
    return await this.#onThreads(async () => {
      const number = await this.#blockSize(minRunTime);
      return new Measurement(number, await this.#blocks(number, minRunTime, callback), this.#spec);
    });
  }

  /** The same, until the interquartile range is below a share of the median. */
  async adaptiveAutorange(options: AdaptiveAutorangeOptions = {}): Promise<Measurement> {
    const { threshold = 0.1, minRunTime = 0.01, maxRunTime = 10, callback } = options;
    return await this.#onThreads(async () => {
      const number = await this.#blockSize(0.05);
      const times: number[] = [];
      const made = (): Measurement => new Measurement(number, times, this.#spec);
      for (let total = 0; total <= maxRunTime; ) {
        const [time] = await this.#blocks(number, 0, callback);
        times.push(time!);
        total += time!;
        if (total >= minRunTime && times.length > 3 && made().meetsConfidence(threshold)) break;
      }
      return made();
    });
  }

  /** How many runs make a block: ten, a hundred ... times as many as before until a block is long enough. */
  async #blockSize(minRunTime: number): Promise<number> {
    for (const end = performance.now() + 1000 * Math.min(minRunTime / 2, WARMUP); performance.now() < end; )
      await this.#blocks(this.#stretch);
    const empty: number[] = [];
    for (let i = 0; i < 5; i++) empty.push(...(await this.#blocks(0)));
    const overhead = quantile(
      empty.sort((a, b) => a - b),
      0.5,
    );
    for (let number = 1; ; number *= 10) {
      const [time] = (await this.#blocks(number)) as [number];
      if (overhead / time <= 1e-4 && time >= minRunTime / 1000) return number;
      if (time > minRunTime || number * 10 > MOST_RUNS) return number;
    }
  }

  /** Seconds of blocks of `number` runs: of one, or of as many as take `minRunTime` together. */
  async #blocks(number: number, minRunTime: number = 0, callback?: BlockedAutorangeOptions["callback"]): Promise<number[]> {
    const { Bench } = await tinybench();
    const { setup, globals = {} } = this.#options;
    const given: unknown = await setup?.({ ...globals });
    const all = typeof given === "object" && given !== null ? { ...globals, ...given } : { ...globals };
    const bench = new Bench({ iterations: 1, time: 1000 * minRunTime, warmup: false, throws: true });
    const times: number[] = [];
    const block = async (): Promise<{ overriddenDuration: number; overriddenIterationCost: number }> => {
      const ms = await this.#run(number, all, () => bench.now());
      const seconds = Math.max(ms / 1000, LEAST);
      times.push(seconds);
      callback?.(number, seconds);
      return { overriddenDuration: 1000 * seconds, overriddenIterationCost: 1000 * seconds };
    };
    bench.add(this.#spec.label ?? "stmt", block, { async: true });
    await bench.run();
    return times;
  }

  /** Milliseconds of `number` runs, without what the collector took between stretches of them. */
  async #run(number: number, globals: Globals, now: () => number): Promise<number> {
    const { stmt } = this.#options;
    const devices = distant();
    let total = 0;
    let left = number;
    do {
      const runs = Math.min(left, this.#stretch);
      const start = now();
      for (let i = 0; i < runs; i++) {
        const result = stmt(globals);
        if (result instanceof Promise) await result;
      }
      for (const synchronize of devices) await synchronize();
      const time = now() - start;
      total += time;
      left -= runs;
      const wanted = devices.length > 0 ? DEVICE_STRETCH : STRETCH;
      if (time < wanted && runs === this.#stretch) this.#stretch *= 2;
      else if (time > 2 * wanted) this.#stretch = Math.max(1, this.#stretch >> 1);
      // Finalizers give memory back in between, and are not counted.
      await macrotask();
      if (underPressure()) await relieve();
    } while (left > 0);
    return total;
  }

  async #onThreads<T>(f: () => Promise<T>): Promise<T> {
    const before = threadCount();
    setThreadCount(this.#spec.numThreads);
    try {
      return await f();
    } finally {
      setThreadCount(before);
    }
  }
}
