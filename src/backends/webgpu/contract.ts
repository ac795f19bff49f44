import { float32, int32 } from "../../core/dtype.ts";
import { lower } from "../../kernel/elementary.ts";
import type { Compiled, KernelOf, LaunchArgs } from "../../kernel/kernel.ts";
import { type Operand, planBindings } from "./bindings.ts";
import type { Context } from "./context.ts";
import { DIRECT_WORKGROUP, directText } from "./contract/direct.ts";
import { Frame, type Meaning } from "./contract/frame.ts";
import { Problem } from "./contract/problem.ts";
import type { Pipeline } from "./recorder.ts";
import { type Access, format } from "./shader.ts";
import { scalarTypes } from "./words.ts";

class CompiledContract implements Compiled {
  readonly #context: Context;
  readonly #meaning: Meaning;
  readonly #problem: Problem;
  readonly #pipelines = new Map<string, Pipeline>();

  constructor(context: Context, kernel: KernelOf<"contract">) {
    this.#context = context;
    const value = lower(kernel.output.value);
    const dtypes = [kernel.output.dtype, ...kernel.inputs];
    for (const d of dtypes) format(d);
    const sums = kernel.compute === "f32" ? float32 : int32;
    this.#meaning = { compute: kernel.compute, dtypes, value, scalars: scalarTypes([value]), sums };
    this.#problem = new Problem(dtypes.length);
  }

  run(inputs: readonly Operand[], outputs: readonly Operand[], args: LaunchArgs): void {
    if (outputs[0]!.layout.numel === 0) return;
    const operands = [...outputs, ...inputs];
    const problem = this.#problem.lay(operands, args.dims!);
    const bindings = planBindings(operands, this.#context.window);
    const { recorder, window } = this.#context;
    const tm = problem.rows === 1 ? 1 : 4;
    const tn = problem.columns === 1 ? 1 : 4;
    const key = `${tm}${tn}|${problem.key}|${bindings.key}`;
    let pipeline = this.#pipelines.get(key);
    if (pipeline === undefined) {
      const accesses = operands.map((_, k): Access => (k === 0 ? "shared" : "element"));
      const frame = new Frame(problem, this.#meaning, "whole", accesses, bindings, window);
      pipeline = recorder.pipeline(frame.shader.text(DIRECT_WORKGROUP, directText(frame, problem, { tm, tn })), bindings.blocks.length);
      this.#pipelines.set(key, pipeline);
    }
    Frame.write(recorder, problem, this.#meaning, operands, args.scalars, 1, problem.depth);
    const tiles = Math.ceil(problem.rows / tm) * Math.ceil(problem.columns / tn) * problem.batches;
    recorder.dispatch(pipeline, bindings.blocks, this.#context.groups(tiles, DIRECT_WORKGROUP));
  }
}

/** Contractions for WebGPU. */
export const contract = (context: Context, kernel: KernelOf<"contract">): Compiled => new CompiledContract(context, kernel);
