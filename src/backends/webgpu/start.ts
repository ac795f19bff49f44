import { deviceNotStarted } from "../../core/errors.ts";
import type { WebGpuBackend } from "./backend.ts";

let starting: Promise<WebGpuBackend> | null = null;
let started: WebGpuBackend | null = null;

/** Loads the backend's code, a quarter of the library's, when it is first wanted. */
async function open(): Promise<WebGpuBackend> {
  const { openFastest } = await import("./open.ts");
  started = await openFastest();
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
