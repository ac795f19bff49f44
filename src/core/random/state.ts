import { stateSize } from "./mt19937.ts";

/**
 * What a generator's saved state holds. The bytes are those of PyTorch's `CPUGeneratorImplState`, little-endian:
 *
 *        0  u64       initial seed
 *        8  i32       left: 1 + outputs before the next twist
 *       12  i32       1 once seeded
 *       16  u64       next: index of the next word
 *       24  u64[624]  the words, of 32 bits each
 *     5016  f64       normal_x, no longer in use
 *     5024  f64       the spare normal value
 *     5032  f64       normal_rho, no longer in use
 *     5040  i32       1 if there is a spare normal value
 *     5048  f32, u8   the same in float32, which no CPU kernel uses
 *
 * Files from before PyTorch 1.3 lack the last eight bytes and keep of the spare value its angle / 2 pi (`normal_x`) and radius.
 */
export interface GeneratorState {
  readonly seed: bigint;
  readonly left: number;
  readonly next: number;
  readonly words: Int32Array;
  readonly nextNormal: number | null;
}

/** Bytes of a saved state, and of one from before PyTorch 1.3. */
export const stateBytes = 5056;
export const legacyStateBytes = 5048;

const wordsAt = 24;
const normalAt = wordsAt + 8 * stateSize;
const flagAt = normalAt + 24;

/** The bytes of a state. */
export function encodeState(state: GeneratorState): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(stateBytes);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, state.seed, true);
  view.setInt32(8, state.left, true);
  view.setInt32(12, 1, true);
  view.setUint32(16, state.next, true);
  for (let i = 0; i < stateSize; i++) view.setInt32(wordsAt + 8 * i, state.words[i]!, true);
  if (state.nextNormal !== null) {
    view.setFloat64(normalAt + 8, state.nextNormal, true);
    view.setInt32(flagAt, 1, true);
  }
  return bytes;
}

/** The state that the bytes hold; they must be 5056 or 5048. Null where they cannot be a Mersenne Twister's. */
export function decodeState(bytes: Uint8Array): GeneratorState | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const left = view.getInt32(8, true);
  const seeded = view.getInt32(12, true) !== 0;
  const next = Number(view.getBigUint64(16, true));
  if (!seeded || left < 1 || left > stateSize || next > stateSize) return null;
  // Words that would run past the end before the next twist. PyTorch accepts them and reads beyond its array.
  if (left - 1 > stateSize - next) return null;
  const words = new Int32Array(stateSize);
  for (let i = 0; i < stateSize; i++) words[i] = view.getInt32(wordsAt + 8 * i, true);
  return { seed: view.getBigUint64(0, true), left, next, words, nextNormal: spareNormal(view) };
}

function spareNormal(view: DataView): number | null {
  if (view.getInt32(flagAt, true) === 0) return null;
  if (view.byteLength !== legacyStateBytes) return view.getFloat64(normalAt + 8, true);
  const angle = 2 * Math.PI * view.getFloat64(normalAt, true);
  return view.getFloat64(normalAt + 16, true) * Math.sin(angle);
}
