import type { Frame, Kind, PoolBlock } from "./block.ts";
import { placeOf } from "./frames.ts";
import type { Pool } from "./pool.ts";
import type { Category, Role } from "./storage.ts";

/** Memory in use: what holds it, how old it is and where it was made. */
export interface LiveMemory {
  readonly device: string;
  /** In bytes, as asked for. */
  readonly size: number;
  readonly kind: Kind;
  readonly category: Category | "unknown";
  /** How many handles that user code may hold, views, saved tensors and optimizer states own it. */
  readonly owners: Readonly<Record<Role, number>>;
  /** How many allocations its device has made since. */
  readonly age: number;
  /** Seconds since it was made; null unless history was recorded then. */
  readonly seconds: number | null;
  /** The line of your file that made it, `/home/me/train.ts:12`; null unless history was recorded then, or in a bundle of one file. */
  readonly createdAt: string | null;
  /** The stack there, innermost first. */
  readonly frames: readonly Frame[];
}

/** A moment in the life of each device. */
export interface Mark {
  /** How many allocations each pool had made. */
  readonly serials: ReadonlyMap<Pool, number>;
}

export const markPools = (pools: readonly Pool[]): Mark => ({ serials: new Map(pools.map((pool) => [pool, pool.serial])) });

function describe(pool: Pool, block: PoolBlock): LiveMemory {
  const { holder, frames, time } = block;
  return {
    device: pool.name,
    size: block.requested,
    kind: block.segment.kind,
    category: holder?.category ?? "unknown",
    owners: holder?.owners ?? { handle: 0, view: 0, saved: 0, state: 0 },
    age: pool.serial - block.serial,
    seconds: frames === null ? null : Math.max(0, (performance.timeOrigin + performance.now() - time / 1000) / 1000),
    createdAt: placeOf(frames),
    frames: frames ?? [],
  };
}

/** What is alive in a pool and was made after the mark, oldest first. */
export function alive(pool: Pool, since?: Mark): LiveMemory[] {
  const after = since?.serials.get(pool) ?? 0;
  const blocks: PoolBlock[] = [];
  for (const segment of pool.segments) for (const block of segment) if (!block.isFree && block.serial > after) blocks.push(block);
  return blocks.sort((a, b) => a.serial - b.serial).map((block) => describe(pool, block));
}
