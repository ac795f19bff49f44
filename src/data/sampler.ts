import { float64 } from "../core/dtype.ts";
import { positiveInteger, weightsShape } from "../core/errors.ts";
import { reprTuple, strValue } from "../core/print/python.ts";
import { fillRandint, multinomial, randperm } from "../core/random/distributions.ts";
import { Generator } from "../core/random/generator.ts";
import { checkReadable } from "../tensor/functional-ops.ts";
import { defaultGenerator } from "../tensor/random.ts";
import { Tensor } from "../tensor/tensor.ts";

/** An order in which to take samples: a new pass each time it is iterated. */
export abstract class Sampler<T = number> implements Iterable<T> {
  /** How many samples, or batches, one pass gives. */
  abstract readonly length: number;
  abstract [Symbol.iterator](): Iterator<T>;
}

type Numbers = IterableIterator<number>;

/** What has a number of samples. */
export interface Sized {
  readonly length: number;
}

/** Raises unless an option is a whole number of at least 1. */
export function checkPositive(name: string, value: unknown): void {
  if (typeof value !== "number" || !Number.isInteger(value) || value <= 0) throw positiveInteger(name, strValue(value as number));
}

/** Draws a seed, as PyTorch does with `torch.empty((), dtype=torch.int64).random_()`. */
export const drawSeed = (generator: Generator | null): bigint => BigInt.asUintN(63, (generator ?? defaultGenerator).u64());

/** All samples in their order. */
export class SequentialSampler extends Sampler {
  readonly dataSource: Sized;
  constructor(dataSource: Sized) {
    super();
    this.dataSource = dataSource;
  }
  get length(): number {
    return this.dataSource.length;
  }
  *[Symbol.iterator](): Numbers {
    for (let i = 0; i < this.length; i++) yield i;
  }
}

export interface RandomSamplerOptions {
  /** Draws each sample anew, so that one may come several times; false. */
  replacement?: boolean;
  /** How many; as many as there are. */
  numSamples?: number | null;
  generator?: Generator | null;
}

/** Samples in random order, in PyTorch's for the same seed. */
export class RandomSampler extends Sampler {
  readonly dataSource: Sized;
  readonly replacement: boolean;
  private readonly generator: Generator | null;
  private readonly given: number | null;

  constructor(dataSource: Sized, { replacement = false, numSamples = null, generator = null }: RandomSamplerOptions = {}) {
    super();
    this.dataSource = dataSource;
    this.replacement = replacement;
    this.given = numSamples;
    this.generator = generator;
    checkPositive("num_samples", this.numSamples);
  }

  get numSamples(): number {
    return this.given ?? this.dataSource.length;
  }
  get length(): number {
    return this.numSamples;
  }

  *[Symbol.iterator](): Numbers {
    const n = this.dataSource.length;
    const count = this.numSamples;
    const generator = this.generator ?? new Generator(drawSeed(null));
    // PyTorch draws the last block also where nothing of it is used, which a generator that is used again remembers.
    if (this.replacement) {
      for (let i = 0; i + 32 <= count; i += 32) yield* numbers(drawn(generator, n, 32));
      yield* numbers(drawn(generator, n, count % 32));
    } else {
      for (let i = 0; i + n <= count; i += n) yield* numbers(randperm(generator, n));
      yield* numbers(randperm(generator, n).subarray(0, count % n));
    }
  }
}

function drawn(generator: Generator, n: number, count: number): BigInt64Array {
  const out = new BigInt64Array(count);
  fillRandint(generator, out, 0n, BigInt(n));
  return out;
}

function* numbers(values: BigInt64Array): Numbers {
  for (const value of values) yield Number(value);
}

/** Samples of a given list in random order. */
export class SubsetRandomSampler<T = number> extends Sampler<T> {
  readonly indices: ArrayLike<T>;
  private readonly generator: Generator | null;
  constructor(indices: ArrayLike<T>, { generator = null }: { generator?: Generator | null } = {}) {
    super();
    this.indices = indices;
    this.generator = generator;
  }
  get length(): number {
    return this.indices.length;
  }
  *[Symbol.iterator](): IterableIterator<T> {
    for (const i of randperm(this.generator ?? defaultGenerator, this.length)) yield this.indices[Number(i)]!;
  }
}

export interface WeightedRandomSamplerOptions {
  /** Whether a sample may come several times; true. */
  replacement?: boolean;
  generator?: Generator | null;
}

/** Samples drawn with probabilities in proportion to their weights. */
export class WeightedRandomSampler extends Sampler {
  readonly weights: Float64Array;
  readonly numSamples: number;
  readonly replacement: boolean;
  private readonly generator: Generator | null;

  constructor(
    weights: ArrayLike<number> | Tensor,
    numSamples: number,
    { replacement = true, generator = null }: WeightedRandomSamplerOptions = {},
  ) {
    super();
    checkPositive("num_samples", numSamples);
    if (weights instanceof Tensor && weights.ndim !== 1) throw weightsShape(reprTuple([...weights.shape]));
    if (weights instanceof Tensor) checkReadable(weights, "the order of samples");
    this.weights = weights instanceof Tensor ? (weights.to(float64).toTypedArraySync() as Float64Array) : Float64Array.from(weights);
    this.numSamples = numSamples;
    this.replacement = replacement;
    this.generator = generator;
  }
  get length(): number {
    return this.numSamples;
  }
  *[Symbol.iterator](): Numbers {
    const { weights, numSamples, replacement } = this;
    yield* numbers(multinomial(this.generator ?? defaultGenerator, weights, 1, weights.length, numSamples, replacement));
  }
}

/** What another sampler gives, in batches of `batchSize`; with `dropLast` without a smaller one at the end. */
export class BatchSampler<T = number> extends Sampler<T[]> {
  readonly sampler: Iterable<T> & Partial<Sized>;
  readonly batchSize: number;
  readonly dropLast: boolean;

  constructor(sampler: Iterable<T> & Partial<Sized>, batchSize: number, dropLast: boolean = false) {
    super();
    checkPositive("batch_size", batchSize);
    this.sampler = sampler;
    this.batchSize = batchSize;
    this.dropLast = dropLast;
  }
  get length(): number {
    const batches = (this.sampler.length ?? Number.NaN) / this.batchSize;
    return this.dropLast ? Math.floor(batches) : Math.ceil(batches);
  }
  *[Symbol.iterator](): IterableIterator<T[]> {
    let batch: T[] = [];
    for (const i of this.sampler) {
      batch.push(i);
      if (batch.length < this.batchSize) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0 && !this.dropLast) yield batch;
  }
}
