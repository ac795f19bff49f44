import type { DType } from "../../core/dtype.ts";
import type { Compiled, KernelOf, LaunchArgs } from "../../kernel/kernel.ts";
import { LoopNest } from "../../kernel/loop-nest.ts";
import { type Bindings, type Operand, planBindings } from "./bindings.ts";
import type { Context } from "./context.ts";
import { declareNest, writeNest } from "./map.ts";
import { Monoid } from "./monoid.ts";
import type { Pipeline } from "./recorder.ts";
import { type Access, format, Shader } from "./shader.ts";
import { writeScalars } from "./words.ts";

const WORKGROUP = 64;

/** Inclusive scans along the last dimension. */
class CompiledScan implements Compiled {
  readonly #context: Context;
  readonly #monoid: Monoid;
  readonly #dtypes: readonly DType[];
  readonly #nest: LoopNest;
  readonly #variants = new Map<string, Pipeline>();

  constructor(context: Context, kernel: KernelOf<"scan">) {
    this.#context = context;
    this.#monoid = new Monoid(kernel);
    this.#dtypes = [...kernel.outputs.map((o) => o.dtype), ...kernel.inputs];
    for (const d of this.#dtypes) format(d);
    this.#nest = new LoopNest(this.#dtypes.length);
  }

  run(inputs: readonly Operand[], outputs: readonly Operand[], args: LaunchArgs): void {
    const { shape, numel } = outputs[0]!.layout;
    if (numel === 0) return;
    const operands = [...outputs, ...inputs];
    const last = shape.length - 1;
    const size = shape[last] ?? 1;
    const { recorder, window } = this.#context;
    const bindings = planBindings(operands, window);
    const nest = this.#nest.clear();
    for (let d = 0; d < last; d++) {
      if (shape[d] === 1) continue;
      nest.push(shape[d]!);
      for (let k = 0; k < operands.length; k++) nest.set(k, operands[k]!.layout.strides[d]!);
    }
    nest.sort().merge(ones);
    const key = `${nest.rank}|${bindings.key}`;
    let pipeline = this.#variants.get(key);
    if (pipeline === undefined) {
      pipeline = this.#pipeline(nest.rank, bindings);
      this.#variants.set(key, pipeline);
    }
    const { scalars } = this.#monoid;
    let w = recorder.parameters(3 + 2 * operands.length + nest.rank * (1 + nest.width) + scalars.length) + 1;
    recorder.u32[w++] = numel / size;
    recorder.u32[w++] = size;
    for (let k = 0; k < operands.length; k++) recorder.u32[w++] = operands[k]!.layout.offset;
    for (let k = 0; k < operands.length; k++) recorder.i32[w++] = operands[k]!.layout.strides[last] ?? 0;
    w = writeNest(recorder, w, nest);
    writeScalars(recorder, w, scalars, args.scalars);
    recorder.dispatch(pipeline, bindings.blocks, this.#context.groups(numel / size, WORKGROUP));
  }

  #pipeline(rank: number, bindings: Bindings): Pipeline {
    const nOut = this.#monoid.outputs.length;
    const operands = this.#dtypes.map((dtype, k) => ({ dtype, access: (k < nOut ? "shared" : "element") as Access }));
    const s = new Shader(operands, bindings, this.#context.window);
    const [n, m] = [s.word(), s.word()];
    const places = operands.map((_, k) => ({ name: `p${k}`, start: s.word() }));
    const steps = operands.map(() => s.word());
    const nest = declareNest(s, rank, this.#nest.width);
    this.#monoid.declare(s, this.#dtypes.slice(nOut).map((d) => format(d).type));
    const loads = this.#dtypes.slice(nOut).map((_, k) => s.load(nOut + k, `p${nOut + k}`));
    const main = `
let n = ${n};
let m = ${m};
for (var i = gid; i < n; i += wgs * ${WORKGROUP}u) {
  ${nest("i", places)}
  var y = init_state();
  for (var j = 0u; j < m; j++) {
    y = fold(y, ${[...loads, "i32(j)"].join(", ")});
    ${this.#monoid.outputs.map((_, k) => s.store(k, `p${k}`, `finish_${k}(y)`)).join("\n    ")}
    ${places.map(({ name }, k) => `${name} += ${steps[k]};`).join(" ")}
  }
}`;
    return this.#context.recorder.pipeline(s.text(WORKGROUP, main), bindings.blocks.length);
  }
}

const ones: readonly number[] = Array.from({ length: 64 }, () => 1);

/** Scans for WebGPU. */
export const scan = (context: Context, kernel: KernelOf<"scan">): Compiled => new CompiledScan(context, kernel);
