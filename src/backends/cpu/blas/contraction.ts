import type { Addresses } from "../contract/multiply.ts";
import { count, type Problem } from "../contract/problem.ts";
import { heap } from "../heap.ts";
import { type Key, offsetOf, strideOf } from "./dims.ts";
import { copiesOf } from "./gather.ts";
import type { Products } from "./library.ts";
import { rowsApart } from "./matrices.ts";
import { copyWhole, Patches, type Placed } from "./patches.ts";
import { type Plan, planOf } from "./plan.ts";

/** Elements that an operand may have to be copied as a whole. */
const LARGEST_COPY = 2 ** 23;
/** Rows that copied patches must be multiplied with, and steps that they must have, for the copy and the call to pay (measured). */
const FEWEST_ROWS = 16;
const FEWEST_PATCH_STEPS = 32;

/**
 * Computes a contraction of any dimensions by the library, as products of matrices: where an operand is none as it lies, its elements are
 * copied to one, a block at a time (a convolution's patches: the "im2col" of K. Chellapilla, S. Puri, P. Simard, "High Performance
 * Convolutional Neural Networks for Document Processing", 2006, in blocks that stay in the cache). Where this would gain nothing, nothing
 * is done and the result is false. `smallest` is the fewest multiplications that a single product may have; with 0, what can be done is.
 */
export function multiplyByBlocks(
  problem: Problem,
  at: Addresses,
  size: 4 | 8,
  starts: boolean,
  products: Products,
  smallest: number,
): boolean {
  const plan = planOf(problem, starts);
  const { x, y } = plan;
  const whole = plan.yMatrix === null ? y.outers * y.size * count(plan.k) : 0;
  if (whole > LARGEST_COPY) return false;
  const blocks = new Blocks(plan, problem, at, size, starts, products);
  if (blocks.line === 0) return false;
  if (smallest > 0) {
    if (y.size * blocks.xBlock * blocks.kBlock < smallest || Math.min(x.size, y.size) < 2) return false;
    const copies = plan.xMatrix === null || whole > 0;
    if (copies && (y.size < FEWEST_ROWS || blocks.kBlock < FEWEST_PATCH_STEPS)) return false;
  }
  const copy = whole > 0 ? heap.allocate(whole * size) : null;
  try {
    blocks.run(copy === null ? 0 : copy.offset);
  } finally {
    if (copy !== null) heap.release(copy);
  }
  return true;
}

/** Where the operands of one batch index, and of one index of the outer dimensions of x, begin. */
interface Places {
  readonly x: number;
  readonly y: number;
  readonly c: number;
  readonly d: number;
}

/** A contraction as a sequence of products of matrices. */
class Blocks {
  /** How far apart the lines of c are; 0 if neither its rows nor its columns lie side by side. */
  readonly line: number;
  /** The rows of x and the steps of one product, at most. */
  readonly xBlock: number;
  readonly kBlock: number;
  readonly #plan: Plan;
  readonly #problem: Problem;
  readonly #at: Addresses;
  readonly #size: 4 | 8;
  readonly #products: Products;
  readonly #steps: number;
  readonly #patches: Patches | null;
  /** Whether the rows of x are the columns of c; else they are its rows. */
  readonly #xInLine: boolean;
  /** Whether the start has to be brought to c, and whether it is there. */
  readonly #copiesStart: boolean;
  readonly #addsToOutput: boolean;

  constructor(plan: Plan, problem: Problem, at: Addresses, size: 4 | 8, starts: boolean, products: Products) {
    const { x, y, k, xMatrix } = plan;
    this.#plan = plan;
    this.#problem = problem;
    this.#at = at;
    this.#size = size;
    this.#products = products;
    this.#steps = count(k);
    this.#patches = xMatrix === null ? new Patches(x.key, x.inner, k, size) : null;
    this.xBlock = this.#patches?.rows ?? x.size;
    this.kBlock = this.#patches?.steps ?? this.#steps;
    const [cX, cY] = [strideOf(x.inner, "c"), strideOf(y.inner, "c")];
    const xInLine = rowsApart(y.size, x.size, cY, cX);
    this.#xInLine = xInLine > 0;
    this.line = this.#xInLine ? xInLine : rowsApart(x.size, y.size, cX, cY);
    this.#addsToOutput = starts && at.d === at.c && [problem.batch, problem.m, problem.n].flat().every((dim) => dim.c === dim.d);
    this.#copiesStart = starts && !this.#addsToOutput;
  }

  /** Computes all of it; `copy` is memory for the whole of y, where it is no matrix. */
  run(copy: number): void {
    const { x, y, k } = this.#plan;
    const size = this.#size;
    const { batch } = this.#problem;
    const batches = count(batch);
    let copied = -1;
    for (let i = 0; i < batches; i++) {
      const of = (key: Key): number => this.#at[key] + offsetOf(batch, key, i) * size;
      const [xAt, yAt, cAt, dAt] = [of(x.key), of(y.key), of("c"), of("d")];
      if (copy > 0 && copied !== yAt) {
        copyWhole(y.key, [...y.outer, ...y.inner], k, size, yAt, copy);
        copied = yAt;
      }
      for (let outer = 0; outer < x.outers; outer++) {
        const offset = (key: Key): number => offsetOf(x.outer, key, outer) * size;
        const places = { x: xAt + offset(x.key), y: copy > 0 ? copy : yAt, c: cAt + offset("c"), d: dAt + offset("d") };
        for (let first = 0; first < x.size; first += this.xBlock) this.#sum(places, first, copy > 0);
      }
    }
  }

  /** The products of all steps for a block of x, from row `first` on. */
  #sum(places: Places, first: number, copied: boolean): void {
    const { x, y, k, outerK, xMatrix } = this.#plan;
    const size = this.#size;
    const rows = Math.min(this.xBlock, x.size - first);
    const outerSteps = count(outerK);
    const yStep = copied ? 1 : strideOf(k, y.key);
    for (let outer = 0; outer < outerSteps; outer++) {
      const xAt = places.x + offsetOf(outerK, x.key, outer) * size;
      const yAt = places.y + offsetOf(outerK, y.key, outer) * size;
      for (let step = 0; step < this.#steps; step += this.kBlock) {
        const steps = Math.min(this.kBlock, this.#steps - step);
        const block = xMatrix === null ? this.#patches!.block(xAt, first, rows, step, steps) : { at: xAt, ...xMatrix };
        this.#multiply(places, block, first, rows, steps, yAt + step * yStep * size, copied, outer === 0 && step === 0);
      }
    }
  }

  /** The products of a block of x with all of y, for the steps of the block. `isFirst` says that c holds no sum yet. */
  #multiply(
    places: Places,
    block: Placed,
    first: number,
    rows: number,
    steps: number,
    yAt: number,
    copied: boolean,
    isFirst: boolean,
  ): void {
    const { x, y, yMatrix } = this.#plan;
    const { gemm } = this.#products;
    const size = this.#size;
    const [yLine, yStepsInLine] = yMatrix === null ? [this.#steps, true] : [yMatrix.line, yMatrix.stepsInLine];
    const beta = isFirst && !this.#copiesStart && !this.#addsToOutput ? 0 : 1;
    for (let outer = 0; outer < y.outers; outer++) {
      const c = places.c + (offsetOf(y.outer, "c", outer) + first * strideOf(x.inner, "c")) * size;
      const from = yAt + (copied ? outer * y.size * this.#steps : offsetOf(y.outer, y.key, outer)) * size;
      if (isFirst && this.#copiesStart)
        this.#begin(places.d + (offsetOf(y.outer, "d", outer) + first * strideOf(x.inner, "d")) * size, c, rows);
      if (this.#xInLine) gemm(!yStepsInLine, block.stepsInLine, y.size, rows, steps, from, yLine, block.at, block.line, beta, c, this.line);
      else gemm(!block.stepsInLine, yStepsInLine, rows, y.size, steps, block.at, block.line, from, yLine, beta, c, this.line);
    }
  }

  /** Brings the start of a block to c. */
  #begin(d: number, c: number, rows: number): void {
    const { x, y } = this.#plan;
    const size = this.#size;
    const { spread } = copiesOf(size);
    const [dX, dY] = [strideOf(x.inner, "d") * size, strideOf(y.inner, "d") * size];
    if (this.#xInLine) spread(d, dY, dX, c, this.line * size, y.size, rows);
    else spread(d, dX, dY, c, this.line * size, rows, y.size);
  }
}
