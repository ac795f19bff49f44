import { type ComputeType, type DType, dtypes, int32 } from "../../core/dtype.ts";
import { Layout } from "../../core/layout.ts";
import { add, and, arg, cast, constant, type Expr, or, position, select, state, substitute } from "../../kernel/expr.ts";
import type { Compiled, KernelOf, LaunchArgs } from "../../kernel/kernel.ts";
import { heap } from "./heap.ts";
import { SCRATCH } from "./launch.ts";
import type { Operand } from "./operand.ts";

type Reduction = KernelOf<"reduce">;

/** Segments side by side: the lanes of the vectors that are reduced together. What is left over is one more. */
const SEGMENTS = 8;
/** Fewer elements are not worth several launches. */
const LEAST = 512;
/** In the scratch memory: where the segments begin, and one after the other what became of the components. */
const COMPONENT = 8 * (SEGMENTS + 1);
const MOST_COMPONENTS = 6;

const dtypeOf = (type: ComputeType): DType => dtypes.find((d) => d.compute === type && (d.itemsize >= 4 || type === "bool"))!;

/** An expression with what follows from its constants alone worked out, where `init` may be one of them. */
function simplified(e: Expr): Expr {
  if (e.src.length === 0) return e;
  const src = e.src.map(simplified);
  const [a, b] = src as [Expr, Expr];
  const known = (x: Expr | undefined): boolean | undefined => (x?.prim === "const" ? Number(x.value) !== 0 : undefined);
  if (e.prim === "select") return known(a) === undefined ? select(a, b, src[2]!) : known(a) ? b : src[2]!;
  if (e.type === "bool" && (e.prim === "or" || e.prim === "and")) {
    const decides = e.prim === "or";
    if (known(a) === decides || known(b) === decides) return constant(decides ? 1 : 0, "bool");
    if (known(a) === !decides) return b;
    return known(b) === !decides ? a : (decides ? or : and)(a, b);
  }
  if (e.prim === "lt" && a.prim === "const" && b.prim === "const") return constant(Number(a.value) < Number(b.value) ? 1 : 0, "bool");
  return substitute(e, new Map(e.src.map((s, k) => [s, src[k]!])));
}

/** Whether folding an element into the starting values gives that element. */
function startsNeutral({ init, combine }: Reduction): boolean {
  const n = init.length;
  const start = new Map<Expr, Expr>(init.map((e, k) => [state(k, e.type), e]));
  return combine.every((e, k) => simplified(substitute(e, new Map(start))) === state(n + k, e.type));
}

/** A reduction to the components themselves of segments, which begin at the elements whose numbers the last operand holds. */
function ofSegments(kernel: Reduction): Reduction {
  const start = cast(arg(kernel.inputs.length, "i32"), dtypeOf("i64"));
  const moved = new Map<Expr, Expr>([[position, add(position, start)]]);
  return {
    ...kernel,
    compiled: [],
    inputs: [...kernel.inputs, int32],
    lift: kernel.lift.map((e) => substitute(e, new Map(moved))),
    outputs: kernel.init.map((e, k) => ({ dtype: dtypeOf(e.type), value: state(k, e.type) })),
  };
}

/** The same reduction over components. */
const ofComponents = (kernel: Reduction): Reduction => ({
  ...kernel,
  compiled: [],
  inputs: kernel.init.map((e) => dtypeOf(e.type)),
  lift: kernel.init.map((e, k) => arg(k, e.type)),
});

/** Component `k` of the segments from number `first` on; before the components, at -1, the numbers of the elements with which they begin. */
const inScratch = (k: number, dtype: DType, shape: readonly number[], strides: readonly number[], first: number): Operand => ({
  storage: { block: { buffer: heap, offset: SCRATCH + (k + 1) * COMPONENT, size: COMPONENT } },
  layout: new Layout(shape, strides, first),
  dtype,
});

/**
 * Reductions to one element that vectors cannot run along, since elements have to be folded in order: each lane takes a segment of its own, and
 * then the segments are folded in order.
 */
class SegmentedReduce implements Compiled {
  readonly #whole: Compiled;
  readonly #segments: Compiled;
  readonly #components: Compiled;
  readonly #dtypes: readonly DType[];

  constructor(kernel: Reduction, compile: (kernel: Reduction) => Compiled) {
    this.#whole = compile(kernel);
    this.#segments = compile(ofSegments(kernel));
    this.#components = compile(ofComponents(kernel));
    this.#dtypes = kernel.init.map((e) => dtypeOf(e.type));
  }

  run(inputs: readonly Operand[], outputs: readonly Operand[], args: LaunchArgs): void {
    const kept = outputs[0]!.layout;
    const n = inputs[0]!.layout.numel;
    if (kept.numel !== 1 || n < LEAST || !inputs.every((x) => x.layout.isContiguous)) {
      this.#whole.run(inputs, outputs, args);
      return;
    }
    const length = Math.floor(n / SEGMENTS);
    const rest = n - length * SEGMENTS;
    for (let k = 0; k <= SEGMENTS; k++) heap.i32[(SCRATCH >> 2) + k] = k * length;
    this.#fold(inputs, 0, SEGMENTS, length, args);
    if (rest > 0) this.#fold(inputs, SEGMENTS, 1, rest, args);
    const parts = [SEGMENTS + (rest > 0 ? 1 : 0)];
    const components = this.#dtypes.map((dtype, k) => inScratch(k, dtype, parts, [1], 0));
    const results = outputs.map((x) => ({ ...x, layout: new Layout([], [], x.layout.offset) }));
    this.#components.run(components, results, args);
  }

  /** Folds some segments of one length, from number `first` on; `length` of those before it. */
  #fold(inputs: readonly Operand[], first: number, segments: number, length: number, args: LaunchArgs): void {
    const begin = heap.i32[(SCRATCH >> 2) + first]!;
    const views = inputs.map((x) => ({ ...x, layout: new Layout([segments, length], [length, 1], x.layout.offset + begin) }));
    const starts = inScratch(-1, int32, [segments, length], [1, 0], first);
    const outputs = this.#dtypes.map((dtype, k) => inScratch(k, dtype, [segments], [1], first));
    this.#segments.run([...views, starts], outputs, args);
  }
}

/** Compiles a reduction, in segments where there is only one element to make and its operation allows no other vectors. */
export function compileSegmented(kernel: Reduction, ordered: boolean, compile: (kernel: Reduction) => Compiled): Compiled {
  const fits = kernel.inputs.length > 0 && kernel.init.length < MOST_COMPONENTS && kernel.init.every((e) => e.type !== "f64");
  return ordered && fits && startsNeutral(kernel) ? new SegmentedReduce(kernel, compile) : compile(kernel);
}
