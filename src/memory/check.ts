import { kinds, type PoolBlock, type Segment } from "./block.ts";
import type { Pool } from "./pool.ts";
import type { PoolFigures } from "./stat.ts";

/** What a walk through a part of the pool counts. */
interface Count {
  segments: number;
  reserved: number;
  blocks: number;
  allocated: number;
  requested: number;
  splits: number;
  splitBytes: number;
}
const nothing = (): Count => ({ segments: 0, reserved: 0, blocks: 0, allocated: 0, requested: 0, splits: 0, splitBytes: 0 });

/**
 * Walks all segments of a pool and says in sentences what does not hold; nothing if all is well. Blocks fill each segment without a gap, and no two
 * segments overlap; each free block is in exactly one free list, that of its kind and class, and no other block is in any; blocks in use
 * belong to storages that somebody owns; all figures are what the walk counts.
 */
export function checkPool(pool: Pool): string[] {
  const faults: string[] = [];
  const [small, large] = [nothing(), nothing()];
  const free = new Set<PoolBlock>();
  for (const segment of pool.segments) checkSegment(pool, segment, segment.isSmall ? small : large, free, faults);
  checkRanges(pool, faults);
  checkLists(pool, free, faults);
  const all = nothing();
  for (const key of Object.keys(all) as (keyof Count)[]) all[key] = small[key] + large[key];
  checkFigures("all", pool.all, all, faults);
  checkFigures("small", pool.small, small, faults);
  checkFigures("large", pool.large, large, faults);
  return faults;
}

const nameOf = (block: PoolBlock): string => `the block of ${block.size} bytes at ${block.address}`;

function checkSegment(pool: Pool, segment: Segment, count: Count, free: Set<PoolBlock>, faults: string[]): void {
  count.segments++;
  count.reserved += segment.size;
  if (segment.raw.size < segment.size) faults.push(`the segment at ${segment.address} is larger than its memory`);
  let previous: PoolBlock | null = null;
  let at = segment.raw.offset;
  for (const block of segment) {
    const name = nameOf(block);
    if (block.segment !== segment) faults.push(`${name} does not know its segment`);
    if (block.buffer !== segment.raw.buffer) faults.push(`${name} is in another buffer than its segment`);
    if (block.previous !== previous) faults.push(`${name} does not know the block before it`);
    if (block.offset !== at) faults.push(`${name} begins at ${block.offset} and not at ${at}, where the block before it ends`);
    if ((block.offset - segment.raw.offset) % pool.alignment !== 0 || block.size % pool.alignment !== 0) {
      faults.push(`${name} is not aligned to ${pool.alignment} bytes`);
    }
    if (block.size <= 0) faults.push(`${name} is empty`);
    if (block.isFree) checkFree(block, count, free, faults);
    else checkUsed(pool, block, count, faults);
    at = block.offset + block.size;
    previous = block;
  }
  const end = segment.raw.offset + segment.size;
  if (at !== end) faults.push(`the blocks of the segment at ${segment.address} end at ${at} and not at ${end}`);
}

function checkFree(block: PoolBlock, count: Count, free: Set<PoolBlock>, faults: string[]): void {
  free.add(block);
  if (block.previous !== null || block.next !== null) {
    count.splits++;
    count.splitBytes += block.size;
  }
  if (block.requested !== 0 || block.holder !== null) faults.push(`${nameOf(block)} is free, but still says whose it is`);
}

function checkUsed(pool: Pool, block: PoolBlock, count: Count, faults: string[]): void {
  const { holder, requested, serial, size } = block;
  count.blocks++;
  count.allocated += size;
  count.requested += requested;
  if (requested > size) faults.push(`${nameOf(block)} serves a request for ${requested} bytes`);
  if (serial < 1 || serial > pool.serial) faults.push(`${nameOf(block)} is allocation ${serial} of ${pool.serial}`);
  if (holder !== null && holder.block !== block) faults.push(`the storage that holds ${nameOf(block)} has another block`);
  if (holder?.isFreed) faults.push(`${nameOf(block)} is in use, but nobody owns its storage`);
}

/** Neither the addresses of segments nor their places in the device's buffers overlap. */
function checkRanges(pool: Pool, faults: string[]): void {
  const overlap = (ranges: { start: number; size: number }[], what: string): void => {
    ranges.sort((a, b) => a.start - b.start);
    for (let i = 1; i < ranges.length; i++) {
      const [a, b] = [ranges[i - 1]!, ranges[i]!];
      if (a.start + a.size > b.start) faults.push(`two segments overlap: ${what} ${a.start} to ${a.start + a.size}, and ${b.start}`);
    }
  };
  const segments = [...pool.segments];
  overlap(
    segments.map(({ address, size }) => ({ start: address, size })),
    "addresses",
  );
  const buffers = new Map<unknown, { start: number; size: number }[]>();
  for (const { raw, size } of segments) {
    const ranges = buffers.get(raw.buffer);
    if (ranges === undefined) buffers.set(raw.buffer, [{ start: raw.offset, size }]);
    else ranges.push({ start: raw.offset, size });
  }
  for (const ranges of buffers.values()) overlap(ranges, "bytes of one buffer");
}

function checkLists(pool: Pool, free: Set<PoolBlock>, faults: string[]): void {
  const { sizes } = pool;
  const left = new Set(free);
  for (const kind of kinds) {
    const { classes, tails } = pool.lists[kind];
    const checkEntry = (block: PoolBlock, fits: boolean): void => {
      const name = nameOf(block);
      if (!left.delete(block)) faults.push(`${name} is in a free list ${free.has(block) ? "twice" : "but is no free block of a segment"}`);
      if (block.segment.kind !== kind) faults.push(`${name} is of kind ${block.segment.kind}, but in a free list of kind ${kind}`);
      if (!fits) faults.push(`${name} is in a free list that is not that of its size`);
    };
    classes.forEach((list, index) => {
      const isSmall = index <= sizes.lastSmall;
      for (const block of list) {
        checkEntry(block, sizes.floor(block.size / pool.alignment) === index && block.segment.isSmall === isSmall);
      }
    });
    for (const block of tails) checkEntry(block, sizes.floor(block.size / pool.alignment) > sizes.lastSmall && block.segment.isSmall);
  }
  for (const block of left) faults.push(`${nameOf(block)} is free, but in no free list`);
}

function checkFigures(part: string, figures: PoolFigures, count: Count, faults: string[]): void {
  const pairs = [
    ["segment", count.segments],
    ["reservedBytes", count.reserved],
    ["allocation", count.blocks],
    ["allocatedBytes", count.allocated],
    ["requestedBytes", count.requested],
    ["inactiveSplit", count.splits],
    ["inactiveSplitBytes", count.splitBytes],
  ] as const;
  for (const [name, counted] of pairs) {
    const { current, peak } = figures[name];
    if (current !== counted) faults.push(`${name}.${part} is ${current}, but ${counted} by count`);
    if (peak < current) faults.push(`the peak of ${name}.${part} is ${peak}, below what it is now, ${current}`);
  }
}
