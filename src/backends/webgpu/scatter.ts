import type { DType } from "../../core/dtype.ts";
import { lower } from "../../kernel/elementary.ts";
import type { Expr } from "../../kernel/expr.ts";
import type { Compiled, KernelOf } from "../../kernel/kernel.ts";
import type { Context } from "./context.ts";
import { raw } from "./copy.ts";
import { type Format, scalarTypeOf } from "./format.ts";
import { CompiledLookup, type Move } from "./indices.ts";
import { format, type Shader } from "./shader.ts";
import { scalarTypes } from "./words.ts";

/**
 * Scatters for WebGPU. Elements that meet are combined through atomic words: in any order, so that floating sums may differ in their last digits
 * from run to run. Without `combine` one of them stays, whole. An index out of range sets the flag of faults, and its element is left out.
 */
export function scatter(context: Context, kernel: KernelOf<"scatter">): Compiled {
  const [values, ...tables] = kernel.inputs as [DType, ...DType[]];
  return new CompiledLookup(context, kernel.combine === null ? keeping(values) : combining(values, lower(kernel.combine)), tables);
}

/** One of the elements that meet stays. */
function keeping(values: DType): Move {
  const dtype = raw(values);
  const f = format(dtype);
  if (f.bytes === 4) {
    const statement: Move["statement"] = (s) => (to, from) => s.store(0, to, s.load(1, from));
    return { dtype, looked: 0, access: "element", wide: true, scalars: [], statement };
  }
  return { dtype, looked: 0, access: "atomic", wide: true, scalars: [], statement: (s) => exchanging(s, f, "v") };
}

function combining(dtype: DType, combine: Expr): Move {
  const f = format(dtype);
  const statement: Move["statement"] = (s, scalar) => {
    if (f.bytes === 4 && f.type === "i32" && isSum(combine)) return adding(s);
    const type = scalarTypeOf(combine.type);
    const body = s.body({ state: (slot) => (slot === 0 ? "old" : "v"), scalar });
    const result = body.value(combine);
    if (type !== f.type) throw new Error(`a scatter into ${dtype} combines in ${combine.type}`);
    s.declarations.push(`fn merged(old: ${f.type}, v: ${f.type}) -> ${f.type} {\n${body.lines.join("\n")}\nreturn ${result};\n}`);
    return exchanging(s, f, `merged(${unpacked(f)}, v)`);
  };
  return { dtype, looked: 0, access: "atomic", wide: false, scalars: scalarTypes([combine]), statement };
}

const isSum = ({ prim, src }: Expr): boolean =>
  prim === "add" && src[0]!.prim === "state" && src[1]!.prim === "state" && src[0]!.value !== src[1]!.value;

/** Integers of 32 bits are added by the device. */
function adding(s: Shader): (to: string, from: string) => string {
  s.declarations.push(`fn update(i: u32, v: i32) {\nlet w = i; ${s.windowed(0, (place) => `atomicAdd(&${place}, bitcast<u32>(v));`)}\n}`);
  return (to, from) => `update(${to}, ${s.load(1, from)});`;
}

const maskOf = ({ bytes }: Format): string => (bytes === 4 ? "0xffffffffu" : bytes === 2 ? "0xffffu" : "0xffu");
const unpacked = (f: Format): string => f.unpack(f.bytes === 4 ? "seen" : `((seen >> s) & ${maskOf(f)})`);

/** The word of the element is exchanged for one with the new value, unless another invocation was faster: then again. */
function exchanging(s: Shader, f: Format, value: string): (to: string, from: string) => string {
  const shift = { 4: "0u", 2: "(i & 1u) * 16u", 1: "(i & 3u) * 8u" }[f.bytes];
  const word = { 4: "i", 2: "i >> 1u", 1: "i >> 2u" }[f.bytes];
  for (const h of f.helpers ?? []) s.helpers.add(h);
  const next = f.bytes === 4 ? f.pack("y") : `(seen & ~(${maskOf(f)} << s)) | (${f.pack("y")} << s)`;
  const exchange = (place: string): string => `
  var seen = atomicLoad(&${place});
  loop {
    let y = ${value};
    let next = ${next};
    if (next == seen) { break; }
    let r = atomicCompareExchangeWeak(&${place}, seen, next);
    if (r.exchanged) { break; }
    seen = r.old_value;
  }`;
  s.declarations.push(`fn update(i: u32, v: ${f.type}) {\nlet w = ${word}; let s = ${shift};\n${s.windowed(0, exchange)}\n}`);
  return (to, from) => `update(${to}, ${s.load(1, from)});`;
}
