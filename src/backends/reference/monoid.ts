import type { ReduceKernel, ScanKernel } from "../../kernel/kernel.ts";
import type { Value } from "./elements.ts";
import { evaluator, type Scope } from "./evaluate.ts";

/** The three functions that reductions and scans are made of. */
export interface Monoid {
  /** The state before any element. */
  start(scope: Scope): Value[];
  /** The state with the scope's element folded in. */
  fold(state: readonly Value[], scope: Scope): Value[];
  /** The outputs' values. */
  finish(state: readonly Value[], scope: Scope): Value[];
}

export function monoidOf(kernel: ReduceKernel | ScanKernel): Monoid {
  const start = evaluator(kernel.init);
  const lift = evaluator(kernel.lift);
  const combine = evaluator(kernel.combine);
  const finish = evaluator(kernel.outputs.map((o) => o.value));
  return {
    start,
    fold: (state, scope) => combine({ ...scope, state: [...state, ...lift(scope)] }),
    finish: (state, scope) => finish({ ...scope, state }),
  };
}
