import { notMeasurement } from "../../core/errors.ts";
import { Measurement } from "./measurement.ts";
import { log10, selectUnit, trimSigfig, unitName } from "./statistics.ts";

/** What the cells of a column or a row are compared with, to be coloured: the best among them. */
type Colorize = "none" | "columnwise" | "rowwise";
interface Look {
  trim: boolean;
  colorize: Colorize;
  warn: boolean;
}
type Cell = Measurement | null;

const BEST = "\u001b[92m";
const GOOD = "\u001b[34m";
const BAD = "\u001b[2m\u001b[91m";
const VERY_BAD = "\u001b[31m";
const BOLD = "\u001b[1m";
const END = "\u001b[0m\u001b[0m";

/** In the middle of a width; what is odd goes to where Python puts it. */
function centered(text: string, width: number, fill: string = " "): string {
  const room = Math.max(0, width - text.length);
  const left = (room >> 1) + (room & width & 1);
  return fill.repeat(left) + text + fill.repeat(room - left);
}

function colored(text: string, value: number, best: number): string {
  if (value <= best * 1.01 || value <= best + 100e-9) return BEST + BOLD + text + END;
  if (value <= best * 1.1) return GOOD + BOLD + text + END;
  if (value >= best * 5) return VERY_BAD + BOLD + text + END;
  return value >= best * 2 ? BAD + text + END : text;
}

/** How the numbers of a column are written: with as many digits before and after the point as its longest needs. */
function cellFormat(cells: readonly Cell[], scale: number, look: Look): (m: Cell) => string {
  const present = cells.filter((m) => m !== null);
  const leading = present.map((m) => Math.ceil(log10(m.median / scale)));
  const before = Math.max(...leading);
  const after = look.trim ? Math.min(...present.map((m, i) => Math.max(m.significantFigures - leading[i]!, 0))) : 1;
  const width = before + after + (after > 0 ? 1 : 0);
  const warns = look.warn && present.some((m) => m.hasWarnings);
  return (m) => {
    if (m === null) return " ".repeat(Math.max(width, (look.trim ? trimSigfig(1, 1) : 1).toFixed(after).length) + (warns ? 7 : 0));
    const value = m.median / scale;
    const spread = warns && m.hasWarnings ? ` (! ${((m.iqr / m.median) * 100).toFixed(0)}%)` : "";
    const shown = (look.trim ? trimSigfig(value, m.significantFigures) : value).toFixed(after);
    return shown.padStart(width) + spread.padStart(warns ? 7 : 0);
  };
}

const unique = <T>(list: readonly T[]): T[] => [...new Set(list)];
const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The table of the measurements of one label: a row for each statement, number of threads and environment, a column for each description. */
function render(results: readonly Measurement[], look: Look): string {
  const rowKey = (m: Measurement): string => JSON.stringify([m.numThreads, m.env ?? "", m.asRowName]);
  const rows = unique(results.map(rowKey)).map((key) => results.find((m) => rowKey(m) === key)!);
  rows.sort((a, b) => a.numThreads - b.numThreads || compareText(a.env ?? "", b.env ?? ""));
  const columns = unique(results.map((m) => m.description));
  const cellOf = (row: Measurement, column: string | null): Cell =>
    results.findLast((m) => rowKey(m) === rowKey(row) && m.description === column) ?? null;
  const cells = rows.map((row) => columns.map((column) => cellOf(row, column)));

  const { unit, scale } = selectUnit(Math.min(...results.map((m) => m.median)));
  const formats = columns.map((_, i) =>
    cellFormat(
      cells.map((row) => row[i]!),
      scale,
      look,
    ),
  );
  const names = namesOf(rows);
  const texts = [["", ...columns.map((c) => c ?? "")], ...cells.map((row, r) => [names[r]!, ...row.map((m, i) => formats[i]!(m))])];
  const widths = ["", ...columns].map((_, i) => Math.max(...texts.map((row) => row[i]!.length)));
  const lines = [texts[0]!.map((text, i) => centered(text, widths[i]!)).join("  |  ")];
  const overall = lines[0]!.length;

  rows.forEach((row, r) => {
    if (r === 0 || rows[r - 1]!.numThreads !== row.numThreads) lines.push(`${row.numThreads} threads: `.padEnd(overall, "-"));
    const best = columns.map((_, i) => {
      const among =
        look.colorize === "rowwise" ? cells[r]! : cells.flatMap((c, k) => (rows[k]!.numThreads === row.numThreads ? [c[i]!] : []));
      return Math.min(...among.flatMap((m) => (m === null ? [] : [m.median])));
    });
    const shown = cells[r]!.map((m, i) => {
      const text = centered(texts[r + 1]![i + 1]!, widths[i + 1]!);
      return look.colorize === "none" || m === null ? text : colored(text, m.median, best[i]!);
    });
    lines.push([names[r]!.padEnd(widths[0]!), ...shown].join("  |  "));
  });
  const legend =
    look.warn && results.some((m) => m.hasWarnings) ? "(! XX%) Measurement has high variance, where XX is the IQR / median * 100.\n" : "";
  const head = `[${centered(` ${results[0]!.label ?? ""} `, overall - 2, "-")}]`;
  return `${head}\n${lines.join("\n")}\n\nTimes are in ${unitName(unit)}s (${unit}).\n${legend}`;
}

/** The names of rows; where there are several environments, each is named at its first row. */
function namesOf(rows: readonly Measurement[]): string[] {
  const environments = unique(rows.map((m) => m.env));
  const several = environments.length > 1;
  const width = several ? Math.max(...environments.map((e) => (e ?? "").length)) : 0;
  return rows.map((m, r) => {
    const before = rows[r - 1];
    const isFirst = before === undefined || before.env !== m.env || before.numThreads !== m.numThreads;
    const env = several && isFirst ? `(${m.env ?? ""})` : "";
    return `  ${env.padEnd(width + 4)}${m.asRowName}`;
  });
}

/**
 * Puts measurements side by side: a table for each label, with a row for each `subLabel` (or statement) and a column for each `description`.
 *
 * @example
 * new torch.utils.benchmark.Compare([await a.blockedAutorange(), await b.blockedAutorange()]).print();
 */
export class Compare {
  readonly #results: Measurement[] = [];
  readonly #look: Look = { trim: false, colorize: "none", warn: false };

  constructor(results: Iterable<Measurement>) {
    this.extendResults(results);
  }
  /** Adds measurements. */
  extendResults(results: Iterable<Measurement>): void {
    for (const m of results) {
      if (!(m instanceof Measurement)) throw notMeasurement(typeof m);
      this.#results.push(m);
    }
  }
  /** Leaves out digits that the spread of the times makes meaningless. */
  trimSignificantFigures(): void {
    this.#look.trim = true;
  }
  /** Colours times by how far they are from the best of their column or, `rowwise`, of their row. */
  colorize(options: boolean | { rowwise?: boolean } = false): void {
    const rowwise = typeof options === "boolean" ? options : (options.rowwise ?? false);
    this.#look.colorize = rowwise ? "rowwise" : "columnwise";
  }
  /** Marks times that vary much. */
  highlightWarnings(): void {
    this.#look.warn = true;
  }
  print(): void {
    console.log(this.toString());
  }
  toString(): string {
    const groups = new Map<string | null, Measurement[]>();
    for (const m of Measurement.merge(this.#results)) groups.set(m.label, [...(groups.get(m.label) ?? []), m]);
    return [...groups.values()].map((group) => render(group, this.#look)).join("\n");
  }
}
