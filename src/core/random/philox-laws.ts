import type { DType } from "../dtype.ts";
import {
  bernoulliProbability,
  exponentialRate,
  geometricProbability,
  int64Overflow,
  logNormalStd,
  normalStd,
  notForDtype,
} from "../errors.ts";
import { type Elements, elementsOfDtype } from "./elements.ts";
import type { Distribution } from "./fill.ts";
import { integerBounds, randomRange } from "./integers.ts";
import { checkUniformBounds } from "./uniform.ts";

/**
 * A distribution with its parameters checked and brought into the form in which a kernel that works in float32 and 32-bit integers
 * takes them.
 *
 *     uniform      range, low, high: `unit * range + low`, rounded to the dtype, and `low` where that is `high`
 *     normal       std, mean: `z * std + mean`
 *     logNormal    std, mean: `exp(z * std + mean)`
 *     exponential  scale = -1 / lambda: `log(unit) * scale`, where the logarithm is -2^-24 for the units from 1 - 2^-24 on
 *     geometric    scale = 1 / log(1 - p), largest: `ceil(log(unit) * scale)`, from 1 to `largest`
 *     cauchy       sigma, median: `tan(pi (unit - 1/2)) * sigma + median` with the unit kept 2^-23 away from 0 and 1
 *     bernoulli    last, any: 1 where an output is at most `last` and `any` is 1
 *     integers     low, range, each two words, the low one first: an output modulo range, plus low; a range of 0 stands for 2^32
 *     pairs        the same of two outputs, the high word first
 */
export interface PhiloxLaw {
  readonly kind: PhiloxKind;
  /** float32 for the laws on real numbers, words for the last three. */
  readonly values: readonly number[];
}
export type PhiloxKind = "uniform" | "normal" | "logNormal" | "exponential" | "geometric" | "cauchy" | "bernoulli" | "integers" | "pairs";

/** The kernels of PyTorch that refuse what is not floating point, by the name they give in their errors. */
const floatingOnly: { readonly [K in Distribution]?: string } = {
  uniform: "check_uniform_bounds",
  normal: "normal_kernel_cpu",
  exponential: "exponential_cpu",
  cauchy: "cauchy_cpu",
  logNormal: "log_normal_cpu",
};

const { fround } = Math;

/** Checks the parameters of a distribution, in PyTorch's words. `device` holds int64 in 32 bits, and is named where one does not fit. */
export function philoxLaw(distribution: Distribution, dtype: DType, parameters: readonly (number | bigint)[], device: string): PhiloxLaw {
  const kernel = floatingOnly[distribution];
  if (kernel !== undefined && !dtype.isFloatingPoint) throw notForDtype(kernel, dtype.scalarName);
  const elements = elementsOfDtype(dtype);
  return laws[distribution](elements, parameters, device);
}

type Law = (elements: Elements, parameters: readonly (number | bigint)[], device: string) => PhiloxLaw;

const numbers = (parameters: readonly (number | bigint)[]): readonly [number, number] => [Number(parameters[0]), Number(parameters[1])];

const laws: Record<Distribution, Law> = {
  uniform(elements, parameters) {
    const [from, to] = numbers(parameters);
    checkUniformBounds(elements, from, to);
    const [low, high] = [elements.round(from), elements.round(to)];
    return { kind: "uniform", values: [elements.round(high - low), low, high] };
  },
  normal(_, parameters) {
    const [mean, std] = numbers(parameters);
    if (!(std >= 0)) throw normalStd(std);
    return { kind: "normal", values: [fround(std), fround(mean)] };
  },
  logNormal(_, parameters) {
    const [mean, std] = numbers(parameters);
    if (!(std > 0)) throw logNormalStd(std);
    return { kind: "logNormal", values: [fround(std), fround(mean)] };
  },
  exponential(_, parameters) {
    const [lambda] = numbers(parameters);
    if (!(lambda >= 0)) throw exponentialRate(lambda);
    return { kind: "exponential", values: [fround(-1 / lambda)] };
  },
  geometric({ floating, max }, parameters) {
    const [p] = numbers(parameters);
    if (!(p > 0 && p < 1)) throw geometricProbability(p);
    const largest = floating ? (2 - 2 ** -23) * 2 ** 127 : Math.min(Number(max), 2 ** 31 - 128);
    return { kind: "geometric", values: [fround(1 / Math.log1p(-p)), largest] };
  },
  cauchy(_, parameters) {
    const [median, sigma] = numbers(parameters);
    return { kind: "cauchy", values: [fround(sigma), fround(median)] };
  },
  bernoulli(_, parameters) {
    const [p] = numbers(parameters);
    if (!(p >= 0 && p <= 1)) throw bernoulliProbability(p);
    const hits = Math.ceil(p * 2 ** 32);
    return { kind: "bernoulli", values: hits === 0 ? [0, 0] : [hits - 1, 1] };
  },
  randint(elements, [from, to], device) {
    const [low, range] = integerBounds(elements, BigInt(from!), BigInt(to!));
    if (!elements.floating) for (const end of [low, low + range - 1n]) if (end !== BigInt.asIntN(32, end)) throw int64Overflow(device, end);
    return integers(low, range, elements.floating || elements.digits === 63);
  },
  random: (elements) => integers(0n, elements.digits === 63 ? 2n ** 31n : randomRange(elements), false),
};

function integers(low: bigint, range: bigint, wide: boolean): PhiloxLaw {
  const word = (x: bigint): number => Number(BigInt.asUintN(32, x));
  const values = [word(low), word(low >> 32n), word(range), word(range >> 32n)];
  return { kind: wide && range >= 1n << 32n ? "pairs" : "integers", values };
}
