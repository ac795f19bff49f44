import type { ComputeType, DType } from "../../core/dtype.ts";
import { float32, float64, int32, int64 } from "../../core/dtype.ts";
import { Layout } from "../../core/layout.ts";
import { arg, type Expr, state, substitute } from "../../kernel/expr.ts";
import type { BlockOwner, Compiled, KernelOf, LaunchArgs, MapKernel, OperandOf } from "../../kernel/kernel.ts";
import type { LaneType } from "./contract/lanes.ts";
import { address, Product } from "./contract/product.ts";
import { usesRelaxedMadd } from "./engine.ts";
import { heap } from "./heap.ts";
import { map } from "./map.ts";

type Operand = OperandOf<BlockOwner>;

/** The dtype that holds values of a compute type as they are. */
const storage: { readonly [K in LaneType]: DType } = { f32: float32, f64: float64, i32: int32, i64: int64 };

/**
 * Contractions: out[batch, m, n] = value(sum over k of a[batch, m, k] * b[batch, k, n], further operands). "The sum" and "the sum plus an
 * operand" are one product; any other value is a map over the finished sums.
 */
export function contract(kernel: KernelOf<"contract">): Compiled {
  return new Contraction(kernel);
}

class Contraction implements Compiled {
  readonly #product: Product;
  /** The dtype of the product. */
  readonly #own: DType;
  /** What brings a and b to it; null where they are of it. */
  readonly #prepare: readonly [Compiled | null, Compiled | null];
  /** The operand that the sum starts from, if the value is a sum and an operand. */
  readonly #addend: number | null;
  /** Whether the product writes the output itself. */
  readonly #direct: boolean;
  readonly #kernel: KernelOf<"contract">;
  #finish: Compiled | null = null;

  constructor(kernel: KernelOf<"contract">) {
    const { compute, output, inputs } = kernel;
    if (compute === "bool") throw new Error("contractions do not compute in bool");
    const own = storage[compute];
    const prepare = (k: number): Compiled | null => (inputs[k] === own ? null : conversion(inputs[k]!, own));
    this.#kernel = kernel;
    this.#own = own;
    this.#product = new Product(compute, usesRelaxedMadd());
    this.#prepare = [prepare(0), prepare(1)];
    this.#addend = addedOperand(output.value, compute);
    this.#direct = output.dtype === own && (output.value === state(0, compute) || (this.#addend !== null && inputs[this.#addend] === own));
  }

  run(inputs: readonly Operand[], outputs: readonly Operand[], args: LaunchArgs): void {
    const out = outputs[0]!;
    if (out.layout.numel === 0) return;
    const [prepareA, prepareB] = this.#prepare;
    if (prepareA === null && prepareB === null && this.#inPlace(inputs[0]!, inputs[1]!, inputs, out, args)) return;
    const owned: Operand[] = [];
    const own = (x: Operand): Operand => {
      owned.push(x);
      return x;
    };
    try {
      const a = prepareA === null ? inputs[0]! : own(converted(inputs[0]!, prepareA, this.#own));
      const b = prepareB === null ? inputs[1]! : own(converted(inputs[1]!, prepareB, this.#own));
      if (owned.length > 0 && this.#inPlace(a, b, inputs, out, args)) return;
      // The sums lie where the output will, unless something is still to be read there.
      const free = out.dtype === this.#own && apart(a, out) && apart(b, out) && inputs.slice(2).every((x) => apart(x, out));
      const sums = free ? out : own(temporary(this.#own, out.layout.shape));
      this.#product.run(a, b, sums, null, args.dims!);
      const more = inputs.slice(2).map((x) => {
        if (sameOrApart(x, out)) return x;
        const copy = own(temporary(x.dtype, x.layout.shape));
        conversion(x.dtype, x.dtype).run([x], [copy], {});
        return copy;
      });
      this.#finish ??= finisher(this.#kernel, this.#own);
      this.#finish.run([sums, ...more], outputs, args);
    } finally {
      for (const operand of owned) heap.release(operand.storage.block);
    }
  }

  /** Computes straight into the output if the value allows it and nothing is overwritten that is still to be read; else false. */
  #inPlace(a: Operand, b: Operand, inputs: readonly Operand[], out: Operand, args: LaunchArgs): boolean {
    if (!this.#direct || !apart(a, out) || !apart(b, out)) return false;
    const start = this.#addend === null ? null : inputs[this.#addend]!;
    if (start !== null && !sameOrApart(start, out)) return false;
    this.#product.run(a, b, out, start, args.dims!);
    return true;
  }
}

/** The operand that `value` adds to the sum and does nothing else, or null. */
function addedOperand(value: Expr, type: ComputeType): number | null {
  if (value.prim !== "add") return null;
  const [x, y] = value.src as [Expr, Expr];
  const other = x === state(0, type) ? y : y === state(0, type) ? x : null;
  return other !== null && other.prim === "arg" && Number(other.value) >= 2 ? Number(other.value) : null;
}

/** The first byte that a layout reaches and the one after the last. */
function range({ storage, layout, dtype }: Operand): [number, number] {
  let low = layout.offset;
  let high = layout.offset;
  for (let d = 0; d < layout.ndim; d++) {
    const way = (layout.shape[d]! - 1) * layout.strides[d]!;
    if (way < 0) low += way;
    else high += way;
  }
  return [storage.block.offset + low * dtype.itemsize, storage.block.offset + (high + 1) * dtype.itemsize];
}

/** Whether two operands share no memory. */
function apart(x: Operand, y: Operand): boolean {
  if (x.storage.block !== y.storage.block) return true;
  const [xLow, xHigh] = range(x);
  const [yLow, yHigh] = range(y);
  return xHigh <= yLow || yHigh <= xLow;
}

/** Whether each element of `x` is read before anything is written over it: it lies where the output's lies, or they share no memory. */
function sameOrApart(x: Operand, out: Operand): boolean {
  if (apart(x, out)) return true;
  const { shape, strides } = out.layout;
  return address(x) === address(out) && x.dtype === out.dtype && x.layout.strides.every((s, d) => s === strides[d] || shape[d] === 1);
}

function temporary(dtype: DType, shape: readonly number[]): Operand {
  const layout = Layout.contiguous(shape);
  return { storage: { block: heap.allocate(layout.numel * dtype.itemsize) }, layout, dtype };
}

const mapKernel = (inputs: readonly DType[], dtype: DType, value: Expr): MapKernel => ({
  kind: "map",
  inputs,
  outputs: [{ dtype, value }],
  compiled: [],
});

const conversion = (from: DType, to: DType): Compiled => map(mapKernel([from], to, arg(0, to.compute)));

/**
 * The operand in another dtype, in memory of its own. All that lies between its first and last element is converted, and seen with the same
 * strides: a window view of an image is not multiplied out. Where that would be more than its elements, these are gathered.
 */
function converted(x: Operand, convert: Compiled, to: DType): Operand {
  const { layout, dtype } = x;
  const [low, high] = range(x);
  const length = (high - low) / dtype.itemsize;
  if (layout.numel === 0 || length > layout.numel) {
    const copy = temporary(to, layout.shape);
    if (layout.numel > 0) convert.run([x], [copy], {});
    return copy;
  }
  const first = (low - x.storage.block.offset) / dtype.itemsize;
  const copy = temporary(to, [length]);
  convert.run([{ storage: x.storage, layout: new Layout([length], [1], first), dtype }], [copy], {});
  return { storage: copy.storage, layout: new Layout(layout.shape, layout.strides, layout.offset - first), dtype: to };
}

/** The map from the sums and the further operands to the output. */
function finisher({ inputs, output }: KernelOf<"contract">, own: DType): Compiled {
  const rest = inputs.slice(2);
  const places = new Map<Expr, Expr>([[state(0, own.compute), arg(0, own.compute)]]);
  const types: readonly ComputeType[] = ["f32", "f64", "i32", "i64", "bool"];
  rest.forEach((_, k) => {
    for (const type of types) places.set(arg(k + 2, type), arg(k + 1, type));
  });
  return map(mapKernel([own, ...rest], output.dtype, substitute(output.value, places)));
}
