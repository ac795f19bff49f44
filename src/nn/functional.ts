/** `nn.functional`: what layers compute, as functions of tensors. Every argument can come by position or, in a last object, by name. */
export {
  type GeluApproximation,
  gelu,
  type InplaceOptions,
  leakyRelu,
  logSoftmax,
  relu,
  type SoftmaxOptions,
  sigmoid,
  silu,
  softmax,
  tanh,
} from "./functional/activation.ts";
export { type AttentionOptions, scaledDotProductAttention } from "./functional/attention.ts";
export { type ConvOptions, conv1d, conv2d, conv3d } from "./functional/convolution.ts";
export { type DropoutOptions, dropout, dropout1d, dropout2d, dropout3d } from "./functional/dropout.ts";
export { type EmbeddingOptions, embedding, oneHot, oneHotAsync } from "./functional/embedding.ts";
export { flatten } from "./functional/flatten.ts";
export { linear } from "./functional/linear.ts";
export {
  binaryCrossEntropyWithLogits,
  type CrossEntropyOptions,
  crossEntropy,
  type LogitsOptions,
  type LossOptions,
  l1Loss,
  mseLoss,
  type NllLossOptions,
  nllLoss,
  type Reduction,
} from "./functional/loss.ts";
export { batchNorm, type LayerNormSettings, layerNorm, normalize } from "./functional/normalization.ts";
export { type PaddingMode, pad } from "./functional/padding.ts";
export { type MaxPoolOptions, maxPool1d, maxPool2d, maxPool3d, type ValuesAndIndices } from "./functional/pooling.ts";
