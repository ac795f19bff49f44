import type { BlockOwner, OperandOf } from "../../kernel/kernel.ts";
import type { Block } from "../../memory/block.ts";

/** An operand as a backend sees it. */
export type Operand = OperandOf<BlockOwner>;

/**
 * Which storage bindings a dispatch has. Operands in one block share a binding, because WebGPU refuses two writable bindings whose ranges
 * overlap; a block that is larger than a binding may be takes several, one for each window of it.
 */
export interface Bindings {
  /** Names the pattern: shaders differ by it. */
  readonly key: string;
  /** The binding group of each operand. */
  readonly groups: readonly number[];
  /** How many windows each group has. */
  readonly windows: readonly number[];
  /** What is bound, window by window. */
  readonly blocks: readonly Block[];
}

const windowsOf = new WeakMap<Block, readonly Block[]>();

/** The parts of a block that can be bound, each but the last of the size of a window. */
function split(block: Block, window: number): readonly Block[] {
  let parts = windowsOf.get(block);
  if (parts === undefined) {
    parts = Array.from({ length: Math.ceil(block.size / window) }, (_, k) => ({
      buffer: block.buffer,
      offset: block.offset + k * window,
      size: Math.min(window, block.size - k * window),
    }));
    windowsOf.set(block, parts);
  }
  return parts;
}

const PLAIN = ["", "0", "01", "012", "0123", "01234"];
const COUNT = PLAIN.map((_, n) => Array.from({ length: n }, (__, k) => k));
const ONES = PLAIN.map((_, n) => Array.from({ length: n }, () => 1));

/** Plans the bindings of operands. `window`: the largest size of a binding in bytes, a multiple of 256. */
export function planBindings(operands: readonly Operand[], window: number): Bindings {
  const n = operands.length;
  let plain = n < PLAIN.length;
  for (let i = 0; i < n && plain; i++) {
    const { block } = operands[i]!.storage;
    if (block.size > window) plain = false;
    for (let j = 0; j < i; j++) if (operands[j]!.storage.block === block) plain = false;
  }
  if (plain) return { key: PLAIN[n]!, groups: COUNT[n]!, windows: ONES[n]!, blocks: operands.map((x) => x.storage.block) };
  const seen: Block[] = [];
  const groups = operands.map(({ storage: { block } }) => {
    const at = seen.indexOf(block);
    return at >= 0 ? at : seen.push(block) - 1;
  });
  const parts = seen.map((block) => (block.size > window ? split(block, window) : [block]));
  const windows = parts.map((p) => p.length);
  return { key: `${groups.join()}/${windows.join()}`, groups, windows, blocks: parts.flat() };
}
