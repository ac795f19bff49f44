import type { Prepared, Row } from "../rows.mjs";

/** A library in a process: makes the task of each row. */
export interface Column {
  /** Its name and version. */
  readonly about: string;
  prepare(row: Row): Promise<Prepared>;
}

/** What a column knows of kinds of rows. */
export type Makers = Partial<Record<Row["kind"], (size: Sizes, inputs: readonly Float32Array[]) => Promise<Prepared>>>;
export type Sizes = Record<"n" | "rows" | "batch" | "from" | "to" | "size" | "length" | "steps", number>;

export const columnOf = (about: string, makers: Makers, missing: Partial<Record<Row["kind"], string>> = {}): Column => ({
  about,
  prepare: async (row) => {
    const make = makers[row.kind];
    return make === undefined ? (missing[row.kind] ?? "has none") : await make(row.size as Sizes, row.inputs());
  },
});
