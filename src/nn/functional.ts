/** `nn.functional`: what layers compute, as functions of tensors. Every argument can come by position or, in a last object, by name. */
export { type InplaceOptions, leakyRelu, logSoftmax, relu, sigmoid, silu, softmax, type SoftmaxOptions, tanh } from "./functional/activation.ts";
export { conv1d, conv2d, conv3d, type ConvOptions } from "./functional/convolution.ts";
export { dropout, dropout1d, dropout2d, dropout3d, type DropoutOptions } from "./functional/dropout.ts";
export { embedding, type EmbeddingOptions, oneHot } from "./functional/embedding.ts";
export { linear } from "./functional/linear.ts";
export {
  binaryCrossEntropyWithLogits, crossEntropy, type CrossEntropyOptions, l1Loss, type LogitsOptions, type LossOptions, mseLoss, nllLoss,
  type NllLossOptions, type Reduction,
} from "./functional/loss.ts";
export { batchNorm, normalize } from "./functional/normalization.ts";
export { pad, type PaddingMode } from "./functional/padding.ts";
export { maxPool1d, maxPool2d, maxPool3d, type MaxPoolOptions, type ValuesAndIndices } from "./functional/pooling.ts";
