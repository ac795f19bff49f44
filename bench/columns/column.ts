import { values } from "../rows/inputs.ts";
import type { Kind, Row } from "../rows/row.ts";

/** What a column does for a row. */
export interface Task {
  /** Does the work, `calls` times. Where it gives a promise the work is done when that resolves. */
  run(): unknown;
  /** Calls of the work in one run, 1 by default: a run too short to be told apart from its loop does several. */
  readonly calls?: number;
  /** Does the work once and reads what comes of it: the value, then the gradients. Called before any `run`. For training: the losses of `steps` steps. */
  result(): Numbers[] | Promise<Numbers[]>;
  /** Calls of the work that `result` does, 1 by default. */
  readonly steps?: number;
  dispose?(): void;
}
/** A task that is measured by itself, in the row's unit: the start of a process, a size. */
export interface Measurement {
  measure(): number | Promise<number>;
}
export type Numbers = ArrayLike<number>;
export type Prepared = Task | Measurement;

/** A maker of the tasks of a kind of row. Gives a sentence instead where the library cannot do it. */
export type Maker = (row: Row, inputs: readonly Float32Array[]) => Prepared | string | Promise<Prepared | string>;
export type Makers = Partial<Record<Kind, Maker>>;

export interface Column {
  /** The library, its version, and how it runs. */
  readonly about: string;
  prepare(row: Row): Promise<Prepared | string>;
}

export function columnOf(about: string, makers: Makers, missing: (row: Row) => string = () => "has none"): Column {
  return {
    about,
    async prepare(row) {
      const make = makers[row.kind];
      return make === undefined ? missing(row) : await make(row, row.inputs.map(values));
    },
  };
}

export const isMeasurement = (task: Prepared): task is Measurement => "measure" in task;
