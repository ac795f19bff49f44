/** `torch.webgpu`: the GPU through WebGPU. */
import type { Limits } from "./backends/webgpu/context.ts";
import { DeviceBuffer } from "./backends/webgpu/device-buffer.ts";
import { startedWebGpu, startWebGpu } from "./backends/webgpu/start.ts";
import type { WebGpuStats } from "./backends/webgpu/stats.ts";
import type { DType } from "./core/dtype.ts";
import { ArgumentError, DeviceError } from "./core/errors.ts";
import { Layout, numel, rowMajor } from "./core/layout.ts";
import { kindOf } from "./dispatch/allocate.ts";
import { device as findDevice, startDevice } from "./dispatch/device.ts";
import { Operand } from "./dispatch/operand.ts";
import type { MemoryStats } from "./memory/statistics.ts";
import { Storage } from "./memory/storage.ts";
import { stats as poolStats } from "./tensor/memory.ts";
import { Tensor } from "./tensor/tensor.ts";

export type { Limits } from "./backends/webgpu/context.ts";
export type { WebGpuStats } from "./backends/webgpu/stats.ts";
export { getRngState, initialSeed, manualSeed, seed, setRngState } from "./tensor/device-random.ts";

/**
 * Whether there is a GPU that can be used; starts it. `whyNot` says what is missing.
 * @example const device = (await torch.webgpu.isAvailable()) ? "webgpu" : "cpu";
 */
export async function isAvailable(): Promise<boolean> {
  return (await whyNot()) === null;
}

/** Why there is no GPU that can be used, and what to do about it; null where there is one, which is then started. */
export async function whyNot(): Promise<string | null> {
  try {
    await startDevice("webgpu");
    return null;
  } catch (error) {
    if (error instanceof DeviceError) return error.message;
    throw error;
  }
}

/** Starts the GPU. Raises a DeviceError that says what is missing. */
export async function start(): Promise<void> {
  await startWebGpu();
  await startDevice("webgpu");
}

/** The adapter's name: the description that it gives, or what is known of it in its place. */
export function deviceName(): string {
  const { description, vendor, architecture, device } = startedWebGpu().adapter;
  return description || [vendor, architecture, device].filter((part) => part !== "").join(" ") || "WebGPU adapter";
}

/** Resolves when the GPU has done all of its work. Raises the errors that this work left to raise. */
export const synchronize = (): Promise<void> => startedWebGpu().synchronize();

/** The limits that kernels respect. */
export const limits = (): Readonly<Limits> => ({ ...startedWebGpu().context.limits });

/** What the GPU has been asked to do so far. */
export const stats = (): Readonly<WebGpuStats> => ({ ...startedWebGpu().stats });

/** Whether reductions of int64, which is held in 32 bits, raise at the next awaited read where they overflow. */
export function checkOverflow(on: boolean): void {
  startedWebGpu().context.checkOverflow = on;
}

/** The memory of the GPU, as `torch.memory` shows it. */
export const memory: { stats(): MemoryStats; emptyCache(): void } = {
  stats: () => poolStats("webgpu"),
  emptyCache: () => findDevice("webgpu").pool.emptyCache(),
};

/** The WebGPU device itself: buffers for `fromBuffer` have to be made by it. */
export const gpuDevice = (): GPUDevice => startedWebGpu().device;

/** How the elements of a buffer are to be seen. */
export interface BufferView {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** In elements. Row-major by default. */
  readonly stride?: readonly number[];
  /** Where the tensor's memory begins in the buffer: in bytes, a multiple of 256. */
  readonly byteOffset?: number;
}

/**
 * A tensor on a buffer of yours, without a copy. The buffer needs the usages STORAGE, COPY_SRC and COPY_DST, must come from `gpuDevice()`, and stays
 * yours: destroy it when no tensor needs it. Elements lie as the device holds them: int64 and bool as 32 bits.
 * @example const x = torch.webgpu.fromBuffer(buffer, { dtype: torch.float32, shape: [2, 3] });
 */
export function fromBuffer(buffer: GPUBuffer, { dtype, shape, stride = rowMajor(shape), byteOffset = 0 }: BufferView): Tensor {
  const device = findDevice("webgpu");
  if (byteOffset % 256 !== 0) throw new ArgumentError(`fromBuffer(): byteOffset has to be a multiple of 256, but is ${byteOffset}`);
  const needed = 0x80 | 0x4 | 0x8;
  if ((buffer.usage & needed) !== needed)
    throw new ArgumentError("fromBuffer(): the buffer needs the usages STORAGE, COPY_SRC and COPY_DST");
  const layout = new Layout([...shape], [...stride], 0);
  let last = 0;
  for (let d = 0; d < shape.length; d++) {
    if (stride[d]! < 0) throw new ArgumentError(`fromBuffer(): negative strides are not supported, got ${stride[d]}`);
    last += (shape[d]! - 1) * stride[d]!;
  }
  const size = (numel(shape) === 0 ? 0 : last + 1) * device.backend.itemsize(dtype);
  const room = Math.floor((buffer.size - byteOffset) / 4) * 4;
  if (size > room)
    throw new ArgumentError(`fromBuffer(): the tensor needs ${size} bytes from ${byteOffset} on, but the buffer has ${buffer.size}`);
  const block = { buffer: new DeviceBuffer(buffer, false), offset: byteOffset, size: room };
  return new Tensor(new Operand(new Storage(device.pool, size, kindOf(dtype), block), layout, dtype, device));
}

/** Where a tensor's memory lies. */
export interface BufferPart {
  readonly buffer: GPUBuffer;
  /** In bytes: where the storage begins. Element 0 of the tensor is `x.storageOffset()` elements further. */
  readonly byteOffset: number;
  readonly byteLength: number;
}

/**
 * The buffer that holds a tensor, without a copy, with all commands so far submitted. It belongs to the tensor: do not destroy it, and do not
 * use it after the tensor is gone. Small tensors share a buffer: keep to the part that is given.
 */
export function bufferOf(x: Tensor): BufferPart {
  if (x.device !== findDevice("webgpu"))
    throw new DeviceError(`bufferOf(): expected a tensor on device 'webgpu', but it is on '${x.device.type}'`);
  x.device.backend.flush();
  const { block, nbytes } = x.operand.storage;
  return { buffer: (block.buffer as DeviceBuffer).gpu, byteOffset: block.offset, byteLength: nbytes };
}
