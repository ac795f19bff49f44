import { generatorOfDevice } from "../../core/errors.ts";
import { type PhiloxKind, type PhiloxLaw, philoxLaw } from "../../core/random/philox-laws.ts";
import { arg, cast, type Expr } from "../../kernel/expr.ts";
import type { Compiled, KernelOf, LaunchArgs } from "../../kernel/kernel.ts";
import * as transforms from "../../kernel/random-transforms.ts";
import { type Bindings, type Operand, planBindings } from "./bindings.ts";
import type { Context } from "./context.ts";
import { philox, toFloat, unit, wideRemainder } from "./random-text.ts";
import type { Pipeline } from "./recorder.ts";
import { format, Shader } from "./shader.ts";

const WORKGROUP = 256;
/** Words before the parameters of the law: zero, count, place, key, counter. */
const HEAD = 7;

/**
 * Fills a contiguous operand from Philox: invocation q makes elements 4 q to 4 q + 3 of the outputs of subsequence q, or where an element takes
 * two outputs, of subsequences 2 q and 2 q + 1.
 */
class CompiledRandom implements Compiled {
  readonly #context: Context;
  readonly #kernel: KernelOf<"random">;
  readonly #variants = new Map<string, Pipeline>();

  constructor(context: Context, kernel: KernelOf<"random">) {
    format(kernel.output);
    this.#context = context;
    this.#kernel = kernel;
  }

  run(_inputs: readonly Operand[], outputs: readonly Operand[], args: LaunchArgs): void {
    const { numel, offset } = outputs[0]!.layout;
    const { generator, parameters } = args.random!;
    if (!("reserve" in generator)) throw generatorOfDevice("webgpu", "cpu");
    const law = philoxLaw(this.#kernel.distribution, this.#kernel.output, parameters, "webgpu");
    if (numel === 0) return;
    const bindings = planBindings(outputs, this.#context.window);
    const quads = offset % 4 === 0;
    const pipeline = this.#pipeline(law, quads, bindings);
    const { recorder } = this.#context;
    let w = recorder.parameters(HEAD + law.values.length) + 1;
    recorder.u32[w++] = numel;
    recorder.u32[w++] = offset;
    generator.reserve(recorder.u32, w);
    w += 4;
    const words = isInteger(law.kind) ? recorder.u32 : recorder.f32;
    for (let k = 0; k < law.values.length; k++) words[w++] = law.values[k]!;
    recorder.dispatch(pipeline, bindings.blocks, this.#context.streams(numel, 4 * WORKGROUP));
  }

  #pipeline(law: PhiloxLaw, quads: boolean, bindings: Bindings): Pipeline {
    const key = `${law.kind}${quads ? "4" : "1"}${bindings.key}`;
    let pipeline = this.#variants.get(key);
    if (pipeline === undefined) {
      pipeline = this.#context.recorder.pipeline(this.#text(law, quads, bindings), bindings.blocks.length);
      this.#variants.set(key, pipeline);
    }
    return pipeline;
  }

  #text({ kind, values }: PhiloxLaw, quads: boolean, bindings: Bindings): string {
    const dtype = this.#kernel.output;
    const s = new Shader([{ dtype, access: quads ? "vec4" : "shared" }], bindings, this.#context.window);
    const n = s.word();
    const offset = s.word();
    const key = `vec2<u32>(${s.word()}, ${s.word()})`;
    const [low, high] = [s.word(), s.word()];
    const parameters = values.map(() => (isInteger(kind) ? s.word() : s.scalar("f32")));
    s.declarations.push(philox, `fn outputs(block: u32) -> vec4<u32> { return philox(vec4<u32>(${low}, ${high}, block, 0u), ${key}); }`);
    const draw = drawers[kind]({ s, dtype, type: s.type(0), parameters });
    s.declarations.push(`fn draw(q: u32) -> vec4<${s.type(0)}> {\n${draw}\n}`);
    const main = `
let n = ${n};
for (var q = gid; q < (n + 3u) / 4u; q += wgs * ${WORKGROUP}u) {
  let i = 4u * q;
  let y = draw(q);
  ${quads ? `if (i + 3u < n) { ${s.store4(0, `${offset} + i`, "y")} continue; }` : ""}
  ${["x", "y", "z", "w"].map((lane, j) => `if (i + ${j}u < n) { ${s.store(0, `${offset} + i + ${j}u`, `y.${lane}`)} }`).join("\n  ")}
}`;
    return s.text(WORKGROUP, main);
  }
}

const isInteger = (kind: PhiloxKind): boolean => kind === "bernoulli" || kind === "integers" || kind === "pairs";

/** What the text of a distribution is made of. */
interface Drawing {
  readonly s: Shader;
  readonly dtype: KernelOf<"random">["output"];
  /** The WGSL type of the elements. */
  readonly type: string;
  readonly parameters: readonly string[];
}

/** `a` times `b` plus `c` with two roundings: the product's bits pass through a word that the compiler does not know, so that it cannot fuse. */
const unfused = (a: string, b: string, c: string): string => `bitcast<f32>(bitcast<u32>(${a} * ${b}) | params.w[0].x) + ${c}`;

/** Declares a function of one or two f32 by the values of expressions. */
function declare({ s }: Drawing, name: string, values: readonly Expr[], type: string): void {
  const body = s.body({ arg: (slot) => `a${slot}`, argTypes: ["f32", "f32", "f32"] });
  const results = values.map((e) => body.value(e)).join(", ");
  s.declarations.push(
    `fn ${name}(a0: f32, a1: f32, a2: f32) -> ${type} {\n${body.lines.join("\n")}\nreturn ${values.length > 1 ? `${type}(${results})` : results};\n}`,
  );
}

const [u, v, w] = [arg(0, "f32"), arg(1, "f32"), arg(2, "f32")];

/** Four numbers, each of one output, by the text of its value for the output `x`. */
function each({ s, type }: Drawing, value: (x: string) => string): string {
  s.declarations.push(`fn one(x: u32) -> ${type} { return ${value("x")}; }`);
  return `let x = outputs(q);\nreturn vec4<${type}>(one(x.x), one(x.y), one(x.z), one(x.w));`;
}

/** Four normal numbers, each changed by `finish`. */
function normals(d: Drawing, finish: (z: string) => string): string {
  d.s.declarations.push(unit, `fn finish(z: f32) -> f32 { return ${finish("z")}; }`);
  declare(d, "normal_pair", transforms.normalPair(u, v), "vec2<f32>");
  return `let x = outputs(q);
let a = normal_pair(unit(x.x), unit(x.y), 0.0);
let b = normal_pair(unit(x.z), unit(x.w), 0.0);
return vec4<f32>(finish(a.x), finish(a.y), finish(b.x), finish(b.y));`;
}

/** The body of a function of the number `q` of four elements. The formulas are those of `PhiloxLaw`. */
const drawers: { readonly [K in PhiloxKind]: (d: Drawing) => string } = {
  uniform(d) {
    const [range, low, high] = d.parameters as [string, string, string];
    d.s.declarations.push(unit);
    declare(d, "rounded", [cast(u, d.dtype)], "f32");
    d.s.declarations.push(`fn between(x: u32) -> f32 {
  let y = rounded(${unfused("unit(x)", range, low)}, 0.0, 0.0);
  return select(y, ${low}, y == ${high});
}`);
    return each(d, (x) => `between(${x})`);
  },
  normal(d) {
    const [std, mean] = d.parameters as [string, string];
    return normals(d, (z) => unfused(z, std, mean));
  },
  logNormal(d) {
    const [std, mean] = d.parameters as [string, string];
    declare(d, "exponential", [transforms.exponential(u)], "f32");
    return normals(d, (z) => `exponential(${unfused(z, std, mean)}, 0.0, 0.0)`);
  },
  exponential(d) {
    d.s.declarations.push(unit);
    declare(d, "negative_log", [transforms.negativeLog(u)], "f32");
    return each(d, (x) => `negative_log(unit(${x}), 0.0, 0.0) * ${d.parameters[0]}`);
  },
  geometric(d) {
    d.s.declarations.push(unit);
    declare(d, "trials", [cast(transforms.trials(u, v, w), d.dtype)], d.type);
    return each(d, (x) => `trials(unit(${x}), ${d.parameters[0]}, ${d.parameters[1]})`);
  },
  cauchy(d) {
    const [sigma, median] = d.parameters as [string, string];
    d.s.declarations.push(unit);
    declare(d, "standard", [transforms.cauchy(u)], "f32");
    return each(d, (x) => unfused(`standard(unit(${x}), 0.0, 0.0)`, sigma, median));
  },
  bernoulli(d) {
    const hit = (x: string): string => `(${x} <= ${d.parameters[0]} && ${d.parameters[1]} != 0u)`;
    return each(d, (x) => (d.type === "bool" ? hit(x) : `select(${d.type}(0), ${d.type}(1), ${hit(x)})`));
  },
  integers(d) {
    const [low, high, range] = d.parameters as [string, string, string];
    // A remainder by zero is the dividend.
    d.s.declarations.push(`fn below(x: u32) -> u32 { if (${range} == 0u) { return x; } return x % ${range}; }`);
    return each(d, (x) => integer(d, `vec2<u32>(below(${x}), 0u)`, `vec2<u32>(${low}, ${high})`));
  },
  pairs(d) {
    const [low, high, rangeLow, rangeHigh] = d.parameters as [string, string, string, string];
    d.s.declarations.push(wideRemainder);
    const value = `wide_remainder(vec2<u32>(y, x), vec2<u32>(${rangeLow}, ${rangeHigh}))`;
    d.s.declarations.push(`fn one(x: u32, y: u32) -> ${d.type} { return ${integer(d, value, `vec2<u32>(${low}, ${high})`)}; }`);
    return `let a = outputs(2u * q);
let b = outputs(2u * q + 1u);
return vec4<${d.type}>(one(a.x, a.y), one(a.z, a.w), one(b.x, b.y), one(b.z, b.w));`;
  },
};

/** The sum of two numbers of 64 bits, the low word first, as an element. */
function integer({ s, type }: Drawing, a: string, b: string): string {
  if (type === "bool") return `((${a}).x + (${b}).x) != 0u`;
  if (type === "i32") return `bitcast<i32>((${a}).x + (${b}).x)`;
  s.declarations.push(toFloat);
  return `to_float(${a}, ${b})`;
}

/** Random fills for WebGPU. */
export const random = (context: Context, kernel: KernelOf<"random">): Compiled => new CompiledRandom(context, kernel);
