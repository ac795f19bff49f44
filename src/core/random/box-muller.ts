import { elementsOf, type HalfKind } from "./elements.ts";
import { fma32, fma64 } from "./fma.ts";
import { log, sinCos } from "./precise.ts";

/** Values that one step of the transform makes: eight pairs, as one AVX2 register holds eight float32. */
export const blockSize = 16;
const half = blockSize / 2;
const turned = new Float64Array(2);

/**
 * Makes normal values of the uniform values in `data`, in place and in whole blocks of 16 from the start: place j of a block
 * and place j + 8 make a pair.
 */
export function boxMuller64(data: Float64Array, mean: number, std: number): void {
  for (let start = 0; start + blockSize <= data.length; start += blockSize) {
    for (let i = start; i < start + half; i++) {
      const radius = Math.sqrt(-2 * log(1 - data[i]!));
      sinCos(2 * Math.PI * data[i + half]!, turned);
      data[i] = fma64(radius * turned[1]!, std, mean);
      data[i + half] = fma64(radius * turned[0]!, std, mean);
    }
  }
}

/**
 * The same in float32, bit for bit as PyTorch's AVX2 kernel: logarithm, sine and cosine are the polynomials of Cephes (S. Moshier,
 * `logf.c`, `sinf.c`), every operation rounds to float32, and each `a * b + c` rounds once. The uniform values have 24 bits.
 *
 * Each step runs over many pairs before the next one does, because the steps of one pair wait for each other's roundings.
 */
export function boxMuller32(data: Float32Array, mean: number, std: number): void {
  const pairs = Math.floor(data.length / blockSize) * half;
  for (let start = 0; start < pairs; start += lanes) {
    const count = Math.min(lanes, pairs - start);
    const chunk = data.subarray(2 * start, 2 * (start + count));
    makeRadii(chunk, count);
    makeAngles(chunk, count);
    combine(chunk, count);
    if (mean !== 0 || std !== 1) for (let i = 0; i < 2 * count; i++) chunk[i] = fma32(chunk[i]!, std, mean);
  }
}

/** Pairs that take each step together. */
const lanes = 256;
const scratch = {
  radius: new Float32Array(lanes),
  exponent: new Float32Array(lanes),
  quarters: new Float32Array(lanes),
  x: new Float32Array(lanes),
  square: new Float32Array(lanes),
  sine: new Float32Array(lanes),
  cosine: new Float32Array(lanes),
};

/** Where the first value of pair `i` of a chunk is; the second is `half` further. */
function place(i: number): number {
  return i + (i & -half);
}

/** `radius = sqrt(-2 log(1 - u))` of the first uniform value of each pair. */
function makeRadii(chunk: Float32Array, count: number): void {
  const { radius, exponent, x } = scratch;
  const sqrtHalf = Math.fround(Math.SQRT1_2);
  const ln2High = 0.693359375;
  const ln2Low = Math.fround(-2.1219444e-4);
  for (let i = 0; i < count; i++) {
    // 1 - u = m / 2^24 = f * 2^e with f from sqrt(1/2) to sqrt(2); then a polynomial in f - 1.
    const m = 0x1000000 - chunk[place(i)]! * 0x1000000;
    const zeros = Math.clz32(m);
    const f = ((m << zeros) >>> 0) * 2 ** -32;
    const small = f < sqrtHalf;
    exponent[i] = small ? 7 - zeros : 8 - zeros;
    x[i] = small ? f + f - 1 : f - 1;
  }
  polynomial(radius, x, logTerms, count);
  for (let i = 0; i < count; i++) {
    const t = x[i]!;
    const e = exponent[i]!;
    const square = Math.fround(t * t);
    const cubic = fma32(Math.fround(radius[i]! * t), square, Math.fround(e * ln2Low));
    const rest = Math.fround(t + Math.fround(cubic - square * 0.5));
    radius[i] = Math.sqrt(-2 * Math.fround(e * ln2High + rest)); // the sum is exact before it rounds
  }
}

/** `sine` and `cosine` of what 2 pi u, for the second uniform value of each pair, has beyond a multiple of pi / 2. */
function makeAngles(chunk: Float32Array, count: number): void {
  const { quarters, x, square, sine, cosine } = scratch;
  const twoPi = Math.fround(2 * Math.PI);
  const fourOverPi = Math.fround(4 / Math.PI);
  const quarterPi1 = -0.78515625;
  const quarterPi2 = Math.fround(-2.418756484985352e-4);
  const quarterPi3 = Math.fround(-3.774894977445941e-8);
  for (let i = 0; i < count; i++) {
    // The multiple is an even number of quarters of pi, which are subtracted in three parts.
    const angle = Math.fround(twoPi * chunk[place(i) + half]!);
    const q = (Math.trunc(Math.fround(angle * fourOverPi)) + 1) & ~1;
    const t = fma32(q, quarterPi3, fma32(q, quarterPi2, Math.fround(q * quarterPi1 + angle)));
    quarters[i] = q;
    x[i] = t;
    square[i] = t * t;
  }
  polynomial(cosine, square, cosTerms, count);
  polynomial(sine, square, sinTerms, count);
  for (let i = 0; i < count; i++) {
    const t = x[i]!;
    const s = square[i]!;
    cosine[i] = fma32(Math.fround(cosine[i]! * s), s, s * -0.5) + 1;
    sine[i] = fma32(Math.fround(sine[i]! * s), t, t);
  }
}

/** The pairs `radius * cos(angle)`, `radius * sin(angle)`. */
function combine(chunk: Float32Array, count: number): void {
  const { radius, quarters, sine, cosine } = scratch;
  for (let i = 0; i < count; i++) {
    // After 0 quarters of pi the two are cosine, sine; after 2: -sine, cosine; after 4: -cosine, -sine; after 6: sine, -cosine.
    const q = quarters[i]!;
    const swapped = (q & 2) !== 0;
    const first = radius[i]! * (swapped ? sine[i]! : cosine[i]!);
    const second = radius[i]! * (swapped ? cosine[i]! : sine[i]!);
    chunk[place(i)] = (((q + 2) & 4) === 0 ? first : -first) + 0; // the kernel adds the mean, which makes 0 of -0
    chunk[place(i) + half] = ((q & 4) === 0 ? second : -second) + 0;
  }
}

/** `y` of `x` by Horner's rule, highest term first. */
function polynomial(y: Float32Array, x: Float32Array, terms: Float32Array, count: number): void {
  y.fill(terms[0]!, 0, count);
  for (let k = 1; k < terms.length; k++) {
    const term = terms[k]!;
    for (let i = 0; i < count; i++) y[i] = fma32(y[i]!, x[i]!, term);
  }
}

/** The same for values of a narrower dtype, which round where PyTorch's scalar code for it does. */
export function boxMullerHalf(data: Float32Array, mean: number, std: number, kind: HalfKind): void {
  const { round } = elementsOf(data, kind);
  // bfloat16 has functions of its own. Those that float16 goes through give float32, so its multiply-add is fused.
  const inner = kind === "bfloat16" ? round : Math.fround;
  const m = round(mean);
  const s = round(std);
  const scale = kind === "bfloat16" ? (x: number) => round(round(x * s) + m) : (x: number) => round(fma32(x, s, m));
  for (let start = 0; start + blockSize <= data.length; start += blockSize) {
    for (let i = start; i < start + half; i++) {
      const radius = round(Math.sqrt(inner(-2 * inner(Math.log(round(1 - data[i]!))))));
      const angle = round(2 * Math.PI * data[i + half]!);
      data[i] = scale(inner(radius * inner(Math.cos(angle))));
      data[i + half] = scale(inner(radius * inner(Math.sin(angle))));
    }
  }
}

const logTerms = new Float32Array([
  7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1,
  3.3333331174e-1,
]);
const cosTerms = new Float32Array([2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2]);
const sinTerms = new Float32Array([-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1]);
