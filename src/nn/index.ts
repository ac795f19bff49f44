/** `torch.nn`: modules, and what they are made of. */
export { GELU, type GELUOptions, LeakyReLU, LogSoftmax, ReLU, Sigmoid, SiLU, Softmax, Tanh } from "./activation.ts";
export { BatchNorm1d, BatchNorm2d, BatchNorm3d, type BatchNormOptions } from "./batch-norm.ts";
export { ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential } from "./containers.ts";
export { Conv1d, Conv2d, Conv3d, type ConvOptions } from "./convolution.ts";
export { Dropout, Dropout1d, Dropout2d, Dropout3d, type DropoutOptions } from "./dropout.ts";
export { Embedding, type EmbeddingOptions } from "./embedding.ts";
export { Flatten, Unflatten } from "./flatten.ts";
export * as functional from "./functional.ts";
export type { BackwardHook } from "./hooks.ts";
export * as init from "./init.ts";
export { LayerNorm, type LayerNormOptions } from "./layer-norm.ts";
export { Identity, Linear, type LinearOptions } from "./linear.ts";
export { BCEWithLogitsLoss, CrossEntropyLoss, L1Loss, MSELoss, NLLLoss } from "./loss.ts";
export { type ForwardHook, type ForwardPreHook, Module } from "./module.ts";
export { Parameter } from "./parameter.ts";
export { MaxPool1d, MaxPool2d, MaxPool3d, type MaxPoolOptions } from "./pooling.ts";
export type { IncompatibleKeys, StateDict } from "./state-dict.ts";
export * as utils from "./utils.ts";
