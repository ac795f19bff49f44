import { parseArgs } from "node:util";
import { matmulRow } from "./rows/matmul.ts";
import { groups, type Row } from "./rows/row.ts";
import type { Settings } from "./run/measure.ts";

export const USAGE =
  "npm run bench -- [--only NAME,...] [--columns RE] [--full] [--node24] [--rounds N] [--time MS] [--warmup MS] [--out FOLDER] [--python PATH]";

/** Milliseconds: Torchlet and PyTorch take less than three minutes for what may be left then. */
const BUDGET = 11.5 * 60_000;

export interface Options extends Settings {
  readonly only: readonly string[];
  readonly columns: RegExp;
  /** Peers on each engine, not on one. */
  readonly everywhere: boolean;
  /** Where figures are written; null: nowhere. */
  readonly out: string | null;
}

/** Raises a sentence for what it does not know. `standard` is where a run of the whole table is written. */
export function readOptions(args: readonly string[], standard: string): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string", default: "" },
      columns: { type: "string", default: "" },
      full: { type: "boolean", default: false },
      node24: { type: "boolean", default: false },
      rounds: { type: "string", default: "7" },
      time: { type: "string", default: "30" },
      warmup: { type: "string", default: "150" },
      out: { type: "string" },
      python: { type: "string", default: "/usr/bin/python3" },
    },
  });
  const number = (name: "rounds" | "time" | "warmup"): number => {
    const n = Number(values[name]);
    if (!(n > 0)) throw new Error(`--${name} has to be a positive number, not ${values[name]}`);
    return n;
  };
  const only = values.only.split(",").filter((name) => name !== "");
  const whole = only.length === 0 && values.columns === "";
  return {
    only,
    columns: new RegExp(values.columns),
    everywhere: values.node24,
    rounds: number("rounds"),
    time: number("time"),
    warmup: number("warmup"),
    longest: values.full ? Number.MAX_VALUE : 2,
    patience: values.full ? Number.POSITIVE_INFINITY : 10,
    out: values.out ?? (whole ? standard : null),
    python: values.python,
    budget: values.full ? Number.POSITIVE_INFINITY : BUDGET,
  };
}

/**
 * The rows of these names, or groups, or of names that begin so where they end with `*`; all where there are none. With a row that is
 * compared with the product comes the product. Raises for a name that is none.
 */
export function chosen(rows: readonly Row[], only: readonly string[]): Row[] {
  if (only.length === 0) return [...rows];
  const is = (name: string) => (row: Row) =>
    name.endsWith("*") ? row.name.startsWith(name.slice(0, -1)) : row.name === name || row.group === name;
  for (const name of only) {
    if (!rows.some(is(name))) throw new Error(`no row ${name}; groups: ${groups.join(", ")}; rows: ${rows.map((r) => r.name).join(", ")}`);
  }
  const wanted = rows.filter((row) => only.some((name) => is(name)(row)));
  const needed = wanted.some((row) => row.targets.some((t) => t.of === "its matmul"));
  return rows.filter((row) => wanted.includes(row) || (needed && row.name === matmulRow));
}
