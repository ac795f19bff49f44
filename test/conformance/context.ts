/** What a section's runner works with. */
import type { Api } from "./api.ts";
import type { Case } from "./corpus.ts";

export interface Context {
  readonly api: Api;
  /** Whether the device has a dtype. */
  supports(dtype: string): boolean;
  /** Whether the device may take numbers below the smallest normal one for 0. */
  readonly flushes: boolean;
}

/** Runs one case: returns when it passes, throws what it found otherwise. */
export type CaseRunner = (test: Case, context: Context) => Promise<void>;

export interface Section {
  readonly run: CaseRunner;
  /** The dtypes that a case needs; those of its stored tensors unless a section knows better. */
  readonly dtypes?: (test: Case) => ReadonlySet<string>;
}
