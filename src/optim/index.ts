/** Optimizers: what moves parameters by their gradients. */
export { Adam, type AdamOptions } from "./adam.ts";
export { AdamW, type AdamWOptions } from "./adamw.ts";
export { Optimizer, type OptimizerStateDict, type ParamGroup, type ParamGroupInput, type Params } from "./optimizer.ts";
export { SGD, type SGDOptions } from "./sgd.ts";
