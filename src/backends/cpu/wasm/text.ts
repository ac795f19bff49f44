import type { FunctionBuilder, ModuleBuilder } from "./assembler.ts";
import { opcodes } from "./opcodes.ts";

/** Generated code in the text format of WebAssembly, to be read by people and tests. */

const names = new Map<number, string>(Object.entries(opcodes).map(([name, code]) => [code, name]));
const types: { readonly [code: number]: string } = { 0x7f: "i32", 0x7e: "i64", 0x7d: "f32", 0x7c: "f64", 0x7b: "v128" };

class Reader {
  readonly #bytes: readonly number[];
  at = 0;
  constructor(bytes: readonly number[]) {
    this.#bytes = bytes;
  }
  get done(): boolean {
    return this.at >= this.#bytes.length;
  }
  byte(): number {
    return this.#bytes[this.at++]!;
  }
  unsigned(): number {
    let n = 0;
    for (let shift = 1; ; shift *= 128) {
      const b = this.byte();
      n += (b & 0x7f) * shift;
      if (b < 0x80) return n;
    }
  }
  signed(): bigint {
    let n = 0n;
    for (let shift = 0n; ; ) {
      const b = this.byte();
      n |= BigInt(b & 0x7f) << shift;
      shift += 7n;
      if (b < 0x80) return (b & 0x40) === 0 ? n : n - (1n << shift);
    }
  }
  data(n: number): DataView {
    const view = new DataView(new ArrayBuffer(n));
    for (let k = 0; k < n; k++) view.setUint8(k, this.byte());
    return view;
  }
  opcode(): number {
    const first = this.byte();
    if (first === 0xfc) return 0xfc00 + this.unsigned();
    return first === 0xfd ? 0xfd0000 + this.unsigned() : first;
  }
}

/** What follows an instruction's name. */
function immediates(name: string, r: Reader): string {
  if (name === "v128.const") return vector(r.data(16));
  if (name === "i8x16.shuffle") return shuffle(r);
  if (name === "memory.copy" || name === "memory.fill") {
    r.data(name === "memory.copy" ? 2 : 1);
    return "";
  }
  if (name.includes("load") || name.includes("store")) {
    r.unsigned();
    const offset = r.unsigned();
    const lane = name.endsWith("_lane") ? ` ${r.byte()}` : "";
    return (offset === 0 ? "" : ` offset=${offset}`) + lane;
  }
  if (name.includes("_lane")) return ` ${r.byte()}`;
  if (name.startsWith("local.") || name === "br" || name === "br_if" || name === "call") return ` ${r.unsigned()}`;
  if (name === "i32.const" || name === "i64.const") return ` ${r.signed()}`;
  if (name === "f32.const") return ` ${r.data(4).getFloat32(0, true)}`;
  if (name === "f64.const") return ` ${r.data(8).getFloat64(0, true)}`;
  if (name === "block" || name === "loop" || name === "if") {
    const type = r.byte();
    return type === 0x40 ? "" : ` (result ${types[type]})`;
  }
  return "";
}

/** Lanes as numbers where they look like float32, else as 32-bit integers. */
function vector(view: DataView): string {
  const lanes = [0, 4, 8, 12];
  const bits = lanes.map((k) => view.getInt32(k, true));
  if (bits.every((b) => Math.abs(b) < 2 ** 20)) return ` i32x4 ${bits.join(" ")}`;
  return ` f32x4 ${lanes.map((k) => view.getFloat32(k, true)).join(" ")}`;
}

function shuffle(r: Reader): string {
  const bytes = Array.from({ length: 16 }, () => r.byte());
  const lanes = [0, 4, 8, 12].map((k) => bytes[k]! / 4);
  const whole = bytes.every((b, k) => b === 4 * lanes[k >> 2]! + (k & 3));
  return whole ? ` lanes ${lanes.join(" ")}` : ` ${bytes.join(" ")}`;
}

/** The instructions of a function, one per line, indented by block. */
export function functionText(f: FunctionBuilder): string {
  const { locals, code } = f.inspect();
  const lines = [`func ${f.name} (${f.params.join(" ")})${f.results.length === 0 ? "" : ` -> ${f.results.join(" ")}`}`];
  if (locals.length > 0) lines.push(`  local ${runs(locals)}`);
  const r = new Reader(code);
  let depth = 1;
  while (!r.done) {
    const opcode = r.opcode();
    const name = names.get(opcode) ?? `0x${opcode.toString(16)}`;
    if (name === "end" || name === "else") depth--;
    lines.push("  ".repeat(depth) + name + immediates(name, r));
    if (name === "block" || name === "loop" || name === "if" || name === "else") depth++;
  }
  return lines.join("\n");
}

function runs(list: readonly string[]): string {
  const out: string[] = [];
  for (let k = 0; k < list.length; ) {
    let n = 1;
    while (list[k + n] === list[k]) n++;
    out.push(n === 1 ? list[k]! : `${list[k]}*${n}`);
    k += n;
  }
  return out.join(" ");
}

/** The text of all functions that a module defines. */
export const moduleText = (m: ModuleBuilder): string => m.functions.map(functionText).join("\n");
