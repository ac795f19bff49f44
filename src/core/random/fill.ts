import type { DataArray, DType } from "../dtype.ts";
import { generatorOfDevice, notForDtype } from "../errors.ts";
import { bfloat16FromNumber, float16FromNumber } from "../half.ts";
import { fillBernoulli } from "./bernoulli.ts";
import { fillCauchy, fillExponential, fillGeometric, fillLogNormal } from "./continuous.ts";
import { elementsOf, type FloatArray, type HalfKind, type NarrowKind, type RandomArray } from "./elements.ts";
import { Generator } from "./generator.ts";
import { fillRandint, fillRandom } from "./integers.ts";
import { fillNormal } from "./normal.ts";
import { fillUniform } from "./uniform.ts";

/** The distributions that fill a tensor in place, PyTorch's `uniform_`, `normal_` and so on. */
export type Distribution = "uniform" | "normal" | "bernoulli" | "exponential" | "randint" | "random" | "geometric" | "cauchy" | "logNormal";

type Parameters = readonly (number | bigint)[];

/**
 * Fills the elements of a contiguous tensor of any dtype. float16 and bfloat16 are raw bits in a Uint16Array.
 *
 * @param parameters the distribution's, in PyTorch's order; none is left out. randint takes bigints or whole numbers, and `normal` takes a
 * third, 0 for a tensor that is not contiguous.
 */
export function fill(distribution: Distribution, generator: object, out: DataArray, dtype: DType, parameters: Parameters): void {
  if (!(generator instanceof Generator)) throw generatorOfDevice("cpu", "device" in generator ? String(generator.device) : "unknown");
  if (out instanceof Uint16Array) {
    const kind = dtype.name as HalfKind;
    const values = new Float32Array(out.length);
    fillers[distribution](generator, values, parameters, kind);
    const bits = kind === "float16" ? float16FromNumber : bfloat16FromNumber;
    for (let i = 0; i < out.length; i++) out[i] = bits(values[i]!);
  } else {
    fillers[distribution](generator, out, parameters, dtype.name === "bool" ? "bool" : undefined);
  }
}

type Filler = (g: Generator, out: RandomArray, parameters: Parameters, kind: NarrowKind | undefined) => void;

const fillers: Record<Distribution, Filler> = {
  uniform: (g, out, [from, to], kind) =>
    fillUniform(g, floats(out, "check_uniform_bounds", kind), Number(from), Number(to), halfKind(kind)),
  normal: (g, out, [mean, std, contiguous = 1], kind) =>
    fillNormal(g, floats(out, "normal_kernel_cpu", kind), Number(mean), Number(std), contiguous !== 0, halfKind(kind)),
  bernoulli: (g, out, [p]) => fillBernoulli(g, out, Number(p)),
  exponential: (g, out, [lambda], kind) => fillExponential(g, floats(out, "exponential_cpu", kind), Number(lambda)),
  randint: (g, out, [from, to], kind) => fillRandint(g, out, BigInt(from!), BigInt(to!), kind),
  random: (g, out, _, kind) => fillRandom(g, out, kind),
  geometric: (g, out, [p]) => fillGeometric(g, out, Number(p)),
  cauchy: (g, out, [median, sigma], kind) => fillCauchy(g, floats(out, "cauchy_cpu", kind), Number(median), Number(sigma)),
  logNormal: (g, out, [mean, std], kind) => fillLogNormal(g, floats(out, "log_normal_cpu", kind), Number(mean), Number(std)),
};

function floats(out: RandomArray, kernel: string, kind: NarrowKind | undefined): FloatArray {
  if (out instanceof Float32Array || out instanceof Float64Array) return out;
  throw notForDtype(kernel, elementsOf(out, kind).scalarName);
}

const halfKind = (kind: NarrowKind | undefined): HalfKind | undefined => (kind === "bool" ? undefined : kind);
