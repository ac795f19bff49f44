import * as torch from "../../src/index.ts";

const withGpu = process.env["TORCHLET_NO_WEBGPU"] !== "1";
if (withGpu) await torch.webgpu.start();

/** The devices that tests of tensors run on. */
export const devices: readonly string[] = ["cpu", "reference", ...(withGpu ? ["webgpu"] : [])];

/** Whether a device holds int64 in 32 bits: what does not fit is refused, and results wrap there. */
export const isNarrow = (device: string): boolean => device === "webgpu";
/** Whether a device may take and give 0 for numbers below the smallest normal one. */
export const flushes = (device: string): boolean => device === "webgpu";

/** Whether a device can hold a dtype. */
export const holds = (device: string, dtype: torch.DType): boolean => torch.device(device).backend.supports(dtype);
