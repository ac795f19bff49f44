import { count, type Dim, type Problem } from "../contract/problem.ts";
import { firstOfRun, strideOf } from "./dims.ts";
import { rowsApart } from "./matrices.ts";

/** One operand's part of a product: its rows (or columns), of which the inner ones are one dimension of the output. */
export interface Side {
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
export interface Matrix {
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
/** One way to do a product: `y` is used as it lies or copied whole, `x` is used as it lies or copied by blocks. */
export interface Plan {
  readonly x: Side;
  readonly y: Side;
  /** The dimensions of k around the steps of one product, and those. */
  readonly outerK: readonly Dim[];
  readonly k: readonly Dim[];
  readonly xMatrix: Matrix | null;
  readonly yMatrix: Matrix | null;
}

/** The way that copies least. */
export function planOf({ m, n, k }: Problem, starts: boolean): Plan {
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
