import * as torch from "torchlet";
import type { DeviceName } from "./protocol.ts";

/** Why each device cannot be used here; null where it can. Starts what can be started. */
export async function refusals(): Promise<Record<DeviceName, string | null>> {
  return { cpu: null, webgpu: (await torch.webgpu.isAvailable()) ? null : await torch.webgpu.whyNot() };
}
