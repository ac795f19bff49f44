import { opcodes } from "./opcodes.ts";

/** The types of WebAssembly's values. */
export type ValueType = "i32" | "i64" | "f32" | "f64" | "v128";

/** How the binary format writes things down: numbers of variable length, names, types and instructions. */

/** The bytes that stand for types. */
export const typeCodes: { readonly [K in ValueType]: number } = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b };
const ops: { readonly [name: string]: number } = opcodes;

/** Appends an unsigned LEB128 number. */
export function uleb(out: number[], n: number): void {
  while (n > 0x7f) {
    out.push((n & 0x7f) | 0x80);
    n = Math.floor(n / 128);
  }
  out.push(n);
}

/** Appends a signed LEB128 number of at most 32 bits. */
export function sleb(out: number[], n: number): void {
  for (;;) {
    const byte = n & 0x7f;
    n >>= 7;
    if ((n === 0 && (byte & 0x40) === 0) || (n === -1 && (byte & 0x40) !== 0)) {
      out.push(byte);
      return;
    }
    out.push(byte | 0x80);
  }
}

/** Appends a signed LEB128 number. */
export function slebBig(out: number[], n: bigint): void {
  for (;;) {
    const byte = Number(n & 0x7fn);
    n >>= 7n;
    if ((n === 0n && (byte & 0x40) === 0) || (n === -1n && (byte & 0x40) !== 0)) {
      out.push(byte);
      return;
    }
    out.push(byte | 0x80);
  }
}

/** Appends a name, of ASCII characters. */
export function text(out: number[], s: string): void {
  uleb(out, s.length);
  for (let i = 0; i < s.length; i++) out.push(s.charCodeAt(i));
}

/** Appends an instruction. */
export function opcode(out: number[], name: string): void {
  const code = ops[name];
  if (code === undefined) throw new Error(`no such instruction: ${name}`);
  if (code <= 0xff) out.push(code);
  else if (code <= 0xffff) out.push(0xfc, code & 0xff);
  else {
    out.push(0xfd);
    uleb(out, code & 0xffff);
  }
}
