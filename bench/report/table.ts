import type { ColumnSpec } from "../run/columns.ts";
import type { Measured } from "../run/measure.ts";
import { amount, digits, duration, withRate } from "./format.ts";
import { type Cell, figure } from "./statistics.ts";
import { type Verdict, verdicts } from "./targets.ts";

const cellText = ({ row }: Measured, cell: Cell | undefined): string => {
  const value = figure(cell);
  if (value !== null) return withRate(row, value);
  return cell !== undefined && "none" in cell && cell.none !== "" ? `(${cell.none})` : "";
};

/** `WASM, Node 20: 0.27x PyTorch, at most 0.30`, and by how much it misses. */
export function verdictText({ row }: Pick<Measured, "row">, { column, target, other, value, met }: Verdict): string {
  const { of, most, least } = target;
  const bound = most !== undefined ? `at most ${of === "itself" ? amount(row, most) : digits(most)}` : `at least ${digits(least!)}`;
  if (value === null) return `${column}: no figure for ${bound}${other === "" ? "" : ` of ${other}`}`;
  const shown = of === "itself" ? amount(row, value) : `${digits(value)}x ${other}`;
  const far = most !== undefined ? value / most - 1 : 1 - value / least!;
  return `${column}: ${shown}, ${bound}${met === true ? "" : ` **misses by ${(100 * far).toFixed(0)} %**`}`;
}

/** The lines of a table of a group's rows in Markdown: what profiles show of rows that miss comes below, and columns in which no row has a figure, with their reasons. */
export function tableOf(rows: readonly Measured[], columns: readonly ColumnSpec[], all: readonly Measured[]): string[] {
  const shown = columns.filter(({ name }) => rows.some(({ cells }) => figure(cells[name]) !== null));
  const withLimit = rows.some(({ limits }) => Object.values(limits).some(({ seconds }) => figure(seconds) !== null));
  const names = ["", ...shown.map((c) => c.name), ...(withLimit ? ["limit"] : []), "to the target"];
  const lines = [`| ${names.join(" | ")} |`, `|${names.map(() => "---").join("|")}|`];
  const profiles: string[] = [];
  for (const measured of rows) {
    const { row, cells, limits } = measured;
    const limit = Object.entries(limits).flatMap(([name, { seconds }]) => {
      const value = figure(seconds);
      return value === null ? [] : [`${duration(value)} (${name.replace(/^.*, /, "")})`];
    });
    const held = verdicts(measured, columns, all);
    const verdict = held.map((v) => verdictText(measured, v));
    if (row.profile !== undefined && held.some(({ met }) => met === false)) profiles.push(`- ${row.name}: ${row.profile}`);
    const texts = [
      row.name,
      ...shown.map(({ name }) => cellText(measured, cells[name])),
      ...(withLimit ? [limit.join("; ")] : []),
      verdict.join("<br>"),
    ];
    lines.push(`| ${texts.join(" | ")} |`);
  }
  const missing = columns.flatMap(({ name }) => {
    const reasons = new Set(rows.flatMap(({ cells }) => (cells[name] !== undefined && "none" in cells[name] ? [cells[name].none] : [])));
    return reasons.size === 0 || shown.some((c) => c.name === name) ? [] : [`${name} (${[...reasons].join("; ")})`];
  });
  if (profiles.length > 0) lines.push("", "What profiles show of rows that miss:", "", ...profiles);
  if (missing.length > 0) lines.push("", `Without a figure here: ${missing.join(", ")}.`);
  return lines;
}
