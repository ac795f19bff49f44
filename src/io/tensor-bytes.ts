import type { DType } from "../core/dtype.ts";
import type { Device } from "../dispatch/device.ts";
import { kernels } from "../tensor/kernels.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** The elements of a tensor in row-major order, as bytes. */
export async function bytesOf(x: Tensor): Promise<Uint8Array> {
  const { buffer, byteOffset, byteLength } = await x.toTypedArray();
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** A tensor of elements given as bytes, in row-major order. */
export function tensorOfBytes(bytes: Uint8Array, shape: readonly number[], dtype: DType, device: Device): Tensor {
  const x = kernels.empty(shape, dtype, device);
  if (bytes.length > 0) device.backend.write(x.operand.storage.block, x.dtype, 0, bytes);
  return x;
}
