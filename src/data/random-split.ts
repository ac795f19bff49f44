import { splitFraction, splitLengths } from "../core/errors.ts";
import { randperm } from "../core/random/distributions.ts";
import type { Generator } from "../core/random/generator.ts";
import { isOptions } from "../tensor/arguments.ts";
import { defaultGenerator } from "../tensor/random.ts";
import { type MapSource, Subset } from "./dataset.ts";

const sum = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0);

/** Fractions that make up 1 as numbers of samples; what rounding down leaves over goes round, one each. */
function lengthsOf(fractions: readonly number[], n: number): number[] {
  fractions.forEach((fraction, i) => {
    if (!(fraction >= 0 && fraction <= 1)) throw splitFraction(i);
  });
  const lengths = fractions.map((fraction) => Math.floor(n * fraction));
  for (let i = 0, left = n - sum(lengths); i < left; i++) lengths[i % lengths.length]!++;
  return lengths;
}

/**
 * Splits a dataset at random into parts of the given lengths, or fractions that make up 1. The same seed gives PyTorch's parts.
 *
 * @example const [train, test] = data.randomSplit(dataset, [0.9, 0.1], new torch.Generator().manualSeed(42));
 */
export function randomSplit<T>(
  dataset: MapSource<T>,
  lengths: readonly number[],
  generator: Generator | { generator?: Generator | null } | null = null,
): Subset<T>[] {
  const given =
    (isOptions(generator) ? (generator as { generator?: Generator | null }).generator : (generator as Generator | null)) ??
    defaultGenerator;
  const total = sum(lengths);
  const sizes = total <= 1 && Math.abs(total - 1) <= 1e-9 ? lengthsOf(lengths, dataset.length) : lengths;
  if (sum(sizes) !== dataset.length) throw splitLengths();
  const indices = Array.from(randperm(given, dataset.length), Number);
  return sizes.map((n) => new Subset(dataset, indices.splice(0, n)));
}
