import { randomBounds, uniformOrder, uniformRange } from "../errors.ts";
import { type Elements, elementsOf, type FloatArray, type HalfKind } from "./elements.ts";
import { fma32, fma64 } from "./fma.ts";
import { type Generator, wordsPerDraw } from "./generator.ts";

/**
 * `uniform_(from, to)`, and `rand` with 0 and 1: `u * (to - from) + from` with a single rounding, where u has as many bits as the
 * dtype's significand: the low 24 of one output for float32, the low 53 of two for float64.
 *
 * @param kind with a Float32Array: draws the values of that narrower dtype.
 */
export function fillUniform(g: Generator, out: FloatArray, from: number, to: number, kind?: HalfKind): void {
  const elements = elementsOf(out, kind);
  checkUniformBounds(elements, from, to);
  if (out instanceof Float64Array) fillUniform64(g, out, from, to);
  else if (kind === undefined) fillUniform32(g, out, Math.fround(from), Math.fround(to));
  else fillUniformHalf(g, out, elements.round(from), elements.round(to), elements);
}

function fillUniform32(g: Generator, out: Float32Array, from: number, to: number): void {
  const range = Math.fround(to - from);
  const step = range * 2 ** -24;
  for (let start = 0; start < out.length; start += wordsPerDraw) {
    const count = Math.min(out.length - start, wordsPerDraw);
    const words = g.words(count);
    if (from === 0)
      for (let i = 0; i < count; i++) out[start + i] = (words[i]! & 0xffffff) * step; // exact before the store
    else for (let i = 0; i < count; i++) out[start + i] = fma32((words[i]! & 0xffffff) * 2 ** -24, range, from);
  }
}

function fillUniform64(g: Generator, out: Float64Array, from: number, to: number): void {
  const range = to - from;
  for (let start = 0; start < out.length; start += wordsPerDraw / 2) {
    const count = Math.min(out.length - start, wordsPerDraw / 2);
    const words = g.words(2 * count);
    for (let i = 0; i < count; i++) {
      const u = ((words[2 * i]! & 0x1fffff) * 2 ** 32 + words[2 * i + 1]!) * 2 ** -53;
      out[start + i] = from === 0 ? u * range : fma64(u, range, from);
    }
  }
}

function fillUniformHalf(g: Generator, out: Float32Array, from: number, to: number, { digits, round }: Elements): void {
  const range = round(to - from);
  for (let i = 0; i < out.length; i++) {
    const u = (g.u32() & (2 ** digits - 1)) * 2 ** -digits;
    out[i] = round(fma32(u, range, from));
  }
}

/** Raises where a dtype does not have the bounds of a uniform distribution. */
export function checkUniformBounds({ typeName, scalarName, max }: Elements, from: number, to: number): void {
  const largest = Number(max);
  if (!(Math.abs(from) <= largest)) throw randomBounds("from", typeName);
  if (!(Math.abs(to) <= largest)) throw randomBounds("to", typeName);
  if (from > to) throw uniformOrder(from, to);
  if (to - from > largest) throw uniformRange(scalarName, from, to);
}
