import type { DataArray, DType } from "../dtype.ts";
import { bfloat16FromNumber, float16FromNumber } from "../half.ts";
import { elementsOfDtype } from "./elements.ts";
import type { Distribution } from "./fill.ts";
import { fillPhiloxWords, philoxNormals, philoxUniform } from "./philox.ts";
import { type PhiloxKind, philoxLaw } from "./philox-laws.ts";

const { fround } = Math;

/**
 * Fills the elements of a contiguous tensor as a device does that draws from a {@link PhiloxGenerator}: from the outputs of
 * {@link fillPhiloxWords}, one for each element, or two where the range of whole numbers takes 64 bits. The formulas are those of
 * {@link PhiloxLaw}, which are PyTorch's for CUDA; where they have a logarithm, sine, tangent or exponential, this computes in float64 and rounds once.
 * A device has the same bits for `bernoulli`, `randint`, `random` and `uniform` (between other bounds than 0 and 1: where it rounds f32 products and
 * sums to the nearest, as every one that is known does), and differs a little in the others.
 *
 * int64 has the range that it has on devices, where it is held in 32 bits.
 */
export function fillPhilox(
  distribution: Distribution,
  out: DataArray,
  dtype: DType,
  parameters: readonly (number | bigint)[],
  seed: bigint,
  offset: bigint,
): void {
  const { kind, values } = philoxLaw(distribution, dtype, parameters, "cpu");
  const words = new Uint32Array(kind === "pairs" ? 2 * out.length : (out.length + 1) & ~1);
  fillPhiloxWords(words, seed, offset);
  const { round, floating } = elementsOfDtype(dtype);
  const draw = drawers[kind](words, values, round);
  const store = storing(out, dtype);
  for (let i = 0; i < out.length; i++) {
    const y = draw(i);
    store(i, floating && typeof y === "number" ? fround(y) : y);
  }
}

/** How a value of a float32 or of a whole number becomes an element. */
function storing(out: DataArray, dtype: DType): (i: number, y: number | bigint) => void {
  if (out instanceof BigInt64Array)
    return (i, y) => {
      out[i] = BigInt(y);
    };
  if (out instanceof Uint16Array) {
    const bits = dtype.name === "float16" ? float16FromNumber : bfloat16FromNumber;
    return (i, y) => {
      out[i] = bits(fround(nearestFloat(y)));
    };
  }
  if (dtype.name === "bool")
    return (i, y) => {
      out[i] = Number(y) === 0 ? 0 : 1;
    };
  const value = dtype.isFloatingPoint ? nearestFloat : Number;
  return (i, y) => {
    out[i] = value(y);
  };
}

/** A number, or the float32 nearest to a whole number of 64 bits. */
function nearestFloat(y: number | bigint): number {
  if (typeof y === "number") return y;
  const size = y < 0n ? -y : y;
  if (size < 1n << 53n) return fround(Number(y));
  // The low bits only have to be seen not to be zero.
  const low = size & 0x7ffn;
  const value = fround(Number(low === 0n ? size : (size - low) | 0x400n));
  return y < 0n ? -value : value;
}

type Drawer = (words: Uint32Array, values: readonly number[], round: (x: number) => number) => (i: number) => number | bigint;
const pair = new Float32Array(2);

/** The standard normal number of element i. */
function normal(words: Uint32Array, i: number): number {
  const first = i & ~1;
  philoxNormals(words[first]!, words[first + 1]!, pair);
  return pair[i - first]!;
}

const drawers: { readonly [K in PhiloxKind]: Drawer } = {
  uniform: (words, values, round) => {
    const [range, low, high] = values as [number, number, number];
    return (i) => {
      const y = round(fround(fround(philoxUniform(words[i]!) * range) + low));
      return y === high ? low : y;
    };
  },
  normal:
    (words, [std, mean]) =>
    (i) =>
      fround(normal(words, i) * std!) + mean!,
  logNormal:
    (words, [std, mean]) =>
    (i) =>
      Math.exp(fround(fround(normal(words, i) * std!) + mean!)),
  exponential:
    (words, [scale]) =>
    (i) => {
      const u = philoxUniform(words[i]!);
      return (u >= 1 - 2 ** -24 ? -(2 ** -24) : Math.log(u)) * scale!;
    },
  geometric:
    (words, [scale, largest]) =>
    (i) =>
      Math.min(Math.max(fround(Math.ceil(Math.log(philoxUniform(words[i]!)) * scale!)), 1), largest!),
  cauchy:
    (words, [sigma, median]) =>
    (i) => {
      const v = Math.max(Math.min(philoxUniform(words[i]!), 1 - 2 ** -23), 2 ** -23);
      return fround(fround(Math.tan(Math.PI * (v - 0.5))) * sigma!) + median!;
    },
  bernoulli:
    (words, [last, any]) =>
    (i) =>
      any === 1 && words[i]! <= last! ? 1 : 0,
  integers: (words, values) => {
    const [low, range] = longs(values);
    const modulus = Number(range) >>> 0;
    return (i) => BigInt.asIntN(64, low + BigInt(modulus === 0 ? words[i]! : words[i]! % modulus));
  },
  pairs: (words, values) => {
    const [low, range] = longs(values);
    return (i) => BigInt.asIntN(64, low + (((BigInt(words[2 * i]!) << 32n) | BigInt(words[2 * i + 1]!)) % range));
  },
};

/** The two numbers of 64 bits that four words hold: the first one signed. */
function longs([a, b, c, d]: readonly number[]): readonly [bigint, bigint] {
  const long = (low: number, high: number): bigint => (BigInt(high) << 32n) | BigInt(low);
  return [BigInt.asIntN(64, long(a!, b!)), long(c!, d!)];
}
