import type { ComputeType } from "../../core/dtype.ts";
import { lower } from "../../kernel/elementary.ts";
import { type Expr, mentions, position } from "../../kernel/expr.ts";
import type { Compiled, KernelOf, LaunchArgs, Output } from "../../kernel/kernel.ts";
import { LoopNest } from "../../kernel/loop-nest.ts";
import { type Bindings, type Operand, planBindings } from "./bindings.ts";
import type { Context } from "./context.ts";
import { fits, runFitted, sharedAxes } from "./fit-bindings.ts";
import type { Pipeline } from "./recorder.ts";
import { type Access, format, Shader } from "./shader.ts";
import { declareScalars, scalarTypes, writeScalars } from "./words.ts";

const WORKGROUP = 256;

/** How an operand of the flat variant walks: element by element, or not at all. */
type Walk = "along" | "still";

/**
 * Elementwise kernels. Operands that lie contiguously, or that are one element for all, take four elements per invocation. Others are walked by a
 * nest of loops, in which places are found by division: four elements at a time too where the rows allow it, else one.
 */
class CompiledMap implements Compiled {
  readonly #context: Context;
  readonly #outputs: readonly Output[];
  readonly #dtypes: readonly Operand["dtype"][];
  readonly #scalars: readonly (ComputeType | null)[];
  readonly #usesPosition: boolean;
  readonly #nest: LoopNest;
  /** Pipelines by the number of the binding pattern and, one bit each, which operands stand still. */
  readonly #flats = new Map<number, Pipeline>();
  /** Pipelines by the number of the binding pattern and the rank of the nest; of those that take four elements, also by which operands move. */
  readonly #nests = new Map<number, Pipeline>();
  readonly #quads = new Map<number, Pipeline>();

  constructor(context: Context, kernel: KernelOf<"map">) {
    this.#context = context;
    this.#outputs = kernel.outputs.map((o) => ({ dtype: o.dtype, value: lower(o.value) }));
    this.#dtypes = [...kernel.outputs.map((o) => o.dtype), ...kernel.inputs];
    for (const d of this.#dtypes) format(d);
    const roots = this.#outputs.map((o) => o.value);
    this.#usesPosition = roots.some((e) => mentions(e, position));
    this.#scalars = scalarTypes(roots);
    this.#nest = new LoopNest(this.#dtypes.length + (this.#usesPosition ? 1 : 0));
  }

  run(inputs: readonly Operand[], outputs: readonly Operand[], args: LaunchArgs): void {
    if (outputs[0]!.layout.numel === 0) return;
    const operands = outputs.concat(inputs);
    const bindings = planBindings(operands, this.#context.window);
    if (fits(this.#context, bindings)) this.#launch(operands, bindings, 0, args);
    else {
      const axes = sharedAxes(operands, outputs[0]!.layout.ndim);
      const run = { operands, outputs: outputs.length, axes, ordered: this.#usesPosition };
      runFitted(this.#context, run, (part) => {
        this.#launch(part.operands, planBindings(part.operands, this.#context.window), part.position, args);
      });
    }
  }

  /** `start`: the position of the first element. */
  #launch(operands: readonly Operand[], bindings: Bindings, start: number, args: LaunchArgs): void {
    const still = stillOperands(operands);
    if (still >= 0) this.#runFlat(operands, bindings, still, start, args);
    else this.#runNest(operands, bindings, start, args);
  }

  #runFlat(operands: readonly Operand[], bindings: Bindings, still: number, start: number, args: LaunchArgs): void {
    const key = bindings.id * 2 ** operands.length + still;
    let pipeline = this.#flats.get(key);
    if (pipeline === undefined) {
      const walks = operands.map((_, k): Walk => ((still >> k) & 1 ? "still" : "along"));
      pipeline = this.#flatPipeline(walks, bindings);
      this.#flats.set(key, pipeline);
    }
    const { recorder } = this.#context;
    const n = operands[0]!.layout.numel;
    const w = this.#writeHead(operands, start, 0);
    writeScalars(recorder, w, this.#scalars, args.scalars);
    recorder.dispatch(pipeline, bindings.blocks, this.#context.streams(n, 4 * WORKGROUP));
  }

  #runNest(operands: readonly Operand[], bindings: Bindings, start: number, args: LaunchArgs): void {
    const nest = this.#layNest(operands);
    const moving = this.#quarter(operands);
    const pipelines = moving < 0 ? this.#nests : this.#quads;
    const pattern = bindings.id * MAX_RANK + nest.rank;
    const key = moving < 0 ? pattern : pattern * 2 ** operands.length + moving;
    let pipeline = pipelines.get(key);
    if (pipeline === undefined) {
      pipeline = this.#nestPipeline(nest.rank, bindings, moving);
      pipelines.set(key, pipeline);
    }
    const { recorder } = this.#context;
    const n = operands[0]!.layout.numel;
    let w = this.#writeHead(operands, start, nest.rank * (1 + nest.width));
    w = writeNest(recorder, w, nest);
    writeScalars(recorder, w, this.#scalars, args.scalars);
    recorder.dispatch(pipeline, bindings.blocks, this.#context.streams(n, moving < 0 ? WORKGROUP : 4 * WORKGROUP));
  }

  /** Reserves the parameters, with `more` words for a nest, and writes those that both variants begin with; gives the next word. */
  #writeHead(operands: readonly Operand[], start: number, more: number): number {
    const { recorder } = this.#context;
    const { u32 } = recorder;
    let w = recorder.parameters(3 + operands.length + more + this.#scalars.length) + 1;
    u32[w++] = operands[0]!.layout.numel;
    u32[w++] = start;
    for (let k = 0; k < operands.length; k++) u32[w++] = operands[k]!.layout.offset;
    return w;
  }

  #layNest(operands: readonly Operand[]): LoopNest {
    const nest = this.#nest.clear();
    const { shape, numel } = operands[0]!.layout;
    let positions = numel;
    for (let d = 0; d < shape.length; d++) {
      const length = shape[d]!;
      positions /= length;
      if (length === 1) continue;
      nest.push(length);
      for (let k = 0; k < operands.length; k++) nest.set(k, operands[k]!.layout.strides[d]!);
      if (this.#usesPosition) nest.set(operands.length, positions);
    }
    return nest.sort().merge(ones);
  }

  /**
   * Makes the innermost loop of the nest go in steps of four elements, if rows are whole fours and begin at multiples of four. Gives the operands
   * that move along it, one bit each (the others have one element for the whole row); -1 if the loop stays as it is.
   */
  #quarter(operands: readonly Operand[]): number {
    const { sizes, strides, width, rank } = this.#nest;
    const inner = (rank - 1) * width;
    if (sizes[rank - 1]! % 4 !== 0 || operands.length > 20) return -1;
    if (this.#usesPosition && strides[inner + operands.length] !== 1) return -1;
    let moving = 0;
    for (let k = 0; k < operands.length; k++) {
      const step = strides[inner + k]!;
      if (step === 0 && k >= this.#outputs.length) continue;
      if (step !== 1 || operands[k]!.layout.offset % 4 !== 0) return -1;
      for (let d = 0; d < rank - 1; d++) if (strides[d * width + k]! % 4 !== 0) return -1;
      moving |= 1 << k;
    }
    sizes[rank - 1]! /= 4;
    for (let k = 0; k < width; k++) strides[inner + k]! *= 4;
    return moving;
  }

  #flatPipeline(walks: readonly Walk[], bindings: Bindings): Pipeline {
    const operands = this.#dtypes.map((dtype, k) => ({ dtype, access: (walks[k] === "along" ? "vec4" : "element") as Access }));
    const s = new Shader(operands, bindings, this.#context.window);
    const n = s.word();
    const start = s.word();
    const offsets = operands.map(() => s.word());
    const names = this.#values(s);
    const nOut = this.#outputs.length;
    const inputs = this.#dtypes.slice(nOut).map((_, k) => k + nOut);
    const at = (k: number, i: string): string => (walks[k] === "along" ? `${offsets[k]} + ${i}` : offsets[k]!);
    const argument = (k: number, lane: string): string => (walks[k] === "along" ? `x${k}.${lane}` : `x${k}`);
    const calls = (o: number, j: number): string =>
      `${names[o]}(${[...inputs.map((k) => argument(k, lanes[j]!)), `i32(${start} + i) + ${j}`].join(", ")})`;
    const main = `
let n = ${n};
for (var q = gid; q < n / 4u; q += wgs * ${WORKGROUP}u) {
  let i = q * 4u;
  ${inputs.map((k) => `let x${k} = ${walks[k] === "along" ? s.load4(k, at(k, "i")) : s.load(k, at(k, "i"))};`).join("\n  ")}
  ${names.map((_, o) => `let y${o} = vec4<${s.type(o)}>(${lanes.map((__, j) => calls(o, j)).join(", ")});`).join("\n  ")}
  ${names.map((_, o) => s.store4(o, at(o, "i"), `y${o}`)).join("\n  ")}
}
// One invocation has the rest, so that no two store into one word.
if (gid == 0u) {
  for (var j = n & ~3u; j < n; j++) {
    ${inputs.map((k) => `let x${k} = ${s.load(k, at(k, "j"))};`).join("\n    ")}
    ${names.map((name, o) => `let y${o} = ${name}(${[...inputs.map((k) => `x${k}`), `i32(${start} + j)`].join(", ")});`).join("\n    ")}
    ${names.map((_, o) => s.store(o, at(o, "j"), `y${o}`)).join("\n    ")}
  }
}`;
    return this.#context.recorder.pipeline(s.text(WORKGROUP, main), bindings.blocks.length);
  }

  /** `moving`: the operands that move along rows taken by fours; -1 for one element at a time. */
  #nestPipeline(rank: number, bindings: Bindings, moving: number): Pipeline {
    const nOut = this.#outputs.length;
    const quads = moving >= 0;
    const moves = (k: number): boolean => quads && ((moving >> k) & 1) === 1;
    const operands = this.#dtypes.map((dtype, k) => ({
      dtype,
      access: (moves(k) ? "vec4" : k < nOut ? "shared" : "element") as Access,
    }));
    const s = new Shader(operands, bindings, this.#context.window);
    const n = s.word();
    const start = s.word();
    const places = operands.map((_, k) => ({ name: `p${k}`, start: s.word() }));
    const nest = declareNest(s, rank, this.#nest.width);
    const names = this.#values(s);
    if (this.#usesPosition) places.push({ name: "pos", start });
    const inputs = this.#dtypes.slice(nOut).map((_, k) => k + nOut);
    const position = this.#usesPosition ? "i32(pos)" : "0";
    const call = (o: number, lane: string, j: number): string =>
      `${names[o]}(${[...inputs.map((k) => (moves(k) ? `x${k}${lane}` : `x${k}`)), `${position} + ${j}`].join(", ")})`;
    const value = (o: number): string =>
      quads ? `vec4<${s.type(o)}>(${lanes.map((lane, j) => call(o, `.${lane}`, j)).join(", ")})` : call(o, "", 0);
    const main = `
let n = ${n}${quads ? " / 4u" : ""};
for (var i = gid; i < n; i += wgs * ${WORKGROUP}u) {
  ${nest("i", places)}
  ${inputs.map((k) => `let x${k} = ${moves(k) ? s.load4(k, `p${k}`) : s.load(k, `p${k}`)};`).join("\n  ")}
  ${names.map((_, o) => `let y${o} = ${value(o)};`).join("\n  ")}
  ${names.map((_, o) => (quads ? s.store4(o, `p${o}`, `y${o}`) : s.store(o, `p${o}`, `y${o}`))).join("\n  ")}
}`;
    return this.#context.recorder.pipeline(s.text(WORKGROUP, main), bindings.blocks.length);
  }

  /** Declares a function for each output: of the elements of the inputs and the position. */
  #values(s: Shader): string[] {
    const scalar = declareScalars(s, this.#scalars);
    const nOut = this.#outputs.length;
    const argTypes = this.#dtypes.slice(nOut).map((_, k) => s.type(nOut + k));
    return this.#outputs.map(({ value }: { value: Expr }, o) => {
      const body = s.body({ arg: (slot) => `a${slot}`, argTypes, scalar, position: "pos" });
      const result = body.value(value);
      const parameters = [...argTypes.map((t, k) => `a${k}: ${t}`), "pos: i32"].join(", ");
      s.declarations.push(`fn value_${o}(${parameters}) -> ${s.type(o)} {\n${body.lines.join("\n")}\nreturn ${result};\n}`);
      return `value_${o}`;
    });
  }
}

/** The components of a vector. */
const lanes = ["x", "y", "z", "w"];

/** More than a nest has loops. */
const MAX_RANK = 128;

/** Which operands are one element for all, one bit each; -1 unless all others lie contiguously, so that four elements can be taken at a time. */
function stillOperands(operands: readonly Operand[]): number {
  if (operands.length > 30) return -1;
  let still = 0;
  for (let k = 0; k < operands.length; k++) {
    const { layout } = operands[k]!;
    if (layout.isContiguous) {
      if (layout.offset % 4 !== 0) return -1;
    } else if (layout.strides.every((s, d) => s === 0 || layout.shape[d] === 1)) still |= 1 << k;
    else return -1;
  }
  return still;
}

const ones: readonly number[] = Array.from({ length: 32 }, () => 1);

/** A place in an operand: a variable, and the word that it starts at. */
export interface Place {
  readonly name: string;
  readonly start: string;
}

/** Writes sizes and steps of a nest, from word `at` on; gives the next word. */
export function writeNest(recorder: { readonly u32: Uint32Array; readonly i32: Int32Array }, at: number, nest: LoopNest): number {
  let w = at;
  for (let d = 0; d < nest.rank; d++) {
    recorder.u32[w++] = nest.sizes[d]!;
    for (let k = 0; k < nest.width; k++) recorder.i32[w++] = nest.strides[d * nest.width + k]!;
  }
  return w;
}

/**
 * Names the words that `writeNest` writes. The function gives statements that declare, for the row-major number `index` of an element, the
 * variables of the places (as many as the nest is wide).
 */
export function declareNest(s: Shader, rank: number, width: number): (index: string, places: readonly Place[]) => string {
  const loops = Array.from({ length: rank }, () => ({ size: s.word(), steps: Array.from({ length: width }, () => s.word()) }));
  return (index, places) => {
    const lines = places.map((p) => `var ${p.name} = ${p.start};`);
    const id = places[0]!.name;
    lines.push(`var ${id}_rest = ${index};`);
    for (let d = rank - 1; d >= 0; d--) {
      const { size, steps } = loops[d]!;
      const c = `${id}_c${d}`;
      lines.push(d === 0 ? `let ${c} = ${id}_rest;` : `let ${c} = ${id}_rest % ${size}; ${id}_rest = ${id}_rest / ${size};`);
      places.forEach((p, k) => {
        lines.push(`${p.name} += ${c} * ${steps[k]};`);
      });
    }
    return lines.join("\n  ");
  };
}

/** Elementwise kernels for WebGPU. */
export const map = (context: Context, kernel: KernelOf<"map">): Compiled => new CompiledMap(context, kernel);
