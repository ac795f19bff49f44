import type { LoopNest } from "../../kernel/loop-nest.ts";
import type { Operand } from "./operand.ts";

/** Lays out the loops over kept elements, of outputs and inputs, whose elements have these sizes. */
export function layKept(nest: LoopNest, sizes: readonly number[], outputs: readonly Operand[], inputs: readonly Operand[]): void {
  nest.clear();
  const n = outputs.length;
  const shape = outputs[0]!.layout.shape;
  for (let d = 0; d < shape.length; d++) {
    if (shape[d] === 1) continue;
    nest.push(shape[d]!);
    for (let j = 0; j < n; j++) nest.set(j, outputs[j]!.layout.strides[d]! * sizes[j]!);
    for (let j = 0; j < inputs.length; j++) nest.set(n + j, inputs[j]!.layout.strides[d]! * sizes[n + j]!);
  }
  nest.sort().merge(sizes);
}

/**
 * Lays out the loops over reduced elements, from dimension `first` on, of the inputs and of the position, which moves only if it is `used`. `sorts`
 * where elements may come in any order. Returns how many elements go into one.
 */
export function layReduced(
  nest: LoopNest,
  sizes: readonly number[],
  inputs: readonly Operand[],
  first: number,
  used: boolean,
  sorts: boolean,
): number {
  nest.clear();
  const n = inputs.length;
  if (n === 0) return 0;
  const shape = inputs[0]!.layout.shape;
  let elements = 1;
  for (let d = first; d < shape.length; d++) elements *= shape[d]!;
  let positions = elements;
  if (elements === 0) return 0;
  for (let d = first; d < shape.length; d++) {
    const length = shape[d]!;
    if (length === 1) continue;
    positions /= length;
    nest.push(length);
    for (let j = 0; j < n; j++) nest.set(j, inputs[j]!.layout.strides[d]! * sizes[j]!);
    // Without a position nothing moves there, and the loops merge as the inputs allow.
    nest.set(n, used ? positions : 0);
  }
  if (sorts) nest.sort();
  nest.merge(sizes);
  return elements;
}
