import { float32, int32 } from "../../core/dtype.ts";
import { Layout } from "../../core/layout.ts";
import { lower } from "../../kernel/elementary.ts";
import type { Compiled, KernelOf, LaunchArgs } from "../../kernel/kernel.ts";
import { type Bindings, type Operand, planBindings } from "./bindings.ts";
import type { Context } from "./context.ts";
import { COMBINE_THREADS, combineText } from "./contract/combine.ts";
import { directText } from "./contract/direct.ts";
import { dotText } from "./contract/dot.ts";
import { type Reading, readingOf } from "./contract/factor.ts";
import { FittedContract } from "./contract/fitted.ts";
import { Frame, type Meaning, operandsOf, type Stage, SUMS } from "./contract/frame.ts";
import { A, B, OUT, Problem } from "./contract/problem.ts";
import { threadsOf, tileText } from "./contract/tile.ts";
import { type Candidate, inQuads, type Plan, plan } from "./contract/variants.ts";
import { fits } from "./fit-bindings.ts";
import type { Pipeline } from "./recorder.ts";
import { type Access, format } from "./shader.ts";
import { scalarTypes } from "./words.ts";

/**
 * Contractions. Addresses are sums of three parts, of a row, a column and a step of k, each found by division in its own nest of loops, once for
 * each row, column and step of a tile. How a product is cut into tiles is a variant's matter; a table tells how fast each is on the device (see
 * variants.ts). Where the outputs are too few to keep the device busy, k is split: a second dispatch adds the partial sums, always in the same order.
 */
class CompiledContract implements Compiled {
  readonly #context: Context;
  readonly #meaning: Meaning;
  readonly #problem: Problem;
  readonly #pipelines = new Map<string, Pipeline>();
  readonly #forced: ((problem: Problem) => Plan) | undefined;
  readonly #kernel: KernelOf<"contract">;
  #fitted: FittedContract | null = null;

  constructor(context: Context, kernel: KernelOf<"contract">, forced?: (problem: Problem) => Plan) {
    this.#context = context;
    this.#kernel = kernel;
    this.#forced = forced;
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
    const bindings = planBindings(operands, this.#context.window);
    // One more: the block of partial sums.
    if (fits(this.#context, bindings, 1)) this.#launch(operands, bindings, args, false);
    else {
      const make = (kernel: KernelOf<"contract">): Compiled => contract(this.#context, kernel);
      this.#fitted ??= new FittedContract(this.#context, this.#kernel, make, (part, rest) =>
        this.#launch(part, planBindings(part, this.#context.window), rest, true),
      );
      this.#fitted.run(operands, args);
    }
  }

  /** `atOnce`: in one dispatch, because there is no room for partial sums. */
  #launch(operands: readonly Operand[], bindings: Bindings, args: LaunchArgs, atOnce: boolean): void {
    const problem = this.#problem.lay(operands, args.dims!);
    const chosen = this.#forced === undefined ? plan(this.#context, problem) : this.#forced(problem);
    if (chosen.parts === 1 || atOnce) {
      this.#dispatch("whole", { ...chosen, parts: 1, part: problem.depth }, operands, bindings, args);
      return;
    }
    const { scratch } = this.#context;
    const count = chosen.parts * problem.batches * problem.rows * problem.columns;
    const block = scratch.allocate(4 * count);
    try {
      const sums: Operand = { storage: { block }, layout: Layout.contiguous([count]), dtype: this.#meaning.sums };
      for (const stage of ["partial", "combine"] as const) {
        const bound = operandsOf(stage, operands.length).map((k) => (k === SUMS ? sums : operands[k]!));
        this.#dispatch(stage, chosen, operands, planBindings(bound, this.#context.window), args);
      }
    } finally {
      scratch.free(block);
    }
  }

  #dispatch(stage: Stage, { candidate, parts, part }: Plan, operands: readonly Operand[], bindings: Bindings, args: LaunchArgs): void {
    const context = this.#context;
    const problem = this.#problem;
    let key = `${stage}|${problem.key}|${bindings.key}`;
    let readings: readonly [Reading, Reading] = ["one", "one"];
    let tail = false;
    if (stage !== "combine") {
      const { variant } = candidate;
      const a = readingOf(problem, A, problem.m, operands);
      const b = readingOf(problem, B, problem.n, operands);
      readings = [a === "acrossLines" && !inQuads(variant, "m") ? "one" : a, b === "acrossLines" && !inQuads(variant, "n") ? "one" : b];
      tail = readings.includes("alongK") && problem.k.nest.sizes[problem.k.nest.rank - 1]! % 4 !== 0;
      key += `|${candidate.name}|${readings[0]}|${readings[1]}|${tail}`;
    }
    let pipeline = this.#pipelines.get(key);
    if (pipeline === undefined) {
      const accesses = operandsOf(stage, operands.length).map((k): Access => {
        if (k === OUT) return "shared";
        return (k === A && readings[0] !== "one") || (k === B && readings[1] !== "one") ? "vec4" : "element";
      });
      const frame = new Frame(problem, this.#meaning, stage, accesses, bindings, context.window);
      pipeline = context.recorder.pipeline(shaderText(frame, problem, stage, candidate, readings, tail), bindings.blocks.length);
      this.#pipelines.set(key, pipeline);
    }
    Frame.write(context.recorder, problem, this.#meaning, operands, args.scalars, parts, part);
    const { batches, rows, columns } = problem;
    const units =
      stage === "combine"
        ? batches * rows * columns
        : batches * parts * Math.ceil(rows / candidate.rows) * Math.ceil(columns / candidate.columns);
    context.recorder.dispatch(pipeline, bindings.blocks, context.groups(units, stage === "combine" ? COMBINE_THREADS : candidate.units));
  }
}

function shaderText(
  frame: Frame,
  problem: Problem,
  stage: Stage,
  { variant }: Candidate,
  readings: readonly [Reading, Reading],
  tail: boolean,
): string {
  if (stage === "combine") {
    const main = combineText(frame, problem);
    return frame.shader.text(COMBINE_THREADS, main);
  }
  switch (variant.kind) {
    case "direct":
      return frame.shader.text(variant.threads, directText(frame, problem, variant, readings, tail));
    case "tile":
      return frame.shader.text(threadsOf(variant), tileText(frame, problem, variant, readings, tail));
    case "dot":
      return frame.shader.text(variant.threads, dotText(frame, problem, variant, readings, tail));
  }
}

/** Contractions for WebGPU. `forced` decides what otherwise the table of variants does. */
export const contract = (context: Context, kernel: KernelOf<"contract">, forced?: (problem: Problem) => Plan): Compiled =>
  new CompiledContract(context, kernel, forced);
