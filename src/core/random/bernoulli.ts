import { bernoulliElement, bernoulliProbability } from "../errors.ts";
import type { FloatArray, RandomArray } from "./elements.ts";
import { type Generator, wordsPerDraw } from "./generator.ts";

const pairsPerDraw = wordsPerDraw / 2;
const hits = new Uint8Array(pairsPerDraw);

/** `bernoulli_(p)`: 1 where a 53-bit uniform value is below `p`, else 0. Two outputs for each, as for dropout's masks. */
export function fillBernoulli(g: Generator, out: RandomArray, p: number): void {
  if (!(p >= 0 && p <= 1)) throw bernoulliProbability(p);
  // u < p by the high 21 of the 53 bits, and only where those are equal by the others.
  const high = Math.floor(p * 2 ** 21);
  const low = (p * 2 ** 21 - high) * 2 ** 32;
  for (let start = 0; start < out.length; start += pairsPerDraw) {
    const count = Math.min(out.length - start, pairsPerDraw);
    const words = g.words(2 * count);
    for (let i = 0; i < count; i++) {
      const difference = (words[2 * i]! & 0x1fffff) - high;
      hits[i] = difference >>> 31;
      if (difference === 0 && words[2 * i + 1]! < low) hits[i] = 1;
    }
    store(out, start, count);
  }
}

/**
 * `bernoulli(p)` and `bernoulli_(p)` of a tensor `p`: 1 where a uniform value is below the element of `p`, else 0. The uniform values
 * have 24 bits where `p` is float32 and 53 where it is float64.
 */
export function fillBernoulliTensor(g: Generator, out: RandomArray, p: FloatArray): void {
  const wide = p instanceof Float64Array;
  for (let start = 0; start < out.length; start += pairsPerDraw) {
    const count = Math.min(out.length - start, pairsPerDraw);
    for (let i = 0; i < count; i++) {
      const probability = p[start + i]!;
      if (!(probability >= 0 && probability <= 1)) throw bernoulliElement();
      hits[i] = (wide ? g.u53() : g.u24()) < probability ? 1 : 0;
    }
    store(out, start, count);
  }
}

function store(out: RandomArray, start: number, count: number): void {
  if (out instanceof BigInt64Array) for (let i = 0; i < count; i++) out[start + i] = hits[i] === 0 ? 0n : 1n;
  else if (out instanceof Float32Array) for (let i = 0; i < count; i++) out[start + i] = hits[i]!;
  else out.set(hits.subarray(0, count), start);
}
