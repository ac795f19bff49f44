import type { BlockOwner, ContractDims, OperandOf } from "../../../kernel/kernel.ts";
import { productByLibrary } from "../blas/product.ts";
import type { WasmFunction } from "../engine.ts";
import { blockFunction } from "./block.ts";
import type { LaneType } from "./lanes.ts";
import { START_ELEMENTS, START_ROW, START_ZERO } from "./micro-kernel.ts";
import { type Addresses, multiply } from "./multiply.ts";
import { count, type Dim, type Problem, problemOf } from "./problem.ts";
import { type SmallFunctions, smallFunctions } from "./small.ts";
import { type Workspace, workspace } from "./workspace.ts";

type Operand = OperandOf<BlockOwner>;

/** Multiplications up to which a product of matrices takes the small path, and elements that b, read from the cache, may have there. */
const SMALL = 2 ** 18;
const SMALL_B = 2 ** 14;
/** Rows from which on turning b costs less than dot products along its columns. */
const TURN_ROWS = 4;

/** The address of an operand's first element. */
export const address = ({ storage, layout, dtype }: Operand): number => storage.block.offset + layout.offset * dtype.itemsize;

/** Products of one type: c = start + a * b. */
export class Product {
  readonly #type: LaneType;
  readonly #relaxed: boolean;
  readonly #size: 4 | 8;
  readonly #space: Workspace;
  // Made when first needed.
  #block: WasmFunction | null = null;
  #small: SmallFunctions | null = null;

  constructor(type: LaneType, relaxed: boolean) {
    this.#type = type;
    this.#relaxed = relaxed;
    this.#size = type === "f32" || type === "i32" ? 4 : 8;
    this.#space = workspace();
  }

  /** Computes a product; every operand is of the product's type. A system library does it where there is one and that is faster. */
  run(a: Operand, b: Operand, c: Operand, start: Operand | null, dims: ContractDims): void {
    if (productByLibrary(this.#type, a, b, c, start, dims)) return;
    if (dims.batch === 0 && dims.m === 1 && dims.n === 1 && dims.k === 1 && this.#matrices(a, b, c, start)) return;
    const problem = problemOf(a.layout, b.layout, c.layout, start === null ? null : start.layout, dims);
    const [left, right] = problem.swapped ? [b, a] : [a, b];
    const at = { a: address(left), b: address(right), c: address(c), d: start === null ? 0 : address(start) };
    if (this.#batches(problem, at, start !== null)) return;
    this.#block ??= blockFunction(this.#type, this.#relaxed);
    multiply(problem, at, this.#size, start !== null, this.#space, this.#block);
  }

  /** A product of two matrices where that is a small one; else false, and nothing is done. */
  #matrices(a: Operand, b: Operand, c: Operand, start: Operand | null): boolean {
    const rows = c.layout.shape[0]!;
    const columns = c.layout.shape[1]!;
    const k = a.layout.shape[1]!;
    if (rows === 0 || columns === 0) return true;
    const as = a.layout.strides;
    const bs = b.layout.strides;
    const cs = c.layout.strides;
    const ds = start === null ? cs : start.layout.strides;
    const from = start === null ? 0 : address(start);
    if (columns > 1 ? cs[1] === 1 : rows === 1 || cs[0] !== 1) {
      if (!this.#fits(rows, columns, k, bs[0]!, bs[1]!, start !== null, ds[1]!)) return false;
      const [at, bt, ct] = [address(a), address(b), address(c)];
      this.#one(at, as[0]!, as[1]!, bt, bs[0]!, bs[1]!, ct, cs[0]!, start !== null, from, ds[0]!, ds[1]!, rows, columns, k);
      return true;
    }
    // Rows of the output lie side by side: they are the columns of the transposed product.
    if (rows > 1 && cs[0] !== 1) return false;
    if (!this.#fits(columns, rows, k, as[1]!, as[0]!, start !== null, ds[0]!)) return false;
    const [at, bt, ct] = [address(a), address(b), address(c)];
    this.#one(bt, bs[1]!, bs[0]!, at, as[1]!, as[0]!, ct, cs[1]!, start !== null, from, ds[1]!, ds[0]!, columns, rows, k);
    return true;
  }

  /** Small products of matrices, one for each batch index; else false. */
  #batches(problem: Problem, at: Addresses, starts: boolean): boolean {
    const { batch, m, n, k } = problem;
    if (batch.length === 0 || m.length > 1 || n.length > 1 || k.length > 1) return false;
    const none: Dim = { size: 1, a: 0, b: 0, c: 1, d: 0 };
    const [row, column, step] = [m[0] ?? none, n[0] ?? none, k[0] ?? none];
    if (column.c !== 1 || !this.#fits(row.size, column.size, step.size, step.b, column.b, starts, column.d)) return false;
    const batches = row.size * column.size === 0 ? 0 : count(batch);
    for (let i = 0; i < batches; i++) {
      let { a, b, c, d } = at;
      let rest = i;
      for (let q = batch.length - 1; q >= 0; q--) {
        const dim = batch[q]!;
        const index = (rest % dim.size) * this.#size;
        rest = Math.floor(rest / dim.size);
        a += index * dim.a;
        b += index * dim.b;
        c += index * dim.c;
        d += index * dim.d;
      }
      this.#one(a, row.a, step.a, b, step.b, column.b, c, row.c, starts, d, row.d, column.d, row.size, column.size, step.size);
    }
    return true;
  }

  /** Whether `one` can do it and is the faster way. The columns of c lie side by side. */
  #fits(m: number, n: number, k: number, bStep: number, bColumn: number, starts: boolean, dColumn: number): boolean {
    if (m * n * k > SMALL || n * k > SMALL_B) return false;
    if (starts && n > 1 && dColumn !== 0 && dColumn !== 1) return false;
    return n === 1 || bColumn === 1 || (bStep === 1 && m >= TURN_ROWS);
  }

  /** One small product; strides are in elements. */
  #one(
    a: number,
    aRow: number,
    aStep: number,
    b: number,
    bStep: number,
    bColumn: number,
    c: number,
    cRow: number,
    starts: boolean,
    d: number,
    dRow: number,
    dColumn: number,
    m: number,
    n: number,
    k: number,
  ): void {
    this.#small ??= smallFunctions(this.#type, this.#relaxed);
    const { small, turn } = this.#small;
    const size = this.#size;
    let from = b;
    let step = bStep * size;
    if (bColumn !== 1 && n > 1 && k > 0) {
      from = this.#space.packedB;
      step = ((n + 3) & ~3) * size;
      turn(b, bColumn * size, n, k, from, step);
    }
    const start = !starts ? START_ZERO : n === 1 || dColumn === 0 ? START_ROW : START_ELEMENTS;
    small(a, aRow * size, aStep * size, from, step, c, cRow * size, d, dRow * size, start, m, n, k);
  }
}
