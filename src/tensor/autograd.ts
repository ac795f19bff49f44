/** `torch.autograd`. */
export { Node } from "../autograd/node.ts";
export { type BackwardArguments, backward, backwardAsync, type GradArguments, grad, gradAsync } from "./differentiation.ts";
export { Function, type FunctionContext } from "./function.ts";
export { type GradcheckOptions, gradcheck, gradgradcheck } from "./gradcheck.ts";
