import { tooManyBindings } from "../../core/errors.ts";
import { Layout, slice } from "../../core/layout.ts";
import type { Indexed } from "../../kernel/kernel.ts";
import type { Block } from "../../memory/block.ts";
import type { Bindings, Operand } from "./bindings.ts";
import type { Context } from "./context.ts";
import { format } from "./shader.ts";

/** Bytes of a block. */
interface Range {
  readonly start: number;
  readonly end: number;
}

/** A run whose operands take more bindings than a kernel may have. */
export interface Unfit {
  /** Outputs, then inputs. */
  readonly operands: readonly Operand[];
  readonly outputs: number;
  /**
   * The loops along which the run may be cut in two, each as the dimension of every operand that walks along, or -1. For elementwise kernels see
   * `sharedAxes`; a reduction has those of its outputs.
   */
  readonly axes: readonly (readonly number[])[];
  /** Whether positions matter: cuts go through the outermost loop alone, so that a part is a range of positions. */
  readonly ordered?: boolean;
  /** Bindings that the kernel has besides its operands. */
  readonly extra?: number;
  /** The operand that is looked up. */
  readonly looked?: { readonly operand: number; readonly indexed: readonly Indexed[] };
}

/** A part of a run that fits. */
export interface Part {
  readonly operands: readonly Operand[];
  /** The position of its first element. */
  readonly position: number;
  /** Which places of the looked-up operand are this part's, if not all: from `first` on, in elements of its block. Other lanes do nothing. */
  readonly places: { readonly first: number; readonly count: number } | undefined;
}

/** Whether a kernel may have these bindings, and `extra` more. */
export const fits = (context: Context, bindings: Bindings, extra: number = 0): boolean =>
  bindings.blocks.length + extra <= context.limits.maxStorageBuffersPerShaderStage;

/** The first `rank` loops of operands that have them in common. */
export const sharedAxes = (operands: readonly Operand[], rank: number): number[][] =>
  Array.from({ length: rank }, (_, d) => operands.map(() => d));

/**
 * Runs what has too many bindings, in parts that fit: first only the ranges that are touched are bound, then the looked-up operand is taken window
 * by window, then small inputs are copied side by side into one block, and last the run is cut in two, again and again.
 */
export function runFitted(context: Context, run: Unfit, launch: (part: Part) => void): void {
  fitPart(context, run, 0, null, launch);
}

function fitPart(context: Context, run: Unfit, position: number, chunk: Range | null, launch: (part: Part) => void): void {
  const { operands, looked, extra = 0 } = run;
  const limit = context.limits.maxStorageBuffersPerShaderStage - extra;
  const ranges = operands.map((o, k) => {
    if (k !== looked?.operand) return touched(o);
    return chunk ?? touched(o, looked.indexed);
  });
  const windows = (r: Range): number => Math.ceil((r.end - r.start) / context.window);
  const spans = spansOf(operands, ranges, windows);
  const needed = spans.reduce((sum, s) => sum + windows(s), 0);
  if (needed <= limit) {
    launch({ operands: bound(operands, spans), position, places: chunk === null ? undefined : placesOf(run, spans, chunk) });
    return;
  }
  if (looked !== undefined && chunk === null) {
    const { start, end } = ranges[looked.operand]!;
    if (end - start > context.window) {
      for (let at = start; at < end; at += context.window) {
        fitPart(context, run, position, { start: at, end: Math.min(at + context.window, end) }, launch);
      }
      return;
    }
  }
  const packed = choosePacked(context, run, spans, windows, needed - limit);
  if (packed !== null) {
    const block = context.scratch.allocate(packed.bytes);
    try {
      fitPart(context, { ...run, operands: pack(context, operands, packed.inputs, block) }, position, chunk, launch);
    } finally {
      context.scratch.free(block);
    }
    return;
  }
  const axis = axisToCut(run);
  if (axis === null) throw tooManyBindings("webgpu", needed + extra, context.limits.maxStorageBuffersPerShaderStage);
  const size = sizeOf(run, axis);
  const half = Math.ceil(size / 2);
  const middle = half > 256 ? Math.ceil(half / 256) * 256 : half > 4 ? Math.ceil(half / 4) * 4 : half;
  const cut = (start: number, length: number): Unfit => ({
    ...run,
    operands: operands.map((o, k) => (axis[k]! < 0 ? o : { ...o, layout: slice(o.layout, axis[k]!, start, length) })),
  });
  fitPart(context, cut(0, middle), position, chunk, launch);
  const inner = operands[0]!.layout.numel / size;
  fitPart(context, cut(middle, size - middle), position + middle * inner, chunk, launch);
}

/** The bytes of its block that an operand reaches, in whole pieces of what bindings are aligned to. */
function touched({ layout, dtype, storage }: Operand, indexed: readonly Indexed[] = []): Range {
  let first = layout.offset;
  let last = layout.offset;
  const walk = (size: number, stride: number): void => {
    if (size === 0) return;
    if (stride > 0) last += (size - 1) * stride;
    else first += (size - 1) * stride;
  };
  for (let d = 0; d < layout.ndim; d++) walk(layout.shape[d]!, layout.strides[d]!);
  for (const { size, stride } of indexed) walk(size, stride);
  const { bytes } = format(dtype);
  const start = Math.floor((first * bytes) / 256) * 256;
  return { start, end: Math.min(Math.ceil(((last + 1) * bytes) / 256) * 256, storage.block.size) };
}

/** A range of a block that is bound, for the operands in it. */
interface Span extends Range {
  readonly block: Block;
  readonly members: readonly number[];
}

/** Ranges of one block that overlap become one, because WebGPU refuses writable bindings that do; so do those that take fewer windows together. */
function spansOf(operands: readonly Operand[], ranges: readonly Range[], windows: (s: Range) => number): Span[] {
  const order = ranges.map((_, k) => k).sort((a, b) => ranges[a]!.start - ranges[b]!.start);
  const spans: Span[] = [];
  for (const k of order) {
    const { block } = operands[k]!.storage;
    const range = ranges[k]!;
    const i = spans.findLastIndex((s) => s.block === block);
    const before = spans[i];
    const both = before && { block, start: before.start, end: Math.max(before.end, range.end), members: [...before.members, k] };
    if (both && (range.start < before.end || windows(both) < windows(before) + windows(range))) spans[i] = both;
    else spans.push({ ...range, block, members: [k] });
  }
  return spans;
}

const partsOf = new WeakMap<Block, Map<string, Block>>();

/** A part of a block as a block: the same object each time, by which bind groups are found. */
function partOf({ block, start, end }: Span): Block {
  if (start === 0 && end === block.size) return block;
  let parts = partsOf.get(block);
  if (parts === undefined) partsOf.set(block, (parts = new Map()));
  const key = `${start},${end}`;
  let part = parts.get(key);
  if (part === undefined) parts.set(key, (part = { buffer: block.buffer, offset: block.offset + start, size: end - start }));
  return part;
}

/** The operands, counted from the starts of the ranges that are bound. */
function bound(operands: readonly Operand[], spans: readonly Span[]): Operand[] {
  const result = [...operands];
  for (const span of spans) {
    const block = partOf(span);
    for (const k of span.members) {
      const { layout, dtype } = operands[k]!;
      const offset = layout.offset - span.start / format(dtype).bytes;
      result[k] = { storage: { block }, layout: new Layout(layout.shape, layout.strides, offset), dtype };
    }
  }
  return result;
}

function placesOf({ operands, looked }: Unfit, spans: readonly Span[], chunk: Range): { first: number; count: number } {
  const k = looked!.operand;
  const { start } = spans.find((s) => s.members.includes(k))!;
  const { bytes } = format(operands[k]!.dtype);
  return { first: (chunk.start - start) / bytes, count: Math.ceil((chunk.end - chunk.start) / bytes) };
}

/** Bytes of an operand without its repetitions, in whole groups of four elements of any dtype. */
function packedBytes({ layout, dtype }: Operand): number {
  let n = 1;
  for (let d = 0; d < layout.ndim; d++) if (layout.strides[d] !== 0) n *= layout.shape[d]!;
  return Math.ceil((n * format(dtype).bytes) / 16) * 16;
}

/** Inputs that can be copied, the smallest first, and are one binding side by side; null where that does not save `excess` bindings. */
function choosePacked(
  { limits, window }: Context,
  { operands, outputs, looked }: Unfit,
  spans: readonly Span[],
  windows: (r: Range) => number,
  excess: number,
): { inputs: number[]; bytes: number } | null {
  const candidates = spans
    .filter((s) => s.members.every((k) => k >= outputs && k !== looked?.operand) && windows(s) < limits.maxStorageBuffersPerShaderStage)
    .map((s) => ({ members: s.members, saved: windows(s), bytes: s.members.reduce((sum, k) => sum + packedBytes(operands[k]!), 0) }))
    .sort((a, b) => a.bytes / a.saved - b.bytes / b.saved);
  const inputs: number[] = [];
  let saved = -1;
  let bytes = 0;
  for (const c of candidates) {
    if (bytes + c.bytes > window) break;
    inputs.push(...c.members);
    bytes += c.bytes;
    saved += c.saved;
    if (saved >= excess) return { inputs, bytes };
  }
  return null;
}

/** Copies inputs into a block; the operands with these in the place of the old ones. */
function pack(context: Context, operands: readonly Operand[], inputs: readonly number[], block: Block): Operand[] {
  const result = [...operands];
  let at = 0;
  for (const k of inputs) {
    const { layout, dtype, storage } = operands[k]!;
    const kept = layout.shape.map((size, d) => (layout.strides[d] === 0 ? 1 : size));
    const to = Layout.contiguous(kept, at / format(dtype).bytes);
    const from = { storage, dtype, layout: new Layout(kept, layout.strides, layout.offset) };
    context.copyOf(dtype).run([from], [{ storage: { block }, dtype, layout: to }], {});
    const strides = to.strides.map((s, d) => (layout.strides[d] === 0 ? 0 : s));
    result[k] = { storage: { block }, dtype, layout: new Layout(layout.shape, strides, to.offset) };
    at += packedBytes(operands[k]!);
  }
  return result;
}

function sizeOf({ operands }: Unfit, axis: readonly number[]): number {
  const k = axis.findIndex((d) => d >= 0);
  return operands[k]!.layout.shape[axis[k]!]!;
}

/** The loop that spans the most bytes. */
function axisToCut(run: Unfit): readonly number[] | null {
  let best: readonly number[] | null = null;
  let most = -1;
  for (const axis of run.axes) {
    const size = sizeOf(run, axis);
    if (size === 1) continue;
    if (run.ordered) return axis;
    let bytes = 0;
    run.operands.forEach(({ layout, dtype }, k) => {
      if (axis[k]! >= 0) bytes += (size - 1) * Math.abs(layout.strides[axis[k]!]!) * format(dtype).bytes;
    });
    if (bytes > most) {
      best = axis;
      most = bytes;
    }
  }
  return best;
}
