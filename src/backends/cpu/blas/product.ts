import type { BlockOwner, ContractDims, OperandOf } from "../../../kernel/kernel.ts";
import type { LaneType } from "../contract/lanes.ts";
import { problemOf } from "../contract/problem.ts";
import { multiplyByBlocks } from "./contraction.ts";
import { isFewLines, type Matrices, multiplyMatrices } from "./matrices.ts";
import { activeBlas, isBlasEnabled } from "./state.ts";

type Operand = OperandOf<BlockOwner>;

/** Multiplications from which on a product is given to the library: fewer are done by WebAssembly before a call would have begun. */
const SMALLEST = 36 ** 3;
/** The same for each line of a product that is done line by line. */
const SMALLEST_LINE = 2 ** 12;

let smallest = SMALLEST;
let smallestLine = SMALLEST_LINE;

/** Gives every product to the library that it can do, however small, or only those that gain by it. Returns what it was. */
export function setBlasForAll(on: boolean): boolean {
  const before = smallest === 0;
  smallest = on ? 0 : SMALLEST;
  smallestLine = on ? 0 : SMALLEST_LINE;
  return before;
}

const address = ({ storage, layout, dtype }: Operand): number => storage.block.offset + layout.offset * dtype.itemsize;

/**
 * Computes c = start + a * b with a system library, if there is one and it is faster; else nothing is done and the result is false. All
 * operands are of the type; c overlaps neither a nor b, and `start` lies apart from it or in the same places.
 */
export function productByLibrary(type: LaneType, a: Operand, b: Operand, c: Operand, start: Operand | null, dims: ContractDims): boolean {
  if (type !== "f32" && type !== "f64") return false;
  const { shape } = a.layout;
  let all = c.layout.numel;
  for (let d = dims.batch + dims.m; d < shape.length; d++) all *= shape[d]!;
  if (all < smallestLine || all === 0 || !isBlasEnabled()) return false;
  const size = type === "f32" ? 4 : 8;
  const simple = dims.batch === 0 && dims.m <= 1 && dims.n <= 1 && dims.k <= 1;
  if (simple) {
    const rows = dims.m === 0 ? 1 : c.layout.shape[0]!;
    const columns = dims.n === 0 ? 1 : c.layout.shape[dims.m]!;
    if (isFewLines(rows, columns) ? all < smallestLine * Math.min(rows, columns) : all < smallest) return false;
  } else if (all < smallest) return false;
  const products = activeBlas()?.products[type];
  if (products === undefined) return false;
  if (simple && multiplyMatrices(matricesOf(size, a, b, c, start, dims), products)) return true;
  const problem = problemOf(a.layout, b.layout, c.layout, start === null ? null : start.layout, dims);
  const [left, right] = problem.swapped ? [b, a] : [a, b];
  const at = { a: address(left), b: address(right), c: address(c), d: start === null ? 0 : address(start) };
  return multiplyByBlocks(problem, at, size, start !== null, products, smallest);
}

/** A product with at most one dimension in each group, and no batch. */
function matricesOf(size: 4 | 8, a: Operand, b: Operand, c: Operand, start: Operand | null, { m, n, k }: ContractDims): Matrices {
  const [as, bs, cs] = [a.layout.strides, b.layout.strides, c.layout.strides];
  const from = start ?? c;
  const ds = from.layout.strides;
  return {
    size,
    m: m === 0 ? 1 : c.layout.shape[0]!,
    n: n === 0 ? 1 : c.layout.shape[m]!,
    k: k === 0 ? 1 : b.layout.shape[0]!,
    a: address(a),
    aRow: m === 0 ? 0 : as[0]!,
    aStep: k === 0 ? 0 : as[m]!,
    b: address(b),
    bStep: k === 0 ? 0 : bs[0]!,
    bColumn: n === 0 ? 0 : bs[k]!,
    c: address(c),
    cRow: m === 0 ? 0 : cs[0]!,
    cColumn: n === 0 ? 0 : cs[m]!,
    starts: start !== null,
    d: address(from),
    dRow: m === 0 ? 0 : ds[0]!,
    dColumn: n === 0 ? 0 : ds[m]!,
  };
}
