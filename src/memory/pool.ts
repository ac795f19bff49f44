import { freedTwice, OutOfMemoryError, outOfMemory } from "../core/errors.ts";
import { type Block, type Kind, PoolBlock, type PoolEvents, type RawMemory, Segment } from "./block.ts";
import { FreeLists, retire } from "./free-lists.ts";
import { SizeClasses } from "./size-class.ts";
import { PoolFigures, type Stat } from "./stat.ts";

const ARENA_BYTES = 256 * 1024;
/** A block is taken whole where it has at most this share that was not asked for; otherwise it is split. */
const MOST_WASTE = 1 / 4;
/** While the pool may grow, blocks larger than so many times the request are not split for it. */
const WIDEST = 8;
/** The pool may grow freely to this multiple of the most that was ever in use at once, and so many bytes more. */
const GROWTH = 4 / 3;
const SLACK_BYTES = 4 * 1024 * 1024;

/** Finds memory that is no longer needed and frees it: the collector of cycles. */
let reclaim: () => void = () => {};
let reclaiming = false;
/** Sets what is called when a device's memory is exhausted, before the allocation is tried again. */
export function setReclaim(f: () => void): void {
  reclaim = f;
}

/**
 * Keeps the memory of one device and hands it out again. Freed blocks stay until `emptyCache`, or until the device has nothing left. Small blocks
 * (up to 32 KB) are carved from arenas, large ones come from the device one by one. Each kind of content has memory of its own.
 *
 * Note [Finding a block]. A request is rounded up to a size class; nearly always the list of its class has a block. Otherwise, in this order: a
 * small one is carved from an arena's tail; the smallest free block that is large enough is taken, whole if at most a quarter of it is wasted, and
 * otherwise split; free neighbours are merged; the device gives a new segment.
 *
 * Note [Splitting and growing]. A loop that asks for the same sizes in every step should end up with blocks that fit, because a block that stays
 * the same object is found faster by all that is cached for it, such as bind groups. Were each miss met by splitting or merging what other sizes will
 * ask for again, no step would ever be free of misses. So the pool may grow, without merging and without cutting large blocks to pieces, to
 * 4/3 of the most that was in use at once (and 4 MB): at most a quarter of it is idle at the peak. Beyond that, memory goes before speed.
 */
export class Pool {
  readonly name: string;
  /** Offsets and sizes of blocks are multiples of this. */
  readonly alignment: number;
  readonly sizes: SizeClasses;
  /** Every segment held. */
  readonly segments: Set<Segment> = new Set();
  /** The free blocks. */
  readonly lists: Readonly<Record<Kind, FreeLists>>;
  readonly all: PoolFigures = new PoolFigures();
  /** The part of them that is in arenas, and the part that is not. */
  readonly small: PoolFigures = new PoolFigures();
  readonly large: PoolFigures = new PoolFigures();
  /** At most this many bytes are reserved. */
  limit: number = Number.POSITIVE_INFINITY;
  /** Is told what happens, while history is recorded. */
  events: PoolEvents | null = null;
  /** Allocations for which the device had no memory at first, and those that failed for good. */
  retries = 0;
  outOfMemories = 0;
  /** Allocations that were served with memory that had been in use before. */
  reused = 0;
  #serial = 0;
  /** Where the addresses of the next segment begin. */
  #address = 0;
  readonly #memory: RawMemory;
  readonly #float: FreeLists;
  readonly #int: FreeLists;
  readonly #bool: FreeLists;

  /** `alignment`: a power of two. */
  constructor(memory: RawMemory, name: string, alignment: number) {
    this.#memory = memory;
    this.name = name;
    this.alignment = alignment;
    this.sizes = new SizeClasses(alignment);
    const byAddress = memory.reuse === "lowest";
    this.#float = new FreeLists("float", this.sizes, byAddress);
    this.#int = new FreeLists("int", this.sizes, byAddress);
    this.#bool = new FreeLists("bool", this.sizes, byAddress);
    this.lists = { float: this.#float, int: this.#int, bool: this.#bool };
  }

  /** How many bytes the device has in all, where it tells. */
  get capacity(): number | undefined {
    return this.#memory.capacity;
  }
  /** Bytes of the host's memory that the device's own objects have taken so far. */
  get hostBytes(): number {
    return this.#memory.hostBytes ?? 0;
  }

  /** Allocations so far. */
  get serial(): number {
    return this.#serial;
  }

  /**
   * A block of at least `size` bytes. Its content is whatever was there. Raises an OutOfMemoryError where neither the device nor the limit leaves
   * room, even after `setReclaim`'s function has run and all that is free has been given back; nothing has changed then.
   */
  allocate(size: number, kind: Kind = "float"): PoolBlock {
    const units = this.sizes.unitsOf(size);
    const index = this.sizes.ceil(units);
    const lists = this.#listsOf(kind);
    const part = index <= this.sizes.lastSmall ? this.small : this.large;
    let block = index < this.sizes.count ? lists.classes[index]!.pop() : undefined;
    if (block === undefined) block = this.#find(size, units * this.alignment, index, lists);
    else if (isPiece(block)) this.#leave(part, block.size);

    if (block.serial > 0) this.reused++;
    block.isFree = false;
    block.requested = size;
    block.serial = ++this.#serial;
    hold(this.all, block.size, size);
    hold(part, block.size, size);
    if (this.events !== null) this.events.allocated(block);
    return block;
  }

  /** Takes a block back for later requests. */
  free(block: PoolBlock): void {
    if (block.isFree) throw freedTwice(this.name, block.address, block.size);
    // Told first, while the block still says whose it was.
    if (this.events !== null) this.events.freed(block);
    const { segment, size, requested } = block;
    const part = segment.isSmall ? this.small : this.large;
    block.isFree = true;
    block.requested = 0;
    block.holder = null;
    block.frames = null;
    letGo(this.all, size, requested);
    letGo(part, size, requested);
    if (isPiece(block)) this.#enter(part, size);
    this.#listsOf(segment.kind).push(block);
  }

  /** Merges free neighbours, and returns to the device every segment of which nothing is in use. */
  emptyCache(): void {
    this.#merge(this.#float);
    this.#merge(this.#int);
    this.#merge(this.#bool);
    const idle: Segment[] = [];
    for (const segment of this.segments) if (segment.first.isFree && segment.first.next === null) idle.push(segment);
    if (idle.length === 0) return;
    for (const segment of idle) {
      this.segments.delete(segment);
      retire(segment.first);
      for (const figures of [this.all, segment.isSmall ? this.small : this.large]) {
        figures.segment.decrease(1);
        figures.reservedBytes.decrease(segment.size);
      }
    }
    for (const lists of [this.#float, this.#int, this.#bool]) lists.sweep();
    for (const segment of idle) {
      this.#memory.release(segment.raw);
      if (this.events !== null) this.events.segmentFreed(segment);
    }
  }

  /** Peaks start again from what is now. */
  resetPeaks(): void {
    for (const stat of this.#stats()) stat.resetPeak();
  }

  /** What came and went counts from 0 again; retries and failures too. */
  resetAccumulated(): void {
    for (const stat of this.#stats()) stat.resetAccumulated();
    this.retries = 0;
    this.outOfMemories = 0;
  }

  #stats(): Stat[] {
    return [this.all, this.small, this.large].flatMap((figures) => Object.values(figures) as Stat[]);
  }

  #listsOf(kind: Kind): FreeLists {
    return kind === "float" ? this.#float : kind === "int" ? this.#int : this.#bool;
  }

  /** A block for a request that its class's list cannot serve, in no list any more. `least`: the request rounded up to the alignment. */
  #find(size: number, least: number, index: number, lists: FreeLists): PoolBlock {
    if (index >= this.sizes.count) throw this.#exhausted(size);
    const isSmall = index <= this.sizes.lastSmall;
    const bytes = this.sizes.sizeOf(index);
    const segmentBytes = isSmall ? Math.max(ARENA_BYTES, bytes) : bytes;
    const mayGrow = this.#mayGrow(isSmall ? this.small : this.large, bytes, segmentBytes);
    let block = this.#fit(lists, index, least, mayGrow ? WIDEST * bytes : Number.POSITIVE_INFINITY);
    if (block === null && !mayGrow && this.#isWorthMerging(lists)) {
      this.#merge(lists);
      block = this.#fit(lists, index, least);
    }
    if (block !== null) return block;
    if (this.#grow(lists, segmentBytes, isSmall)) return this.#fit(lists, index, least)!;

    this.retries++;
    this.#merge(lists);
    block = this.#fit(lists, index, least);
    if (block === null && runReclaim()) {
      this.#merge(lists);
      block = this.#fit(lists, index, least);
    }
    if (block !== null) return block;
    this.emptyCache();
    // Where there is no room for an arena, there may be for the block alone.
    if (this.#grow(lists, segmentBytes, isSmall) || (isSmall && this.#grow(lists, bytes, true))) return this.#fit(lists, index, least)!;
    throw this.#exhausted(size);
  }

  /** The smallest free block that will do; blocks of more than `widest` bytes are not split for it. */
  #fit(lists: FreeLists, index: number, least: number, widest: number = Number.POSITIVE_INFINITY): PoolBlock | null {
    const { sizes } = this;
    const { classes, tails } = lists;
    const isSmall = index <= sizes.lastSmall;
    const bytes = sizes.sizeOf(index);
    const end = isSmall ? sizes.lastSmall + 1 : sizes.count;
    // What is left of a large block has to be one.
    const rest = isSmall ? this.alignment : sizes.sizeOf(sizes.lastSmall + 1);
    if (classes[index]!.length > 0) return this.#takeLast(classes[index]!);
    if (isSmall && tails.length > 0) return this.#split(lists, tails.pop()!, bytes);
    for (let i = index + 1; i < end; i++) {
      const list = classes[i]!;
      if (list.length === 0) continue;
      const block = list[list.length - 1]!;
      if (block.size - least <= block.size * MOST_WASTE) return this.#takeLast(list);
      if (block.size > widest) return null;
      if (block.size - bytes >= rest) return this.#split(lists, list.pop()!, bytes);
    }
    return null;
  }

  #takeLast(list: PoolBlock[]): PoolBlock {
    const block = list.pop()!;
    if (isPiece(block)) this.#leave(block.segment.isSmall ? this.small : this.large, block.size);
    return block;
  }

  /** The first `bytes` of a free block, which is in no list; the rest becomes a free block of its own. */
  #split(lists: FreeLists, block: PoolBlock, bytes: number): PoolBlock {
    const { segment, previous, next, serial } = block;
    const part = segment.isSmall ? this.small : this.large;
    if (isPiece(block)) this.#leave(part, block.size);
    retire(block);
    const front = new PoolBlock(segment, block.offset, bytes);
    const rest = new PoolBlock(segment, block.offset + bytes, block.size - bytes);
    front.serial = serial;
    rest.serial = serial;
    link(segment, previous, front);
    link(segment, front, rest);
    link(segment, rest, next);
    this.#enter(part, rest.size);
    lists.push(rest);
    return front;
  }

  /** Merges free neighbours. Takes time in proportion to the number of free blocks. */
  #merge(lists: FreeLists): void {
    const merged: PoolBlock[] = [];
    for (const list of lists.classes) if (list.length > 0) this.#mergeList(list, merged);
    this.#mergeList(lists.tails, merged);
    lists.mergedAt = this.#frees;
    if (merged.length === 0) return;
    lists.sweep();
    for (const block of merged) lists.push(block);
  }

  #mergeList(list: readonly PoolBlock[], merged: PoolBlock[]): void {
    // Those merged away before have no neighbours.
    for (const block of list) if (block.previous?.isFree || block.next?.isFree) merged.push(this.#join(block));
  }

  /** One block in the place of a free block and all free ones next to it. */
  #join(block: PoolBlock): PoolBlock {
    const { segment } = block;
    const part = segment.isSmall ? this.small : this.large;
    let first = block;
    while (first.previous?.isFree) first = first.previous;
    const { previous, offset } = first;
    let size = 0;
    let serial = 0;
    let next: PoolBlock | null = first;
    while (next?.isFree) {
      const gone: PoolBlock = next;
      next = gone.next;
      size += gone.size;
      serial = Math.max(serial, gone.serial);
      this.#leave(part, gone.size);
      retire(gone);
    }
    const joined = new PoolBlock(segment, offset, size);
    joined.serial = serial;
    link(segment, previous, joined);
    link(segment, joined, next);
    if (isPiece(joined)) this.#enter(part, size);
    return joined;
  }

  /** Blocks taken back so far. */
  get #frees(): number {
    return this.#serial - this.all.allocation.current;
  }

  /** Merging looks at every free block: at most once in as many calls of `free`, so that it adds a bounded time to each. */
  #isWorthMerging(lists: FreeLists): boolean {
    const frees = this.#frees - lists.mergedAt;
    return frees > 0 && frees >= lists.count;
  }

  /** See Note [Splitting and growing]. */
  #mayGrow({ allocatedBytes, reservedBytes }: PoolFigures, bytes: number, segmentBytes: number): boolean {
    const most = Math.max(allocatedBytes.peak, allocatedBytes.current + bytes);
    return reservedBytes.current + segmentBytes <= most * GROWTH + SLACK_BYTES && this.#isWithinLimit(segmentBytes);
  }

  #isWithinLimit(bytes: number): boolean {
    return this.all.reservedBytes.current + bytes <= this.limit;
  }

  /** Takes a segment from the device and puts it among the free blocks; false where there is none. */
  #grow(lists: FreeLists, size: number, isSmall: boolean): boolean {
    if (!this.#isWithinLimit(size)) return false;
    let raw: Block;
    try {
      raw = this.#memory.allocate(size);
    } catch (e) {
      if (e instanceof OutOfMemoryError) return false;
      throw e;
    }
    const segment = new Segment(raw, size, lists.kind, isSmall, this.#address);
    this.#address += size;
    this.segments.add(segment);
    lists.push(segment.first);
    for (const figures of [this.all, isSmall ? this.small : this.large]) {
      figures.segment.increase(1);
      figures.reservedBytes.increase(size);
    }
    if (this.events !== null) this.events.segmentAllocated(segment);
    return true;
  }

  #enter(part: PoolFigures, size: number): void {
    this.all.inactiveSplit.increase(1);
    this.all.inactiveSplitBytes.increase(size);
    part.inactiveSplit.increase(1);
    part.inactiveSplitBytes.increase(size);
  }
  #leave(part: PoolFigures, size: number): void {
    this.all.inactiveSplit.decrease(1);
    this.all.inactiveSplitBytes.decrease(size);
    part.inactiveSplit.decrease(1);
    part.inactiveSplitBytes.decrease(size);
  }

  #exhausted(size: number): OutOfMemoryError {
    this.outOfMemories++;
    if (this.events !== null) this.events.outOfMemory(size);
    const { allocatedBytes, reservedBytes } = this.all;
    return outOfMemory(this.name, size, this.capacity, allocatedBytes.current, reservedBytes.current, this.limit);
  }
}

/** Whether a block is not all of its segment. */
const isPiece = (block: PoolBlock): boolean => block.previous !== null || block.next !== null;

/** Makes two blocks of a segment neighbours; null is its edge. */
function link(segment: Segment, left: PoolBlock | null, right: PoolBlock | null): void {
  if (left !== null) left.next = right;
  else if (right !== null) segment.first = right;
  if (right !== null) right.previous = left;
}

function hold(figures: PoolFigures, size: number, requested: number): void {
  figures.allocation.increase(1);
  figures.allocatedBytes.increase(size);
  figures.requestedBytes.increase(requested);
}
function letGo(figures: PoolFigures, size: number, requested: number): void {
  figures.allocation.decrease(1);
  figures.allocatedBytes.decrease(size);
  figures.requestedBytes.decrease(requested);
}

/** False where it is running already: what it allocates itself has to do with what there is. */
function runReclaim(): boolean {
  if (reclaiming) return false;
  reclaiming = true;
  try {
    reclaim();
  } finally {
    reclaiming = false;
  }
  return true;
}
