import { type DType, int32 } from "../../core/dtype.ts";
import { sumOverflow } from "../../core/errors.ts";
import { Layout } from "../../core/layout.ts";
import type { LaunchArgs } from "../../kernel/kernel.ts";
import { LoopNest } from "../../kernel/loop-nest.ts";
import { type Bindings, type Operand, planBindings } from "./bindings.ts";
import type { Context } from "./context.ts";
import { faultFunction } from "./indices.ts";
import { declareNest, type Place, writeNest } from "./map.ts";
import { Monoid, type Source } from "./monoid.ts";
import type { Pipeline } from "./recorder.ts";
import { type Access, format, Shader, wordAt } from "./shader.ts";
import { writeScalars } from "./words.ts";

const WORKGROUP = 64;
/** So many elements are combined one after the other before they count as one. */
const RUN = 128;

/** A dispatch of a reduction: of all elements into one, or of chunks of them, whose tuples are kept for a second dispatch. */
export class ReducePass {
  readonly monoid: Monoid;
  readonly #context: Context;
  readonly #dtypes: readonly DType[];
  readonly #outputs: number;
  readonly #keeps: boolean;
  readonly #kept: LoopNest;
  readonly #reduced: LoopNest;
  readonly #variants = new Map<string, Pipeline>();
  readonly #flag: Operand | null;

  /** `keeps`: the outputs are components, chunk after chunk in the first of their dimensions, and do not begin with `init`. */
  constructor(context: Context, source: Source, inputs: readonly DType[], keeps: boolean) {
    this.#context = context;
    this.monoid = new Monoid(source);
    this.#keeps = keeps;
    const outputs = keeps ? this.monoid.kept : this.monoid.outputs.map((o) => o.dtype);
    this.#outputs = outputs.length;
    this.#dtypes = [...outputs, ...inputs];
    for (const d of this.#dtypes) format(d);
    this.#kept = new LoopNest(this.#dtypes.length);
    this.#reduced = new LoopNest(inputs.length);
    const block = context.faults.block;
    this.#flag = this.monoid.watches && !keeps ? { storage: { block }, layout: Layout.contiguous([4]), dtype: int32 } : null;
  }

  /** `chunk`: how many elements one invocation combines; chunk c's tuple lies c times `step` further in the outputs. */
  run(inputs: readonly Operand[], outputs: readonly Operand[], args: LaunchArgs, kept: number, elements: number, chunk: number, step: number): void {
    const { recorder, window, faults } = this.#context;
    const operands = [...outputs, ...inputs];
    const bindings = planBindings(this.#flag === null ? operands : [...operands, this.#flag], window);
    const first = outputs[0]!.layout.ndim - (this.#keeps ? 1 : 0);
    const outer = this.#layKept(operands, outputs[0]!.layout.shape, first);
    const inner = this.#layReduced(inputs, first, elements);
    const deep = this.monoid.rounds && chunk > RUN;
    const key = `${outer.rank}.${inner.rank}${deep ? "d" : ""}|${bindings.key}`;
    let pipeline = this.#variants.get(key);
    if (pipeline === undefined) {
      pipeline = this.#pipeline(outer.rank, inner.rank, deep, bindings);
      this.#variants.set(key, pipeline);
    }
    const { scalars } = this.monoid;
    const code = this.#flag === null ? 0 : faults.register(overflow);
    let w = recorder.parameters(7 + operands.length + outer.rank * (1 + outer.width) + inner.rank * (1 + inner.width) + scalars.length) + 1;
    recorder.u32[w++] = kept;
    recorder.u32[w++] = elements;
    recorder.u32[w++] = chunk;
    recorder.u32[w++] = Math.max(1, Math.ceil(elements / chunk));
    recorder.u32[w++] = step;
    recorder.u32[w++] = code;
    for (let k = 0; k < operands.length; k++) recorder.u32[w++] = operands[k]!.layout.offset;
    w = writeNest(recorder, w, outer);
    w = writeNest(recorder, w, inner);
    writeScalars(recorder, w, scalars, args.scalars);
    recorder.dispatch(pipeline, bindings.blocks, this.#context.groups(kept * Math.max(1, Math.ceil(elements / chunk)), WORKGROUP));
  }

  #layKept(operands: readonly Operand[], shape: readonly number[], first: number): LoopNest {
    const nest = this.#kept.clear();
    for (let d = 0; d < first; d++) {
      if (shape[d] === 1) continue;
      nest.push(shape[d]!);
      for (let k = 0; k < operands.length; k++) nest.set(k, operands[k]!.layout.strides[d]!);
    }
    return nest.sort().merge(ones);
  }

  #layReduced(inputs: readonly Operand[], first: number, elements: number): LoopNest {
    const nest = this.#reduced.clear();
    if (elements === 0) return nest;
    const { shape } = inputs[0]!.layout;
    for (let d = first; d < shape.length; d++) {
      if (shape[d] === 1) continue;
      nest.push(shape[d]!);
      for (let k = 0; k < inputs.length; k++) nest.set(k, inputs[k]!.layout.strides[d]!);
    }
    if (this.monoid.commutative) nest.sort();
    return nest.merge(ones);
  }

  #pipeline(keptRank: number, reducedRank: number, deep: boolean, bindings: Bindings): Pipeline {
    const nOut = this.#outputs;
    const operands = this.#dtypes.map((dtype, k) => ({ dtype, access: (k < nOut ? "shared" : "element") as Access }));
    if (this.#flag !== null) operands.push({ dtype: int32, access: "atomic" });
    const s = new Shader(operands, bindings, this.#context.window);
    const [n, m, chunk, chunks, step, code] = [s.word(), s.word(), s.word(), s.word(), s.word(), s.word()];
    const places = this.#dtypes.map((_, k) => ({ name: `p${k}`, start: s.word() }));
    const keptNest = declareNest(s, keptRank, this.#kept.width);
    const inner = declareWalk(s, reducedRank, this.#reduced.width);
    this.monoid.declare(s, this.#dtypes.slice(nOut).map((d) => format(d).type));
    const loads = this.#dtypes.slice(nOut).map((_, k) => s.load(nOut + k, `q${k}`));
    const from = this.#dtypes.slice(nOut).map((_, k) => `p${nOut + k}`);
    const walked = reducedRank === 0 ? "init_state()" : `${walkFunction(s, inner, loads, deep)}(start, end, ${from.join(", ")})`;
    if (this.#flag !== null) s.declarations.push(faultFunction(s.buffer(operands.length - 1), code));
    const results = this.#keeps
      ? this.monoid.types.map((_, k) => s.store(k, `p${k} + c * ${step}`, `y.c${k}`))
      : this.monoid.outputs.map((_, k) => s.store(k, `p${k}`, `finish_${k}(y)`));
    const main = `
let n = ${n};
let total = n * ${chunks};
for (var t = gid; t < total; t += wgs * ${WORKGROUP}u) {
  let c = t / n;
  ${keptNest("(t - c * n)", places)}
  let start = c * ${chunk};
  let end = min(${m}, start + ${chunk});
  let y = ${this.#keeps || reducedRank === 0 ? walked : `combine(init_state(), ${walked})`};
  ${results.join("\n  ")}
  ${this.#flag === null ? "" : "if (overflowed(y)) { fault(0, 0); }"}
}`;
    return this.#context.recorder.pipeline(s.text(WORKGROUP, main), bindings.blocks.length);
  }
}

const overflow = (): Error => sumOverflow("webgpu");
const ones: readonly number[] = Array.from({ length: 64 }, () => 1);

/** The words of a nest that is walked from one element to the next. */
interface Walk {
  readonly nest: (index: string, places: readonly Place[]) => string;
  readonly width: number;
  /** The size of the innermost loop and its steps. */
  readonly size: string;
  readonly steps: readonly string[];
}

/** Names the words that `writeNest` writes, for a walk. */
function declareWalk(s: Shader, rank: number, width: number): Walk {
  const first = s.words;
  const nest = declareNest(s, rank, width);
  const last = first + (rank - 1) * (1 + width);
  return { nest, width, size: wordAt(last), steps: Array.from({ length: width }, (_, k) => wordAt(last + 1 + k)) };
}

/**
 * Declares a function that combines the elements from `start` up to `end`, of which there is at least one, in order. Its further arguments are the
 * places at which the operands begin; `loads` are over q0, q1, ... Returns its name.
 */
function walkFunction(s: Shader, walk: Walk, loads: readonly string[], deep: boolean): string {
  const places = loads.map((_, k) => ({ name: `q${k}`, start: `b${k}` }));
  const bases = loads.map((_, k) => `b${k}: u32`).join(", ");
  const elements = loads.join(", ");
  const advance = walk.steps.map((step, k) => `q${k} += ${step};`).join(" ");
  const again = loads.map((_, k) => `q${k} = r${k};`).join(" ");
  s.declarations.push(`fn walk(start: u32, end: u32, ${bases}) -> State {
  let size = ${walk.size};
  ${walk.nest("start", places)}
  var y = lift(${elements}, i32(start));
  ${advance}
  var j = start + 1u;
  var stop = min(end, start - start % size + size);
  loop {
    for (; j < stop; j++) {
      y = fold(y, ${elements}, i32(j));
      ${advance}
    }
    if (j >= end) { break; }
    { ${walk.nest("j", loads.map((_, k) => ({ name: `r${k}`, start: `b${k}` })))}
    ${again} }
    stop = min(end, j + size);
  }
  return y;
}`);
  if (!deep) return "walk";
  s.declarations.push(`fn walk_runs(start: u32, end: u32, ${bases}) -> State {
  var y: State;
  for (var j = start; j < end; j += ${RUN}u) {
    let part = walk(j, min(end, j + ${RUN}u), ${loads.map((_, k) => `b${k}`).join(", ")});
    if (j == start) { y = part; } else { y = combine(y, part); }
  }
  return y;
}`);
  return "walk_runs";
}
