import type { Block } from "../../../memory/block.ts";
import type { Addresses } from "../contract/multiply.ts";
import { count, type Dim, type Problem } from "../contract/problem.ts";
import { heap } from "../heap.ts";
import { firstOfRun, type Key, offsetOf, strideOf } from "./dims.ts";
import { copiesOf } from "./gather.ts";
import type { Products } from "./library.ts";
import { rowsApart } from "./matrices.ts";
import { copyWhole, Patches, type Placed } from "./patches.ts";

/** One operand's part of a product: its rows (or columns), of which the inner ones are one dimension of the output. */
interface Side {
  readonly key: "a" | "b";
  readonly outer: readonly Dim[];
  readonly inner: readonly Dim[];
  readonly outers: number;
  readonly size: number;
}

function sideOf(key: "a" | "b", group: readonly Dim[], starts: boolean): Side {
  const first = starts ? firstOfRun(group, "c", "d") : firstOfRun(group, "c");
  const [outer, inner] = [group.slice(0, first), group.slice(first)];
  return { key, outer, inner, outers: count(outer), size: count(inner) };
}

/** A matrix of rows (or columns) by steps: how far apart its lines are, and whether the steps or the rows lie side by side in a line. */
interface Matrix {
  readonly line: number;
  readonly stepsInLine: boolean;
}

/** A side as a matrix with some steps, if it is one as it lies. */
function matrixOf({ key, inner, size }: Side, k: readonly Dim[]): Matrix | null {
  if (firstOfRun(inner, key) > 0 || firstOfRun(k, key) > 0) return null;
  const [row, step, steps] = [strideOf(inner, key), strideOf(k, key), count(k)];
  const inSteps = rowsApart(size, steps, row, step);
  if (inSteps > 0) return { line: inSteps, stepsInLine: true };
  const inRows = rowsApart(steps, size, step, row);
  return inRows > 0 ? { line: inRows, stepsInLine: false } : null;
}

/** Steps that must lie in a matrix for it to be used as it lies when the other steps do not. */
const FEWEST_STEPS = 32;
/** Elements that an operand may have to be copied as a whole. */
const LARGEST_COPY = 2 ** 23;
/** Rows that each copied patch must be multiplied with, for the copy to pay. */
const FEWEST_ROWS = 8;

/** One way to do a product: `y` is used as it lies or copied whole, `x` is used as it lies or copied by blocks. */
interface Plan {
  readonly x: Side;
  readonly y: Side;
  /** The dimensions of k around the steps of one product, and those. */
  readonly outerK: readonly Dim[];
  readonly k: readonly Dim[];
  readonly xMatrix: Matrix | null;
  readonly yMatrix: Matrix | null;
}

function planOf({ m, n, k }: Problem, starts: boolean): Plan {
  const [a, b] = [sideOf("a", m, starts), sideOf("b", n, starts)];
  const [aMatrix, bMatrix] = [matrixOf(a, k), matrixOf(b, k)];
  const none: readonly Dim[] = [];
  if (aMatrix !== null) return { x: b, y: a, outerK: none, k, xMatrix: bMatrix, yMatrix: aMatrix };
  if (bMatrix !== null) return { x: a, y: b, outerK: none, k, xMatrix: null, yMatrix: bMatrix };
  // With fewer steps at a time, one side may be a matrix.
  for (const [y, x] of [[a, b] as const, [b, a] as const]) {
    const first = firstOfRun(k, y.key);
    const inner = k.slice(first);
    const matrix = matrixOf(y, inner);
    if (matrix !== null && count(inner) >= FEWEST_STEPS) {
      return { x, y, outerK: k.slice(0, first), k: inner, xMatrix: matrixOf(x, inner), yMatrix: matrix };
    }
  }
  const [y, x] = a.size * a.outers <= b.size * b.outers ? [a, b] : [b, a];
  return { x, y, outerK: none, k, xMatrix: null, yMatrix: null };
}

/**
 * Computes a contraction of any dimensions by the library, as products of matrices: where an operand is none as it lies, its elements are
 * copied to one, a block at a time (a convolution's patches: the "im2col" of K. Chellapilla, S. Puri, P. Simard, "High Performance
 * Convolutional Neural Networks for Document Processing", 2006, in blocks that stay in the cache). Where this would gain nothing, nothing
 * is done and the result is false. `smallest` is the fewest multiplications that a single product may have.
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
  const { x, y, k, outerK, xMatrix, yMatrix } = plan;
  const [cX, cY] = [strideOf(x.inner, "c"), strideOf(y.inner, "c")];
  // Rows of c, or else its columns, must lie side by side.
  const xInLine = rowsApart(y.size, x.size, cY, cX);
  const cLine = xInLine > 0 ? xInLine : rowsApart(x.size, y.size, cX, cY);
  if (cLine === 0) return false;
  const steps = count(k);
  const ySteps = yMatrix === null ? y.outers * y.size * steps : 0;
  if (ySteps > LARGEST_COPY) return false;
  const patches = xMatrix === null ? new Patches(x.key, x.inner, k, size) : null;
  const xBlock = patches === null ? x.size : patches.rows;
  const kBlock = patches === null ? steps : patches.steps;
  if (smallest > 0) {
    if (y.size * Math.min(xBlock, x.size) * Math.min(kBlock, steps) < smallest) return false;
    if (Math.min(x.size, y.size) < (patches === null && ySteps === 0 ? 2 : FEWEST_ROWS)) return false;
  }
  const added = starts && at.d === at.c && [...problem.batch, ...problem.m, ...problem.n].every((dim) => dim.c === dim.d);
  const [dX, dY] = [strideOf(x.inner, "d") * size, strideOf(y.inner, "d") * size];
  const { spread } = copiesOf(size);
  const batches = count(problem.batch);
  const outerSteps = count(outerK);
  const copy: Block | null = ySteps > 0 ? heap.allocate(ySteps * size) : null;
  try {
    let copied = -1;
    for (let i = 0; i < batches; i++) {
      const of = (key: Key): number => at[key] + offsetOf(problem.batch, key, i) * size;
      const [xAt, yAt, cAt, dAt] = [of(x.key), of(y.key), of("c"), of("d")];
      if (copy !== null && copied !== yAt) {
        copyWhole(y.key, [...y.outer, ...y.inner], k, size, yAt, copy.offset);
        copied = yAt;
      }
      for (let ox = 0; ox < x.outers; ox++) {
        const xPlace = xAt + offsetOf(x.outer, x.key, ox) * size;
        const cPlace = cAt + offsetOf(x.outer, "c", ox) * size;
        const dPlace = dAt + offsetOf(x.outer, "d", ox) * size;
        for (let x0 = 0; x0 < x.size; x0 += xBlock) {
          const xs = Math.min(xBlock, x.size - x0);
          for (let ok = 0; ok < outerSteps; ok++) {
            const [xStep, yStep] = [offsetOf(outerK, x.key, ok) * size, offsetOf(outerK, y.key, ok) * size];
            for (let k0 = 0; k0 < steps; k0 += kBlock) {
              const ks = Math.min(kBlock, steps - k0);
              const block: Placed =
                patches === null
                  ? { at: xPlace + xStep, line: xMatrix!.line, stepsInLine: xMatrix!.stepsInLine }
                  : patches.block(xPlace + xStep, x0, xs, k0, ks);
              for (let oy = 0; oy < y.outers; oy++) {
                const c = cPlace + (offsetOf(y.outer, "c", oy) + x0 * cX) * size;
                let beta: 0 | 1 = ok > 0 || k0 > 0 || added ? 1 : 0;
                if (starts && beta === 0) {
                  const d = dPlace + offsetOf(y.outer, "d", oy) * size + x0 * dX;
                  if (xInLine > 0) spread(d, dY, dX, c, cLine * size, y.size, xs);
                  else spread(d, dX, dY, c, cLine * size, xs, y.size);
                  beta = 1;
                }
                const line = yMatrix === null ? steps : yMatrix.line;
                const inLine = yMatrix === null || yMatrix.stepsInLine;
                const yPlace =
                  copy === null
                    ? yAt + offsetOf(y.outer, y.key, oy) * size + yStep + k0 * strideOf(k, y.key) * size
                    : copy.offset + (oy * y.size * steps + k0) * size;
                if (xInLine > 0) {
                  products.gemm(!inLine, block.stepsInLine, y.size, xs, ks, yPlace, line, block.at, block.line, beta, c, cLine);
                } else {
                  products.gemm(!block.stepsInLine, inLine, xs, y.size, ks, block.at, block.line, yPlace, line, beta, c, cLine);
                }
              }
            }
          }
        }
      }
    }
  } finally {
    if (copy !== null) heap.release(copy);
  }
  return true;
}
