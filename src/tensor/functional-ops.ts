/**
 * What the functional forms of `nn` are made of, beside methods of tensors: calls of the table that check their arguments first, and the placing of
 * new parameters.
 */
export { type Device, device as findDevice, getDefaultDevice, startDevice } from "../dispatch/device.ts";
export { type ConvolutionOptions, convolve } from "../ops/convolution.ts";
export { embed } from "../ops/embedding.ts";
export { layerNorm } from "../ops/layer-norm.ts";
export { type CrossEntropyOptions, checkReduction, crossEntropy, type NllOptions, nllLoss, type Reduction } from "../ops/loss.ts";
export { linear } from "../ops/matmul.ts";
export { type BatchNormOptions, batchNorm } from "../ops/normalization.ts";
export { maxPool, type PoolOptions } from "../ops/pooling.ts";
export { perDimension } from "../ops/windows.ts";
export { checkReadable, isReadable, raiseWhere } from "./faults.ts";
export { checkHolds, moved, uploaded } from "./transfer.ts";
