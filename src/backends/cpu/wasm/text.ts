import type { FunctionBuilder, ModuleBuilder } from "./assembler.ts";
import { opcodes } from "./opcodes.ts";

/** Generated code as text, to be read by people and tests. */

const names = new Map<number, string>(Object.entries(opcodes).map(([name, code]) => [code, name]));
const types: { readonly [code: number]: string } = { 127: "i32", 126: "i64", 125: "f32", 124: "f64", 123: "v128" };

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

/** Instructions that are statements, with how many values they take. */
const statements: { readonly [name: string]: number } = {
  "memory.copy": 3,
  "memory.fill": 3,
  drop: 1,
  br: 0,
  br_if: 1,
  return: 0,
  unreachable: 0,
  nop: 0,
};

/** How many values an instruction takes that leaves one. */
function operands(name: string): number {
  if (name.endsWith(".const")) return 0;
  if (/^v128\.load.*_lane$/.test(name) || name.endsWith("replace_lane")) return 2;
  if (name.includes(".load") || name.includes("extract_lane")) return 1;
  if (name === "select" || name === "v128.bitselect" || name.includes("madd")) return 3;
  const plain = /\.(splat|eqz|clz|ctz|popcnt|abs|neg|not|sqrt|ceil|floor|trunc|nearest|any_true|all_true|bitmask)$/;
  const conversion = /\.(wrap|extend|extadd|trunc_|convert|demote|promote|reinterpret)/;
  return plain.test(name) || conversion.test(name) ? 1 : 2;
}

/** What an instruction names beside its operands. */
function immediates(name: string, r: Reader): string[] {
  if (name === "v128.const") return [vector(r.data(16))];
  if (name === "i8x16.shuffle") return [shuffle(r)];
  if (name === "memory.copy" || name === "memory.fill") {
    r.data(name === "memory.copy" ? 2 : 1);
    return [];
  }
  if (name.includes(".load") || name.includes(".store")) {
    r.unsigned();
    const offset = r.unsigned();
    const named = offset === 0 ? [] : [`+${offset}`];
    return name.endsWith("_lane") ? [...named, `lane ${r.byte()}`] : named;
  }
  if (name.includes("_lane")) return [`lane ${r.byte()}`];
  if (name === "i32.const" || name === "i64.const") return [String(r.signed())];
  if (name === "f32.const") return [String(r.data(4).getFloat32(0, true))];
  return name === "f64.const" ? [String(r.data(8).getFloat64(0, true))] : [];
}

/** Lanes as integers where they are small, else as float32; one number where they are all the same. */
function vector(view: DataView): string {
  const places = [0, 4, 8, 12];
  const bits = places.map((k) => view.getInt32(k, true));
  const small = bits.every((b) => Math.abs(b) < 2 ** 20);
  const lanes = small ? bits : places.map((k) => view.getFloat32(k, true));
  return `${small ? "i32x4" : "f32x4"} ${lanes.every((x) => Object.is(x, lanes[0])) ? lanes[0] : lanes.join(" ")}`;
}

function shuffle(r: Reader): string {
  const bytes = Array.from({ length: 16 }, () => r.byte());
  const lanes = [0, 4, 8, 12].map((k) => bytes[k]! / 4);
  const whole = bytes.every((b, k) => b === 4 * lanes[k >> 2]! + (k & 3));
  return `${whole ? "lanes" : "bytes"} ${(whole ? lanes : bytes).join(" ")}`;
}

/** The functions of a module by index, as calls need them. */
interface Callee {
  readonly name: string;
  readonly params: number;
  readonly results: number;
}

/** A function's code with operands in parentheses behind the instruction that takes them, one statement per line, indented by block. */
export function functionText(f: FunctionBuilder, callees: readonly Callee[] = []): string {
  const { code } = f.inspect();
  const params = f.params.map((type, k) => `$${k} ${type}`).join(", ");
  const lines = [`${f.name}(${params})${f.results.length === 0 ? "" : ` ${f.results.join(" ")}`} {`];
  const stack: string[] = [];
  const blocks: { height: number; typed: boolean }[] = [];
  const take = (n: number): string[] => stack.splice(stack.length - n, n);
  const r = new Reader(code);
  let depth = 1;
  const line = (text: string, at: number = depth): void => {
    lines.push("  ".repeat(at) + text);
  };
  while (!r.done) {
    const opcode = r.opcode();
    const name = names.get(opcode) ?? `0x${opcode.toString(16)}`;
    if (name === "local.get") stack.push(`$${r.unsigned()}`);
    else if (name === "local.tee") stack.push(`($${r.unsigned()} = ${take(1)})`);
    else if (name === "local.set") line(`$${r.unsigned()} = ${take(1)}`);
    else if (name === "block" || name === "loop" || name === "if") {
      const condition = name === "if" ? ` (${take(1)})` : "";
      const type = types[r.byte()];
      line(`${name}${condition}${type === undefined ? "" : ` ${type}`} {`);
      blocks.push({ height: stack.length, typed: type !== undefined });
      depth++;
    } else if (name === "else" || name === "end") {
      const { height, typed } = blocks[blocks.length - 1]!;
      for (const value of stack.splice(height)) line(`-> ${value}`);
      depth--;
      line(name === "else" ? "} else {" : "}");
      if (name === "else") depth++;
      else if (blocks.pop() && typed) stack.push("(the block's)");
    } else if (name === "br" || name === "br_if") {
      const out = r.unsigned();
      line(`${name === "br" ? "" : `if (${take(1)}) `}br ${out}`);
    } else if (name === "call") {
      const callee = callees[r.unsigned()] ?? { name: "?", params: 0, results: 1 };
      const text = `${callee.name}(${take(callee.params).join(", ")})`;
      if (callee.results === 0) line(text);
      else stack.push(text);
    } else if (name.includes(".store") || statements[name] !== undefined) {
      const named = immediates(name, r);
      line(`${name}(${[...take(statements[name] ?? 2), ...named].join(", ")})`);
    } else if (name === "i32.const") stack.push(immediates(name, r)[0]!);
    else {
      const named = immediates(name, r);
      stack.push(`${name}(${[...take(operands(name)), ...named].join(", ")})`);
    }
  }
  for (const value of stack) line(`-> ${value}`);
  lines.push("}");
  return lines.join("\n");
}

/** The text of all functions that a module defines. */
export function moduleText(m: ModuleBuilder): string {
  const imported = m.imported.map(({ name, params, results }) => ({ name, params: params.length, results: results.length }));
  const own = m.functions.map((f) => ({ name: f.name, params: f.params.length, results: f.results.length }));
  return m.functions.map((f) => functionText(f, [...imported, ...own])).join("\n");
}
