/** `torch.memory`: what tensors hold, and how to get it back. */
import { type Device, device as findDevice, getDefaultDevice, openDevices } from "../dispatch/device.ts";
import type { PoolStats } from "../memory/pool.ts";

export type { PoolStats } from "../memory/pool.ts";
export { collect, getHighWaterMark, setHighWaterMark } from "../memory/pressure.ts";

/** Figures of a device's pool: bytes and blocks that tensors hold, bytes reserved, allocations and how many of them reused a freed block. */
export function stats(device?: string | Device): Readonly<PoolStats> {
  return { ...(device === undefined ? getDefaultDevice() : findDevice(device)).pool.stats };
}
/** Returns freed blocks to the devices. */
export function emptyCache(): void {
  for (const d of openDevices()) d.pool.emptyCache();
}
