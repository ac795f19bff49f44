import { deviceNotStarted } from "../../core/errors.ts";
import type { WebGpuBackend } from "./backend.ts";
import { findAdapter, findGpu } from "./gpu.ts";
import { openBackend } from "./open.ts";

let starting: Promise<WebGpuBackend> | null = null;
let started: WebGpuBackend | null = null;

async function open(): Promise<WebGpuBackend> {
  started = await openBackend(await findAdapter(await findGpu()));
  return started;
}

/** Starts the device, once, and anew after it was lost. Raises a DeviceError that says what is missing. */
export async function startWebGpu(): Promise<WebGpuBackend> {
  if (starting !== null && !started?.isLost) return starting;
  started = null;
  starting = open();
  try {
    return await starting;
  } catch (error) {
    starting = null; // the next call tries again
    throw error;
  }
}

/** The device that has been started. */
export function startedWebGpu(): WebGpuBackend {
  if (started === null) throw deviceNotStarted("webgpu");
  return started;
}
