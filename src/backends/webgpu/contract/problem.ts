import type { ContractDims } from "../../../kernel/kernel.ts";
import { LoopNest } from "../../../kernel/loop-nest.ts";
import type { Operand } from "../bindings.ts";

/** Operands of a contraction in the order of its bindings: the output, the two factors, and what the epilogue reads. */
export const OUT = 0;
export const A = 1;
export const B = 2;

/** One group of dimensions as loops. Column c of the nest walks operand `operands[c]`. */
export interface Group {
  readonly nest: LoopNest;
  readonly operands: readonly number[];
}

/**
 * A contraction as four groups of loops. Each group is collapsed to as few loops as its strides allow; the order of loops within a group is free.
 * A dimension of the batch in which one factor stands still is one more of the other's rows or columns: a convolution's samples share the weight,
 * so they are columns like the places of one sample.
 */
export class Problem {
  /** Of all operands. */
  readonly batch: Group;
  /** Rows of the output: of a and not of b. */
  readonly m: Group;
  /** Columns of the output: of b and not of a. */
  readonly n: Group;
  readonly k: Group;
  batches = 1;
  rows = 1;
  columns = 1;
  depth = 1;

  /** `operands`: how many there are, the output included. */
  constructor(operands: number) {
    const all = Array.from({ length: operands }, (_, k) => k);
    this.batch = group(all);
    // The factors come first: their steps decide which loop is the innermost.
    this.m = group([A, ...all.filter((k) => k !== A && k !== B)]);
    this.n = group([B, ...all.filter((k) => k !== A && k !== B)]);
    this.k = group([A, B]);
  }

  /** Takes the operands of a run. */
  lay(operands: readonly Operand[], dims: ContractDims): this {
    const out = operands[OUT]!.layout;
    const a = operands[A]!.layout;
    const b = operands[B]!.layout;
    for (const g of [this.batch, this.m, this.n, this.k]) g.nest.clear();
    const steps = (d: number): ((operand: number) => number) => {
      return (operand) => (operand === A ? a.strides[d]! : operand === B ? b.strides[d]! : operands[operand]!.layout.strides[d]!);
    };
    for (let d = 0; d < dims.batch; d++) {
      const to = out.shape[d] === 1 ? this.batch : a.strides[d] === 0 ? this.n : b.strides[d] === 0 ? this.m : this.batch;
      push(to, out.shape[d]!, steps(d));
    }
    for (let d = 0; d < dims.m; d++) {
      const at = dims.batch + d;
      push(this.m, out.shape[at]!, (k) => operands[k]!.layout.strides[at]!);
    }
    for (let d = 0; d < dims.n; d++) {
      const at = dims.batch + dims.m + d;
      push(this.n, out.shape[at]!, (k) => (k === B ? b.strides[dims.batch + dims.k + d]! : operands[k]!.layout.strides[at]!));
    }
    for (let d = 0; d < dims.k; d++) {
      const at = dims.batch + dims.m + d;
      push(this.k, a.shape[at]!, (k) => (k === A ? a.strides[at]! : b.strides[dims.batch + d]!));
    }
    this.batches = close(this.batch);
    this.rows = close(this.m);
    this.columns = close(this.n);
    this.depth = close(this.k);
    return this;
  }

  /** Which shaders the loops need. */
  get key(): string {
    return `${this.batch.nest.rank}${this.m.nest.rank}${this.n.nest.rank}${this.k.nest.rank}`;
  }
}

const group = (operands: readonly number[]): Group => ({ nest: new LoopNest(operands.length), operands });

function push({ nest, operands }: Group, size: number, step: (operand: number) => number): void {
  if (size === 1) return;
  nest.push(size);
  for (let c = 0; c < operands.length; c++) nest.set(c, step(operands[c]!));
}

const still: readonly number[] = Array.from({ length: 32 }, () => 0);

/** Collapses a group; gives how many elements it counts. */
function close({ nest }: Group): number {
  nest.sort().merge(still);
  let n = 1;
  for (let d = 0; d < nest.rank; d++) n *= nest.sizes[d]!;
  return n;
}
