import { deviation, log10, mean, quantile, selectUnit } from "./statistics.ts";

/** What was measured. */
export interface TaskSpec {
  /** The text of the statement. */
  readonly stmt: string;
  readonly setup: string;
  readonly label: string | null;
  readonly subLabel: string | null;
  readonly description: string | null;
  readonly env: string | null;
  readonly numThreads: number;
}

const MOST_FIGURES = 4;
/** In seconds. */
const LEAST_CONFIDENCE_INTERVAL = 25e-9;
/** 90 % of a normal distribution lie within so many standard deviations. */
const Z = 1.645;
/** Where the interquartile range is a larger share of the median, the measurement warns. */
const WARN_ABOVE = 0.1;
const WARN_LOUDLY_ABOVE = 0.25;

const indented = (text: string): string => text.replace(/^(?=.*\S)/gm, "  ");
const plural = (n: number): string => (n > 1 ? "s" : "");

/** One or more measurements of a statement, in seconds. */
export class Measurement {
  /** How often the statement ran in each measurement. */
  readonly numberPerRun: number;
  /** Seconds of each measurement: of `numberPerRun` runs. */
  readonly rawTimes: readonly number[];
  readonly taskSpec: TaskSpec;
  /** For your own use. */
  metadata: unknown;

  constructor(numberPerRun: number, rawTimes: readonly number[], taskSpec: TaskSpec, metadata: unknown = null) {
    this.numberPerRun = numberPerRun;
    this.rawTimes = rawTimes;
    this.taskSpec = taskSpec;
    this.metadata = metadata;
  }

  /** Seconds of a run, by each measurement. */
  get times(): number[] {
    return this.rawTimes.map((t) => t / this.numberPerRun);
  }
  private get sorted(): number[] {
    return this.times.sort((a, b) => a - b);
  }
  get median(): number {
    return quantile(this.sorted, 0.5);
  }
  get mean(): number {
    return mean(this.times);
  }
  /** The interquartile range: what lies between the first and the third quarter. */
  get iqr(): number {
    const { sorted } = this;
    return quantile(sorted, 0.75) - quantile(sorted, 0.25);
  }

  /**
   * How many digits of the median can be relied on, roughly: from the spread of the middle half, as if that were normal. `Compare` leaves out the others
   * where it is asked to.
   */
  get significantFigures(): number {
    const { sorted } = this;
    const n = sorted.length;
    const middle = sorted.slice(Math.floor(n / 4), Math.ceil((3 * n) / 4));
    const interval = Math.max((Z * deviation(middle)) / Math.sqrt(middle.length), LEAST_CONFIDENCE_INTERVAL);
    const figures = Math.floor(log10(this.median / interval));
    return Math.min(Math.max(figures, 1), MOST_FIGURES);
  }

  /** Whether the interquartile range is below a share of the median. */
  meetsConfidence(threshold: number = WARN_ABOVE): boolean {
    return this.iqr / this.median < threshold;
  }
  get hasWarnings(): boolean {
    return this.rawTimes.length > 0 && !this.meetsConfidence(WARN_ABOVE);
  }

  get stmt(): string {
    return this.taskSpec.stmt;
  }
  get setup(): string {
    return this.taskSpec.setup;
  }
  get label(): string | null {
    return this.taskSpec.label;
  }
  get subLabel(): string | null {
    return this.taskSpec.subLabel;
  }
  get description(): string | null {
    return this.taskSpec.description;
  }
  get env(): string | null {
    return this.taskSpec.env;
  }
  get numThreads(): number {
    return this.taskSpec.numThreads;
  }
  /** What a line above the figures says. */
  get title(): string {
    const { label, subLabel, stmt } = this.taskSpec;
    if (label !== null || !stmt.includes("\n")) return `${label ?? stmt}${subLabel ? `: ${subLabel}` : ""}`;
    return `stmt:${subLabel ? ` (${subLabel})` : ""}\n${indented(stmt)}`;
  }
  /** What the measurement's row is called in `Compare`. */
  get asRowName(): string {
    return this.subLabel || this.stmt || "[Unknown]";
  }

  private summary(): string {
    const { setup, description } = this.taskSpec;
    const setupText = setup === "" ? "" : setup.includes("\n") ? `setup:\n${indented(setup)}` : `setup: ${setup}`;
    const sections = [this.title, description ?? "", setupText].filter((s) => s !== "");
    return sections.map((s) => (s.includes("\n") ? `${s}\n` : s)).join("\n");
  }

  /** The measurement in PyTorch's text. */
  toString(): string {
    const { sorted, median, numThreads, numberPerRun } = this;
    const n = sorted.length;
    const { unit, scale } = selectUnit(median);
    const shown = (seconds: number): string => (seconds / scale).toFixed(2);
    const [low, high] = [quantile(sorted, 0.25), quantile(sorted, 0.75)];
    const lines = [
      "<torch.utils.benchmark.utils.common.Measurement object>",
      this.summary(),
      `  ${n > 1 ? "Median: " : ""}${shown(median)} ${unit}`,
      ...(n >= 4 ? [`  IQR:    ${shown(high - low)} ${unit} (${shown(low)} to ${shown(high)})`] : []),
      `  ${n} measurement${plural(n)}, ${numberPerRun} runs ${n > 1 ? "per measurement," : ","} ${numThreads} thread${plural(numThreads)}`,
    ];
    if (this.hasWarnings) {
      const loud = !this.meetsConfidence(WARN_LOUDLY_ABOVE);
      lines.push(
        `  WARNING: Interquartile range is ${((this.iqr / median) * 100).toFixed(1)}% of the median measurement.`,
        `           ${loud ? "This suggests significant environmental influence." : "This could indicate system fluctuation."}`,
      );
    }
    return lines.join("\n");
  }
  /** One measurement for each task: the times of all that measured it, as single runs. */
  static merge(measurements: Iterable<Measurement>): Measurement[] {
    const groups = new Map<string, Measurement[]>();
    for (const m of measurements) {
      const key = JSON.stringify(m.taskSpec);
      groups.set(key, [...(groups.get(key) ?? []), m]);
    }
    const times = (group: readonly Measurement[]): number[] => group.flatMap((m) => m.times);
    return [...groups.values()].map((group) => new Measurement(1, times(group), group[0]!.taskSpec));
  }
}

// What console.log shows in Node.
Object.defineProperty(Measurement.prototype, Symbol.for("nodejs.util.inspect.custom"), {
  value(this: Measurement): string {
    return this.toString();
  },
});
