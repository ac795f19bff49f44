/** `torch.autograd`. */
export { Node } from "../autograd/node.ts";
export { type BackwardArguments, backward, type GradArguments, grad } from "./differentiation.ts";
export { Function, type FunctionContext } from "./function.ts";
export { type GradcheckOptions, gradcheck, gradgradcheck } from "./gradcheck.ts";
