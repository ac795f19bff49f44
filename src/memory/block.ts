import type { Storage } from "./storage.ts";

/**
 * A piece of a device's memory. `buffer` is the device's own object (the CPU's heap, a GPUBuffer) and `offset` the first byte in it: small
 * blocks share a buffer. Only the backend that made the buffer looks inside.
 */
export interface Block {
  readonly buffer: unknown;
  readonly offset: number;
  readonly size: number;
}

/** A device's raw memory, as the pool sees it. */
export interface RawMemory {
  /** A new buffer of at least `size` bytes, aligned for any use. Throws OutOfMemoryError where there is none. */
  allocate(size: number): Block;
  /** Gives a buffer back to the device. */
  release(block: Block): void;
  /** How many bytes the device has in all, where it tells. */
  readonly capacity?: number;
  /** Which of several free blocks of a size is taken: the one freed last (default), or the one with the lowest address. */
  readonly reuse?: "last" | "lowest";
  /**
   * (optional) How many bytes of the host's memory the device's own objects have taken so far, whether they have been collected or not: a bind group
   * is a few kilobytes that only the JavaScript collector gives back.
   */
  readonly hostBytes?: number;
}

/** What a block holds. Each kind has segments and free lists of its own, which do not lend to the others. */
export type Kind = "float" | "int" | "bool";
export const kinds: readonly Kind[] = ["float", "int", "bool"];

/** Where in the code something happened: one line of a stack, innermost first. */
export interface Frame {
  readonly filename: string;
  readonly line: number;
  readonly name: string;
}

/** A block that a pool made: one piece of a segment, between its neighbours there. */
export class PoolBlock implements Block {
  readonly segment: Segment;
  readonly buffer: unknown;
  /** In the device's buffer. */
  readonly offset: number;
  readonly size: number;
  previous: PoolBlock | null = null;
  next: PoolBlock | null = null;
  /** Bytes asked for; 0 while it is free. */
  requested = 0;
  /** The how manieth allocation of its pool it was: its age. */
  serial = 0;
  isFree = true;
  /** Whose bytes it holds. */
  holder: Storage | null = null;
  /** While history is recorded: when it was handed out, and where in the code. */
  time = 0;
  frames: readonly Frame[] | null = null;

  constructor(segment: Segment, offset: number, size: number) {
    this.segment = segment;
    this.buffer = segment.raw.buffer;
    this.offset = offset;
    this.size = size;
  }

  /** Its place among all segments of the pool, for pictures and snapshots: unique and stable, whatever the device's buffers are. */
  get address(): number {
    return this.segment.address + (this.offset - this.segment.raw.offset);
  }
}

/** What a pool took from the device in one piece: an arena for small blocks, or the memory of a large one. Its blocks fill it without a gap. */
export class Segment {
  readonly raw: Block;
  readonly size: number;
  readonly kind: Kind;
  readonly isSmall: boolean;
  readonly address: number;
  first: PoolBlock;
  frames: readonly Frame[] | null = null;

  constructor(raw: Block, size: number, kind: Kind, isSmall: boolean, address: number) {
    this.raw = raw;
    this.size = size;
    this.kind = kind;
    this.isSmall = isSmall;
    this.address = address;
    this.first = new PoolBlock(this, raw.offset, size);
  }

  *[Symbol.iterator](): Generator<PoolBlock> {
    for (let block: PoolBlock | null = this.first; block !== null; block = block.next) yield block;
  }
}

/** What a pool tells while history is recorded. */
export interface PoolEvents {
  allocated(block: PoolBlock): void;
  freed(block: PoolBlock): void;
  segmentAllocated(segment: Segment): void;
  segmentFreed(segment: Segment): void;
  outOfMemory(size: number): void;
}
