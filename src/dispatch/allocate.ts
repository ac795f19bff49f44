import type { DType } from "../core/dtype.ts";
import { dtypeNotOnDevice } from "../core/errors.ts";
import { Layout } from "../core/layout.ts";
import type { Kind } from "../memory/block.ts";
import { Storage } from "../memory/storage.ts";
import type { Device } from "./device.ts";
import { Operand } from "./operand.ts";

/** The kind of memory that elements of a dtype lie in. */
export const kindOf = (dtype: DType): Kind => (dtype.isFloatingPoint ? "float" : dtype.name === "bool" ? "bool" : "int");

/** A new operand of a layout that starts at 0 and reaches `numel` elements. Its values are whatever was in the memory. */
export function allocate(layout: Layout, dtype: DType, device: Device): Operand {
  if (!device.backend.supports(dtype)) {
    throw dtypeNotOnDevice(device.type, dtype);
  }
  return new Operand(new Storage(device.pool, layout.numel * device.backend.itemsize(dtype), kindOf(dtype)), layout, dtype, device);
}

/** A new row-major operand. */
export const allocateContiguous = (shape: readonly number[], dtype: DType, device: Device): Operand =>
  allocate(Layout.contiguous(shape), dtype, device);

/** One new operand per item, or none: where the memory ends in the middle, those before it are given back. */
export function allocateEach<T>(items: readonly T[], one: (item: T) => Operand): Operand[] {
  const made: Operand[] = [];
  try {
    for (const item of items) made.push(one(item));
  } catch (error) {
    discard(made);
    throw error;
  }
  return made;
}

/** One new operand of a layout for each output of a kernel, or none. */
export function allocateOutputs(outputs: readonly { readonly dtype: DType }[], layout: Layout, device: Device): Operand[] {
  if (outputs.length === 1) return [allocate(layout, outputs[0]!.dtype, device)];
  return allocateEach(outputs, (o) => allocate(layout, o.dtype, device));
}

/** Gives back the memory of new operands that nobody has come to own. */
export function discard(operands: readonly Operand[]): void {
  for (const { storage } of operands) {
    if (storage.refs > 0) continue;
    storage.retain();
    storage.release();
  }
}
