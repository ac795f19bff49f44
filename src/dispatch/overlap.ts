import { overlappingWrite } from "../core/errors.ts";
import { extent, type Layout, sameShape } from "../core/layout.ts";
import type { Operand } from "./operand.ts";

/** Whether some element of storage is shown more than once: then a write is ambiguous. Sound for strides of 0, which is what expand makes. */
export function overlapsItself(l: Layout): boolean {
  if (l.isContiguous) return false;
  return l.strides.some((s, d) => s === 0 && l.shape[d]! > 1);
}

/** Raises where writing to `out` is ambiguous. */
export function checkWritable(out: Operand): void {
  if (overlapsItself(out.layout)) throw overlappingWrite();
}

const first = (l: Layout): number => {
  let p = l.offset;
  for (let d = 0; d < l.ndim; d++) if (l.strides[d]! < 0) p += (l.shape[d]! - 1) * l.strides[d]!;
  return p;
};

/** Whether a kernel that reads `input` while it writes `out` element by element could read what it has already written. */
export function partlyOverlaps(input: Operand, out: Operand): boolean {
  if (input.storage !== out.storage) return false;
  const a = input.layout;
  const b = out.layout;
  if (a === b) return false;
  if (a.offset === b.offset && input.dtype === out.dtype && sameShape(a.shape, b.shape) && sameShape(a.strides, b.strides)) return false;
  const aSize = input.device.backend.itemsize(input.dtype);
  const bSize = out.device.backend.itemsize(out.dtype);
  return first(a) * aSize < extent(b) * bSize && first(b) * bSize < extent(a) * aSize;
}
