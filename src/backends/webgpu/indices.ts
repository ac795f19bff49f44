import { type ComputeType, type DType, int32 } from "../../core/dtype.ts";
import { forgottenFault } from "../../core/errors.ts";
import type { Compiled, Indexed, LaunchArgs } from "../../kernel/kernel.ts";
import { LoopNest } from "../../kernel/loop-nest.ts";
import { type Bindings, type Operand, planBindings } from "./bindings.ts";
import type { Context } from "./context.ts";
import { fits, type Part, runFitted, sharedAxes } from "./fit-bindings.ts";
import { declareNest, writeNest } from "./map.ts";
import type { Pipeline } from "./recorder.ts";
import { type Access, format, Shader } from "./shader.ts";
import { declareScalars, writeScalars } from "./words.ts";

const WORKGROUP = 256;

/** What a kernel does with each pair of elements, one of which is looked up. */
export interface Move {
  /** The dtype as which elements are moved: operand 0 is the output, operand 1 the first input. */
  readonly dtype: DType;
  /** Which of the two has dimensions that are looked up. */
  readonly looked: 0 | 1;
  /** How the output is reached. */
  readonly access: Access;
  /** Whether four elements may be moved at a time, by `load4` and `store4`. */
  readonly wide: boolean;
  readonly scalars: readonly (ComputeType | null)[];
  /** A statement that moves element `from` of operand 1 to place `to` of operand 0. Called once for each shader. */
  statement(s: Shader, scalar: (slot: number) => string): (to: string, from: string) => string;
}

/** Kernels that look places up: each invocation finds an element's place, or four elements' where they lie side by side, and moves it. */
export class CompiledLookup implements Compiled {
  readonly #context: Context;
  readonly #move: Move;
  readonly #tables: readonly DType[];
  readonly #nest: LoopNest;
  readonly #variants = new Map<string, Pipeline>();
  readonly #flag: Operand;

  constructor(context: Context, move: Move, tables: readonly DType[]) {
    this.#context = context;
    this.#move = move;
    this.#tables = tables;
    for (const d of [move.dtype, ...tables]) format(d);
    this.#nest = new LoopNest(2 + tables.length);
    this.#flag = context.flag;
  }

  run(inputs: readonly Operand[], outputs: readonly Operand[], args: LaunchArgs): void {
    if (inputs[0]!.layout.numel === 0) return;
    const operands = [...outputs, ...inputs];
    const bindings = planBindings([...operands, this.#flag], this.#context.window);
    const code = this.#context.faults.register(args.fault ?? unnamedFault);
    if (fits(this.#context, bindings)) this.#launch(operands, bindings, undefined, code, args);
    else {
      const looked = { operand: this.#move.looked, indexed: args.indexed! };
      const run = { operands, outputs: 1, axes: sharedAxes(operands, operands[1]!.layout.ndim), extra: 1, looked };
      runFitted(this.#context, run, (part) => {
        const planned = planBindings([...part.operands, this.#flag], this.#context.window);
        this.#launch(part.operands, planned, part.places, code, args);
      });
    }
  }

  #launch(operands: readonly Operand[], bindings: Bindings, places: Part["places"], code: number, args: LaunchArgs): void {
    const { recorder } = this.#context;
    const n = operands[0]!.layout.numel;
    const tables = this.#tables.length;
    const nest = this.#layNest(operands);
    const indexed = args.indexed!;
    const wide = this.#move.wide && this.#widen(nest, operands, indexed);
    const key = `${nest.rank}${wide ? "w" : ""}${places === undefined ? "" : "p"}|${bindings.key}`;
    let pipeline = this.#variants.get(key);
    if (pipeline === undefined) {
      pipeline = this.#pipeline(nest.rank, wide, places !== undefined, bindings);
      this.#variants.set(key, pipeline);
    }
    const count = wide ? n / 4 : n;
    const { scalars } = this.#move;
    const words = 5 + operands.length + nest.rank * (1 + nest.width) + 3 * tables + scalars.length;
    let w = recorder.parameters(words) + 1;
    recorder.u32[w++] = count;
    recorder.u32[w++] = code;
    for (let k = 0; k < operands.length; k++) recorder.u32[w++] = operands[k]!.layout.offset;
    w = writeNest(recorder, w, nest);
    for (let j = 0; j < tables; j++) {
      const { size, stride, wraps } = indexed[j]!;
      recorder.i32[w++] = size;
      recorder.i32[w++] = wraps ? -size : 0;
      recorder.i32[w++] = stride;
    }
    if (places !== undefined) {
      recorder.u32[w++] = places.first;
      recorder.u32[w++] = places.count;
    }
    writeScalars(recorder, w, scalars, args.scalars);
    recorder.dispatch(pipeline, bindings.blocks, this.#context.streams(count, WORKGROUP));
  }

  #layNest(operands: readonly Operand[]): LoopNest {
    const nest = this.#nest.clear();
    const { shape } = operands[1]!.layout;
    for (let d = 0; d < shape.length; d++) {
      if (shape[d] === 1) continue;
      nest.push(shape[d]!);
      for (let k = 0; k < operands.length; k++) nest.set(k, operands[k]!.layout.strides[d]!);
    }
    return nest.sort().merge(ones);
  }

  /** Makes the innermost loop one over groups of four elements, if both operands have them side by side and no index differs among them. */
  #widen(nest: LoopNest, operands: readonly Operand[], indexed: readonly Indexed[]): boolean {
    const { width, rank, sizes, strides } = nest;
    const inner = (rank - 1) * width;
    if (sizes[rank - 1]! % 4 !== 0 || strides[inner] !== 1 || strides[inner + 1] !== 1) return false;
    for (let k = 2; k < width; k++) if (strides[inner + k] !== 0) return false;
    for (let k = 0; k < 2; k++) {
      if (operands[k]!.layout.offset % 4 !== 0) return false;
      for (let d = 0; d < rank - 1; d++) if (strides[d * width + k]! % 4 !== 0) return false;
    }
    for (let j = 0; j < indexed.length; j++) if (indexed[j]!.stride % 4 !== 0) return false;
    sizes[rank - 1]! /= 4;
    strides[inner] = 4;
    strides[inner + 1] = 4;
    return true;
  }

  #pipeline(rank: number, wide: boolean, inParts: boolean, bindings: Bindings): Pipeline {
    const { dtype, looked, access, scalars } = this.#move;
    const operands = [
      { dtype, access: wide ? ("vec4" as const) : access },
      { dtype, access: wide ? ("vec4" as const) : ("element" as const) },
      ...this.#tables.map((d) => ({ dtype: d, access: "element" as const })),
      { dtype: int32, access: "atomic" as const },
    ];
    const s = new Shader(operands, bindings, this.#context.window);
    const n = s.word();
    const code = s.word();
    const places = operands.slice(0, -1).map((_, k) => ({ name: `p${k}`, start: s.word() }));
    const nest = declareNest(s, rank, this.#nest.width);
    const indexed = this.#tables.map(() => ({ size: s.scalar("i32"), low: s.scalar("i32"), stride: s.word() }));
    const part = inParts ? { first: s.word(), count: s.word() } : null;
    const statement = this.#move.statement(s, declareScalars(s, scalars));
    const move = wide ? s.store4(0, "p0", s.load4(1, "p1")) : statement("p0", "p1");
    s.declarations.push(faultFunction(s.buffer(operands.length - 1), code));
    const look = indexed.map(
      ({ size, low, stride }, j) => `let x${j} = ${s.load(2 + j, `p${2 + j}`)};
  if (ok && (x${j} < ${low} || x${j} >= ${size})) { ok = false; fault(${j}, x${j}); }
  p${looked} += u32(x${j} + select(0, ${size}, x${j} < 0)) * ${stride};`,
    );
    const main = `
let n = ${n};
for (var i = gid; i < n; i += wgs * ${WORKGROUP}u) {
  ${nest("i", places)}
  var ok = true;
  ${look.join("\n  ")}
  if (${part === null ? "ok" : `ok && p${looked} - ${part.first} < ${part.count}`}) { ${move} }
}`;
    return this.#context.recorder.pipeline(s.text(WORKGROUP, main), bindings.blocks.length);
  }
}

const unnamedFault = (): Error => forgottenFault("webgpu");

const ones: readonly number[] = Array.from({ length: 64 }, () => 1);

/** A function that sets the flag of faults in `buffer` to an index operand and its value, unless the flag is set already. */
export function faultFunction(buffer: string, code: string): string {
  return `fn fault(which: i32, value: i32) {
  loop {
    let r = atomicCompareExchangeWeak(&${buffer}[0], 0u, ${code});
    if (r.exchanged) {
      atomicStore(&${buffer}[1], bitcast<u32>(which));
      atomicStore(&${buffer}[2], bitcast<u32>(value));
      break;
    }
    if (r.old_value != 0u) { break; }
  }
}`;
}
