import { bool, type ComputeType, type DType, float32, float64, int32, int64 } from "../../core/dtype.ts";
import { Layout } from "../../core/layout.ts";
import { arg, cast, state } from "../../kernel/expr.ts";
import type { Compiled, KernelOf, LaunchArgs } from "../../kernel/kernel.ts";
import { heap } from "./heap.ts";
import { identity, simpleOperations, widened } from "./monoid.ts";
import type { Operand } from "./operand.ts";

type Reduction = KernelOf<"reduce">;

/** Parts of a long reduction; what is left over is one more. They do not depend on the number of threads, so neither do the results. */
const PARTS = 64;
/** Reductions to so many elements at most, of so many each at least, are cut: others have enough rows to share, or are short. */
const FEW = 16;
const LONG = 2 ** 18;

const storage: { readonly [K in ComputeType]: DType } = { f32: float32, f64: float64, i32: int32, i64: int64, bool };

/**
 * Reductions of many elements to few, for operations whose parts can be combined in any order: the parts are reduced like rows, which several
 * threads can do, and then what became of them. Sums of float32 stay in double precision in between.
 */
class PartedReduce implements Compiled {
  readonly #kernel: Reduction;
  readonly #compile: (kernel: Reduction) => Compiled;
  readonly #whole: Compiled;
  /** What parts leave, by component. */
  readonly #dtypes: readonly DType[];
  #parts: Compiled | null = null;
  #last: Compiled | null = null;

  constructor(kernel: Reduction, compile: (kernel: Reduction) => Compiled) {
    this.#kernel = kernel;
    this.#compile = compile;
    this.#whole = compile(kernel);
    this.#dtypes = widened(kernel).init.map((e) => storage[e.type]);
  }

  run(inputs: readonly Operand[], outputs: readonly Operand[], args: LaunchArgs): void {
    const kept = outputs[0]!.layout;
    const from = inputs[0]!.layout;
    if (from.numel < LONG || kept.numel > FEW || from.numel < LONG * kept.numel) {
      this.#whole.run(inputs, outputs, args);
      return;
    }
    const cut = dimToCut(inputs, kept.ndim);
    if (cut < 0) this.#whole.run(inputs, outputs, args);
    else this.#run(inputs, outputs, args, cut);
  }

  #run(inputs: readonly Operand[], outputs: readonly Operand[], args: LaunchArgs, cut: number): void {
    this.#parts ??= this.#compile(ofParts(this.#kernel, this.#dtypes));
    this.#last ??= this.#compile(ofStates(this.#kernel, this.#dtypes));
    const kept = outputs[0]!.layout;
    const size = inputs[0]!.layout.shape[cut]!;
    const length = Math.floor(size / PARTS);
    const rest = size - PARTS * length;
    const count = PARTS + (rest > 0 ? 1 : 0);
    const bytes = 8 * kept.numel * count;
    const block = heap.allocate(bytes * this.#dtypes.length);
    try {
      /** The states of some parts, the first of which is number `first`: side by side for each kept element. */
      const states = (shape: readonly number[], strides: readonly number[], first: number): Operand[] =>
        this.#dtypes.map((dtype, k) => ({
          storage: { block },
          layout: new Layout(
            [...kept.shape, ...shape],
            [...keptStrides(kept.shape, count), ...strides],
            (k * bytes) / dtype.itemsize + first,
          ),
          dtype,
        }));
      this.#parts.run(
        inputs.map((x) => inParts(x, kept.ndim, cut, 0, PARTS, length)),
        states([PARTS], [1], 0),
        args,
      );
      if (rest > 0)
        this.#parts.run(
          inputs.map((x) => inParts(x, kept.ndim, cut, PARTS * length, 1, rest)),
          states([1], [1], PARTS),
          args,
        );
      this.#last.run(states([count], [1], 0), outputs, args);
    } finally {
      heap.release(block);
    }
  }
}

/** Strides of kept elements that lie `step` apart. */
function keptStrides(shape: readonly number[], step: number): number[] {
  const strides: number[] = [];
  for (let d = shape.length - 1, s = step; d >= 0; s *= shape[d]!, d--) strides[d] = s;
  return strides;
}

/**
 * The outermost reduced dimension that is long enough, where rows go along memory, so that vectors go along them; or -1. Dimensions after it
 * stay whole.
 */
function dimToCut(inputs: readonly Operand[], first: number): number {
  const { shape } = inputs[0]!.layout;
  let inner = shape.length - 1;
  while (inner > first && shape[inner] === 1) inner--;
  if (!inputs.every((x) => Math.abs(x.layout.strides[inner]!) <= 1)) return -1;
  for (let d = first; d <= inner; d++) if (shape[d]! >= PARTS) return d;
  return -1;
}

/** The elements of an operand from `from` on along the dimension `cut`, as `parts` parts of `length`: the parts are one more kept dimension. */
function inParts({ storage, layout, dtype }: Operand, kept: number, cut: number, from: number, parts: number, length: number): Operand {
  const shape = [...layout.shape];
  const strides = [...layout.strides];
  const step = strides[cut]!;
  shape[cut] = length;
  shape.splice(kept, 0, parts);
  strides.splice(kept, 0, length * step);
  return { storage, layout: new Layout(shape, strides, layout.offset + from * step), dtype };
}

/** The same reduction to its states. */
const ofParts = (kernel: Reduction, dtypes: readonly DType[]): Reduction => ({
  ...kernel,
  compiled: [],
  outputs: kernel.init.map((e, k) => {
    const dtype = dtypes[k]!;
    const value = state(k, e.type);
    return { dtype, value: dtype.compute === e.type ? value : cast(value, dtype) };
  }),
});

/** The same reduction of states. */
function ofStates(kernel: Reduction, dtypes: readonly DType[]): Reduction {
  const { init, combine, outputs } = widened(kernel);
  return { ...kernel, compiled: [], inputs: dtypes, init, lift: init.map((e, k) => arg(k, e.type)), combine, outputs };
}

/** Compiles a reduction, in parts where it comes from many elements to few and its operation allows that. */
export function compileParted(kernel: Reduction, compile: (kernel: Reduction) => Compiled): Compiled {
  const simple = simpleOperations(kernel);
  const neutral = kernel.init.every((e, k) => e.prim === "const" && simple !== null && e.value === identity(simple[k]!, e.type));
  return simple !== null && neutral && kernel.inputs.length > 0 ? new PartedReduce(kernel, compile) : compile(kernel);
}
