export { backward, grad } from "./differentiation.ts";
export { Node } from "../autograd/node.ts";
