/** The ops as free functions: the entries of the table themselves. What begins with an underscore stays inside. */
export * from "../ops/activation.ts";
export * from "../ops/arithmetic.ts";
export * from "../ops/comparison.ts";
export * from "../ops/elementary.ts";
export * from "../ops/matmul.ts";
export { clone, contiguous } from "../ops/copying.ts";
export { gather, indexAdd, indexSelect, scatter, scatterAdd, take } from "../ops/indexing.ts";
export { cat, chunk, split, stack, unbind } from "../ops/joining.ts";
export { _var as var, all, amax, amin, any, argmax, argmin, max, mean, min, prod, std, sum } from "../ops/reduction.ts";
export { logSoftmax, softmax } from "../ops/softmax.ts";
export { asStrided, diagonal, flatten, narrow, permute, ravel, reshape, select, squeeze, t, transpose, unflatten, unsqueeze } from "../ops/view.ts";
