import { type DType, getDefaultDtype, int64, Scalar } from "../core/dtype.ts";
import { ArgumentError, notForDtype, TorchletError, unexpectedKeyword } from "../core/errors.ts";
import { permute } from "../core/layout.ts";
import * as distributions from "../core/random/distributions.ts";
import type { Generator } from "../core/random/generator.ts";
import type { Device } from "../dispatch/device.ts";
import { ownedBy } from "../memory/ownership.ts";
import { isOptions } from "./arguments.ts";
import { checkedShape, emptyLike, finish, optionDevice, sizeAndOptions, type TensorOptions, tensor } from "./creation.ts";
import { raiseWhere } from "./faults.ts";
import { convertInto } from "./fill.ts";
import { type AnyGenerator, cpuGenerator, defaultGenerator, generatorFor, seedAll } from "./generators.ts";
import { kernels } from "./kernels.ts";
import { Tensor } from "./tensor.ts";
import { overwrite } from "./writing.ts";

const normalStds = (): Error => new TorchletError("normal expects all elements of std >= 0.0");

export { defaultGenerator } from "./generators.ts";

/** Restarts the default generators of all devices: the same seed gives the same numbers, and on the CPU they are PyTorch's. Gives the CPU's. */
export function manualSeed(seed: number | bigint): Generator {
  return seedAll(seed);
}
export const initialSeed = (): bigint => defaultGenerator.initialSeed();
/** Restarts the default generators of all devices with a seed that cannot be foreseen, and gives it. */
export function seed(): bigint {
  const chosen = defaultGenerator.seed();
  seedAll(chosen);
  return chosen;
}
/** The state of the CPU's default generator as a byte tensor. */
export const getRngState = (): Tensor => tensor(defaultGenerator.getState(), { device: "cpu" });
/** Restores what `getRngState` gave. */
export function setRngState(state: Tensor): void {
  defaultGenerator.setState(state.toTypedArraySync() as Uint8Array);
}

export interface RandomOptions extends TensorOptions {
  /** Of the device of the tensor. By default that device's own. */
  generator?: AnyGenerator | null;
}
/** A shape as one array or as numbers, and options. */
export type RandomSizeArgs = readonly [readonly number[], RandomOptions?] | readonly (number | RandomOptions)[];
const generatorOf = (device: Device, options: RandomOptions): AnyGenerator => generatorFor(device, options.generator);
type Distribution = Parameters<typeof kernels.random>[0];

/** A new tensor drawn from a distribution. */
function drawn(
  distribution: Distribution,
  shape: readonly number[],
  dtype: DType,
  options: RandomOptions,
  parameters: readonly (number | bigint)[],
): Tensor {
  const out = kernels.empty(shape, dtype, optionDevice(options));
  kernels.random(distribution, out, generatorOf(out.device, options), parameters);
  return finish(out, options);
}

const floating = (name: string, options: TensorOptions): DType => {
  const dtype = options.dtype ?? getDefaultDtype();
  if (!dtype.isFloatingPoint) throw notForDtype(name, dtype.scalarName);
  return dtype;
};

/** Uniform numbers in [0, 1): `rand(2, 3)` or `rand([2, 3], { generator })`. */
export const rand = (...args: RandomSizeArgs): Tensor => {
  const { shape, options } = sizeAndOptions("rand", args);
  return drawn("uniform", shape, floating("check_uniform_bounds", options), options, [0, 1]);
};
/** Standard normal numbers: `randn(2, 3)` or `randn([2, 3], { generator })`. */
export const randn = (...args: RandomSizeArgs): Tensor => {
  const { shape, options } = sizeAndOptions("randn", args);
  return drawn("normal", shape, floating("normal_kernel_cpu", options), options, [0, 1]);
};
/** Whole numbers from `low` (0) to `high`, exclusive: `randint(high, size)` or `randint(low, high, size)`. */
export function randint(...args: readonly (number | bigint | readonly number[] | RandomOptions)[]): Tensor {
  const options = (isOptions(args.at(-1)) ? args.at(-1) : {}) as RandomOptions & { low?: number; high?: number; size?: readonly number[] };
  const given = isOptions(args.at(-1)) ? args.slice(0, -1) : [...args];
  const sizeAt = given.findIndex((a) => Array.isArray(a));
  const size = sizeAt >= 0 ? given[sizeAt] : options.size;
  const bounds = given.filter((_, i) => i !== sizeAt) as (number | bigint)[];
  if (!Array.isArray(size)) {
    throw new ArgumentError(`randint(): argument 'size' (position ${bounds.length}) must be tuple of ints, not int`);
  }
  const [low, high] = bounds.length === 2 ? bounds : [options.low ?? 0, bounds[0] ?? options.high ?? 0];
  if (BigInt(low!) >= BigInt(high!))
    throw new TorchletError(`random_ expects 'from' to be less than 'to', but got from=${low} >= to=${high}`);
  return drawn("randint", checkedShape("randint", size), options.dtype ?? int64, options, [BigInt(low!), BigInt(high!)]);
}
/** The numbers 0 to n - 1 in random order. It is drawn on the CPU, from a generator of the CPU's, whatever the device. */
export function randperm(n: number, options: RandomOptions = {}): Tensor {
  if (n < 0) throw new TorchletError(`Trying to create tensor with negative dimension ${n}: [${n}]`);
  const values = distributions.randperm(cpuGenerator(options.generator), n);
  const out = tensor(values, { dtype: options.dtype ?? int64, device: options.device ?? null });
  return finish(out, options);
}
/** Normal numbers of a mean and standard deviation: two numbers with a `size`, or tensors that broadcast. */
export function normal(
  mean: number | Scalar | Tensor,
  std: number | Scalar | Tensor = 1,
  ...rest: readonly (readonly number[] | RandomOptions)[]
): Tensor {
  const options = (isOptions(rest.at(-1)) ? rest.at(-1) : {}) as RandomOptions & { size?: readonly number[] };
  const size = (Array.isArray(rest[0]) ? rest[0] : options.size) as readonly number[] | undefined;
  if (!(mean instanceof Tensor) && !(std instanceof Tensor)) {
    const [m, s] = [numberValue(mean), numberValue(std)];
    if (s < 0) throw new TorchletError(`normal expects std >= 0.0, but found std ${s}`);
    return drawn("normal", size ?? [], floating("normal_kernel_cpu", options), options, [m, s]);
  }
  if (std instanceof Tensor) {
    ownedBy(
      () => raiseWhere(std.detach().lt(0), normalStds),
      () => [],
    );
  }
  if (mean instanceof Tensor) return mean._normalAround(std instanceof Tensor ? std : numberValue(std), generatorOf(mean.device, options));
  return (std as Tensor)._normalSpread(numberValue(mean), generatorOf((std as Tensor).device, options));
}
const like = (x: Tensor, options: RandomOptions): RandomOptions & { dtype: DType } => ({
  ...options,
  dtype: options.dtype ?? x.dtype,
  device: options.device ?? x.device,
});
/** Uniform numbers in [0, 1) of the shape, dtype and device of `input`. */
export const randLike = (input: Tensor, options: RandomOptions = {}): Tensor => {
  const o = like(input, options);
  return drawn("uniform", input.shape, floating("check_uniform_bounds", o), o, [0, 1]);
};
/** Standard normal numbers of the shape, dtype and device of `input`. */
export const randnLike = (input: Tensor, options: RandomOptions = {}): Tensor => {
  const o = like(input, options);
  return drawn("normal", input.shape, floating("normal_kernel_cpu", o), o, [0, 1]);
};
/** Draws 1 with the probability that each element gives, else 0. */
export function bernoulli(input: Tensor, options: RandomOptions & { p?: number } = {}): Tensor {
  const { p, generator, ...rest } = options;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw unexpectedKeyword("bernoulli", unknown);
  if (p !== undefined) return emptyLike(input).bernoulli_(p, generator === undefined ? {} : { generator });
  if (!input.isFloatingPoint()) throw notForDtype("bernoulli_tensor_cpu_p_", input.dtype.scalarName);
  return input._bernoulliOf(generatorOf(input.device, options));
}

/** Filling with random numbers, in place. */
export interface Randomness {
  /** Uniform numbers in [from, to). */
  uniform_(from?: number, to?: number, options?: RandomOptions): this;
  /** Normal numbers. */
  normal_(mean?: number, std?: number, options?: RandomOptions): this;
  /** 1 with probability p, else 0. */
  bernoulli_(p?: number | Tensor, options?: RandomOptions): this;
  /** Exponential numbers of rate lambda. */
  exponential_(lambd?: number, options?: RandomOptions): this;
  /** Whole numbers in [from, to), or over the range of the dtype. */
  random_(from?: number | bigint | RandomOptions, to?: number | bigint | null, options?: RandomOptions): this;
  geometric_(p: number, options?: RandomOptions): this;
  cauchy_(median?: number, sigma?: number, options?: RandomOptions): this;
  logNormal_(mean?: number, std?: number, options?: RandomOptions): this;
}

/**
 * Draws into a tensor. The values go to its elements in the order of memory, as PyTorch's iterator visits them, which shows where a tensor is
 * not row-major; a normal distribution is drawn by another method there, which its third parameter says.
 */
function refill(x: Tensor, distribution: Distribution, options: RandomOptions, parameters: readonly (number | bigint)[]): Tensor {
  return overwrite(x, refillNodes[distribution] ?? `${pascal(distribution)}Backward0`, null, () =>
    drawInto(x, distribution, options, parameters),
  );
}
/** PyTorch's names of the nodes that do not follow from the distribution's. */
const refillNodes: Readonly<Partial<Record<Distribution, string>>> = {
  bernoulli: "BernoulliBackward2",
  random: "RandomBackward2",
  randint: "RandomBackward0",
};
const pascal = (name: string): string => `${name[0]!.toUpperCase()}${name.slice(1)}`;

function drawInto(x: Tensor, distribution: Distribution, options: RandomOptions, parameters: readonly (number | bigint)[]): void {
  const strides = x.stride();
  const inMemory = x.isContiguous() ? null : x.shape.map((_, d) => d).sort((a, b) => strides[b]! - strides[a]! || a - b);
  const target = inMemory === null ? x.operand : x.operand.view(permute(x.layout, inMemory));
  const fresh = kernels.empty(target.layout.shape, x.dtype, x.device);
  kernels.random(
    distribution,
    fresh,
    generatorOf(x.device, options),
    distribution === "normal" && inMemory !== null ? [...parameters, 0] : parameters,
  );
  convertInto(target, fresh.operand);
  fresh.dispose();
}
const numberValue = (x: unknown): number => Number(x instanceof Scalar ? x.value : x);
const numbers = (
  given: readonly unknown[],
  defaults: readonly number[],
  names: readonly string[],
): { values: number[]; options: RandomOptions } => {
  const options = (isOptions(given.at(-1)) ? given.at(-1) : {}) as RandomOptions & Record<string, unknown>;
  const positional = isOptions(given.at(-1)) ? given.slice(0, -1) : given;
  return { values: defaults.map((d, i) => numberValue(positional[i] ?? options[names[i]!] ?? d)), options };
};

export const randomness: Record<keyof Randomness, unknown> & ThisType<Tensor> = {
  uniform_(...given: unknown[]) {
    const { values, options } = numbers(given, [0, 1], ["from", "to"]);
    const [from, to] = values as [number, number];
    if (!this.isFloatingPoint()) throw notForDtype("check_uniform_bounds", this.dtype.scalarName);
    if (from > to) throw new TorchletError(`uniform_ expects to return a [from, to) range, but found from=${from} > to=${to}`);
    return refill(this, "uniform", options, [from, to]);
  },
  normal_(...given: unknown[]) {
    const { values, options } = numbers(given, [0, 1], ["mean", "std"]);
    if (!this.isFloatingPoint()) throw notForDtype("normal_kernel_cpu", this.dtype.scalarName);
    if (values[1]! < 0) throw new TorchletError(`normal expects std >= 0.0, but found std ${values[1]}`);
    return refill(this, "normal", options, values);
  },
  bernoulli_(given: number | Scalar | Tensor = 0.5, options: RandomOptions = {}) {
    const p = given instanceof Tensor ? given : numberValue(given);
    if (p instanceof Tensor) {
      const draw = (): void =>
        ownedBy(
          () => convertInto(this.operand, bernoulli(p.detach().expand(this.shape).contiguous(), options).operand),
          () => [],
        );
      return overwrite(this, "BernoulliBackward1", null, draw);
    }
    if (!(p >= 0 && p <= 1)) throw new TorchletError(`bernoulli_ expects p to be in [0, 1], but got p=${p}`);
    return refill(this, "bernoulli", options, [p]);
  },
  exponential_(...given: unknown[]) {
    const { values, options } = numbers(given, [1], ["lambd"]);
    return refill(this, "exponential", options, values);
  },
  random_(...given: unknown[]) {
    const options = (isOptions(given.at(-1)) ? given.at(-1) : {}) as RandomOptions;
    const bounds = (isOptions(given.at(-1)) ? given.slice(0, -1) : given).filter((b) => b !== null && b !== undefined) as (
      | number
      | bigint
    )[];
    if (bounds.length === 0) return refill(this, "random", options, []);
    const [from, to] = bounds.length === 1 ? [0, bounds[0]!] : (bounds as [number, number]);
    if (BigInt(from) >= BigInt(to))
      throw new TorchletError(`random_ expects 'from' to be less than 'to', but got from=${from} >= to=${to}`);
    return refill(this, "randint", options, [BigInt(from), BigInt(to)]);
  },
  geometric_(...given: unknown[]) {
    const { values, options } = numbers(given, [0.5], ["p"]);
    return refill(this, "geometric", options, values);
  },
  cauchy_(...given: unknown[]) {
    const { values, options } = numbers(given, [0, 1], ["median", "sigma"]);
    return refill(this, "cauchy", options, values);
  },
  logNormal_(...given: unknown[]) {
    const { values, options } = numbers(given, [1, 2], ["mean", "std"]);
    return refill(this, "logNormal", options, values);
  },
};
