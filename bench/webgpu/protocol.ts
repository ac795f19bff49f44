import type { Sample } from "./sampling.mjs";

/** What the processes of the columns are told. */
export type Request =
  | { readonly type: "prepare"; readonly column: string; readonly row: number; readonly warmup: number }
  | { readonly type: "sample"; readonly column: string; readonly time: number }
  | { readonly type: "dispose"; readonly column: string };

/** What they answer, one answer to each request. */
export type Answer =
  | { readonly type: "ready"; readonly about: string }
  | { readonly type: "prepared"; readonly values: Float64Array; readonly note: string }
  | { readonly type: "sampled"; readonly sample: Sample }
  | { readonly type: "none"; readonly why: string }
  | { readonly type: "disposed" };
