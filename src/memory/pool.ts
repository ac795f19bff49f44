import { OutOfMemoryError, outOfMemory } from "../core/errors.ts";
import { type Kind, PoolBlock, type RawMemory, Segment } from "./block.ts";

/** Figures of a pool, in bytes and counts. */
export interface PoolStats {
  /** Bytes in blocks that tensors hold. */
  allocatedBytes: number;
  peakAllocatedBytes: number;
  /** Bytes taken from the device, freed blocks and unused arena space included. */
  reservedBytes: number;
  /** Blocks that tensors hold. */
  blocks: number;
  /** Allocations so far, and those of them that a freed block served. */
  allocations: number;
  reused: number;
}

const SMALL = 512; // up to here sizes go in steps of the alignment
const ARENA_LIMIT = 32 * 1024; // larger blocks come straight from the device
const ARENA_BYTES = 256 * 1024;
const STEPS = 8; // size classes between two powers of two: at most an eighth is wasted

/** The size of the block that serves a request: requests of one class reuse each other's blocks. */
export function sizeClass(size: number, alignment: number): number {
  const step = size <= SMALL ? alignment : Math.max(alignment, 2 ** Math.floor(Math.log2(size - 1)) / STEPS);
  return Math.max(Math.ceil(size / step) * step, alignment);
}

/**
 * Keeps the blocks of one device and hands them out again: freed blocks stay in a list of their size class until `emptyCache`.
 * Small blocks are cut from arenas, large ones come from the device one by one.
 */
export class Pool {
  readonly stats: PoolStats = { allocatedBytes: 0, peakAllocatedBytes: 0, reservedBytes: 0, blocks: 0, allocations: 0, reused: 0 };
  readonly #memory: RawMemory;
  readonly #name: string;
  readonly #alignment: number;
  readonly #free = new Map<number, PoolBlock[]>();
  #arena: PoolBlock | null = null;
  #arenaUsed = 0;
  /** At most this many bytes are reserved. */
  limit: number = Number.POSITIVE_INFINITY;

  constructor(memory: RawMemory, name: string, alignment: number) {
    this.#memory = memory;
    this.#name = name;
    this.#alignment = alignment;
  }

  /** A block of at least `size` bytes. Its content is whatever was there. */
  allocate(size: number, _kind: Kind = "float"): PoolBlock {
    const rounded = sizeClass(size, this.#alignment);
    const stats = this.stats;
    const block = this.#free.get(rounded)?.pop() as PoolBlock | undefined;
    if (block !== undefined) stats.reused++;
    const result = block ?? (rounded <= ARENA_LIMIT ? this.#carve(rounded) : this.#reserve(rounded));
    stats.allocations++;
    stats.blocks++;
    stats.allocatedBytes += rounded;
    if (stats.allocatedBytes > stats.peakAllocatedBytes) stats.peakAllocatedBytes = stats.allocatedBytes;
    return result;
  }

  /** Takes a block back for the next request of its class. */
  free(block: PoolBlock): void {
    const list = this.#free.get(block.size);
    if (list === undefined) this.#free.set(block.size, [block]);
    else list.push(block);
    this.stats.blocks--;
    this.stats.allocatedBytes -= block.size;
  }

  /** Returns freed large blocks to the device. Arenas stay: small blocks of theirs may be in use. */
  emptyCache(): void {
    for (const [size, list] of this.#free) {
      if (size <= ARENA_LIMIT) continue;
      for (const block of list) {
        this.#memory.release(block.segment.raw);
        this.stats.reservedBytes -= size;
      }
      this.#free.delete(size);
    }
  }

  #carve(size: number): PoolBlock {
    if (this.#arena === null || this.#arenaUsed + size > ARENA_BYTES) {
      // What is left of the old arena is lost until the device closes: at most one block's worth in an arena's eight.
      this.#arena = this.#reserve(ARENA_BYTES);
      this.#arenaUsed = 0;
    }
    const block = new PoolBlock(this.#arena.segment, this.#arena.offset + this.#arenaUsed, size);
    this.#arenaUsed += size;
    return block;
  }

  #reserve(size: number): PoolBlock {
    if (this.stats.reservedBytes + size > this.limit) this.emptyCache();
    if (this.stats.reservedBytes + size > this.limit) throw this.#exhausted(size);
    const block = this.#allocateOrTrim(size);
    this.stats.reservedBytes += size;
    return new Segment(block, size, "float", size <= ARENA_LIMIT, 0).first;
  }

  #allocateOrTrim(size: number): ReturnType<RawMemory["allocate"]> {
    try {
      return this.#memory.allocate(size);
    } catch (e) {
      if (!(e instanceof OutOfMemoryError)) throw e;
    }
    this.emptyCache();
    try {
      return this.#memory.allocate(size);
    } catch (e) {
      if (!(e instanceof OutOfMemoryError)) throw e;
      throw this.#exhausted(size);
    }
  }

  #exhausted(size: number): OutOfMemoryError {
    const { allocatedBytes, reservedBytes } = this.stats;
    return outOfMemory(this.#name, size, Math.min(this.limit, 4 * 1024 ** 3), allocatedBytes, reservedBytes);
  }
}
