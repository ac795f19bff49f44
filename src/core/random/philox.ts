/**
 * Philox4x32-10, the counter-based generator: J. Salmon, M. Moraes, R. Dror and D. Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3",
 * SC11. Every block of four outputs is a function of a 128-bit counter and a 64-bit key, so that each thread of a GPU finds its own.
 *
 * Key and counter are used as in cuRAND and PyTorch's CUDA generator: the key is the seed; the counter's low half counts blocks of a
 * subsequence, that is `offset / 4`, and its high half is the subsequence.
 */

const multiplier0 = 0xd2511f53;
const multiplier1 = 0xcd9e8d57;
/** What the key's words grow by each round: the golden ratio and the square root of 3, less 1. */
const weyl0 = 0x9e3779b9;
const weyl1 = 0xbb67ae85;
const rounds = 10;

/** Writes the four outputs of a counter (four words, lowest first) and a key (two words) to `out` from index `at`. */
export function philox4x32(counter: ArrayLike<number>, key: ArrayLike<number>, out: Uint32Array, at: number = 0): void {
  let c0 = counter[0]! | 0;
  let c1 = counter[1]! | 0;
  let c2 = counter[2]! | 0;
  let c3 = counter[3]! | 0;
  let k0 = key[0]! | 0;
  let k1 = key[1]! | 0;
  for (let round = 0; round < rounds; round++) {
    const high0 = multiplyHigh(multiplier0, c0);
    const high1 = multiplyHigh(multiplier1, c2);
    const low0 = Math.imul(multiplier0, c0);
    const low1 = Math.imul(multiplier1, c2);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + weyl0) | 0;
    k1 = (k1 + weyl1) | 0;
  }
  out[at] = c0;
  out[at + 1] = c1;
  out[at + 2] = c2;
  out[at + 3] = c3;
}

/** The high 32 bits of a product of two unsigned words. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const other = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + (middle >>> 16) + (other >>> 16)) | 0;
}

/**
 * A float32 in (0, 1] from an output: `x * 2^-32 + 2^-33`, cuRAND's `_curand_uniform`. x rounds to float32 first and the product is
 * exact, so that a fused multiply-add gives the same.
 */
export function philoxUniform(x: number): number {
  return Math.fround(Math.fround(x) * 2 ** -32 + 2 ** -33);
}

/**
 * Two normal float32 from two outputs, by the Box-Muller transform in the order of cuRAND's `_curand_box_muller`: with u and v the
 * uniform values, `sqrt(-2 log u)` times the sine of v turns, then times the cosine. Computed in float64 and rounded once; cuRAND, in
 * float32, is less exact.
 */
export function philoxNormals(x: number, y: number, out: Float32Array, at: number = 0): void {
  const radius = Math.sqrt(-2 * Math.log(philoxUniform(x)));
  const v = philoxUniform(y);
  // The sine of a whole number of quarter turns is 0 or 1: pi, rounded, would not give that.
  const quarters = Math.round(4 * v);
  const angle = 2 * Math.PI * (v - quarters / 4);
  const [s, c] = [Math.sin(angle), Math.cos(angle)];
  const odd = (quarters & 1) === 1;
  const [sine, cosine] = odd ? [c, -s] : [s, c];
  const scale = (quarters & 2) === 0 ? radius : -radius;
  out[at] = scale * sine;
  out[at + 1] = scale * cosine;
}

/** One subsequence of Philox outputs, the state of one thread. */
export class Philox {
  readonly #key = new Uint32Array(2);
  readonly #counter = new Uint32Array(4);
  readonly #block = new Uint32Array(4);
  #used = 4;

  /** @param offset outputs to skip. */
  constructor(seed: number | bigint, subsequence: number | bigint = 0, offset: number | bigint = 0) {
    split(BigInt(seed), this.#key, 0);
    split(BigInt(offset) >> 2n, this.#counter, 0);
    split(BigInt(subsequence), this.#counter, 2);
    for (let skip = Number(BigInt(offset) & 3n); skip > 0; skip--) this.u32();
  }

  /** The next output, from 0 to 2^32 - 1. */
  u32(): number {
    if (this.#used === 4) {
      philox4x32(this.#counter, this.#key, this.#block);
      let i = 0;
      do this.#counter[i] = this.#counter[i]! + 1;
      while (this.#counter[i++] === 0 && i < 4); // carries
      this.#used = 0;
    }
    return this.#block[this.#used++]!;
  }
}

/**
 * Fills `out` with the first outputs of as many subsequences as it takes: element i is output `offset + i % 4` of subsequence
 * `floor(i / 4)`. A kernel with a thread for every four elements makes the same. `offset` is a multiple of 4.
 */
export function fillPhiloxWords(out: Uint32Array, seed: bigint, offset: bigint): void {
  const key = new Uint32Array(2);
  const counter = new Uint32Array(4);
  split(seed, key, 0);
  split(offset >> 2n, counter, 0);
  const whole = out.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    counter[2] = i >>> 2;
    philox4x32(counter, key, out, i);
  }
  if (whole < out.length) {
    const last = new Uint32Array(4);
    counter[2] = whole >>> 2;
    philox4x32(counter, key, last);
    out.set(last.subarray(0, out.length - whole), whole);
  }
}

/**
 * Uniform float32 in [from, to), from the outputs of {@link fillPhiloxWords}. As in PyTorch's CUDA kernel the interval (0, 1] is turned
 * round by giving `from` in place of `to`.
 */
export function fillPhiloxUniform(out: Float32Array, seed: bigint, offset: bigint, from: number = 0, to: number = 1): void {
  const low = Math.fround(from);
  const high = Math.fround(to);
  const range = Math.fround(high - low);
  const words = new Uint32Array(out.length);
  fillPhiloxWords(words, seed, offset);
  for (let i = 0; i < out.length; i++) {
    // Two roundings: a device's compiler can be kept from fusing, but not made to.
    const value = Math.fround(Math.fround(philoxUniform(words[i]!) * range) + low);
    out[i] = value === high ? low : value;
  }
}

/** Normal float32, a pair from each two of the outputs of {@link fillPhiloxWords}. */
export function fillPhiloxNormal(out: Float32Array, seed: bigint, offset: bigint, mean: number = 0, std: number = 1): void {
  const words = new Uint32Array((out.length + 1) & ~1);
  const pair = new Float32Array(2);
  fillPhiloxWords(words, seed, offset);
  for (let i = 0; i < out.length; i += 2) {
    philoxNormals(words[i]!, words[i + 1]!, pair);
    out[i] = Math.fround(pair[0]! * Math.fround(std)) + Math.fround(mean);
    if (i + 1 < out.length) out[i + 1] = Math.fround(pair[1]! * Math.fround(std)) + Math.fround(mean);
  }
}

/** The two words of a 64-bit number, the low one first. */
function split(value: bigint, out: Uint32Array, at: number): void {
  out[at] = Number(BigInt.asUintN(32, value));
  out[at + 1] = Number(BigInt.asUintN(32, value >> 32n));
}
