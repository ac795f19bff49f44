import { type ComputeType, type DType, float32, float64, int32, int64, bool as truth } from "../../core/dtype.ts";
import { lower } from "../../kernel/elementary.ts";
import type { Expr } from "../../kernel/expr.ts";
import type { KernelOf, RowOutput } from "../../kernel/kernel.ts";
import type { Lanes } from "./codegen.ts";
import { chooseLanes } from "./lanes.ts";
import { scalarTypes } from "./launch.ts";
import { floatSums, type Monoid, monoid, type Simple, simpleOperations, widened } from "./monoid.ts";
import { type Spill, spill } from "./rows-spill.ts";

/** The dtype that holds a compute type. */
const holders: { readonly [K in ComputeType]: DType } = { f32: float32, f64: float64, i32: int32, i64: int64, bool: truth };

/** A stage, ready for code generation. */
export interface StagePlan {
  readonly lift: readonly Expr[];
  readonly simple: readonly Simple[] | null;
  /** Which components are float32 sums. */
  readonly sums: readonly boolean[];
  /** For numbers: with float32 sums in double precision. Its outputs are the results. */
  readonly scalar: Monoid;
  /** For vectors. */
  readonly vector: Monoid;
  /** The number of its first result. */
  readonly first: number;
}

/** What all functions of one rows kernel share. */
export class RowsPlan {
  readonly inputs: readonly DType[];
  readonly outputs: readonly RowOutput[];
  /** Of all operands, outputs first. */
  readonly dtypes: readonly DType[];
  /** The operands with elements along the rows, by their place among all. */
  readonly along: readonly number[];
  readonly stages: readonly StagePlan[];
  readonly results: readonly ComputeType[];
  readonly spills: readonly Spill[];
  readonly roots: readonly Expr[];
  readonly scalars: readonly (ComputeType | null)[];
  readonly commutative: boolean;
  /** Elements of a row in one vector, and rows side by side in one; 1 where it does not go. */
  readonly rowLanes: Lanes;
  readonly keptLanes: Lanes;

  constructor(kernel: KernelOf<"rows">) {
    this.inputs = kernel.inputs;
    this.results = kernel.stages.flatMap((s) => s.results.map((e) => e.type));
    const n = kernel.inputs.length + this.results.length;
    const { spills, lifts, values } = spill(
      kernel.stages.map((s) => s.lift.map(lower)),
      kernel.outputs,
      kernel.outputs.map((o) => lower(o.value)),
      n,
    );
    this.spills = spills;
    this.outputs = kernel.outputs.map((o, k) => ({ ...o, value: values[k]! }));
    this.dtypes = [...kernel.outputs.map((o) => o.dtype), ...kernel.inputs];
    this.along = this.dtypes.flatMap((_, k) => (kernel.outputs[k]?.per === "row" ? [] : [k]));
    let first = 0;
    this.stages = kernel.stages.map(({ init, combine, results }, s): StagePlan => {
      const outputs = results.map((value) => ({ dtype: holders[value.type], value }));
      const source = { init, lift: lifts[s]!, combine, outputs };
      const plan = {
        lift: lifts[s]!,
        simple: simpleOperations(source),
        sums: floatSums(source),
        scalar: monoid(widened(source)),
        vector: monoid(source),
        first,
      };
      first += results.length;
      return plan;
    });
    this.commutative = this.stages.every((s) => s.simple !== null);
    const results = this.stages.flatMap((s) => s.vector.outputs.map((o) => o.value));
    const starts = this.stages.flatMap((s) => s.vector.init);
    const folds = this.stages.flatMap((s) => [...s.vector.fold, ...s.lift]);
    this.roots = [...starts, ...folds, ...results, ...values];
    this.scalars = scalarTypes(this.roots);
    const loads = [...kernel.inputs, ...this.results.map((t) => holders[t]), ...kernel.outputs.map((o) => o.dtype)];
    const elements = this.outputs.filter((o) => o.per === "element");
    const alongRows = [...folds, ...elements.map((o) => o.value)];
    this.rowLanes = this.commutative ? chooseLanes(alongRows, loads, elements) : 1;
    this.keptLanes = chooseLanes(this.roots, loads, this.outputs);
  }
}
