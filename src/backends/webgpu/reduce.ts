import { Layout, rowMajor } from "../../core/layout.ts";
import type { Compiled, KernelOf, LaunchArgs } from "../../kernel/kernel.ts";
import { type Operand, planBindings } from "./bindings.ts";
import type { Context } from "./context.ts";
import { fits, runFitted, sharedAxes } from "./fit-bindings.ts";
import { resumed, type Source } from "./monoid.ts";
import { type Piece, pieces } from "./pieces.ts";
import { ReducePass, type Sizes } from "./reduce-pass.ts";
import { shareAll, shareChunks } from "./reduce-share.ts";
import { Watched } from "./watched.ts";

/** The dispatches of one reduction: one from the inputs to the outputs, or two, of chunks and of what they gave. */
class Reduction {
  readonly #context: Context;
  readonly #source: Source;
  readonly #whole: ReducePass;
  #partial: ReducePass | null = null;
  #final: ReducePass | null = null;
  /** Of the tuples of pieces. */
  #rest: Reduction | null = null;
  readonly #inputs: KernelOf<"reduce">["inputs"];

  constructor(context: Context, source: Source, inputs: KernelOf<"reduce">["inputs"]) {
    this.#context = context;
    this.#source = source;
    this.#inputs = inputs;
    this.#whole = new ReducePass(context, source, inputs, false);
  }

  run(inputs: readonly Operand[], outputs: readonly Operand[], args: LaunchArgs): void {
    const { numel: kept, ndim: rank } = outputs[0]!.layout;
    const elements = inputs.length === 0 ? 0 : inputs[0]!.layout.numel / kept;
    const operands = [...outputs, ...inputs];
    // One more: the block of tuples, or the flag of faults.
    if (elements === 0 || fits(this.#context, planBindings(operands, this.#context.window), 1)) {
      this.#launch(inputs, outputs, args, { kept, elements, rank, position: 0 });
      return;
    }
    const parts = pieces(this.#context, inputs, rank, outputs.length + 1);
    if (parts.length > 1 && parts.length < elements) {
      this.#runPieces(parts, outputs, args);
      return;
    }
    const n = outputs.length;
    runFitted(this.#context, { operands, outputs: n, axes: sharedAxes(operands, rank), extra: 1 }, (part) => {
      const sizes = { kept: part.operands[0]!.layout.numel, elements, rank, position: 0 };
      this.#launch(part.operands.slice(n), part.operands.slice(0, n), args, sizes);
    });
  }

  /** One dispatch for each piece of the elements, or several, and then one over the tuples that they leave. */
  #runPieces(parts: readonly Piece[], outputs: readonly Operand[], args: LaunchArgs): void {
    const { scratch } = this.#context;
    const { numel: kept, ndim: rank, shape } = outputs[0]!.layout;
    const partial = (this.#partial ??= new ReducePass(this.#context, this.#source, this.#inputs, true));
    const types = partial.monoid.kept;
    this.#rest ??= new Reduction(this.#context, resumed(this.#source), types);
    const block = scratch.allocate(4 * types.length * kept * parts.length);
    try {
      // Those of one output side by side, with their components: in another order, no two might fit into one binding.
      const strides = [...rowMajor(shape).map((s) => s * parts.length * types.length), types.length];
      const tuples = (count: number, first: number): Operand[] =>
        types.map((dtype, k) => ({ storage: { block }, dtype, layout: new Layout([...shape, count], strides, first * types.length + k) }));
      const n = types.length;
      parts.forEach(({ operands: inputs, position }, p) => {
        const operands = [...tuples(1, p), ...inputs];
        const elements = inputs[0]!.layout.numel / kept;
        runFitted(this.#context, { operands, outputs: n, axes: sharedAxes(operands, rank) }, (part) => {
          const sizes = { kept: part.operands[0]!.layout.numel, elements, rank, position };
          partial.run(part.operands.slice(n), part.operands.slice(0, n), args, sizes, shareAll(this.#context, sizes));
        });
      });
      this.#rest.run(tuples(parts.length, 0), outputs, args);
    } finally {
      scratch.free(block);
    }
  }

  #launch(inputs: readonly Operand[], outputs: readonly Operand[], args: LaunchArgs, sizes: Sizes): void {
    const tuple = 4 * this.#whole.monoid.types.length;
    const share = shareChunks(this.#context, inputs, sizes, tuple);
    if (share.chunks === 1) {
      this.#whole.run(inputs, outputs, args, sizes, share);
      return;
    }
    const { scratch } = this.#context;
    const { kept, rank } = sizes;
    this.#partial ??= new ReducePass(this.#context, this.#source, this.#inputs, true);
    this.#final ??= new ReducePass(this.#context, resumed(this.#source), this.#partial.monoid.kept, false);
    const shape = outputs[0]!.layout.shape;
    const count = kept * share.chunks;
    const block = scratch.allocate(count * tuple);
    try {
      const [sizesOf, strides] = [
        [...shape, share.chunks],
        [...rowMajor(shape), kept],
      ];
      const tuples = this.#partial.monoid.kept.map(
        (dtype, k): Operand => ({ storage: { block }, dtype, layout: new Layout(sizesOf, strides, k * count) }),
      );
      this.#partial.run(inputs, tuples, args, sizes, share);
      const rest = { kept, elements: share.chunks, rank, position: 0 };
      this.#final.run(tuples, outputs, args, rest, shareAll(this.#context, rest));
    } finally {
      scratch.free(block);
    }
  }
}

/** Reductions for WebGPU. */
export const reduce = (context: Context, kernel: KernelOf<"reduce">): Compiled =>
  new Watched(context, kernel, (source) => new Reduction(context, source, kernel.inputs));
