/**
 * `torch.memory`: what tensors hold, what the pools make of it, and how to get it back. The names are those of `torch.cuda`; every device
 * has a pool and figures of its own, and where a device may be named the default device is meant without one. All sizes are in bytes.
 */
import { capacityUnknown, fractionRange, fractionType, historyEntries, limitRange } from "../core/errors.ts";
import { pickle } from "../core/pickle.ts";
import { type Device, device as findDevice, getDefaultDevice, openDevices } from "../dispatch/device.ts";
import { type HistoryOptions, record } from "../memory/history.ts";
import { alive, type LiveMemory, type Mark, markPools } from "../memory/leaks.ts";
import type { Pool } from "../memory/pool.ts";
import { type Snapshot, takeSnapshot } from "../memory/snapshot.ts";
import { type MemoryStats, poolStats } from "../memory/statistics.ts";
import { summaryTable } from "../memory/summary.ts";

export type { Frame, Kind } from "../memory/block.ts";
export * as gc from "../memory/gc.ts";
export type { HistoryOptions, TraceEntry } from "../memory/history.ts";
export type { LiveMemory, Mark } from "../memory/leaks.ts";
export { collect, getHighWaterMark, setHighWaterMark } from "../memory/pressure.ts";
export type { BlockInfo, SegmentInfo, Snapshot } from "../memory/snapshot.ts";
export type { MemoryStats } from "../memory/statistics.ts";
export type { Category, Role } from "../memory/storage.ts";
export { Container, type Holdable } from "../memory/user-container.ts";

const poolOf = (device: string | Device | undefined): Pool => (device === undefined ? getDefaultDevice() : findDevice(device)).pool;
const allPools = (): Pool[] => openDevices().map((d) => d.pool);

// ---- figures

/**
 * The figures of a device's pool, under the keys of `torch.cuda.memory_stats`: `<metric>.<part>.<figure>`.
 *
 * Metrics, each in numbers and in bytes: `allocation` and `allocated_bytes` (blocks in use, rounding included), `requested_bytes` (what was
 * asked for, before rounding), `segment` and `reserved_bytes` (what was taken from the device), `inactive_split` and `inactive_split_bytes`
 * (free blocks in segments of which another part is in use, so that they cannot be given back), `active` and `active_bytes` (the same as
 * allocated: there are no streams that could still use a freed block).
 *
 * Parts: `all`, `small_pool` (blocks cut from arenas), `large_pool` (blocks straight from the device).
 *
 * Figures: `current`, `peak` (the most since `resetPeakMemoryStats`), `allocated` and `freed` (all that came and went since
 * `resetAccumulatedMemoryStats`).
 *
 * Beside them `num_alloc_retries` (requests that the device refused at first), `num_ooms` (out-of-memory errors) and `num_reused`, which
 * PyTorch does not have (allocations that a freed block served).
 *
 * @example
 * const before = torch.memory.stats()["requested_bytes.all.current"];
 * const x = torch.zeros(1000);
 * torch.memory.stats()["requested_bytes.all.current"] - before; // 4000
 */
export function stats(device?: string | Device): MemoryStats {
  return poolStats(poolOf(device));
}

/**
 * The figures of a device's pool as the table that `torch.cuda.memory_summary` prints; without the rows of the small and the large part if
 * `abbreviated`.
 * @example console.log(torch.memory.summary("webgpu"));
 */
export function summary(device?: string | Device, abbreviated: boolean = false): string {
  const pool = poolOf(device);
  return summaryTable(poolStats(pool), pool.name, abbreviated);
}

/**
 * How many bytes tensors hold on a device, rounding included.
 * @example torch.memory.memoryAllocated("webgpu"); // 4096 after torch.zeros([1000], { device: "webgpu" })
 */
export const memoryAllocated = (device?: string | Device): number => poolOf(device).all.allocatedBytes.current;

/**
 * The most bytes that tensors have held on a device at a time, since it was opened or since `resetPeakMemoryStats`.
 * @example
 * torch.memory.resetPeakMemoryStats();
 * await trainStep();
 * console.log(torch.memory.maxMemoryAllocated());
 */
export const maxMemoryAllocated = (device?: string | Device): number => poolOf(device).all.allocatedBytes.peak;

/**
 * How many bytes the pool has taken from a device: what tensors hold and what is kept for reuse.
 * @example torch.memory.memoryReserved() - torch.memory.memoryAllocated(); // what is kept for reuse
 */
export const memoryReserved = (device?: string | Device): number => poolOf(device).all.reservedBytes.current;

/** The most bytes that the pool has had from a device at a time, since it was opened or since `resetPeakMemoryStats`. */
export const maxMemoryReserved = (device?: string | Device): number => poolOf(device).all.reservedBytes.peak;

/** Lets all peaks of `stats` begin anew from what is in use now. */
export function resetPeakMemoryStats(device?: string | Device): void {
  poolOf(device).resetPeaks();
}

/** Sets the `allocated` and `freed` figures of `stats` to 0, and `num_alloc_retries` and `num_ooms` with them. */
export function resetAccumulatedMemoryStats(device?: string | Device): void {
  poolOf(device).resetAccumulated();
}

// ---- limits

/** How many bytes a device has in all. */
function capacityOf(pool: Pool, name: string): number {
  if (pool.capacity === undefined) throw capacityUnknown(name, pool.name);
  return pool.capacity;
}

/**
 * Lets a device's pool take at most a part of the device's memory; what goes beyond it is an OutOfMemoryError.
 * `torch.cuda.set_per_process_memory_fraction`.
 * @param fraction From 0 to 1.
 * @throws ValueError for a fraction outside of that, ArgumentError for what is no number.
 * @throws DeviceError where the device does not tell how much it has, such as WebGPU: use `setMemoryLimit` there.
 * @example torch.memory.setMemoryFraction(0.5); // half of the 4 GiB that the CPU's heap can grow to
 */
export function setMemoryFraction(fraction: number, device?: string | Device): void {
  const pool = poolOf(device);
  if (typeof fraction !== "number") throw fractionType();
  if (!(fraction >= 0 && fraction <= 1)) throw fractionRange(fraction);
  const capacity = capacityOf(pool, "setMemoryFraction");
  pool.limit = fraction === 1 ? Number.POSITIVE_INFINITY : Math.floor(fraction * capacity);
}

/**
 * Which part of the device's memory its pool may take: 1 unless `setMemoryFraction` or `setMemoryLimit` said otherwise.
 * @throws DeviceError where the device does not tell how much it has.
 */
export function getMemoryFraction(device?: string | Device): number {
  const pool = poolOf(device);
  return Math.min(1, pool.limit / capacityOf(pool, "getMemoryFraction"));
}

/**
 * Lets a device's pool take at most so many bytes, or as many as there are (`null`); what goes beyond is an OutOfMemoryError. What it has
 * already taken stays.
 * @throws ValueError for a negative number, NaN, or what is no number.
 * @example torch.memory.setMemoryLimit(512 * 1024 * 1024, "webgpu");
 */
export function setMemoryLimit(bytes: number | null, device?: string | Device): void {
  if (bytes !== null && !(typeof bytes === "number" && bytes >= 0)) throw limitRange(bytes);
  poolOf(device).limit = bytes ?? Number.POSITIVE_INFINITY;
}

/**
 * How many bytes of a device its pool has not taken, and how many there are: `[free, total]`, as `torch.cuda.mem_get_info`.
 * @throws DeviceError where the device does not tell how much it has, such as WebGPU.
 */
export function memGetInfo(device?: string | Device): [free: number, total: number] {
  const pool = poolOf(device);
  const total = capacityOf(pool, "memGetInfo");
  return [total - pool.all.reservedBytes.current, total];
}

/** Returns what is kept for reuse to the devices. */
export function emptyCache(): void {
  for (const pool of allPools()) pool.emptyCache();
}

// ---- history

/**
 * Records from now on what happens to the memory of all devices, those opened later included, and where in your code: for `snapshot`,
 * `leaks` and errors about disposed tensors. A call forgets what was recorded before; `false` stops. A stack takes tens of microseconds for
 * each allocation and each release; while nothing is recorded it costs nothing.
 * @param enabled Whether to record, or how: `context` (where in the code; true by default) and `maxEntries` (events kept for each device;
 * 100,000 by default).
 * @throws ValueError if `maxEntries` is not a positive whole number.
 * @example
 * torch.memory.recordHistory({ maxEntries: 10_000 });
 * await trainStep();
 * writeFileSync("memory.pickle", torch.memory.dumpSnapshot());
 * torch.memory.recordHistory(false);
 */
export function recordHistory(enabled: boolean | HistoryOptions = true): void {
  const options = typeof enabled === "boolean" ? {} : enabled;
  const { maxEntries = 1 } = options;
  if (!Number.isInteger(maxEntries) || maxEntries < 1) throw historyEntries(maxEntries);
  record(enabled !== false, options, allPools());
}

/**
 * The memory of all devices: every segment with its blocks and, while history is recorded, what happened on each device (`device_traces`)
 * and where. It has the form of `torch.cuda.memory._snapshot()`, with the `kind` and `category` of memory added and devices numbered in the
 * order of `devices`.
 * @example torch.memory.snapshot().segments[0]!.blocks; // [{ address, size, requested_size, state, frames, category }, ...]
 */
export const snapshot = (): Snapshot => takeSnapshot(allPools());

/**
 * The snapshot as a file for https://pytorch.org/memory_viz: a pickle, which Python loads too.
 * @example writeFileSync("memory.pickle", torch.memory.dumpSnapshot());
 */
export const dumpSnapshot = (): Uint8Array => pickle(snapshot());

/**
 * A moment to ask `leaks` about.
 * @example const before = torch.memory.mark();
 */
export const mark = (): Mark => markPools(allPools());

/**
 * All memory in use, oldest first, device by device: what it is for, who owns it, how old it is, and where it was made, if history was
 * recorded then (`createdAt` and `seconds` are null otherwise). What you dropped counts until the collector has found it: `await
 * torch.memory.collect()` first.
 * @param options `device`: only that one. `since`: only what was made after this `mark()`.
 * @example
 * torch.memory.recordHistory();
 * const before = torch.memory.mark();
 * await trainStep();
 * await torch.memory.collect();
 * console.table(torch.memory.leaks({ since: before }), ["size", "category", "createdAt"]);
 */
export function leaks({ device, since }: { readonly device?: string | Device; readonly since?: Mark } = {}): LiveMemory[] {
  return (device === undefined ? allPools() : [poolOf(device)]).flatMap((pool) => alive(pool, since));
}
