/**
 * PyTorch's CPU random numbers: each function fills a typed array with the bits that PyTorch's build for AVX2 gives a tensor of that
 * dtype and size from a generator in the same state. Arguments out of range raise PyTorch's errors.
 *
 * PyTorch fills a tensor that is not contiguous in the order of its memory, not of its indices: `empty(2, 3).t().uniform_()` has the
 * values of `rand(2, 3).t()`.
 */
export { fillBernoulli, fillBernoulliTensor } from "./bernoulli.ts";
export { fillCauchy, fillExponential, fillGeometric, fillLogNormal } from "./continuous.ts";
export type { FloatArray, HalfKind, NarrowKind, RandomArray } from "./elements.ts";
export { fillRandint, fillRandom, randperm } from "./integers.ts";
export { multinomial } from "./multinomial.ts";
export { fillNormal } from "./normal.ts";
export { fillPoisson } from "./poisson.ts";
export { fillUniform } from "./uniform.ts";
