import type { Input } from "./row.ts";

export const countOf = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

/**
 * The numbers of an input, the same in every process and language.
 *
 * Source: the linear congruential generator of Numerical Recipes.
 */
export function values({ shape, seed, low, high, whole = false }: Input): Float32Array {
  const out = new Float32Array(countOf(shape));
  if (low === high) return out.fill(low);
  let state = Math.imul(seed, 2654435761) >>> 0;
  for (let i = 0; i < out.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const x = low + (high - low) * (state / 2 ** 32);
    out[i] = whole ? Math.floor(x) : x;
  }
  return out;
}

/** Rows of ones and zeros for classes. */
export const oneHot = (classes: Float32Array, count: number): Float32Array =>
  Float32Array.from({ length: classes.length * count }, (_, i) => (classes[Math.floor(i / count)] === i % count ? 1 : 0));
