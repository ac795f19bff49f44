import type { Row } from "../rows/row.ts";
import type { Digest } from "./digest.ts";

/** What a column's process is told: to make a task, to time it, to say what the machine could do at most, to forget the task. */
export type Request =
  | {
      readonly type: "prepare";
      readonly row: Row;
      /** Milliseconds of calls before the first sample. */
      readonly warmup: number;
      /** A call that takes more seconds than this is neither warmed up nor repeated. */
      readonly longest: number;
      /** Seconds that one look at the clock is worth. */
      readonly shortest: number;
      /** How many numbers of a result are compared. */
      readonly positions: number;
      /** Of training, for processes in other languages. */
      readonly settings: object;
    }
  | { readonly type: "sample"; readonly time: number; readonly least: number }
  | { readonly type: "limit" }
  | { readonly type: "dispose" };

/** Seconds of a call (or bytes, where the row is in bytes). */
export interface Sample {
  readonly median: number;
  readonly best: number;
  readonly runs: number;
}
/** What the machine gives the process at most, now. */
export interface Limit {
  /** Seconds that the row takes at least; null where it is not known. */
  readonly seconds: number | null;
  /** Operations a second. */
  readonly peak: number;
}

/** What it answers, one answer to each request. `first`: seconds of a call. */
export type Answer =
  | { readonly type: "ready"; readonly about: string }
  | { readonly type: "prepared"; readonly digests: readonly Digest[]; readonly first: number }
  | ({ readonly type: "sampled" } & Sample)
  | ({ readonly type: "limit" } & Limit)
  | { readonly type: "none"; readonly why: string }
  | { readonly type: "disposed" };
