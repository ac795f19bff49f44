import { Layout, rowMajor } from "../core/layout.ts";

/** Negative where dimension `a` should lie further inside than `b`, positive where further outside, 0 where the operands do not say. */
function compare(shape: readonly number[], operands: readonly Layout[], a: number, b: number): number {
  for (const { strides } of operands) {
    const x = strides[a]!;
    const y = strides[b]!;
    if (x === 0 || y === 0) continue;
    if (x !== y) return x < y ? -1 : 1;
    if (shape[a]! > shape[b]!) return 1;
  }
  return 0;
}

/**
 * The layout of an elementwise result: dense, with the dimensions in the order in which the operands have them in memory, as PyTorch's
 * TensorIterator orders them. All operands come expanded to `shape`.
 */
export function resultLayout(shape: readonly number[], operands: readonly Layout[]): Layout {
  let plain = true;
  for (let i = 0; i < operands.length; i++) if (!operands[i]!.isContiguous) plain = false;
  if (plain || shape.length < 2) return Layout.contiguous(shape);
  // Where the first operand says it of every pair of dimensions, nobody else is asked.
  const [first] = operands;
  if (first!.isContiguous && !shape.includes(1)) return first!.isPlain ? first! : Layout.contiguous(shape);
  // From the innermost dimension out; an insertion sort, because the comparison is not an order: it may leave pairs undecided.
  const order = shape.map((_, d) => shape.length - 1 - d);
  for (let i = 1; i < order.length; i++) {
    let at = i;
    for (let j = i - 1; j >= 0; j--) {
      const c = compare(shape, operands, order[j]!, order[at]!);
      if (c > 0) {
        [order[j], order[at]] = [order[at]!, order[j]!];
        at = j;
      } else if (c < 0) break;
    }
  }
  if (order.every((d, i) => d === shape.length - 1 - i)) return new Layout(shape, rowMajor(shape), 0);
  const strides = new Array<number>(shape.length);
  let n = 1;
  for (const d of order) {
    strides[d] = n;
    n *= Math.max(shape[d]!, 1);
  }
  return new Layout(shape, strides, 0);
}
