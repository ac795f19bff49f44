/**
 * The loops that visit the elements of several operands together, outermost first. Sizes of 1 are left out, and neighbouring loops that
 * every operand walks in one even step are merged, so a contiguous tensor is one loop whatever its shape. One instance is reused for many
 * runs.
 */
export class LoopNest {
  /** How many operands walk along. */
  readonly width: number;
  rank = 0;
  readonly sizes: number[] = [];
  /** Steps of operand k in loop d, in bytes or elements: at `d * width + k`. */
  readonly strides: number[] = [];

  constructor(width: number) {
    this.width = width;
  }

  /** Starts anew. */
  clear(): this {
    this.rank = 0;
    return this;
  }

  /** Adds an inner loop of `size`, whose steps `set` fills in. */
  push(size: number): void {
    this.sizes[this.rank++] = size;
  }

  /** The step of operand `k` in the innermost loop so far. */
  set(k: number, stride: number): void {
    this.strides[(this.rank - 1) * this.width + k] = stride;
  }

  /**
   * Puts loops with larger steps outside. The first operand decides, and the others where it does not. Only for kernels that do not mind
   * in which order elements are visited.
   */
  sort(): this {
    for (let i = 1; i < this.rank; i++) for (let d = i; d > 0 && this.#inverted(d - 1, d); d--) this.#swap(d - 1, d);
    return this;
  }

  #inverted(outer: number, inner: number): boolean {
    for (let k = 0; k < this.width; k++) {
      const a = Math.abs(this.strides[outer * this.width + k]!);
      const b = Math.abs(this.strides[inner * this.width + k]!);
      if (a !== 0 && b !== 0 && a !== b) return a < b;
    }
    return false;
  }

  #swap(a: number, b: number): void {
    const size = this.sizes[a]!;
    this.sizes[a] = this.sizes[b]!;
    this.sizes[b] = size;
    for (let k = 0; k < this.width; k++) {
      const stride = this.strides[a * this.width + k]!;
      this.strides[a * this.width + k] = this.strides[b * this.width + k]!;
      this.strides[b * this.width + k] = stride;
    }
  }

  /** Moves a loop to just outside the innermost one. */
  bringIn(d: number): void {
    for (let k = d; k < this.rank - 2; k++) this.#swap(k, k + 1);
  }

  /** Puts the longest loop innermost where the innermost one does not fill a vector and the longest is much longer. */
  avoidShort(lanes: number): void {
    if (this.sizes[this.rank - 1]! >= lanes) return;
    let longest = this.rank - 1;
    for (let d = 0; d < this.rank; d++) if (this.sizes[d]! > this.sizes[longest]!) longest = d;
    if (this.sizes[longest]! < 4 * lanes) return;
    this.bringIn(longest);
    this.#swap(this.rank - 2, this.rank - 1);
  }

  /**
   * Whether an operand steps across `line` bytes or more along the innermost loop, a long one, and within so many along another: each line is
   * fetched anew for every element, unless the loops go through blocks.
   */
  goesAcross(line: number): boolean {
    const last = this.rank - 1;
    if (this.rank < 2 || this.sizes[last]! < 4 * line) return false;
    for (let k = 0; k < this.width; k++) {
      if (Math.abs(this.innerStride(k)) < line) continue;
      for (let d = 0; d < last; d++) {
        const step = Math.abs(this.strides[d * this.width + k]!);
        if (step > 0 && step < line && this.sizes[d]! * step >= line) return true;
      }
    }
    return false;
  }

  /** Cuts the innermost loop, whose size is a multiple, into blocks; the loop over the blocks goes outside all others. */
  block(size: number): this {
    const last = this.rank - 1;
    for (let at = this.rank * this.width + this.width - 1; at >= this.width; at--) this.strides[at] = this.strides[at - this.width]!;
    for (let d = this.rank; d > 0; d--) this.sizes[d] = this.sizes[d - 1]!;
    this.rank++;
    for (let k = 0; k < this.width; k++) this.strides[k] = this.innerStride(k) * size;
    this.sizes[0] = this.sizes[last + 1]! / size;
    this.sizes[last + 1] = size;
    return this;
  }

  /** Merges what can be merged. No loop at all becomes one of size 1, with these steps. */
  merge(steps: readonly number[]): this {
    let to = 0;
    for (let d = 1; d < this.rank; d++) {
      if (this.#joins(to, d)) this.sizes[to]! *= this.sizes[d]!;
      else this.sizes[++to] = this.sizes[d]!;
      for (let k = 0; k < this.width; k++) this.strides[to * this.width + k] = this.strides[d * this.width + k]!;
    }
    if (this.rank > 0) this.rank = to + 1;
    else {
      this.push(1);
      for (let k = 0; k < this.width; k++) this.set(k, steps[k]!);
    }
    return this;
  }

  #joins(outer: number, inner: number): boolean {
    const size = this.sizes[inner]!;
    for (let k = 0; k < this.width; k++) {
      if (this.strides[outer * this.width + k] !== size * this.strides[inner * this.width + k]!) return false;
    }
    return true;
  }

  /** The step of operand `k` in the innermost loop. */
  innerStride(k: number): number {
    return this.strides[(this.rank - 1) * this.width + k]!;
  }
}
