import { type DType, float32, int32 } from "../../core/dtype.ts";
import { sumOverflow } from "../../core/errors.ts";
import type { LaunchArgs } from "../../kernel/kernel.ts";
import { LoopNest } from "../../kernel/loop-nest.ts";
import { type Bindings, type Operand, planBindings } from "./bindings.ts";
import type { Context } from "./context.ts";
import { faultFunction } from "./indices.ts";
import { declareNest, writeNest } from "./map.ts";
import { Monoid, type Source } from "./monoid.ts";
import type { Pipeline } from "./recorder.ts";
import { declareTree } from "./reduce-tree.ts";
import { declareInOrder, declarePositions, declareStrided, declareWalk, RUN, type Step } from "./reduce-walk.ts";
import { format, Shader, type ShaderOperand } from "./shader.ts";
import { writeScalars } from "./words.ts";

/** How the work of a dispatch is shared out. */
export interface Share {
  /** How many elements are combined into one tuple: all, or a multiple of four. */
  readonly chunk: number;
  readonly chunks: number;
  /** How many invocations combine them: one, or a power of two up to `workgroup`. */
  readonly lanes: number;
  /** Invocations of a workgroup. */
  readonly workgroup: number;
}

/** What a run is about. */
export interface Sizes {
  /** How many elements the outputs have, and how many go into each. */
  readonly kept: number;
  readonly elements: number;
  /** How many dimensions are kept. */
  readonly rank: number;
  /** The position of the first element. */
  readonly position: number;
}

/** A dispatch of a reduction: of all elements into the outputs, or of chunks of them into tuples that are kept for a second dispatch. */
export class ReducePass {
  readonly monoid: Monoid;
  readonly #context: Context;
  readonly #dtypes: readonly DType[];
  readonly #outputs: number;
  readonly #keeps: boolean;
  readonly #kept: LoopNest;
  readonly #reduced: LoopNest;
  readonly #steps: Step[] = [];
  readonly #variants = new Map<string, Pipeline>();
  readonly #flag: Operand | null;

  /** `keeps`: the outputs are the components, with the chunks behind the kept dimensions, and `init` is left out. */
  constructor(context: Context, source: Source, inputs: readonly DType[], keeps: boolean) {
    this.#context = context;
    this.monoid = new Monoid(source);
    this.#keeps = keeps;
    const outputs = this.monoid.results(keeps);
    this.#outputs = outputs.length;
    this.#dtypes = [...outputs, ...inputs];
    for (const d of this.#dtypes) format(d);
    this.#kept = new LoopNest(this.#dtypes.length);
    this.#reduced = new LoopNest(inputs.length);
    this.#flag = this.monoid.watches && !keeps ? context.flag : null;
  }

  run(inputs: readonly Operand[], outputs: readonly Operand[], args: LaunchArgs, sizes: Sizes, share: Share): void {
    const { recorder, window, faults } = this.#context;
    const { kept, elements, rank, position } = sizes;
    const { chunk, chunks, lanes, workgroup } = share;
    const operands = [...outputs, ...inputs];
    const bindings = planBindings(this.#flag === null ? operands : [...operands, this.#flag], window);
    const outer = this.#layKept(operands, outputs[0]!.layout.shape, rank);
    const inner = this.#layReduced(inputs, sizes);
    let steps = this.#layWalk(inputs, elements);
    const sixteens = steps !== "" && lanes === 1 && this.#takesSixteens(inputs, bindings);
    if (sixteens) steps += "16";
    const deep = this.monoid.rounds && chunk > RUN;
    const key = `${workgroup}/${lanes}/${outer.rank}/${inner.rank}${steps}${deep ? "d" : ""}|${bindings.key}`;
    let pipeline = this.#variants.get(key);
    if (pipeline === undefined) {
      pipeline = this.#pipeline(share, outer.rank, inner.rank, deep, sixteens, bindings);
      this.#variants.set(key, pipeline);
    }
    const { scalars } = this.monoid;
    const code = this.#flag === null ? 0 : faults.register(overflow);
    let w = recorder.parameters(8 + operands.length + outer.rank * (1 + outer.width) + inner.rank * (1 + inner.width) + scalars.length) + 1;
    recorder.u32[w++] = kept;
    recorder.u32[w++] = elements;
    recorder.u32[w++] = chunk;
    recorder.u32[w++] = chunks;
    recorder.u32[w++] = this.#keeps ? outputs[0]!.layout.strides[rank]! : 0;
    recorder.u32[w++] = position;
    recorder.u32[w++] = code;
    for (let k = 0; k < operands.length; k++) recorder.u32[w++] = operands[k]!.layout.offset;
    w = writeNest(recorder, w, outer);
    w = writeNest(recorder, w, inner);
    writeScalars(recorder, w, scalars, args.scalars);
    recorder.dispatch(pipeline, bindings.blocks, this.#context.groups(kept * chunks, workgroup / lanes));
  }

  #layKept(operands: readonly Operand[], shape: readonly number[], rank: number): LoopNest {
    const nest = this.#kept.clear();
    for (let d = 0; d < rank; d++) {
      if (shape[d] === 1) continue;
      nest.push(shape[d]!);
      for (let k = 0; k < operands.length; k++) nest.set(k, operands[k]!.layout.strides[d]!);
    }
    return nest.sort().merge(zeros);
  }

  #layReduced(inputs: readonly Operand[], { rank, elements }: Sizes): LoopNest {
    const nest = this.#reduced.clear();
    if (elements === 0) return nest;
    const { shape } = inputs[0]!.layout;
    for (let d = rank; d < shape.length; d++) {
      if (shape[d] === 1) continue;
      nest.push(shape[d]!);
      for (let k = 0; k < inputs.length; k++) nest.set(k, inputs[k]!.layout.strides[d]!);
    }
    if (this.monoid.commutative) nest.sort();
    return nest.merge(zeros);
  }

  /** Finds how each input walks along the reduced elements; a letter each. */
  #layWalk(inputs: readonly Operand[], elements: number): string {
    const [steps, reduced] = [this.#steps, this.#reduced];
    let text = "";
    let wide = reduced.rank === 1 && elements >= 8;
    for (let k = 0; k < inputs.length && wide; k++) {
      const step = reduced.strides[k]!;
      if (step === 0) steps[k] = "still";
      else if (step === 1 && this.#startsAt(4, inputs[k]!, k)) steps[k] = "wide";
      else wide = false;
      text += step === 0 ? "s" : "w";
    }
    if (wide && text.includes("w")) return text;
    for (let k = 0; k < inputs.length; k++) steps[k] = "step";
    return "";
  }

  /** Whether each kept element begins at a multiple of `count` elements of the input. */
  #startsAt(count: number, { layout, storage }: Operand, k: number): boolean {
    const { rank, width, strides } = this.#kept;
    if (layout.offset % count !== 0 || storage.block.size % (4 * count) !== 0) return false;
    for (let d = 0; d < rank; d++) if (strides[d * width + this.#outputs + k]! % count !== 0) return false;
    return true;
  }

  /** Whether the inputs that are walked in fours are all of float32, alone in their bindings, and can be taken sixteen at a time. */
  #takesSixteens(inputs: readonly Operand[], { groups }: Bindings): boolean {
    if (!this.#context.features.software) return false;
    for (let k = 0; k < inputs.length; k++) {
      if (this.#steps[k] !== "wide") continue;
      const g = groups[this.#outputs + k]!;
      if (inputs[k]!.dtype !== float32 || groups.indexOf(g) !== groups.lastIndexOf(g) || !this.#startsAt(16, inputs[k]!, k)) return false;
    }
    return true;
  }

  #pipeline(
    { lanes, workgroup }: Share,
    keptRank: number,
    reducedRank: number,
    deep: boolean,
    sixteens: boolean,
    bindings: Bindings,
  ): Pipeline {
    const { monoid } = this;
    const nOut = this.#outputs;
    const steps = [...this.#steps];
    const wide = reducedRank > 0 && steps.includes("wide");
    const operands = this.#dtypes.map((dtype, k): ShaderOperand => {
      const access = k < nOut ? "shared" : wide && steps[k - nOut] === "wide" ? (sixteens ? "mat4" : "vec4") : "element";
      return { dtype, access };
    });
    if (this.#flag !== null) operands.push({ dtype: int32, access: "atomic" });
    const s = new Shader(operands, bindings, this.#context.window);
    const [n, m, chunk, chunks, step, position, code] = [s.word(), s.word(), s.word(), s.word(), s.word(), s.word(), s.word()];
    declarePositions(s, position);
    const places = this.#dtypes.map((_, k) => ({ name: `p${k}`, start: s.word() }));
    const keptNest = declareNest(s, keptRank, this.#kept.width);
    const walk = reducedRank === 0 ? null : declareWalk(s, reducedRank, steps, nOut, sixteens);
    monoid.declare(
      s,
      this.#dtypes.slice(nOut).map((d) => format(d).type),
    );
    if (this.#flag !== null) s.declarations.push(faultFunction(s.buffer(operands.length - 1), code));
    const from = steps.map((_, k) => `p${nOut + k}`).join(", ");
    const finish = `${this.#keeps || walk === null ? "" : "y = combine(init_state(), y);"}
  ${(this.#keeps ? monoid.types : monoid.outputs).map((_, k) => s.store(k, `p${k}${this.#keeps ? ` + c * ${step}` : ""}`, this.#keeps ? `y.c${k}` : `finish_${k}(y)`)).join("\n  ")}
  ${this.#flag === null ? "" : "if (overflowed(y)) { fault(0, 0); }"}`;
    const begin = `let c = t / n;
  ${keptNest("(t - c * n)", places)}
  let start = c * ${chunk};
  let end = min(${m}, start + ${chunk});`;
    let main: string;
    if (lanes === 1 || walk === null) {
      const value = walk === null ? "init_state()" : `${declareInOrder(s, walk, monoid.commutative, deep)}(start, end, ${from})`;
      main = `
let n = ${n};
let total = n * ${chunks};
for (var t = gid; t < total; t += wgs * ${workgroup}u) {
  ${begin}
  var y = ${value};
  ${finish}
}`;
      return this.#context.recorder.pipeline(s.text(workgroup, main), bindings.blocks.length);
    }
    const { features } = this.#context;
    const subgroup = features.subgroups ? Math.min(features.subgroupMinSize, lanes) : 1;
    const own = monoid.commutative
      ? `let unit = ${wide ? 4 : 1}u;
    filled = min(${lanes}u, (end - start + unit - 1u) / unit);
    if (lane < filled) { y = ${declareStrided(s, walk, reducedRank, lanes, deep)}(start + lane * unit, end, ${from}); }`
      : `let part = ((end - start + ${lanes - 1}u) / ${lanes}u + 3u) & ~3u;
    filled = (end - start + part - 1u) / part;
    if (lane < filled) { y = ${declareInOrder(s, walk, false, deep)}(start + lane * part, min(end, start + lane * part + part), ${from}); }`;
    const rows = workgroup / lanes;
    main = `
let n = ${n};
let total = n * ${chunks};
let lane = lid % ${lanes}u;
for (var g = wid * ${rows}u; g < total; g += wgs * ${rows}u) {
  let t = g + lid / ${lanes}u;
  ${begin}
  var y: State;
  var filled = 0u;
  if (t < total) {
    ${own}
  }
  ${declareTree(s, monoid.types, lanes, workgroup, subgroup)}
  if (lane == 0u && t < total) {
    ${finish}
  }
}`;
    return this.#context.recorder.pipeline(s.text(workgroup, main, { subgroups: subgroup > 1 }), bindings.blocks.length);
  }
}

const overflow = (): Error => sumOverflow("webgpu");
const zeros: readonly number[] = Array.from({ length: 64 }, () => 0);
