import { carryBallast } from "./ballast.ts";
import { collectCycles } from "./cycle-collector.ts";
import { collectGarbage, macrotask, mayHaveEntry } from "./host-collector.ts";
import { nextToken } from "./ownership.ts";
import type { Pool } from "./pool.ts";

/**
 * Note [Making the collector run]. V8 does not see device memory: a few bytes of handles can hold gigabytes. Finalizers run only after a
 * macrotask. So an awaited read or a loader step, when more than the high-water mark has been allocated since the last collection, yields
 * macrotasks, for the finalizers of what V8 has found by itself, and if that was not enough asks for a collection. In Node that is `gc()`. In a plain page
 * V8 has mostly been made to look already, by [Ballast]; only where it is late by another fifth of the mark, [A collection in a plain page] is
 * forced. A purely synchronous loop never gets there: it needs a scope.
 */
let highWater = 128 * 1024 * 1024;
const LATE = 1.2;
/**
 * What a tensor holds of V8's own memory, in bytes: handle, storage, and often a graph node or a wrapper of the device's. A loop of small tensors fills
 * V8's heap long before the device's memory, and where V8 is left to itself it lets its heap grow with what is kept.
 */
const PER_TENSOR = 1024;

/** A pool, and how many bytes and blocks of it were held after the last collection, or fewer where tensors were released since. */
interface Watched {
  readonly pool: Pool;
  base: number;
  blocks: number;
  /** What the device's own objects had taken of the host's memory by then. */
  host: number;
}
const watched: Watched[] = [];

/** The memory of a device counts from now on. */
export function addPool(pool: Pool): void {
  watched.push({ pool, base: 0, blocks: 0, host: pool.hostBytes });
}
/** A device is gone, and its memory with it. */
export function removePool(pool: Pool): void {
  const at = watched.findIndex((w) => w.pool === pool);
  if (at >= 0) watched.splice(at, 1);
}

/** The pools of all devices in use. */
export const pools = (): readonly Pool[] => watched.map((w) => w.pool);

/**
 * How many bytes may be allocated beyond what the last collection left before the next is asked for; 128 MiB. What tensors and the device's own objects
 * take of JavaScript's memory is counted with them.
 */
export const getHighWaterMark = (): number => highWater;
export function setHighWaterMark(bytes: number): void {
  highWater = bytes;
}

carryBallast(!mayHaveEntry);

/**
 * What was allocated since the last collection, as a multiple of the mark. Infinite near the end of a pool that has one: three quarters of it are
 * used, and half of the room that the last collection left. So a pool that is full of what is really held is not collected at every read.
 */
function pressure(): number {
  let grown = 0;
  for (const w of watched) {
    const { pool } = w;
    const live = pool.all.allocatedBytes.current;
    const blocks = pool.all.allocation.current;
    if (live < w.base) w.base = live;
    if (blocks < w.blocks) w.blocks = blocks;
    grown += live - w.base + PER_TENSOR * (blocks - w.blocks) + pool.hostBytes - w.host;
    const end = Math.min(pool.limit, pool.capacity ?? Number.POSITIVE_INFINITY);
    if (live > 0.75 * end && live > (w.base + end) / 2) return Number.POSITIVE_INFINITY;
  }
  return grown / highWater;
}

/** Whether `relieve` has anything to do. */
export const underPressure = (): boolean => pressure() > 1;

async function collectOnce(): Promise<boolean> {
  nextToken();
  collectCycles();
  const seen = await collectGarbage();
  for (const w of watched) {
    w.base = w.pool.all.allocatedBytes.current;
    w.blocks = w.pool.all.allocation.current;
    w.host = w.pool.hostBytes;
  }
  return seen;
}

/**
 * Collects what nobody can reach any more, so that its memory can be reused. `exact` says whether all of it was: where the host lets its collector be
 * called (Node, a browser started with `--expose-gc`) or collections are seen to happen (Chromium). Otherwise the host was only given the chance.
 */
export async function collect(): Promise<{ exact: boolean }> {
  // Two in a row: a collection that was under way does not find what has died since it began.
  let seen = 0;
  for (let i = 0; i < 4 && seen < 2; i++) seen = (await collectOnce()) ? seen + 1 : 0;
  return { exact: seen === 2 };
}

async function collectIfLate(): Promise<void> {
  await macrotask();
  await macrotask();
  if (pressure() > (mayHaveEntry ? 1 : LATE)) await collectOnce();
}

let relief: Promise<void> | null = null;

/** Called by awaited reads and loader steps. Costs nothing below the mark. Those that wait at the same time share a collection. */
export async function relieve(): Promise<void> {
  if (!underPressure()) return;
  relief ??= collectIfLate().finally(() => {
    relief = null;
  });
  await relief;
}
