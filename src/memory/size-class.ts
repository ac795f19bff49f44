/** Sizes up to here go in steps of the alignment. */
const FINE = 512;
/** Above, there are so many classes between two powers of two: at most one part in as many is wasted by rounding. */
const STEPS = 8;
/** Blocks up to here are small: carved from arenas. */
export const SMALL_BYTES: number = 32 * 1024;
/** Units beyond these are more than any device has, and more than 32-bit arithmetic takes. */
const MOST_UNITS = 2 ** 31;

/**
 * The size classes of a pool. Sizes are counted in units of the alignment; a class is named by its index. The first ones are one unit apart, so
 * that index and units are the same; from `2 ** #log` units on there are eight between two powers of two.
 */
export class SizeClasses {
  readonly alignment: number;
  /** Indices are below this. Requests beyond it cannot be served. */
  readonly count: number;
  /** The class of the largest small blocks. */
  readonly lastSmall: number;
  readonly #perUnit: number;
  readonly #log: number;
  readonly #linear: number;

  /** `alignment`: a power of two. */
  constructor(alignment: number) {
    this.alignment = alignment;
    this.#perUnit = 1 / alignment;
    this.#linear = Math.max(FINE / alignment, 2 * STEPS);
    this.#log = 31 - Math.clz32(this.#linear);
    this.lastSmall = this.ceil(SMALL_BYTES / alignment);
    this.count = this.ceil(MOST_UNITS) + 1;
  }

  /** The units that a request takes at least. */
  unitsOf(size: number): number {
    return size > this.alignment ? Math.ceil(size * this.#perUnit) : 1;
  }

  /** The smallest class whose blocks hold so many units. */
  ceil(units: number): number {
    if (units <= this.#linear) return units;
    return units <= MOST_UNITS ? this.#step(units - 1) + 1 : Number.POSITIVE_INFINITY;
  }

  /** The largest class whose requests a block of so many units can serve. */
  floor(units: number): number {
    return units <= this.#linear ? units : this.#step(units);
  }

  /** The bytes that a block of a class has at least. */
  sizeOf(index: number): number {
    if (index <= this.#linear) return index * this.alignment;
    const k = index - this.#linear;
    return (STEPS + (k % STEPS)) * 2 ** (this.#log + Math.floor(k / STEPS) - 3) * this.alignment;
  }

  /** The exponent and the next three bits of a number tell its step. */
  #step(units: number): number {
    const log = 31 - Math.clz32(units);
    return this.#linear + (log - this.#log) * STEPS + (units >>> (log - 3)) - STEPS;
  }
}
