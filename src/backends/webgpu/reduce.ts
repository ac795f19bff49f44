import type { Compiled, KernelOf, LaunchArgs } from "../../kernel/kernel.ts";
import type { Operand } from "./bindings.ts";
import type { Context } from "./context.ts";
import { ReducePass } from "./reduce-pass.ts";

class CompiledReduce implements Compiled {
  readonly #pass: ReducePass;

  constructor(context: Context, kernel: KernelOf<"reduce">) {
    this.#pass = new ReducePass(context, kernel, kernel.inputs, false);
  }

  run(inputs: readonly Operand[], outputs: readonly Operand[], args: LaunchArgs): void {
    const kept = outputs[0]!.layout.numel;
    if (kept === 0) return;
    const shape = inputs[0]?.layout.shape;
    let elements = shape === undefined ? 0 : 1;
    for (let d = outputs[0]!.layout.ndim; d < (shape?.length ?? 0); d++) elements *= shape![d]!;
    this.#pass.run(inputs, outputs, args, kept, elements, Math.max(1, elements), 0);
  }
}

/** Reductions for WebGPU. */
export const reduce = (context: Context, kernel: KernelOf<"reduce">): Compiled => new CompiledReduce(context, kernel);
