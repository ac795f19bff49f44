import { philoxStateOffset, philoxStateSize } from "../errors.ts";
import { wholeSeed } from "./seed.ts";

/** Bytes of a saved state: seed and offset, 64 bits each, little-endian. */
const stateBytes = 16;
/** Outputs that each subsequence gives to a run: one block. */
const perRun = 4;

/**
 * A source of random numbers for kernels that each find their own: the seed of a Philox sequence, and how many outputs of every subsequence
 * are used up, as PyTorch's generator for CUDA.
 *
 * @example
 * const g = new PhiloxGenerator("webgpu").manualSeed(0);
 * torch.rand(2, 3, { device: "webgpu", generator: g });
 */
export class PhiloxGenerator {
  /** The type of device whose tensors it fills. */
  readonly device: string;
  #seed: bigint = 0n;
  /** Key and offset, each the low word first. */
  readonly #key = new Uint32Array(2);
  readonly #offset = new Uint32Array(2);

  constructor(device: string, seed: number | bigint = 67280421310721n) {
    this.device = device;
    this.manualSeed(seed);
  }

  /** Starts the sequence of a seed from -2^63 to 2^64 - 1; a negative one counts as `seed + 2^64`. */
  manualSeed(seed: number | bigint): this {
    this.#seed = BigInt.asUintN(64, wholeSeed(seed));
    split(this.#seed, this.#key);
    this.#offset.fill(0);
    return this;
  }

  /** The seed of the present sequence, from 0 to 2^64 - 1. */
  initialSeed(): bigint {
    return this.#seed;
  }

  /** Starts a sequence that cannot be foreseen and gives its seed. */
  seed(): bigint {
    this.manualSeed(crypto.getRandomValues(new BigUint64Array(1))[0]!);
    return this.#seed;
  }

  /** Outputs of each subsequence that are used up: a multiple of 4. */
  get offset(): bigint {
    return (BigInt(this.#offset[1]!) << 32n) | BigInt(this.#offset[0]!);
  }

  /** The state, in the 16 bytes of a CUDA generator's `get_state()`: seed and offset. */
  getState(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(stateBytes);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, this.#seed, true);
    view.setBigUint64(8, this.offset, true);
    return bytes;
  }

  /** Goes back to a saved state. Raises PyTorch's RuntimeError for other bytes. */
  setState(bytes: Uint8Array): this {
    if (bytes.length !== stateBytes) throw philoxStateSize();
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const offset = view.getBigUint64(8, true);
    if (offset % BigInt(perRun) !== 0n) throw philoxStateOffset();
    this.manualSeed(view.getBigUint64(0, true));
    split(offset, this.#offset);
    return this;
  }

  /**
   * Takes one block of four outputs from each subsequence: writes the two words of the key to `words` from index `at` on, and after them the two low
   * words of the counter.
   */
  reserve(words: Uint32Array, at: number): void {
    const offset = this.#offset;
    const low = offset[0]!;
    const high = offset[1]!;
    words[at] = this.#key[0]!;
    words[at + 1] = this.#key[1]!;
    words[at + 2] = (low >>> 2) | (high << 30);
    words[at + 3] = high >>> 2;
    offset[0] = low + perRun;
    if (offset[0]! < perRun) offset[1] = high + 1;
  }
}

function split(value: bigint, out: Uint32Array): void {
  out[0] = Number(BigInt.asUintN(32, value));
  out[1] = Number(value >> 32n);
}
