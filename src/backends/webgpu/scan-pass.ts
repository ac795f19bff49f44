import { type DType, int32 } from "../../core/dtype.ts";
import { sumOverflow } from "../../core/errors.ts";
import type { LaunchArgs } from "../../kernel/kernel.ts";
import { LoopNest } from "../../kernel/loop-nest.ts";
import { type Bindings, type Operand, planBindings } from "./bindings.ts";
import type { Context } from "./context.ts";
import { faultFunction } from "./indices.ts";
import { declareNest, writeNest } from "./map.ts";
import { Monoid, type Source } from "./monoid.ts";
import type { Pipeline } from "./recorder.ts";
import { format, Shader, type ShaderOperand } from "./shader.ts";
import { writeScalars } from "./words.ts";

/** The part of its rows that a dispatch scans. */
export interface Span {
  /** How many elements an invocation scans, and how many make up a row here. */
  readonly chunk: number;
  readonly chunks: number;
  /** The number of the first chunk, and the position of the first element. */
  readonly first: number;
  readonly position: number;
}

/** A dispatch of a scan: each invocation goes through a row, or a chunk of one, for which the tuples of all before it are known. */
export class ScanPass {
  readonly monoid: Monoid;
  readonly #context: Context;
  readonly #dtypes: readonly DType[];
  readonly #outputs: number;
  readonly #keeps: boolean;
  readonly #rows: LoopNest;
  readonly #chunks: LoopNest;
  readonly #variants = new Map<string, Pipeline>();
  readonly #flag: Operand | null;

  /** `keeps`: the outputs are the components, and do not begin with `init`. */
  constructor(context: Context, source: Source, inputs: readonly DType[], keeps: boolean) {
    this.#context = context;
    this.monoid = new Monoid(source);
    this.#keeps = keeps;
    const outputs = this.monoid.results(keeps);
    this.#outputs = outputs.length;
    this.#dtypes = [...outputs, ...inputs, ...this.monoid.kept];
    for (const d of this.#dtypes) format(d);
    this.#rows = new LoopNest(outputs.length + inputs.length);
    this.#chunks = new LoopNest(this.#dtypes.length);
    this.#flag = this.monoid.watches && !keeps ? context.flag : null;
  }

  /** `before`: components of the scanned chunks, in the outputs' shape but for the last dimension; none where a row is one chunk. */
  run(inputs: readonly Operand[], outputs: readonly Operand[], before: readonly Operand[], args: LaunchArgs, span: Span): void {
    const { chunk, chunks, first, position } = span;
    const { shape, numel } = outputs[0]!.layout;
    const last = shape.length - 1;
    const size = shape[last] ?? 1;
    const operands = [...outputs, ...inputs, ...before];
    const { recorder, window, faults } = this.#context;
    const bindings = planBindings(this.#flag === null ? operands : [...operands, this.#flag], window);
    const nest = (before.length > 0 ? this.#chunks : this.#rows).clear();
    for (let d = 0; d < last; d++) {
      if (shape[d] === 1) continue;
      nest.push(shape[d]!);
      for (let k = 0; k < operands.length; k++) nest.set(k, operands[k]!.layout.strides[d]!);
    }
    nest.sort().merge(zeros);
    const items = (numel / size) * chunks;
    const workgroup = this.#context.features.software && items < 4096 ? 16 : 64;
    const key = `${workgroup}/${nest.rank}${before.length > 0 ? "c" : ""}|${bindings.key}`;
    let pipeline = this.#variants.get(key);
    if (pipeline === undefined) {
      pipeline = this.#pipeline(workgroup, nest, before.length > 0, bindings);
      this.#variants.set(key, pipeline);
    }
    const { scalars } = this.monoid;
    const code = this.#flag === null ? 0 : faults.register(overflow);
    let w = recorder.parameters(8 + 2 * operands.length + nest.rank * (1 + nest.width) + scalars.length) + 1;
    recorder.u32[w++] = numel / size;
    recorder.u32[w++] = size;
    recorder.u32[w++] = chunk;
    recorder.u32[w++] = chunks;
    recorder.u32[w++] = first;
    recorder.u32[w++] = position;
    recorder.u32[w++] = code;
    for (let k = 0; k < operands.length; k++) recorder.u32[w++] = operands[k]!.layout.offset;
    for (let k = 0; k < operands.length; k++) recorder.i32[w++] = operands[k]!.layout.strides[last] ?? 0;
    w = writeNest(recorder, w, nest);
    writeScalars(recorder, w, scalars, args.scalars);
    recorder.dispatch(pipeline, bindings.blocks, this.#context.groups(items, workgroup));
  }

  #pipeline(workgroup: number, loops: LoopNest, chunked: boolean, bindings: Bindings): Pipeline {
    const { monoid } = this;
    const nOut = this.#outputs;
    const nIn = this.#dtypes.length - nOut - monoid.kept.length;
    const all = this.#dtypes.slice(0, loops.width);
    const operands = all.map((dtype, k): ShaderOperand => ({ dtype, access: k < nOut ? "shared" : "element" }));
    if (this.#flag !== null) operands.push({ dtype: int32, access: "atomic" });
    const s = new Shader(operands, bindings, this.#context.window);
    const [n, m, chunk, chunks, first, position, code] = [s.word(), s.word(), s.word(), s.word(), s.word(), s.word(), s.word()];
    const places = all.map((_, k) => ({ name: `p${k}`, start: s.word() }));
    const steps = all.map(() => s.word());
    const nest = declareNest(s, loops.rank, loops.width);
    const inputs = all.slice(nOut, nOut + nIn);
    monoid.declare(
      s,
      inputs.map((d) => format(d).type),
    );
    if (this.#flag !== null) s.declarations.push(faultFunction(s.buffer(operands.length - 1), code));
    const element = [...inputs.map((_, k) => s.load(nOut + k, `p${nOut + k}`)), `i32(j + ${position})`].join(", ");
    const values = (this.#keeps ? monoid.types : monoid.outputs).map((_, k) => (this.#keeps ? `y.c${k}` : `finish_${k}(y)`));
    const known = (): string => {
      const kept = monoid.types.map((_, k) => nOut + nIn + k);
      return `State(${kept.map((k) => s.load(k, `p${k} + (c + ${first} - 1u) * ${steps[k]}`)).join(", ")})`;
    };
    const begin = this.#keeps
      ? `var y: State;
  ${chunked ? `if (c + ${first} > 0u) { y = ${known()}; }` : ""}`
      : `var y = init_state();
  ${chunked ? `if (c + ${first} > 0u) { y = combine(y, ${known()}); }` : ""}`;
    const step = this.#keeps
      ? `if (j + ${position} == 0u) { y = lift(${element}); } else { y = fold(y, ${element}); }`
      : `y = fold(y, ${element});`;
    const main = `
let n = ${n};
let total = n * ${chunks};
for (var t = gid; t < total; t += wgs * ${workgroup}u) {
  let c = t / n;
  ${nest("(t - c * n)", places)}
  let start = c * ${chunk};
  let end = min(${m}, start + ${chunk});
  ${begin}
  ${places
    .slice(0, nOut + nIn)
    .map(({ name }, k) => `${name} += start * ${steps[k]};`)
    .join(" ")}
  var wrapped = false;
  for (var j = start; j < end; j++) {
    ${step}
    ${values.map((value, k) => s.store(k, `p${k}`, value)).join("\n    ")}
    ${this.#flag === null ? "" : "wrapped = wrapped || overflowed(y);"}
    ${places
      .slice(0, nOut + nIn)
      .map(({ name }, k) => `${name} += ${steps[k]};`)
      .join(" ")}
  }
  ${this.#flag === null ? "" : "if (wrapped) { fault(0, 0); }"}
}`;
    return this.#context.recorder.pipeline(s.text(workgroup, main), bindings.blocks.length);
  }
}

const overflow = (): Error => sumOverflow("webgpu");
const zeros: readonly number[] = Array.from({ length: 64 }, () => 0);
