import type { BlockOwner, OperandOf } from "../../kernel/kernel.ts";
import type { Block } from "../../memory/block.ts";

/** An operand as a backend sees it. */
export type Operand = OperandOf<BlockOwner>;

/**
 * How operands share storage bindings. Operands in one block share one, because WebGPU refuses two writable bindings whose ranges overlap; a
 * block that is larger than a binding may be takes several, one for each window of it. Patterns are few: each has a number.
 */
interface Pattern {
  readonly id: number;
  /** Names the pattern: shaders differ by it. */
  readonly key: string;
  /** The binding group of each operand. */
  readonly groups: readonly number[];
  /** How many windows each group has. */
  readonly windows: readonly number[];
}

/** Which storage bindings a dispatch has. */
export interface Bindings extends Pattern {
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

/** Patterns by their key; those without windows also by a number that is quick to find: see `planBindings`. */
const named = new Map<string, Pattern>();
const numbered = new Map<number, Pattern>();
/** How many operands that number has room for, at four bits each beside their count. */
const NUMBERED = 11;

function patternOf(groups: readonly number[], windows: readonly number[]): Pattern {
  const key = windows.every((n) => n === 1) ? groups.join("") : `${groups.join()}/${windows.join()}`;
  let pattern = named.get(key);
  if (pattern === undefined) {
    pattern = { id: named.size, key, groups, windows };
    named.set(key, pattern);
  }
  return pattern;
}

/** Plans the bindings of operands. `window`: the largest size of a binding in bytes, a multiple of 256. */
export function planBindings(operands: readonly Operand[], window: number): Bindings {
  const blocks: Block[] = [];
  let number = operands.length;
  let whole = number <= NUMBERED;
  for (let i = 0; i < operands.length; i++) {
    const { block } = operands[i]!.storage;
    if (block.size > window) whole = false;
    let group = blocks.indexOf(block);
    if (group < 0) group = blocks.push(block) - 1;
    number = number * 16 + group;
  }
  if (!whole) return planWindows(operands, blocks, window);
  let pattern = numbered.get(number);
  if (pattern === undefined) {
    pattern = patternOf(groupsOf(operands, blocks), ones(blocks.length));
    numbered.set(number, pattern);
  }
  return { id: pattern.id, key: pattern.key, groups: pattern.groups, windows: pattern.windows, blocks };
}

const ones = (n: number): number[] => Array.from({ length: n }, () => 1);
const groupsOf = (operands: readonly Operand[], blocks: readonly Block[]): number[] => operands.map((x) => blocks.indexOf(x.storage.block));

function planWindows(operands: readonly Operand[], blocks: readonly Block[], window: number): Bindings {
  const parts = blocks.map((block) => (block.size > window ? split(block, window) : [block]));
  const pattern = patternOf(
    groupsOf(operands, blocks),
    parts.map((p) => p.length),
  );
  return { ...pattern, blocks: parts.flat() };
}
