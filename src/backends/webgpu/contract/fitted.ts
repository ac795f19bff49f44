import { type DType, float32, int32, int64 } from "../../../core/dtype.ts";
import { Layout, slice } from "../../../core/layout.ts";
import { add, arg, type Expr, state, substitute } from "../../../kernel/expr.ts";
import type { Compiled, ContractDims, ContractKernel, LaunchArgs } from "../../../kernel/kernel.ts";
import type { Operand } from "../bindings.ts";
import type { Context } from "../context.ts";
import { runFitted } from "../fit-bindings.ts";
import { format } from "../shader.ts";
import { A, B } from "./problem.ts";

const accumulators: { readonly [compute: string]: DType } = { f32: float32, i32: int32, i64: int64 };

/**
 * Contractions whose operands take more bindings than a kernel may have: cut along batch, rows and columns, and where the factors of one output
 * alone do not fit, along k. The sums of each part of k then go on from those before, in scratch.
 */
export class FittedContract {
  readonly #context: Context;
  readonly #kernel: ContractKernel;
  readonly #make: (kernel: ContractKernel) => Compiled;
  readonly #launch: (operands: readonly Operand[], args: LaunchArgs) => void;
  #stages: readonly [first: Compiled, next: Compiled, last: Compiled] | null = null;

  /** `launch` runs the kernel in one dispatch. */
  constructor(
    context: Context,
    kernel: ContractKernel,
    make: (kernel: ContractKernel) => Compiled,
    launch: (operands: readonly Operand[], args: LaunchArgs) => void,
  ) {
    this.#context = context;
    this.#kernel = kernel;
    this.#make = make;
    this.#launch = launch;
  }

  /** `operands`: the output, the factors, and what the epilogue reads. */
  run(operands: readonly Operand[], args: LaunchArgs): void {
    const dims = args.dims!;
    const slices = this.#slices(operands[A]!, operands[B]!, dims);
    if (slices.length === 1) {
      const axes = axesOf(operands, dims);
      runFitted(this.#context, { operands, outputs: 1, axes }, (part) => this.#launch(part.operands, args));
      return;
    }
    const { scratch } = this.#context;
    const [output, , , ...rest] = operands as [Operand, Operand, Operand, ...Operand[]];
    const { shape, numel } = output.layout;
    const block = scratch.allocate(4 * numel);
    try {
      const sums: Operand = { storage: { block }, layout: Layout.contiguous(shape), dtype: this.#accumulator() };
      const [first, next, last] = (this.#stages ??= this.#makeStages());
      slices.forEach(([a, b], i) => {
        if (i === 0) first.run([a, b], [sums], { dims });
        else if (i < slices.length - 1) next.run([a, b, sums], [sums], { dims });
        else last.run([a, b, ...rest, sums], [output], args);
      });
    } finally {
      scratch.free(block);
    }
  }

  #accumulator(): DType {
    const dtype = accumulators[this.#kernel.compute];
    if (dtype === undefined) throw new Error(`no contraction computes in ${this.#kernel.compute}`);
    return dtype;
  }

  #makeStages(): readonly [Compiled, Compiled, Compiled] {
    const { inputs, compute, output } = this.#kernel;
    const dtype = this.#accumulator();
    const factors = inputs.slice(0, 2);
    const sum = state(0, compute);
    const onto = (slot: number): Expr => add(sum, arg(slot, compute));
    const make = (more: readonly DType[], to: DType, value: Expr): Compiled =>
      this.#make({ kind: "contract", inputs: [...factors, ...more], compute, output: { dtype: to, value }, compiled: [] });
    const value = substitute(output.value, new Map([[sum, onto(inputs.length)]]));
    return [make([], dtype, sum), make([dtype], dtype, onto(2)), make([...inputs.slice(2), dtype], output.dtype, value)];
  }

  /** Both factors, cut along k so that those of one output leave two bindings for the outputs and what else is read. */
  #slices(a: Operand, b: Operand, dims: ContractDims): (readonly [Operand, Operand])[] {
    const limit = Math.max(2, this.#context.limits.maxStorageBuffersPerShaderStage - 2);
    const [inA, inB] = [dims.batch + dims.m, dims.batch];
    const list: (readonly [Operand, Operand])[] = [];
    const cut = (x: Operand, y: Operand): void => {
      let d = -1;
      for (let k = 0; k < dims.k; k++) if (d < 0 || x.layout.shape[inA + k]! > x.layout.shape[inA + d]!) d = k;
      const size = d < 0 ? 1 : x.layout.shape[inA + d]!;
      if (size <= 1 || this.#windows(x, inA, dims.k) + this.#windows(y, inB, dims.k) <= limit) {
        list.push([x, y]);
        return;
      }
      const half = size > 8 ? Math.ceil(size / 8) * 4 : Math.ceil(size / 2);
      const part = (o: Operand, at: number, start: number, length: number): Operand => ({
        ...o,
        layout: slice(o.layout, at + d, start, length),
      });
      cut(part(x, inA, 0, half), part(y, inB, 0, half));
      cut(part(x, inA, half, size - half), part(y, inB, half, size - half));
    };
    cut(a, b);
    return list;
  }

  /** The most bindings that `count` dimensions of a factor take, from `first` on, wherever the others stand. */
  #windows({ layout, dtype }: Operand, first: number, count: number): number {
    const { bytes } = format(dtype);
    let reach = 0;
    for (let d = first; d < first + count; d++) reach += (layout.shape[d]! - 1) * Math.abs(layout.strides[d]!) * bytes;
    // What is bound begins and ends at multiples of 256 bytes.
    return Math.ceil(((Math.ceil(reach / 256) + 1) * 256) / this.#context.window);
  }
}

/** The dimensions along which the outputs may be cut, in every operand. */
function axesOf(operands: readonly Operand[], { batch, m, n, k }: ContractDims): number[][] {
  const axes: number[][] = [];
  for (let d = 0; d < batch; d++) axes.push(operands.map(() => d));
  for (let d = batch; d < batch + m; d++) axes.push(operands.map((_, o) => (o === B ? -1 : d)));
  for (let d = 0; d < n; d++) axes.push(operands.map((_, o) => (o === A ? -1 : o === B ? batch + k + d : batch + m + d)));
  return axes;
}
