import type { BlockOwner, ContractDims, OperandOf } from "../../../kernel/kernel.ts";
import type { WasmFunction } from "../engine.ts";
import { blockFunction } from "./block.ts";
import type { LaneType } from "./lanes.ts";
import { START_ELEMENTS, START_ROW, START_ZERO } from "./micro-kernel.ts";
import { multiply } from "./multiply.ts";
import { problemOf } from "./problem.ts";
import { type SmallFunctions, smallFunctions } from "./small.ts";
import { type Workspace, workspace } from "./workspace.ts";

type Operand = OperandOf<BlockOwner>;

/** Multiplications up to which a product of matrices takes the small path, and up to which its b may be turned first. */
const SMALL = 32768;
/** Rows from which on turning b costs less than dot products along its columns. */
const TURN_ROWS = 4;

/** The address of an operand's first element. */
export const address = ({ storage, layout, dtype }: Operand): number => storage.block.offset + layout.offset * dtype.itemsize;

/** The products of one type: c = start + a * b. */
export class Product {
  readonly #size: 4 | 8;
  readonly #block: WasmFunction;
  readonly #small: SmallFunctions;
  readonly #space: Workspace;

  constructor(type: LaneType, relaxed: boolean) {
    this.#size = type === "f32" || type === "i32" ? 4 : 8;
    this.#block = blockFunction(type, relaxed);
    this.#small = smallFunctions(type, relaxed);
    this.#space = workspace();
  }

  /** Computes a product; every operand is of the product's type. */
  run(a: Operand, b: Operand, c: Operand, start: Operand | null, dims: ContractDims): void {
    if (dims.m === 1 && dims.n === 1 && dims.k === 1 && dims.batch === 0 && this.#matrices(a, b, c, start)) return;
    const problem = problemOf(a.layout, b.layout, c.layout, start === null ? null : start.layout, dims);
    const [left, right] = problem.swapped ? [b, a] : [a, b];
    const at = { a: address(left), b: address(right), c: address(c), d: address(start ?? c) };
    multiply(problem, at, this.#size, start !== null, this.#space, this.#block);
  }

  /** The product of two matrices where that is a small one; else false, and nothing is done. */
  #matrices(a: Operand, b: Operand, c: Operand, start: Operand | null): boolean {
    const rows = c.layout.shape[0]!;
    const columns = c.layout.shape[1]!;
    const k = a.layout.shape[1]!;
    if (rows * columns * k > SMALL || rows * columns === 0) return false;
    const cs = c.layout.strides;
    const as = a.layout.strides;
    const bs = b.layout.strides;
    const ds = start === null ? cs : start.layout.strides;
    if (cs[1] === 1 || columns === 1) {
      if (columns > 1 || rows === 1 || cs[0] !== 1) return this.#run(a, as[0]!, as[1]!, b, bs[0]!, bs[1]!, c, cs[0]!, start, ds[0]!, ds[1]!, rows, columns, k);
    } else if (cs[0] !== 1 && rows !== 1) return false;
    // Rows of the output lie side by side: they are the columns of the transposed product.
    return this.#run(b, bs[1]!, bs[0]!, a, as[1]!, as[0]!, c, cs[1]!, start, ds[1]!, ds[0]!, columns, rows, k);
  }

  /** The strides are in elements; the columns of c lie side by side. */
  #run(
    a: Operand, aRow: number, aStep: number, b: Operand, bStep: number, bColumn: number, c: Operand, cRow: number,
    start: Operand | null, dRow: number, dColumn: number, m: number, n: number, k: number,
  ): boolean {
    const size = this.#size;
    let mode = START_ZERO;
    if (start !== null) {
      if (n === 1 || dColumn === 0) mode = START_ROW;
      else if (dColumn === 1) mode = START_ELEMENTS;
      else return false;
    }
    let from = address(b);
    let step = bStep * size;
    if (bColumn !== 1 && n > 1) {
      if (bStep !== 1 || m < TURN_ROWS) return false;
      const target = this.#space.packedB;
      const width = (n + 3) & ~3;
      this.#small.turn(from, bColumn * size, n, k, target, width * size);
      from = target;
      step = width * size;
    }
    this.#small.small(address(a), aRow * size, aStep * size, from, step, address(c), cRow * size, start === null ? 0 : address(start), dRow * size, mode, m, n, k);
    return true;
  }
}
