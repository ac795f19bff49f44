import { bool, type DType, float32, int32 } from "../../core/dtype.ts";
import { Layout, numel } from "../../core/layout.ts";
import { arg, type Expr, leaves, substitute } from "../../kernel/expr.ts";
import type { Compiled, KernelOf, LaunchArgs } from "../../kernel/kernel.ts";
import { type Operand, planBindings } from "./bindings.ts";
import type { Context } from "./context.ts";
import { fits } from "./fit-bindings.ts";
import { type ScalarType, scalarTypeOf } from "./format.ts";
import { map } from "./map.ts";
import { Monoid } from "./monoid.ts";
import { reduce } from "./reduce.ts";
import { RowsPass } from "./rows-pass.ts";
import { format } from "./shader.ts";

/** The dtype that holds values of a WGSL type. */
const holders: { readonly [K in ScalarType]: DType } = { f32: float32, i32: int32, bool };

/** So few rows of so many elements do not keep the device busy where each is one workgroup's work, or one invocation's. */
const FEW_ROWS = 64;
const LONG_ROW = 4096;

/** The dispatches that compute a stage's results: of its states, and of what those results are made of them where they need earlier ones too. */
interface Stage {
  readonly folds: Compiled;
  readonly after: Compiled | null;
  /** What the folds store, and what the results are, as dtypes. */
  readonly states: readonly DType[];
  readonly results: readonly DType[];
}

/** Rows kernels: in one dispatch, or, where its operands take too many bindings or its rows are few and long, in a reduction per stage and a map. */
class CompiledRows implements Compiled {
  readonly #context: Context;
  readonly #kernel: KernelOf<"rows">;
  readonly #pass: RowsPass | null;
  #stages: readonly Stage[] | null = null;
  #elements: Compiled | null = null;
  #rows: Compiled | null = null;

  constructor(context: Context, kernel: KernelOf<"rows">) {
    this.#context = context;
    this.#kernel = kernel;
    for (const d of [...kernel.inputs, ...kernel.outputs.map((o) => o.dtype)]) format(d); // raises where the device has no such dtype
    const commutative = kernel.stages.every((s) => new Monoid({ ...s, outputs: [] }).commutative);
    this.#pass = commutative ? new RowsPass(context, kernel) : null;
  }

  run(inputs: readonly Operand[], outputs: readonly Operand[], args: LaunchArgs): void {
    const { shape } = inputs[0]!.layout;
    const kept = numel(shape.slice(0, args.kept));
    if (kept === 0) return;
    const elements = numel(shape.slice(args.kept));
    const operands = [...outputs, ...inputs];
    const busy = kept >= FEW_ROWS || elements < LONG_ROW;
    if (this.#pass !== null && busy && fits(this.#context, planBindings(operands, this.#context.window))) {
      this.#pass.run(operands, args, kept, elements);
    } else this.#runApart(inputs, outputs, args);
  }

  /** A dispatch or more for each stage, with the results in scratch memory in between. */
  #runApart(inputs: readonly Operand[], outputs: readonly Operand[], args: LaunchArgs): void {
    const { scratch } = this.#context;
    const { shape } = inputs[0]!.layout;
    const kept = shape.slice(0, args.kept);
    const size = numel(kept) * 4;
    const layout = Layout.contiguous(kept);
    const along = new Layout(
      shape,
      shape.map((_, d) => layout.strides[d] ?? 0),
      0,
    );
    const blocks: ReturnType<typeof scratch.allocate>[] = [];
    const take = (dtype: DType): Operand => {
      const block = scratch.allocate(size);
      blocks.push(block);
      return { storage: { block }, dtype, layout };
    };
    const spread = (list: readonly Operand[]): Operand[] => list.map((o) => ({ ...o, layout: along }));
    const { stages } = this.#apart();
    const results: Operand[] = [];
    try {
      for (const s of stages) {
        const states = s.states.map(take);
        s.folds.run([...inputs, ...spread(results)], states, args);
        const own = s.after === null ? states : s.results.map(take);
        s.after?.run([...states, ...results], own, args);
        results.push(...own);
      }
      const per = (which: "row" | "element"): Operand[] => outputs.filter((_, k) => this.#kernel.outputs[k]!.per === which);
      this.#elements?.run([...inputs, ...spread(results)], per("element"), args);
      this.#rows?.run(results, per("row"), args);
    } finally {
      for (const b of blocks) scratch.free(b);
    }
  }

  #apart(): { stages: readonly Stage[] } {
    if (this.#stages !== null) return { stages: this.#stages };
    const { inputs, outputs, stages } = this.#kernel;
    const n = inputs.length;
    const known: DType[] = [];
    this.#stages = stages.map((stage): Stage => {
      const before = [...known];
      const results = stage.results.map((e) => holders[scalarTypeOf(e.type)]);
      known.push(...results);
      const { init, lift, combine } = stage;
      const fold = (values: readonly Expr[], dtypes: readonly DType[]): Compiled =>
        reduce(this.#context, {
          kind: "reduce",
          inputs: [...inputs, ...before],
          init,
          lift,
          combine,
          outputs: values.map((value, k) => ({ dtype: dtypes[k]!, value })),
          compiled: [],
        });
      if (leaves(stage.results, "arg").size === 0) return { folds: fold(stage.results, results), after: null, states: results, results };
      const states = init.map((e) => holders[scalarTypeOf(e.type)]);
      const components = init.map((e, k) => leaves(combine, "state").get(k) ?? e);
      const moved = new Map<Expr, Expr>(components.map((s, k) => [s, arg(k, s.type)]));
      for (const [slot, leaf] of leaves(stage.results, "arg")) moved.set(leaf, arg(init.length + slot - n, leaf.type));
      const after = map(this.#context, {
        kind: "map",
        inputs: [...states, ...before],
        outputs: stage.results.map((value, k) => ({ dtype: results[k]!, value: substitute(value, new Map(moved)) })),
        compiled: [],
      });
      return { folds: fold(components, states), after, states, results };
    });
    const elements = outputs.filter((o) => o.per === "element");
    if (elements.length > 0)
      this.#elements = map(this.#context, { kind: "map", inputs: [...inputs, ...known], outputs: elements, compiled: [] });
    const perRow = outputs.filter((o) => o.per === "row");
    if (perRow.length > 0) {
      const values = perRow.map(({ dtype, value }) => {
        const moved = new Map([...leaves([value], "arg")].map(([slot, leaf]): [Expr, Expr] => [leaf, arg(slot - n, leaf.type)]));
        return { dtype, value: substitute(value, moved) };
      });
      this.#rows = map(this.#context, { kind: "map", inputs: known, outputs: values, compiled: [] });
    }
    return { stages: this.#stages };
  }
}

/** Rows kernels for WebGPU. */
export const rows = (context: Context, kernel: KernelOf<"rows">): Compiled => new CompiledRows(context, kernel);
