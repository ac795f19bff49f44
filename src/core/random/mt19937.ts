/** Words of state, and outputs between two twists. */
export const stateSize = 624;
/** Distance of the second word that a twist mixes in. */
const shiftSize = 397;
const matrix = 0x9908b0df | 0;
const upperMask = 0x80000000 | 0;
const lowerMask = 0x7fffffff;

/**
 * The 32-bit Mersenne Twister: M. Matsumoto and T. Nishimura, "Mersenne Twister: A 623-Dimensionally Equidistributed Uniform
 * Pseudo-Random Number Generator", ACM TOMACS 8 (1998), with the seeding of 2002 (`init_genrand`).
 *
 * `next` and `left` count as PyTorch counts them, because they are part of the saved state: `next` is the index of the word to
 * give next, `left - 1` is how many there are before the following twist. A fresh engine has `next = 0, left = 1`, that is,
 * its first draw twists.
 */
export class Mt19937 {
  readonly state: Int32Array = new Int32Array(stateSize);
  next: number = 0;
  left: number = 1;

  /** Starts the sequence of the low 32 bits of `seed`. */
  seed(seed: number): void {
    const { state } = this;
    let word = seed | 0;
    state[0] = word;
    for (let i = 1; i < stateSize; i++) {
      word = (Math.imul(1812433253, word ^ (word >>> 30)) + i) | 0;
      state[i] = word;
    }
    this.next = 0;
    this.left = 1;
  }

  /** The next output, from 0 to 2^32 - 1. */
  u32(): number {
    if (--this.left === 0) this.#twist();
    return temper(this.state[this.next++]!) >>> 0;
  }

  /** Writes the next `count` outputs to the start of `out`. */
  fill(out: Uint32Array, count: number): void {
    const { state } = this;
    for (let done = 0; done < count; ) {
      if (this.left === 1) {
        this.#twist();
        this.left++; // below, `left` falls once for every output
      }
      const start = this.next;
      const run = Math.min(count - done, this.left - 1);
      for (let i = 0; i < run; i++) out[done + i] = temper(state[start + i]!);
      this.next = start + run;
      this.left -= run;
      done += run;
    }
  }

  #twist(): void {
    const { state } = this;
    const turn = stateSize - shiftSize;
    let word = state[0]!;
    for (let i = 0; i < turn; i++) {
      const following = state[i + 1]!;
      state[i] = state[i + shiftSize]! ^ mix(word, following);
      word = following;
    }
    for (let i = turn; i < stateSize - 1; i++) {
      const following = state[i + 1]!;
      state[i] = state[i - turn]! ^ mix(word, following);
      word = following;
    }
    state[stateSize - 1] = state[shiftSize - 1]! ^ mix(word, state[0]!);
    this.next = 0;
    this.left = stateSize;
  }
}

function mix(word: number, following: number): number {
  return (((word & upperMask) | (following & lowerMask)) >>> 1) ^ (-(following & 1) & matrix);
}

function temper(word: number): number {
  let y = word;
  y ^= y >>> 11;
  y ^= (y << 7) & 0x9d2c5680;
  y ^= (y << 15) & 0xefc60000;
  return y ^ (y >>> 18);
}
