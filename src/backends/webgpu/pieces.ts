import { sameShape, slice } from "../../core/layout.ts";
import type { Operand } from "./bindings.ts";
import type { Context } from "./context.ts";
import { format } from "./shader.ts";

/** A range of the inner elements of operands. */
export interface Piece {
  readonly operands: readonly Operand[];
  /** The row-major number of its first element among the inner ones. */
  readonly position: number;
}

/**
 * Cuts the dimensions from `rank` on, which all operands share, so that what one place of the others needs of a piece can be bound, with `others`
 * bindings besides. The pieces follow one another in row-major order.
 */
export function pieces(context: Context, operands: readonly Operand[], rank: number, others: number): readonly Piece[] {
  const list: Piece[] = [];
  const limit = context.limits.maxStorageBuffersPerShaderStage - others;
  const cut = (piece: Piece): void => {
    const { shape } = piece.operands[0]!.layout;
    let d = rank;
    while (d < shape.length && shape[d] === 1) d++;
    if (d >= shape.length || bindingsOf(context, piece.operands, rank) <= limit) {
      list.push(piece);
      return;
    }
    const size = shape[d]!;
    const half = size > 8 ? Math.ceil(size / 8) * 4 : Math.ceil(size / 2);
    let inner = 1;
    for (let e = d + 1; e < shape.length; e++) inner *= shape[e]!;
    const part = (start: number, length: number): Piece => ({
      operands: piece.operands.map((o) => ({ ...o, layout: slice(o.layout, d, start, length) })),
      position: piece.position + start * inner,
    });
    cut(part(0, half));
    cut(part(half, size - half));
  };
  cut({ operands, position: 0 });
  return list;
}

/** The most bindings that the inner elements at one place of the outer dimensions take. */
function bindingsOf({ window }: Context, operands: readonly Operand[], rank: number): number {
  const windows = (reach: number, most: number): number =>
    // What is bound begins and ends at multiples of 256 bytes.
    Math.ceil(Math.min((Math.ceil(reach / 256) + 1) * 256, most) / window);
  const [first] = operands as [Operand, ...Operand[]];
  const reaches = operands.map((o) => reachOf(o, rank));
  // Components of tuples lie among each other.
  if (operands.every((o) => o.storage.block === first.storage.block && sameShape(o.layout.strides, first.layout.strides))) {
    const starts = operands.map((o) => o.layout.offset * format(o.dtype).bytes);
    const end = Math.max(...starts.map((start, k) => start + reaches[k]!));
    return windows(end - Math.min(...starts), first.storage.block.size);
  }
  return operands.reduce((sum, o, k) => sum + windows(reaches[k]!, o.storage.block.size), 0);
}

/** Bytes from the first inner element to the last. */
function reachOf({ layout, dtype }: Operand, rank: number): number {
  let reach = 0;
  for (let d = rank; d < layout.ndim; d++) reach += (layout.shape[d]! - 1) * Math.abs(layout.strides[d]!) * format(dtype).bytes;
  return reach;
}
