const word = new Int32Array(1);
const float = new Float32Array(word.buffer);

/** Numbers every f32 so that the next one has the next number; 0 and -0 are 0 and -1. */
export function orderOf(x: number): number {
  float[0] = x;
  return word[0]! >= 0 ? word[0]! : -1 - (word[0]! & 0x7fffffff);
}

/** The f32 with that number. */
export function ofOrder(k: number): number {
  word[0] = k >= 0 ? k : (-1 - k) | -0x80000000;
  return float[0]!;
}

/** The error of an f32 in units in the last place of the exact value. Infinity where a NaN, an infinity or the sign of a zero is wrong. */
export function ulpError(actual: number, exact: number): number {
  const nearest = Math.fround(exact);
  if (Object.is(actual, nearest)) return Math.abs(exact) < 3.5e38 && Number.isFinite(actual) ? Math.abs(actual - exact) / ulp(exact) : 0;
  if (Number.isNaN(actual) || Number.isNaN(exact) || Object.is(actual, -nearest)) return Number.POSITIVE_INFINITY;
  if (!Number.isFinite(exact)) return Number.POSITIVE_INFINITY;
  // An infinity counts as 2^128, the number after the largest.
  const number = Number.isFinite(actual) ? actual : Math.sign(actual) * 2 ** 128;
  return Math.abs(number - exact) / ulp(Math.abs(exact) < 2 ** 128 ? exact : 2 ** 127);
}

const ulp = (x: number): number => 2 ** (Math.max(exponent(Math.abs(x)), -126) - 23);
/** floor(log2(x)), corrected where the logarithm rounds up. */
function exponent(x: number): number {
  const k = x === 0 ? -126 : Math.floor(Math.log2(x));
  return 2 ** k > x ? k - 1 : k;
}

/** Numbers from 0 to 1, always the same ones (SplitMix with 32 bits of state). */
export function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** `n` f32 between two, evenly by their bits and one at random in each part. */
export function* spread(low: number, high: number, n: number): Generator<number> {
  const random = generator(n);
  const [first, last] = [orderOf(low), orderOf(high)];
  for (let i = 0; i < n; i++) yield ofOrder(Math.floor(first + ((last - first) * (i + random())) / n));
  yield low;
  yield high;
}

/** The f32 around a number: the next `n` on both sides, and as many more at growing distances. */
export function* around(x: number, n: number): Generator<number> {
  const at = orderOf(x);
  for (let i = 0; i <= n; i++) {
    for (const step of [i, Math.floor(n * 2 ** ((i * 16) / n))]) {
      yield ofOrder(at + step);
      yield ofOrder(at - step);
    }
  }
}
