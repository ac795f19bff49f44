import { copiesOf } from "./gather.ts";
import type { Products } from "./library.ts";

/** A product c = start + a * b of matrices in the heap: addresses, and strides in elements. Without a start, `d` is c. */
export interface Matrices {
  readonly size: 4 | 8;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly a: number;
  readonly aRow: number;
  readonly aStep: number;
  readonly b: number;
  readonly bStep: number;
  readonly bColumn: number;
  readonly c: number;
  readonly cRow: number;
  readonly cColumn: number;
  readonly starts: boolean;
  readonly d: number;
  readonly dRow: number;
  readonly dColumn: number;
}

/** How far apart the rows of a matrix are if its columns lie side by side and its rows do not overlap; else 0. */
export function rowsApart(rows: number, columns: number, row: number, column: number): number {
  if (columns > 1 && column !== 1) return 0;
  if (rows === 1) return columns;
  return row >= columns ? row : 0;
}

/** Lines, of a or columns of b, up to which a product is done line by line: a matrix times a vector reads its operands just once. */
const FEW_LINES = 3;

/** Whether a product of `m` by `n` is done line by line. */
export const isFewLines = (m: number, n: number): boolean => Math.min(m, n) <= FEW_LINES;

/** Computes a product of matrices if the library can do it as they lie; else nothing is done and the result is false. Nothing is empty. */
export function multiplyMatrices(p: Matrices, products: Products): boolean {
  const { m, n, k, a, b, c, cRow, cColumn } = p;
  if (isFewLines(m, n)) return multiplyLines(p, products);
  const { gemm } = products;
  const aAsIs = rowsApart(m, k, p.aRow, p.aStep);
  const aRow = aAsIs > 0 ? aAsIs : rowsApart(k, m, p.aStep, p.aRow);
  const bAsIs = rowsApart(k, n, p.bStep, p.bColumn);
  const bRow = bAsIs > 0 ? bAsIs : rowsApart(n, k, p.bColumn, p.bStep);
  if (aRow === 0 || bRow === 0) return false;
  if (cColumn === 1 && cRow >= n) {
    const beta = begin(p);
    gemm(aAsIs === 0, bAsIs === 0, m, n, k, a, aRow, b, bRow, beta, c, cRow);
    return true;
  }
  // The columns of c as rows: the transposed product.
  if (cRow !== 1 || cColumn < m) return false;
  const beta = begin(p);
  gemm(bAsIs > 0, aAsIs > 0, n, m, k, b, bRow, a, aRow, beta, c, cColumn);
  return true;
}

/** The product line by line: columns of b, or rows of a, which times b are b, transposed, times a column. */
function multiplyLines(p: Matrices, { gemv }: Products): boolean {
  const { size, m, n, k } = p;
  const [lines, rows, matrix, row, step, x, xLine, xStep, yLine, yStep] =
    n <= m
      ? [n, m, p.a, p.aRow, p.aStep, p.b, p.bColumn, p.bStep, p.cColumn, p.cRow]
      : [m, n, p.b, p.bColumn, p.bStep, p.a, p.aRow, p.aStep, p.cRow, p.cColumn];
  if ((k > 1 && xStep < 1) || (rows > 1 && yStep < 1)) return false;
  const asIs = rowsApart(rows, k, row, step);
  const turned = asIs > 0 ? 0 : rowsApart(k, rows, step, row);
  if (asIs === 0 && turned === 0) return false;
  const beta = begin(p);
  const [inX, inY] = [k === 1 ? 1 : xStep, rows === 1 ? 1 : yStep];
  for (let i = 0; i < lines; i++) {
    const [from, to] = [x + i * xLine * size, p.c + i * yLine * size];
    if (asIs > 0) gemv(false, rows, k, matrix, asIs, from, inX, beta, to, inY);
    else gemv(true, k, rows, matrix, turned, from, inX, beta, to, inY);
  }
  return true;
}

/** Puts the start, if any, into c. What the product is to be added to: nothing, or what c holds. */
function begin(p: Matrices): 0 | 1 {
  if (!p.starts) return 0;
  const { size, m, n, c, cRow, cColumn, d, dRow, dColumn } = p;
  if (d === c && (m === 1 || dRow === cRow) && (n === 1 || dColumn === cColumn)) return 1;
  const { spread } = copiesOf(size);
  if (cColumn === 1) spread(d, dRow * size, dColumn * size, c, cRow * size, m, n);
  else if (cRow === 1) spread(d, dColumn * size, dRow * size, c, cColumn * size, n, m);
  // No elements of c lie side by side: they are copied one by one.
  else for (let i = 0; i < n; i++) spread(d + i * dColumn * size, dRow * size, 0, c + i * cColumn * size, cRow * size, m, 1);
  return 1;
}
