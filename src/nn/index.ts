/** `torch.nn`: modules, and what they are made of. */

// activations
export { LeakyReLU, LogSoftmax, ReLU, Sigmoid, SiLU, Softmax, Tanh } from "./activation.ts";
export { BatchNorm1d, BatchNorm2d, BatchNorm3d } from "./batch-norm.ts";
// containers
export { ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential } from "./containers.ts";
export { Conv1d, Conv2d, Conv3d } from "./convolution.ts";
export { Dropout, Dropout1d, Dropout2d, Dropout3d } from "./dropout.ts";
export { Embedding } from "./embedding.ts";
export { Flatten, Unflatten } from "./flatten.ts";
export * as functional from "./functional.ts";
export type { BackwardHook } from "./hooks.ts";
export * as init from "./init.ts";
// layers
export { Identity, Linear } from "./linear.ts";
// losses
export { BCEWithLogitsLoss, CrossEntropyLoss, L1Loss, MSELoss, NLLLoss } from "./loss.ts";
export { type ForwardHook, type ForwardPreHook, Module } from "./module.ts";
export { Parameter } from "./parameter.ts";
export { MaxPool1d, MaxPool2d, MaxPool3d } from "./pooling.ts";
export type { IncompatibleKeys, StateDict } from "./state-dict.ts";
export * as utils from "./utils.ts";
