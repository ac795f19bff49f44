import type { DType } from "../../src/core/dtype.ts";
import { bfloat16FromNumber, float16FromNumber, numberFromBfloat16, numberFromFloat16 } from "../../src/core/half.ts";

export type Shape = readonly number[];

const product = (shape: Shape): number => shape.reduce((a, b) => a * b, 1);

/** A plain row-major array of numbers, which reference formulas work on: slow, obvious, and without anything of the library. */
export class Nd {
  readonly shape: Shape;
  readonly data: readonly number[];
  /** The dtype of the operand that it stands for, where a formula depends on it. */
  readonly dtype: DType | null;
  constructor(shape: Shape, data: readonly number[], dtype: DType | null = null) {
    if (data.length !== product(shape)) throw new Error(`${data.length} values for the shape [${shape}]`);
    this.shape = shape;
    this.data = data;
    this.dtype = dtype;
  }

  /** The array whose element at each index is `f(index)`. */
  static from(shape: Shape, f: (index: readonly number[]) => number): Nd {
    return new Nd(
      shape,
      Array.from({ length: product(shape) }, (_, flat) => f(indexOf(flat, shape))),
    );
  }

  get ndim(): number {
    return this.shape.length;
  }
  get numel(): number {
    return this.data.length;
  }
  /** The element at an index; dimensions of size 1 stretch, and leading indices that it has no dimension for are left out. */
  at(index: readonly number[]): number {
    const own = index.slice(index.length - this.ndim);
    return this.data[this.shape.reduce((flat, n, d) => flat * n + (n === 1 ? 0 : own[d]!), 0)]!;
  }
  map(f: (x: number) => number): Nd {
    return new Nd(this.shape, this.data.map(f));
  }
  reshape(shape: Shape): Nd {
    return new Nd(shape, this.data);
  }
  /** The dimensions in another order. */
  permute(order: readonly number[]): Nd {
    return Nd.from(
      order.map((d) => this.shape[d]!),
      (index) => this.at(this.shape.map((_, d) => index[order.indexOf(d)]!)),
    );
  }
}

/** The index of the element at a row-major position. */
export function indexOf(flat: number, shape: Shape): number[] {
  const index = new Array<number>(shape.length);
  let rest = flat;
  for (let d = shape.length - 1; d >= 0; d--) {
    index[d] = rest % shape[d]!;
    rest = Math.floor(rest / shape[d]!);
  }
  return index;
}

/** The shape that all shapes stretch to. */
export function commonShape(...shapes: Shape[]): number[] {
  const n = Math.max(...shapes.map((s) => s.length));
  return Array.from({ length: n }, (_, d) => {
    const sizes = shapes.map((s) => s[s.length - n + d] ?? 1);
    return sizes.find((size) => size !== 1) ?? 1;
  });
}

/** A function of numbers over operands stretched to their common shape. */
export function zip(f: (...x: number[]) => number, ...operands: readonly (Nd | number)[]): Nd {
  const shape = commonShape(...operands.map((x) => (typeof x === "number" ? [] : x.shape)));
  return Nd.from(shape, (index) => f(...operands.map((x) => (typeof x === "number" ? x : x.at(index)))));
}

/** The number of a dtype that stands for `x`: floats rounded, integers wrapped to their width, bools 0 or 1. */
export function rounded(x: number, dtype: DType): number {
  switch (dtype.name) {
    case "bool":
      return x === 0 ? 0 : 1;
    case "float32":
      return Math.fround(x);
    case "float64":
      return x;
    case "float16":
      return numberFromFloat16(float16FromNumber(x));
    case "bfloat16":
      return numberFromBfloat16(bfloat16FromNumber(x));
    default: {
      const bits = dtype.itemsize * 8;
      const wrap = dtype.name === "uint8" ? BigInt.asUintN : BigInt.asIntN;
      return Number(wrap(bits, BigInt(Math.trunc(x))));
    }
  }
}
