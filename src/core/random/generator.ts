import { generatorStateSize, invalidGeneratorState } from "../errors.ts";
import { Mt19937 } from "./mt19937.ts";
import { log, sinCos } from "./precise.ts";
import { wholeSeed } from "./seed.ts";
import { decodeState, encodeState, legacyStateBytes, stateBytes } from "./state.ts";

/** The most outputs that one call of {@link Generator.words} can give: even, so that pairs never straddle two calls. */
export const wordsPerDraw = 1024;
const scratch = new Uint32Array(wordsPerDraw);
const turned = new Float64Array(2);

/** PyTorch's `default_rng_seed_val`. */
const defaultSeed = 67280421310721n;

/**
 * A source of pseudo-random numbers for the CPU, as `torch.Generator()`: a Mersenne Twister and the spare value of the last
 * pair of normals. The same seed gives the same bits as PyTorch.
 *
 * @example
 * const g = new Generator().manualSeed(0);
 * g.u24(); // 0.4962565898895264, as torch.manual_seed(0); torch.rand(1)
 */
export class Generator {
  /** The type of device whose tensors it fills. */
  readonly device: string = "cpu";
  readonly #engine = new Mt19937();
  #initialSeed = defaultSeed;
  /** The second value of the last Box-Muller pair, the next to give. */
  #nextNormal: number | null = null;

  constructor(seed: number | bigint = defaultSeed) {
    this.manualSeed(seed);
  }

  /**
   * Starts the sequence of a seed from -2^63 to 2^64 - 1; a negative one counts as `seed + 2^64`. The engine uses the low 32
   * bits. Raises PyTorch's RuntimeError for a number that is not whole and for one out of range.
   */
  manualSeed(seed: number | bigint): this {
    const whole = wholeSeed(seed);
    this.#initialSeed = BigInt.asUintN(64, whole);
    this.#engine.seed(Number(BigInt.asUintN(32, whole)));
    this.#nextNormal = null;
    return this;
  }

  /** The seed of the present sequence, from 0 to 2^64 - 1. */
  initialSeed(): bigint {
    return this.#initialSeed;
  }

  /** Starts a sequence that cannot be foreseen and gives its seed. */
  seed(): bigint {
    const seed = crypto.getRandomValues(new BigUint64Array(1))[0]!;
    this.manualSeed(seed);
    return seed;
  }

  /** The state, in the 5056 bytes of `torch.Generator.get_state()`. */
  getState(): Uint8Array<ArrayBuffer> {
    const { next, left, state } = this.#engine;
    return encodeState({ seed: this.#initialSeed, left, next, words: state, nextNormal: this.#nextNormal });
  }

  /** Goes back to a saved state, of this library or of PyTorch. Raises PyTorch's RuntimeError for other bytes. */
  setState(bytes: Uint8Array): this {
    if (bytes.length !== stateBytes && bytes.length !== legacyStateBytes) throw generatorStateSize(bytes.length);
    const state = decodeState(bytes);
    if (state === null) throw invalidGeneratorState();
    this.#initialSeed = state.seed;
    this.#nextNormal = state.nextNormal;
    this.#engine.state.set(state.words);
    this.#engine.next = state.next;
    this.#engine.left = state.left;
    return this;
  }

  /** A whole number from 0 to 2^32 - 1: one output. */
  u32(): number {
    return this.#engine.u32();
  }

  /** A whole number from 0 to 2^64 - 1: two outputs, the high half first. */
  u64(): bigint {
    const high = this.#engine.u32();
    return (BigInt(high) << 32n) | BigInt(this.#engine.u32());
  }

  /** A float32 in [0, 1): the low 24 bits of one output. */
  u24(): number {
    return (this.#engine.u32() & 0xffffff) * 2 ** -24;
  }

  /** A float64 in [0, 1): the low 53 bits of {@link u64}. */
  u53(): number {
    const high = this.#engine.u32() & 0x1fffff;
    return (high * 2 ** 32 + this.#engine.u32()) * 2 ** -53;
  }

  /**
   * A float64 of the normal distribution with mean 0 and standard deviation 1, by the Box-Muller transform. Every second call
   * draws; the one after it gives the other value of the pair, however much was drawn between.
   */
  normal(): number {
    const spare = this.#nextNormal;
    if (spare !== null) {
      this.#nextNormal = null;
      return spare;
    }
    sinCos(2 * Math.PI * this.u53(), turned);
    const radius = Math.sqrt(-2 * log(1 - this.u53()));
    this.#nextNormal = radius * turned[0]!;
    return radius * turned[1]!;
  }

  /**
   * The next `count` outputs, at most {@link wordsPerDraw}, at the start of an array that the next call, on any generator,
   * writes over. For loops that fill whole arrays.
   */
  words(count: number): Uint32Array {
    this.#engine.fill(scratch, count);
    return scratch;
  }
}
