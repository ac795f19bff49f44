/**
 * What the functional forms of `nn` are made of, beside methods of tensors: calls of the table that check their arguments first, and the placing of
 * new parameters.
 */
import { allocateContiguous } from "../dispatch/allocate.ts";
import type { Device } from "../dispatch/device.ts";
import { Tensor } from "./tensor.ts";

export { type Device, device as findDevice, getDefaultDevice } from "../dispatch/device.ts";
export { type ConvolutionOptions, convolve, perDimension } from "../ops/convolution.ts";
export { embed } from "../ops/embedding.ts";
export { type CrossEntropyOptions, checkReduction, crossEntropy, type NllOptions, nllLoss, type Reduction } from "../ops/loss.ts";
export { linear } from "../ops/matmul.ts";
export { type BatchNormOptions, batchNorm } from "../ops/normalization.ts";
export { maxPool, type PoolOptions } from "../ops/pooling.ts";

/** The values on another device, copied at once: possible where the source shares memory with the host. The gradient does not follow. */
export function uploaded(x: Tensor, device: Device): Tensor {
  const data = x.toTypedArraySync();
  const out = allocateContiguous(x.shape, x.dtype, device);
  if (x.numel() > 0) device.backend.write(out.storage.block, out.dtype, 0, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return new Tensor(out);
}
