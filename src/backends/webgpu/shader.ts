import type { DType } from "../../core/dtype.ts";
import { dtypeNotOnDevice } from "../../core/errors.ts";
import type { Bindings } from "./bindings.ts";
import { Body, type Leaves } from "./body.ts";
import { type Format, formatOf, type ScalarType } from "./format.ts";
import { type Helper, helperText } from "./helpers.ts";

/**
 * How a shader reaches an operand: element by element; element by element where stores meet other lanes' elements in the same word
 * (`"shared"`: needed for stores of dtypes smaller than a word); or four elements at a time, at multiples of four (`"vec4"`), or sixteen (`"mat4"`: float32 alone in its binding group, which CPUs
 * that play a GPU load fastest). `"atomic"`: as atomic words, under the name that `buffer` gives.
 */
export type Access = "element" | "shared" | "vec4" | "mat4" | "atomic";

export interface ShaderOperand {
  readonly dtype: DType;
  readonly access: Access;
}

/** The format of a dtype that the device has. */
export function format(dtype: DType): Format {
  const f = formatOf(dtype);
  if (f === undefined) throw dtypeNotOnDevice("webgpu", dtype);
  return f;
}

/**
 * Builds the text of a compute shader. Parameters come in words of a uniform (word 0 is always 0, so that the compiler does not know it),
 * storage in bindings planned by `planBindings`, each operand seen as elements counted from the start of its block:
 *
 *     const s = new Shader([{ dtype: float32, access: "element" }, ...], bindings, windowBytes);
 *     const n = s.word();                          // "params.w[0].y"; words are handed out in order, from word 1 on
 *     s.load(1, "i")                               // the value of element i of operand 1
 *     s.store(0, "i", "v")                         // a statement
 *     s.text(256, `let i = gid.x; ...`)            // the whole module, entry point `main`
 */
export class Shader {
  readonly helpers: Set<Helper> = new Set();
  /** Declarations at module scope: functions, workgroup variables. */
  readonly declarations: string[] = [];
  readonly #formats: readonly Format[];
  readonly #bindings: Bindings;
  readonly #window: number;
  readonly #array: readonly ("u32" | "atomic<u32>" | "vec4<u32>" | "mat4x4<f32>")[];
  readonly #functions = new Map<string, string>();
  #words = 1;

  constructor(operands: readonly ShaderOperand[], bindings: Bindings, window: number) {
    this.#formats = operands.map((o) => format(o.dtype));
    this.#bindings = bindings;
    this.#window = window;
    this.#array = bindings.windows.map((_, g) => {
      const mine = operands.filter((__, k) => bindings.groups[k] === g);
      if (mine.some((o) => o.access === "atomic" || (o.access === "shared" && format(o.dtype).bytes < 4))) return "atomic<u32>";
      if (mine.some((o) => o.access === "mat4")) return "mat4x4<f32>";
      return mine.some((o) => o.access === "vec4") ? "vec4<u32>" : "u32";
    });
  }

  /** How many words of parameters have been named. */
  get words(): number {
    return this.#words;
  }

  /** The next word of parameters, as u32. */
  word(): string {
    return wordAt(this.#words++);
  }

  /** The next word, as a number of a type. */
  scalar(type: ScalarType): string {
    const w = this.word();
    if (type === "bool") return `(${w} != 0u)`;
    return `bitcast<${type}>(${w})`;
  }

  /** The WGSL type of an operand's values. */
  type(k: number): ScalarType {
    return this.#formats[k]!.type;
  }

  /** A body for expressions whose helpers this shader will have. */
  body(leaves: Leaves, prefix?: string): Body {
    return new Body(leaves, this.helpers, prefix);
  }

  /** The name of the array of words that an operand lies in, where that is one binding. */
  buffer(k: number): string {
    return `b${this.#bindings.groups[k]}_0`;
  }

  /** The value of element `index` (u32) of operand `k`, converted from its dtype. */
  load(k: number, index: string): string {
    return `${this.#function(`load_${k}`, () => this.#loader(k))}(${index})`;
  }

  /** A statement that stores a value of the operand's WGSL type as element `index`. */
  store(k: number, index: string, value: string): string {
    return `${this.#function(`store_${k}`, () => this.#storer(k))}(${index}, ${value});`;
  }

  /** Four elements from `index` on, a multiple of 4, as vec4 of the operand's type. Only with access "vec4". */
  load4(k: number, index: string): string {
    return `${this.#function(`load4_${k}`, () => this.#loader4(k))}(${index})`;
  }

  /** Sixteen elements from `index` on, a multiple of 16, as mat4x4<f32>. Only with access "mat4". */
  load16(k: number, index: string): string {
    const g = this.#bindings.groups[k]!;
    if (this.#bindings.windows[g] === 1) return `b${g}_0[(${index}) >> 4u]`;
    const make = (): string => `fn load16_${k}(i: u32) -> mat4x4<f32> { ${this.#result(g, "i >> 4u", 16, (p) => p, "mat4x4<f32>")} }`;
    return `${this.#function(`load16_${k}`, make)}(${index})`;
  }

  /** Stores four elements. Only with access "vec4". */
  store4(k: number, index: string, value: string): string {
    return `${this.#function(`store4_${k}`, () => this.#storer4(k))}(${index}, ${value});`;
  }

  /** The module. In `main` there are gid, lid (both x), wid and wgs: the numbers of the invocation, in its group, of the group, and of groups. */
  text(workgroup: number, main: string, extra: { readonly subgroups?: boolean; readonly arguments?: string } = {}): string {
    const list: string[] = [];
    let binding = 1;
    this.#bindings.windows.forEach((count, g) => {
      for (let w = 0; w < count; w++)
        list.push(`@group(0) @binding(${binding++}) var<storage, read_write> b${g}_${w}: array<${this.#array[g]}>;`);
    });
    const size = Math.ceil(this.#words / 4);
    return `${extra.subgroups ? "enable subgroups;\n" : ""}struct Params { w: array<vec4<u32>, ${size}> }
@group(0) @binding(0) var<uniform> params: Params;
${list.join("\n")}
${helperText(this.helpers)}
${[...this.#functions.values()].join("\n")}
${this.declarations.join("\n")}
@compute @workgroup_size(${workgroup})
fn main(@builtin(global_invocation_id) global_id: vec3<u32>, @builtin(local_invocation_id) local_id: vec3<u32>,
  @builtin(workgroup_id) group_id: vec3<u32>, @builtin(num_workgroups) group_count: vec3<u32>${extra.arguments ?? ""}) {
let gid = global_id.x; let lid = local_id.x; let wid = group_id.x; let wgs = group_count.x;
${main}
}
`;
  }

  /** Statements that find the window of word `w`, a variable in scope, of operand `k`, and do something at its place. Not with access "vec4". */
  windowed(k: number, at: (place: string) => string): string {
    return this.#windowed(this.#bindings.groups[k]!, 1, at);
  }

  #function(name: string, make: () => string): string {
    if (!this.#functions.has(name)) {
      this.#functions.set(name, ""); // its own place comes first where it calls others
      const text = make();
      this.#functions.delete(name);
      this.#functions.set(name, text);
    }
    return name;
  }

  #use(f: Format): void {
    for (const h of f.helpers ?? []) this.helpers.add(h);
  }

  /** A function body that finds the window of word `w` and does something with the place there. */
  #windowed(g: number, unit: number, at: (place: string) => string): string {
    const count = this.#bindings.windows[g]!;
    if (count === 1) return at(`b${g}_0[w]`);
    const words = this.#window / (4 * unit);
    const arms = Array.from({ length: count - 1 }, (_, k) => `if (w < ${(k + 1) * words}u) { ${at(`b${g}_${k}[w - ${k * words}u]`)} }`);
    return `${arms.join("\nelse ")}\nelse { ${at(`b${g}_${count - 1}[w - ${(count - 1) * words}u]`)} }`;
  }

  #wordReader(g: number): string {
    const kind = this.#array[g]!;
    return this.#function(`word_${g}`, () => {
      if (kind === "vec4<u32>") return `fn word_${g}(i: u32) -> u32 { ${this.#result(g, "i >> 2u", 4, (p) => `${p}[i & 3u]`)} }`;
      if (kind === "mat4x4<f32>")
        return `fn word_${g}(i: u32) -> u32 { ${this.#result(g, "i >> 4u", 16, (p) => `bitcast<u32>(${p}[(i >> 2u) & 3u][i & 3u])`)} }`;
      return `fn word_${g}(i: u32) -> u32 { ${this.#result(g, "i", 1, (p) => (kind === "u32" ? p : `atomicLoad(&${p})`))} }`;
    });
  }

  #result(g: number, word: string, unit: number, value: (place: string) => string, type: string = "u32"): string {
    return `let w = ${word}; var r: ${type}; ${this.#windowed(g, unit, (p) => `r = ${value(p)};`)} return r;`;
  }

  #loader(k: number): string {
    const f = this.#formats[k]!;
    this.#use(f);
    const read = this.#wordReader(this.#bindings.groups[k]!);
    const word =
      f.bytes === 4 ? `${read}(i)` : f.bytes === 2 ? `(${read}(i >> 1u) >> ((i & 1u) * 16u))` : `(${read}(i >> 2u) >> ((i & 3u) * 8u))`;
    const low = f.bytes === 2 ? `(${word} & 0xffffu)` : word;
    return `fn load_${k}(i: u32) -> ${f.type} { let v = ${low}; return ${f.unpack("v")}; }`;
  }

  #storer(k: number): string {
    const f = this.#formats[k]!;
    const g = this.#bindings.groups[k]!;
    this.#use(f);
    const head = `fn store_${k}(i: u32, v: ${f.type}) { let bits = ${f.pack("v")};`;
    const kind = this.#array[g]!;
    if (f.bytes === 4) {
      if (kind === "vec4<u32>") return `${head} let w = i >> 2u; ${this.#windowed(g, 4, (p) => `${p}[i & 3u] = bits;`)} }`;
      return `${head} let w = i; ${this.#windowed(g, 1, (p) => (kind === "u32" ? `${p} = bits;` : `atomicStore(&${p}, bits);`))} }`;
    }
    const per = f.bytes === 2 ? 1 : 2; // log2 of the elements in a word
    const shift = f.bytes === 2 ? "(i & 1u) * 16u" : "(i & 3u) * 8u";
    const mask = f.bytes === 2 ? "0xffffu" : "0xffu";
    const body = (place: string): string =>
      kind === "atomic<u32>"
        ? `atomicAnd(&${place}, ~(${mask} << s)); atomicOr(&${place}, bits << s);`
        : `${place} = (${place} & ~(${mask} << s)) | (bits << s);`;
    if (kind === "vec4<u32>")
      return `${head} let s = ${shift}; let j = i >> ${per}u; let w = j >> 2u; ${this.#windowed(g, 4, (p) => body(`${p}[j & 3u]`))} }`;
    return `${head} let s = ${shift}; let w = i >> ${per}u; ${this.#windowed(g, 1, body)} }`;
  }

  #loader4(k: number): string {
    const f = this.#formats[k]!;
    const g = this.#bindings.groups[k]!;
    this.#use(f);
    const vec = `vec4<${f.type}>`;
    const head = `fn load4_${k}(i: u32) -> ${vec} {`;
    const parts = (words: readonly string[]): string => `return ${vec}(${words.map((w) => f.unpack(w)).join(", ")}); }`;
    if (f.bytes === 4) return `${head} let q = ${this.#quad(g)}(i >> 2u); ${parts(["q.x", "q.y", "q.z", "q.w"])}`;
    if (f.bytes === 2) {
      const read = this.#wordReader(g);
      const halves = ["(a & 0xffffu)", "(a >> 16u)", "(b & 0xffffu)", "(b >> 16u)"];
      return `${head} let a = ${read}(i >> 1u); let b = ${read}((i >> 1u) + 1u); ${parts(halves)}`;
    }
    return `${head} let a = ${this.#wordReader(g)}(i >> 2u); ${parts(["a", "(a >> 8u)", "(a >> 16u)", "(a >> 24u)"])}`;
  }

  #quad(g: number): string {
    if (this.#array[g] === "mat4x4<f32>") {
      const quad = (p: string): string => `bitcast<vec4<u32>>(${p}[i & 3u])`;
      return this.#function(
        `quad_${g}`,
        () => `fn quad_${g}(i: u32) -> vec4<u32> { ${this.#result(g, "i >> 2u", 16, quad, "vec4<u32>")} }`,
      );
    }
    if (this.#array[g] !== "vec4<u32>") {
      const read = this.#wordReader(g);
      return this.#function(
        `quad_${g}`,
        () => `fn quad_${g}(i: u32) -> vec4<u32> { return vec4<u32>(${[0, 1, 2, 3].map((j) => `${read}(4u * i + ${j}u)`).join(", ")}); }`,
      );
    }
    return this.#function(`quad_${g}`, () => `fn quad_${g}(i: u32) -> vec4<u32> { ${this.#result(g, "i", 4, (p) => p, "vec4<u32>")} }`);
  }

  #storer4(k: number): string {
    const f = this.#formats[k]!;
    const g = this.#bindings.groups[k]!;
    this.#use(f);
    const [x, y, z, t] = ["x", "y", "z", "w"].map((c) => f.pack(`v.${c}`)) as [string, string, string, string];
    const head = `fn store4_${k}(i: u32, v: vec4<${f.type}>) {`;
    const kind = this.#array[g]!;
    if (kind === "atomic<u32>") return `${head} ${["x", "y", "z", "w"].map((c, j) => this.store(k, `i + ${j}u`, `v.${c}`)).join(" ")} }`;
    if (f.bytes === 4) return `${head} let w = i >> 2u; ${this.#windowed(g, 4, (p) => `${p} = vec4<u32>(${x}, ${y}, ${z}, ${t});`)} }`;
    const words =
      f.bytes === 2 ? [`(${x} | (${y} << 16u))`, `(${z} | (${t} << 16u))`] : [`(${x} | (${y} << 8u) | (${z} << 16u) | (${t} << 24u))`];
    const per = f.bytes === 2 ? 1 : 2;
    const put = words.map((value, j) =>
      kind === "u32"
        ? `{ let w = (i >> ${per}u) + ${j}u; ${this.#windowed(g, 1, (p) => `${p} = ${value};`)} }`
        : `{ let j = (i >> ${per}u) + ${j}u; let w = j >> 2u; ${this.#windowed(g, 4, (p) => `${p}[j & 3u] = ${value};`)} }`,
    );
    return `${head} ${put.join(" ")} }`;
  }
}

/** The text of parameter word `k`. */
export const wordAt = (k: number): string => `params.w[${k >> 2}].${"xyzw"[k & 3]}`;
