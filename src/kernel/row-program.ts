import type { ComputeType, DType } from "../core/dtype.ts";
import { add, arg, cast, constant, type Expr, leaves, max, scalar, state, substitute } from "./expr.ts";
import type { RowOutput, RowStage, RowsKernel } from "./kernel.ts";

/** A value of each element, or of each row. */
export interface RowValue {
  readonly per: "element" | "row";
  readonly value: Expr;
}

/** A reduction of one component. */
interface Fold {
  readonly init: Expr;
  readonly lift: Expr;
  readonly combine: (a: Expr, b: Expr) => Expr;
  readonly stage: number;
}

/** Stand-ins for the results of folds, until it is known which of them share a stage. */
const FIRST_FOLD = 1024;

/**
 * Formulas over rows: of elements (`x`), of what is found of a row (`sum(x)`), and of both.
 *
 *     const program = new RowProgram([float32]);
 *     const e = exp(sub(program.x[0], program.max(program.x[0])));
 *     program.kernel([{ per: "element", value: div(e, program.sum(e)) }], ...)
 *
 * Folds that need nothing of each other share a stage; what depends on results alone is computed once for each row.
 */
export class RowProgram {
  /** The operands, in the type that their dtypes compute in. */
  readonly x: readonly Expr[];
  readonly #inputs: readonly DType[];
  readonly #folds: Fold[] = [];

  constructor(inputs: readonly DType[]) {
    this.#inputs = inputs;
    this.x = inputs.map((d, k) => arg(k, d.compute));
  }

  /** A number given at each run. */
  scalar(slot: number, type: ComputeType): Expr {
    return scalar(slot, type);
  }

  /** The sum over the row. */
  sum(x: Expr): Expr {
    return this.#fold(constant(0, x.type), x, add);
  }

  /** The greatest of the row; NaN where one of its elements is NaN. */
  max(x: Expr): Expr {
    return this.#fold(constant(Number.NEGATIVE_INFINITY, x.type), x, max);
  }

  #fold(init: Expr, lift: Expr, combine: Fold["combine"]): Expr {
    const same = this.#folds.findIndex((f) => f.lift === lift && f.init === init && f.combine === combine);
    if (same >= 0) return arg(FIRST_FOLD + same, lift.type);
    this.#folds.push({ init, lift, combine, stage: this.#stageOf(lift) + 1 });
    return arg(FIRST_FOLD + this.#folds.length - 1, lift.type);
  }

  /** The last stage that an expression needs; -1 where it needs none. */
  #stageOf(e: Expr): number {
    let stage = -1;
    for (const slot of leaves([e], "arg").keys()) if (slot >= FIRST_FOLD) stage = Math.max(stage, this.#folds[slot - FIRST_FOLD]!.stage);
    return stage;
  }

  /** The largest parts of an expression that depend on results, and on no element. */
  #perRow(e: Expr, found: Set<Expr>, seen: Set<Expr> = new Set()): void {
    if (seen.has(e)) return;
    seen.add(e);
    const slots = [...leaves([e], "arg").keys()];
    if (slots.length > 0 && slots.every((s) => s >= FIRST_FOLD)) found.add(e);
    else for (const s of e.src) this.#perRow(s, found, seen);
  }

  /** The kernel that stores these values, as dtypes. */
  kernel(values: readonly (RowValue & { readonly dtype: DType })[]): RowsKernel {
    const results = new Set<Expr>();
    for (const f of this.#folds) this.#perRow(f.lift, results);
    for (const { value } of values) this.#perRow(value, results);
    // What a result takes from an earlier stage is a result too.
    for (const e of results) {
      for (const [slot, leaf] of leaves([e], "arg")) if (this.#folds[slot - FIRST_FOLD]!.stage < this.#stageOf(e)) results.add(leaf);
    }
    const ordered = [...results].sort((a, b) => this.#stageOf(a) - this.#stageOf(b));
    const places = new Map(ordered.map((e, k) => [e, arg(this.#inputs.length + k, e.type)]));
    const placed = (e: Expr): Expr => substitute(e, new Map(places));
    const stages: RowStage[] = [];
    for (let s = 0; this.#folds.some((f) => f.stage === s); s++) {
      const folds = this.#folds.flatMap((f, k) => (f.stage === s ? [{ ...f, leaf: arg(FIRST_FOLD + k, f.lift.type) }] : []));
      const own = new Map<Expr, Expr>([...places].filter(([e]) => this.#stageOf(e) < s));
      folds.forEach(({ leaf }, k) => {
        own.set(leaf, state(k, leaf.type));
      });
      stages.push({
        init: folds.map((f) => f.init),
        lift: folds.map((f) => placed(f.lift)),
        combine: folds.map((f, k) => f.combine(state(k, f.lift.type), state(folds.length + k, f.lift.type))),
        results: ordered.filter((e) => this.#stageOf(e) === s).map((e) => substitute(e, new Map(own))),
      });
    }
    const outputs = values.map(({ per, value, dtype }): RowOutput => {
      const e = placed(value);
      return { per, dtype, value: e.type === dtype.compute ? e : cast(e, dtype) };
    });
    return { kind: "rows", inputs: this.#inputs, stages, outputs, compiled: [] };
  }
}
