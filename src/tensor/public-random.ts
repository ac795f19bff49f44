export { type AnyGenerator, Generator, type PhiloxGenerator } from "./generators.ts";
export {
  bernoulli,
  defaultGenerator,
  getRngState,
  initialSeed,
  manualSeed,
  normal,
  type RandomOptions,
  type RandomSizeArgs,
  rand,
  randint,
  randLike,
  randn,
  randnLike,
  randperm,
  seed,
  setRngState,
} from "./random.ts";
export { multinomial, poisson, poissonAsync, randintLike } from "./sampling.ts";
