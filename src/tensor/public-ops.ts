/** The ops as free functions: the entries of the table themselves. Entries that begin with an underscore are building blocks and stay inside. */
export { leakyRelu, relu, silu } from "../ops/activation.ts";
export {
  abs, add, addcdiv, addcmul, ceil, clamp, clampMax, clampMin, div, floor, floorDivide, fmod, lerp, maximum, minimum, mul, neg, pow, reciprocal, remainder,
  round, rsqrt, rsub, sign, sqrt, square, sub, trueDivide, trunc,
} from "../ops/arithmetic.ts";
export {
  bitwiseAnd, bitwiseLeftShift, bitwiseNot, bitwiseOr, bitwiseRightShift, bitwiseXor, eq, ge, gt, isfinite, isinf, isnan, le, logicalAnd, logicalNot,
  logicalOr, logicalXor, lt, maskedFill, ne,
} from "../ops/comparison.ts";
export { clone, contiguous } from "../ops/copying.ts";
export {
  acos, acosh, asin, asinh, atan, atan2, atanh, cos, cosh, erf, exp, exp2, expm1, log, log10, log1p, log2, sigmoid, sin, sinh, tan, tanh,
} from "../ops/elementary.ts";
export { gather, indexAdd, indexSelect, scatter, scatterAdd, take } from "../ops/indexing.ts";
export { cat, chunk, repeat, split, stack, unbind } from "../ops/joining.ts";
export { addmm, bmm, dot, matmul, mm, mv, outer } from "../ops/matmul.ts";
export { _var as var, all, amax, amin, any, argmax, argmin, max, mean, min, prod, std, sum, sumToSize } from "../ops/reduction.ts";
export { cumprod, cumsum, flip } from "../ops/scan.ts";
export { tril, triu } from "../ops/triangle.ts";
export { logSoftmax, softmax } from "../ops/softmax.ts";
export {
  asStrided, diagonal, expand, flatten, narrow, permute, ravel, reshape, select, squeeze, t, transpose, unflatten, unfold, unsqueeze, view,
} from "../ops/view.ts";
