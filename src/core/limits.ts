import { type DType, float32 } from "./dtype.ts";
import { ArgumentError } from "./errors.ts";

/** Limits of a floating-point dtype. */
export interface FloatLimits {
  readonly bits: number;
  readonly eps: number;
  readonly max: number;
  readonly min: number;
  /** The smallest positive normal number. */
  readonly tiny: number;
  readonly dtype: string;
}
const floats: Readonly<Record<string, readonly [mantissa: number, exponent: number]>> = {
  float16: [10, 15],
  bfloat16: [7, 127],
  float32: [23, 127],
  float64: [52, 1023],
};
/** Limits of a floating-point dtype: `finfo(torch.float32).eps`. */
export function finfo(dtype: DType = float32): FloatLimits {
  const row = floats[dtype.name];
  if (row === undefined)
    throw new ArgumentError("torch.finfo() requires a floating point input type. Use torch.iinfo to handle 'torch.finfo'");
  const [mantissa, exponent] = row;
  const max = (2 - 2 ** -mantissa) * 2 ** exponent;
  return { bits: dtype.itemsize * 8, eps: 2 ** -mantissa, max, min: -max, tiny: 2 ** (1 - exponent), dtype: dtype.name };
}

/** Limits of an integer dtype; beyond 2^53 as bigint. */
export interface IntegerLimits {
  readonly bits: number;
  readonly max: number | bigint;
  readonly min: number | bigint;
  readonly dtype: string;
}
/** Limits of an integer dtype: `iinfo(torch.int8).max`. */
export function iinfo(dtype: DType): IntegerLimits {
  if (dtype.category !== "int")
    throw new ArgumentError("torch.iinfo() requires an integer input type. Use torch.finfo to handle 'torch.iinfo'");
  const bits = dtype.itemsize * 8;
  if (bits === 64) return { bits, max: 2n ** 63n - 1n, min: -(2n ** 63n), dtype: dtype.name };
  return dtype.name === "uint8"
    ? { bits, max: 255, min: 0, dtype: dtype.name }
    : { bits, max: 2 ** (bits - 1) - 1, min: -(2 ** (bits - 1)), dtype: dtype.name };
}
