export { Generator } from "../core/random/generator.ts";
export { bernoulli, defaultGenerator, getRngState, initialSeed, manualSeed, normal, rand, randint, randLike, randn, randnLike, randperm, type RandomOptions, seed, setRngState } from "./random.ts";
