import type { Limits } from "./limits.ts";
import type { Row, Times } from "./measure.ts";

/** Three significant digits. */
const digits = (x: number): string => (x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x.toFixed(2));

export function duration(seconds: number): string {
  const [unit, factor] = seconds < 1e-6 ? ["ns", 1e9] : seconds < 1e-3 ? ["us", 1e6] : seconds < 1 ? ["ms", 1e3] : ["s", 1];
  return `${digits(seconds * (factor as number))} ${unit}`;
}

/** Seconds that the row takes at least; null where it is not known. */
export function limitOf({ flops, bytes, kernels }: Pick<Row, "flops" | "bytes" | "kernels">, limits: Limits): number | null {
  if (flops !== undefined) return flops / limits.flops;
  if (bytes !== undefined) return bytes / limits.bandwidth(bytes);
  return kernels === undefined ? null : kernels * limits.call;
}

const rate = (row: Row, seconds: number): string =>
  row.flops !== undefined
    ? `${digits(row.flops / seconds / 1e9)} GFLOP/s`
    : row.bytes !== undefined
      ? `${digits(row.bytes / seconds / 1e9)} GB/s`
      : "";

const cell = (row: Row, time: number | string | undefined): string => {
  if (time === undefined) return "";
  if (typeof time === "string") return `(${time})`;
  const r = rate(row, time);
  return r === "" ? duration(time) : `${duration(time)}, ${r}`;
};

/** The lines of the table, in Markdown. */
export class Table {
  private readonly columns: readonly string[];
  private readonly limits: Limits;

  constructor(columns: readonly string[], limits: Limits) {
    this.columns = columns;
    this.limits = limits;
  }

  get header(): string {
    const names = ["", ...this.columns, "limit", "torchlet / limit"];
    return `| ${names.join(" | ")} |\n|${names.map(() => "---").join("|")}|`;
  }

  /** A limit in the row's rate; the ratio says how many times the limit's time torchlet takes. */
  line(row: Row, times: Times): string {
    const limit = limitOf(row, this.limits);
    const own = times.torchlet;
    const shown = limit === null ? "" : rate(row, limit) || duration(limit);
    const ratio = typeof own === "number" && limit !== null ? `${digits(own / limit)}x` : "";
    return `| ${row.group}: ${row.name} | ${[...this.columns.map((c) => cell(row, times[c])), shown, ratio].join(" | ")} |`;
  }
}
