import type { DType } from "../../core/dtype.ts";
import { Layout, rowMajor } from "../../core/layout.ts";
import type { Compiled, KernelOf, LaunchArgs } from "../../kernel/kernel.ts";
import type { PoolBlock } from "../../memory/block.ts";
import { type Operand, planBindings } from "./bindings.ts";
import type { Context } from "./context.ts";
import { fits, runFitted, sharedAxes } from "./fit-bindings.ts";
import { resumed, type Source } from "./monoid.ts";
import { type Piece, pieces } from "./pieces.ts";
import { ReducePass } from "./reduce-pass.ts";
import { ScanPass } from "./scan-pass.ts";
import { Watched } from "./watched.ts";

/** Invocations that keep a CPU busy that plays a GPU, and a GPU; and the elements that make a chunk worth its while. */
const SOFTWARE_LANES = 128;
const SOFTWARE_CHUNK = 1024;
const GPU_LANES = 16384;
const GPU_CHUNK = 64;

/**
 * The dispatches of one scan. Rows that are many are scanned one by one. Others are cut into chunks: their tuples are reduced, those are scanned
 * (the same way, if they are many), and then every chunk goes on from the one before.
 */
class Scan {
  readonly #context: Context;
  readonly #source: Source;
  readonly #inputs: readonly DType[];
  readonly #scan: ScanPass;
  #totals: ReducePass | null = null;
  #next: Scan | null = null;

  constructor(context: Context, source: Source, inputs: readonly DType[], keeps: boolean) {
    this.#context = context;
    this.#source = source;
    this.#inputs = inputs;
    this.#scan = new ScanPass(context, source, inputs, keeps);
  }

  run(inputs: readonly Operand[], outputs: readonly Operand[], args: LaunchArgs): void {
    const operands = [...outputs, ...inputs];
    const rank = Math.max(0, outputs[0]!.layout.ndim - 1);
    // Two more: the block of tuples and the flag of faults.
    if (fits(this.#context, planBindings(operands, this.#context.window), 2)) {
      this.#launch(inputs, outputs, args);
      return;
    }
    const parts = pieces(this.#context, operands, rank, this.#scan.monoid.kept.length + 1);
    if (parts.length > 1) {
      this.#runPieces(parts, outputs, args);
      return;
    }
    const n = outputs.length;
    runFitted(this.#context, { operands, outputs: n, axes: sharedAxes(operands, rank), extra: 2 }, (part) => {
      this.#launch(part.operands.slice(n), part.operands.slice(0, n), args);
    });
  }

  #launch(inputs: readonly Operand[], outputs: readonly Operand[], args: LaunchArgs): void {
    const { shape, numel } = outputs[0]!.layout;
    const last = shape.length - 1;
    const size = shape[last] ?? 1;
    const rows = numel / size;
    const types = this.#scan.monoid.kept;
    const chunk = this.#chunk(rows, size, 4 * types.length);
    const chunks = Math.ceil(size / chunk);
    if (chunks === 1) {
      this.#scan.run(inputs, outputs, none, args, { chunk, chunks, first: 0, position: 0 });
      return;
    }
    const { totals, next } = this.#ahead();
    const { scratch, features } = this.#context;
    const block = scratch.allocate(4 * types.length * rows * chunks);
    try {
      const kept = shape.slice(0, last);
      const [sizes, strides] = [
        [...kept, chunks],
        [...rowMajor(kept), rows],
      ];
      const tuples = types.map(
        (dtype, k): Operand => ({ storage: { block }, dtype, layout: new Layout(sizes, strides, k * rows * chunks) }),
      );
      const share = { chunk, chunks, lanes: 1, workgroup: features.software ? 16 : 64 };
      totals.run(inputs, tuples, args, { kept: rows, elements: size, rank: last, position: 0 }, share);
      next.run(tuples, tuples, args);
      this.#scan.run(inputs, outputs, tuples, args, { chunk, chunks, first: 0, position: 0 });
    } finally {
      scratch.free(block);
    }
  }

  /** The same with a piece of each row at a time, as much as can be bound. */
  #runPieces(parts: readonly Piece[], outputs: readonly Operand[], args: LaunchArgs): void {
    const { totals, next } = this.#ahead();
    const { scratch } = this.#context;
    const { shape, numel } = outputs[0]!.layout;
    const [last, n] = [shape.length - 1, outputs.length];
    const kept = shape.slice(0, last);
    const rows = numel / shape[last]!;
    const types = this.#scan.monoid.kept;
    const blocks: PoolBlock[] = [];
    try {
      for (const _ of types) blocks.push(scratch.allocate(4 * rows * parts.length));
      const strides = [...rowMajor(kept), rows];
      const tuples = (count: number, first: number): Operand[] =>
        types.map((dtype, k) => ({ storage: { block: blocks[k]! }, dtype, layout: new Layout([...kept, count], strides, first * rows) }));
      parts.forEach(({ operands: all, position }, p) => {
        const operands = [...tuples(1, p), ...all.slice(n)];
        const elements = all[0]!.layout.shape[last]!;
        runFitted(this.#context, { operands, outputs: types.length, axes: sharedAxes(operands, last) }, (part) => {
          const sizes = { kept: part.operands[0]!.layout.numel, elements, rank: last, position };
          const share = { chunk: elements, chunks: 1, lanes: 1, workgroup: 64 };
          totals.run(part.operands.slice(types.length), part.operands.slice(0, types.length), args, sizes, share);
        });
      });
      next.run(tuples(parts.length, 0), tuples(parts.length, 0), args);
      parts.forEach(({ operands: all, position }, first) => {
        const operands = [...all, ...tuples(parts.length, 0)];
        runFitted(this.#context, { operands, outputs: n, axes: sharedAxes(operands, last), extra: 1 }, (part) => {
          const [to, from, before] = [part.operands.slice(0, n), part.operands.slice(n, all.length), part.operands.slice(all.length)];
          this.#scan.run(from, to, before, args, { chunk: to[0]!.layout.shape[last]!, chunks: 1, first, position });
        });
      });
    } finally {
      for (const block of blocks) scratch.free(block);
    }
  }

  /** What goes before the scan of chunks. */
  #ahead(): { readonly totals: ReducePass; readonly next: Scan } {
    this.#totals ??= new ReducePass(this.#context, this.#source, this.#inputs, true);
    this.#next ??= new Scan(this.#context, resumed(this.#source), this.#scan.monoid.kept, true);
    return { totals: this.#totals, next: this.#next };
  }

  /** How many elements of a row one invocation scans. */
  #chunk(rows: number, size: number, tuple: number): number {
    const { features, window } = this.#context;
    const [lanes, least] = features.software ? [SOFTWARE_LANES, SOFTWARE_CHUNK] : [GPU_LANES, GPU_CHUNK];
    const chunks = Math.floor(Math.min(lanes / rows, size / least, window / (tuple * rows)));
    return chunks < 2 ? size : Math.ceil(size / chunks / 4) * 4;
  }
}

const none: readonly Operand[] = [];

/** Inclusive scans along the last dimension, for WebGPU. */
export const scan = (context: Context, kernel: KernelOf<"scan">): Compiled =>
  new Watched(context, kernel, (source) => new Scan(context, source, kernel.inputs, false));
