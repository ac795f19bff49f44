export { Generator } from "../core/random/generator.ts";
export {
  bernoulli,
  defaultGenerator,
  getRngState,
  initialSeed,
  manualSeed,
  normal,
  type RandomOptions,
  rand,
  randint,
  randLike,
  randn,
  randnLike,
  randperm,
  seed,
  setRngState,
} from "./random.ts";
export { multinomial, poisson, randintLike } from "./sampling.ts";
