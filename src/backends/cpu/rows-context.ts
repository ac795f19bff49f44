import type { ComputeType } from "../../core/dtype.ts";
import type { Expr } from "../../kernel/expr.ts";
import { type Calls, type Codegen, type Lanes, type Leaves, valueType } from "./codegen.ts";
import { argLeaves } from "./lanes.ts";
import { loadScalarArgument, RecordReader } from "./launch.ts";
import { declareStill, Loops, loadAt, loadFrom, type Sink, STRIDED, Stream, type Walk } from "./loops.ts";
import type { RowsPlan } from "./rows-plan.ts";
import type { FunctionBuilder } from "./wasm/assembler.ts";

/** What distinguishes the functions of one rows kernel. */
export interface RowsVariant {
  /** Vectors along the rows, or of rows side by side (or, with one lane, numbers). */
  readonly way: "along" | "across";
  readonly lanes: Lanes;
  /** Whether vectors across rows are so many that float32 sums want double precision; along rows they always have it. */
  readonly deep: boolean;
  readonly keptRank: number;
  /** 0 where rows are empty. */
  readonly rowRank: number;
  /** Vectors across rows that are taken together: a cache line's worth. */
  readonly strips: number;
  /** Along rows: how the operands with elements there walk. Across: how all operands walk along the innermost kept dimension. */
  readonly walks: readonly Walk[];
}

/** The code of one variant. */
export class RowsContext {
  readonly plan: RowsPlan;
  readonly variant: RowsVariant;
  readonly f: FunctionBuilder;
  readonly calls: Calls;
  /** All operands at the current row, outputs first. */
  readonly kept: readonly Stream[];
  /** Those with elements along the rows, in them. */
  readonly row: readonly Stream[];
  readonly loops: Loops | null;
  readonly keptLoops: Loops;
  /** Which of the vectors that are taken together across rows the code is about. */
  copy = 0;
  /** Locals, by copy: the results, as numbers (or, across rows, vectors), and along rows their vectors. */
  readonly #results: readonly (readonly number[])[];
  readonly #spread: readonly (readonly number[])[];

  constructor(plan: RowsPlan, variant: RowsVariant, f: FunctionBuilder, calls: Calls) {
    this.plan = plan;
    this.variant = variant;
    this.f = f;
    this.calls = calls;
    const { way, walks, keptRank, rowRank, lanes } = variant;
    const record = new RecordReader(f, plan.scalars.length);
    this.kept = plan.dtypes.map((d, k) => this.#stream(d, way === "along" ? STRIDED : walks[k]!, keptRank));
    for (const s of this.kept) f.get(record.next()).set(s.row);
    this.keptLoops = new Loops(f, record, keptRank, this.kept);
    this.row = plan.along.map((k, i) => this.#stream(plan.dtypes[k]!, way === "along" ? walks[i]! : STRIDED, rowRank));
    this.loops = rowRank === 0 ? null : new Loops(f, record, rowRank, this.row);
    const copies = Array.from({ length: variant.strips }, () => 0);
    this.#results = copies.map(() => plan.results.map((t) => f.local(valueType(t, this.endLanes))));
    this.#spread = way === "along" && lanes > 1 ? copies.map(() => plan.results.map(() => f.local("v128"))) : this.#results;
  }

  get results(): readonly number[] {
    return this.#results[this.copy]!;
  }
  get spread(): readonly number[] {
    return this.#spread[this.copy]!;
  }

  /** Lanes of a result. */
  get endLanes(): Lanes {
    return this.variant.way === "along" ? 1 : this.variant.lanes;
  }

  readonly scalar = (slot: number, type: ComputeType): void => loadScalarArgument(this.f, slot, type);

  #stream(dtype: Stream["dtype"], walk: Walk, rank: number): Stream {
    const s = new Stream(dtype, walk, this.f.local("i32"));
    s.row = rank === 1 ? s.pointer : this.f.local("i32");
    return s;
  }

  /** The operand that an argument means, by its place among all: an input, or an output that holds what a stage left there. */
  operandOf(slot: number): number {
    const { inputs, outputs, results } = this.plan;
    return slot < inputs.length ? outputs.length + slot : slot - inputs.length - results.length;
  }

  isResult(slot: number): boolean {
    const n = this.plan.inputs.length;
    return slot >= n && slot < n + this.plan.results.length;
  }

  /** The places among `row` of the operands that expressions read. */
  reads(roots: readonly Expr[]): number[] {
    const slots = argLeaves(roots).filter((a) => !this.isResult(a.slot));
    return [...new Set(slots.map((a) => this.plan.along.indexOf(this.operandOf(a.slot))))];
  }

  /** Leaves of a region in the rows; `copy` gives the number of its vector. */
  leaves(g: () => Codegen, copy: () => number): Leaves {
    const { f, plan } = this;
    return {
      scalar: this.scalar,
      arg: (slot, type) => {
        if (this.isResult(slot)) {
          f.get(this.spread[slot - plan.inputs.length]!);
          return;
        }
        const k = this.operandOf(slot);
        const s = this.row[plan.along.indexOf(k)]!;
        // Across, an element's address steps along the row, and its lanes lie along the kept dimension.
        if (this.variant.way === "along") loadFrom(g(), s, type, copy());
        else loadAt(g(), this.kept[k]!, type, s.pointer, this.copy);
      },
    };
  }

  /** Declares what a region reads of operands that stand still. */
  declareStills(g: Codegen, roots: readonly Expr[]): void {
    if (this.variant.way === "across") return;
    for (const a of argLeaves(roots)) {
      if (!this.isResult(a.slot)) declareStill(g, this.row[this.plan.along.indexOf(this.operandOf(a.slot))]!, a.type);
    }
  }

  /** Puts all operands at the start of the row. */
  startRows(): void {
    this.plan.along.forEach((k, i) => {
      this.f.get(this.kept[k]!.pointer).set(this.row[i]!.row);
    });
  }

  /** Where a value goes that belongs to an output's current element. */
  sink(output: number, value: Sink["value"]): Sink {
    const s = this.row[this.plan.along.indexOf(output)]!;
    if (this.variant.way === "along") return { stream: s, value };
    const { dtype, walk, steps } = this.kept[output]!;
    const stream = new Stream(dtype, walk, s.pointer);
    stream.steps = steps;
    return { stream, value };
  }
}

/** Stores a vector, of which (given the local `count`) perhaps not all lanes are rows. */
export function storeLanes(c: RowsContext, store: (count: number | null) => void, count: number | null): void {
  const { lanes } = c.variant;
  if (lanes === 1 || count === null) store(null);
  else
    c.f
      .get(count)
      .i32(lanes)
      .op("i32.ge_s")
      .if(
        () => store(null),
        () => store(count),
      );
}
