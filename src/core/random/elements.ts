import type { DType } from "../dtype.ts";
import { bfloat16FromNumber, float16FromNumber, numberFromBfloat16, numberFromFloat16 } from "../half.ts";

/** A typed array of floating-point numbers. */
export type FloatArray = Float32Array | Float64Array;
/** A typed array that random values can fill. */
export type RandomArray = BigInt64Array | Int32Array | Int16Array | Int8Array | Uint8Array | FloatArray;

/**
 * What a typed array does not tell of its elements: that its bytes are of dtype bool, or that its float32 are to hold values
 * of a narrower dtype, drawn and rounded as PyTorch does for that one.
 */
export type NarrowKind = "bool" | HalfKind;
export type HalfKind = "float16" | "bfloat16";

/** A dtype, as far as random numbers depend on it. */
export interface Elements {
  /** The C++ type and PyTorch's name, for messages. */
  readonly typeName: string;
  readonly scalarName: string;
  readonly floating: boolean;
  /** Bits of the significand, or of a whole number without its sign. */
  readonly digits: number;
  /** The smallest and the largest finite value. */
  readonly min: bigint;
  readonly max: bigint;
  /** The value of a floating-point dtype nearest to a number. */
  readonly round: (x: number) => number;
}

function whole(typeName: string, scalarName: string, digits: number, signed: boolean): Elements {
  const end = 1n << BigInt(digits);
  return { typeName, scalarName, floating: false, digits, min: signed ? -end : 0n, max: end - 1n, round: (x) => x };
}

function floating(typeName: string, scalarName: string, digits: number, largest: number, round: (x: number) => number): Elements {
  const max = BigInt(largest);
  return { typeName, scalarName, floating: true, digits, min: -max, max, round };
}

const roundToFloat16 = (x: number): number => numberFromFloat16(float16FromNumber(x));
const roundToBfloat16 = (x: number): number => numberFromBfloat16(bfloat16FromNumber(x));

const table = {
  bool: whole("bool", "Bool", 1, false),
  uint8: whole("unsigned char", "Byte", 8, false),
  int8: whole("signed char", "Char", 7, true),
  int16: whole("short int", "Short", 15, true),
  int32: whole("int", "Int", 31, true),
  int64: whole("long int", "Long", 63, true),
  float16: floating("c10::Half", "Half", 11, (2 - 2 ** -10) * 2 ** 15, roundToFloat16),
  bfloat16: floating("c10::BFloat16", "BFloat16", 8, (2 - 2 ** -7) * 2 ** 127, roundToBfloat16),
  float32: floating("float", "Float", 24, (2 - 2 ** -23) * 2 ** 127, Math.fround),
  float64: floating("double", "Double", 53, Number.MAX_VALUE, (x) => x),
} satisfies Record<string, Elements>;

/** A dtype, as random numbers see it. */
export const elementsOfDtype = (dtype: DType): Elements => table[dtype.name];

/** The dtype of an array's elements. */
export function elementsOf(out: RandomArray, kind?: NarrowKind): Elements {
  if (kind !== undefined) return table[kind];
  if (out instanceof Float32Array) return table.float32;
  if (out instanceof Float64Array) return table.float64;
  if (out instanceof BigInt64Array) return table.int64;
  if (out instanceof Int32Array) return table.int32;
  if (out instanceof Int16Array) return table.int16;
  return out instanceof Int8Array ? table.int8 : table.uint8;
}
