/** `torch.autograd`. */
export { Node } from "../autograd/node.ts";
export { backward, type BackwardArguments, grad, type GradArguments } from "./differentiation.ts";
export { Function, type FunctionContext } from "./function.ts";
export { gradcheck, type GradcheckOptions, gradgradcheck } from "./gradcheck.ts";
