import type { Dim } from "../contract/problem.ts";

/** An operand of a product: the two factors, the output, and what the sum starts from. */
export type Key = "a" | "b" | "c" | "d";

/** The first of the innermost dimensions that lie like one in all the operands named. */
export function firstOfRun(dims: readonly Dim[], ...keys: readonly Key[]): number {
  let first = Math.max(dims.length - 1, 0);
  for (; first > 0; first--) {
    const [outer, inner] = [dims[first - 1]!, dims[first]!];
    if (!keys.every((key) => outer[key] === inner.size * inner[key])) break;
  }
  return first;
}

/** The stride, in elements, of the innermost dimension. */
export const strideOf = (dims: readonly Dim[], key: Key): number => dims[dims.length - 1]?.[key] ?? 0;

/** The offset, in elements, of an index that counts through some dimensions. */
export function offsetOf(dims: readonly Dim[], key: Key, index: number): number {
  let offset = 0;
  let rest = index;
  for (let i = dims.length - 1; i >= 0 && rest > 0; i--) {
    const dim = dims[i]!;
    offset += (rest % dim.size) * dim[key];
    rest = Math.floor(rest / dim.size);
  }
  return offset;
}
