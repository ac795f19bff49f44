import type { ComputeType, DType } from "../../core/dtype.ts";
import { arg, type Expr, mentions, substitute } from "../../kernel/expr.ts";
import type { RowOutput } from "../../kernel/kernel.ts";
import { weight } from "./lanes.ts";

/** What costs at least so many instructions is cheaper to store and load again than to compute anew. */
const DEAR = 8;

/** A value that stage `stage` leaves in output `output`, where what comes after finds it. */
export interface Spill {
  readonly stage: number;
  readonly output: number;
  readonly value: Expr;
}

/** Stages and outputs in which dear values that several of them need are computed once. */
export interface Spilled {
  readonly spills: readonly Spill[];
  /** What each stage folds in. */
  readonly lifts: readonly (readonly Expr[])[];
  readonly values: readonly Expr[];
}

const keeps = (dtype: DType, type: ComputeType): boolean =>
  dtype.compute === type && (type === "f32" ? dtype.itemsize === 4 : type === "f64");

/**
 * Looks for values of elements that a stage and an output both need: the output holds them in between, as `arg(first + output)`. The exponentials
 * of a softmax are such values.
 */
export function spill(lifts: readonly (readonly Expr[])[], outputs: readonly RowOutput[], values: readonly Expr[], first: number): Spilled {
  const spills: Spill[] = [];
  const newLifts = lifts.map((l) => [...l]);
  const newValues = [...values];
  outputs.forEach(({ per, dtype }, k) => {
    if (per === "row") return;
    const found = dearest(newValues[k]!, dtype, newLifts);
    if (found === null) return;
    spills.push({ ...found, output: k });
    const stored = arg(first + k, found.value.type);
    const replaced = (e: Expr): Expr => substitute(e, new Map([[found.value, stored]]));
    newValues[k] = replaced(newValues[k]!);
    for (let s = found.stage + 1; s < newLifts.length; s++) newLifts[s] = newLifts[s]!.map(replaced);
  });
  return { spills, lifts: newLifts, values: newValues };
}

/** The largest part of a value that some stage computes too. */
function dearest(value: Expr, dtype: DType, lifts: readonly (readonly Expr[])[]): { stage: number; value: Expr } | null {
  const queue = [value];
  const seen = new Set(queue);
  for (let e = queue.shift(); e !== undefined; e = queue.shift()) {
    if (weight([e]) < DEAR) continue;
    const part = e;
    const stage = keeps(dtype, e.type) ? lifts.findIndex((lift) => lift.some((l) => mentions(l, part))) : -1;
    if (stage >= 0) return { stage, value: e };
    for (const s of e.src) {
      if (!seen.has(s)) queue.push(s);
      seen.add(s);
    }
  }
  return null;
}
