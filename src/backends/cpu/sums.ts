import type { FunctionBuilder } from "./wasm/assembler.ts";

/** How many elements a float32 lane may sum before it is carried over: the error stays that of so many additions. */
export const CHUNK = 64;

/** Adds the lanes of a vector of float32 (a local) to two vectors of doubles (locals). */
export function addToDouble(f: FunctionBuilder, sum: number, low: number, high: number): void {
  f.get(low).get(sum).op("f64x2.promote_low_f32x4").op("f64x2.add").set(low);
  f.get(high).get(sum).get(sum).shuffle32(2, 3, 2, 3).op("f64x2.promote_low_f32x4").op("f64x2.add").set(high);
}

/** Rounds two vectors of doubles (locals) to one of float32 (a local). */
export function roundDouble(f: FunctionBuilder, low: number, high: number, into: number): void {
  f.get(low).op("f32x4.demote_f64x2_zero").get(high).op("f32x4.demote_f64x2_zero").shuffle32(0, 1, 4, 5).set(into);
}

/**
 * Float32 sums over many elements: vectors of float32 take up to CHUNK elements in a row, then their lanes are added to double-precision
 * totals and they start anew.
 */
export class DoubleSum {
  readonly #f: FunctionBuilder;
  readonly #accumulators: readonly number[];
  readonly #low: readonly number[];
  readonly #high: readonly number[];
  readonly #filled: number;
  readonly #chunk: number;
  readonly #left: number;
  readonly #limit: number;

  /** `accumulators` are locals; `limit` elements fill them. */
  constructor(f: FunctionBuilder, accumulators: readonly number[], limit: number = CHUNK) {
    this.#f = f;
    this.#accumulators = accumulators;
    this.#low = accumulators.map(() => f.local("v128"));
    this.#high = accumulators.map(() => f.local("v128"));
    this.#filled = f.local("i32");
    this.#chunk = f.local("i32");
    this.#left = f.local("i32");
    this.#limit = limit;
  }

  /** Of the states those that are sums; null without any. */
  static list(f: FunctionBuilder, states: readonly (readonly number[])[], sums: readonly boolean[]): DoubleSum | null {
    const locals = states.flatMap((state) => state.filter((_, k) => sums[k]));
    return locals.length === 0 ? null : new DoubleSum(f, locals);
  }

  /** Sets the totals to zero. */
  begin(): void {
    for (const total of [...this.#low, ...this.#high]) this.#zero().set(total);
    this.#f.i32(0).set(this.#filled);
  }

  /**
   * Goes through `length` elements (a local, kept) in chunks: `row` is given a local with the number of elements to take. `others` are
   * carried over at the same time.
   */
  chunks(length: number, row: (length: number) => void, others: readonly DoubleSum[] = []): void {
    const f = this.#f;
    const [left, chunk, filled] = [this.#left, this.#chunk, this.#filled];
    f.get(length).set(left);
    f.loop((top) => {
      // chunk = min(left, limit)
      f.get(left).i32(this.#limit).get(left).i32(this.#limit).op("i32.lt_u").op("select").set(chunk);
      f.get(left).get(chunk).op("i32.sub").set(left);
      f.get(filled)
        .get(chunk)
        .op("i32.add")
        .tee(filled)
        .i32(this.#limit)
        .op("i32.gt_u")
        .if(() => {
          for (const sum of [this, ...others]) sum.#carry();
          f.get(chunk).set(filled);
        });
      row(chunk);
      f.get(left).brIf(top);
    });
  }

  /** Leaves the totals, rounded, in the accumulators. */
  end(): void {
    this.#carry();
    this.#accumulators.forEach((a, k) => {
      roundDouble(this.#f, this.#low[k]!, this.#high[k]!, a);
    });
  }

  /** Leaves the total over all accumulators and lanes on the stack, as f64. */
  total(): void {
    const f = this.#f;
    this.#carry();
    [...this.#low, ...this.#high].forEach((total, k) => {
      f.get(total);
      if (k > 0) f.op("f64x2.add");
    });
    const sum = this.#low[0]!;
    f.set(sum).get(sum).lane("f64x2.extract_lane", 0).get(sum).lane("f64x2.extract_lane", 1).op("f64.add");
  }

  #carry(): void {
    this.#accumulators.forEach((a, k) => {
      addToDouble(this.#f, a, this.#low[k]!, this.#high[k]!);
      this.#zero().set(a);
    });
  }

  #zero(): FunctionBuilder {
    return this.#f.get(this.#f.hoist("v128", "i32x4:0", () => this.#f.v128("i32x4", 0)));
  }
}
