import { bool, type ComputeType, type DataArray, type DType, float32, float64, int32, int64 } from "../../core/dtype.ts";
import { bfloat16FromNumber, float16FromNumber, numberFromBfloat16, numberFromFloat16 } from "../../core/half.ts";
import { indices } from "../../core/layout.ts";
import type { BlockOwner, OperandOf, Output } from "../../kernel/kernel.ts";

/** A value in a kernel: floats are JavaScript's numbers, integers and bools (0n or 1n) are bigints. */
export type Value = number | bigint;
/** An operand of a run on this backend. */
export type Operand = OperandOf<BlockOwner>;

/** The dtype that holds every value of a compute type. */
export const widest: Readonly<Record<ComputeType, DType>> = { f32: float32, f64: float64, i32: int32, i64: int64, bool };

/** The value as a dtype can hold it. */
export function convert(value: Value, dtype: DType): Value {
  if (dtype.category === "bool") return value === 0 || value === 0n ? 0n : 1n; // NaN is true
  if (dtype.category === "int") return wrap(typeof value === "bigint" ? value : truncate(value, dtype), dtype);
  if (dtype === float64) return Number(value);
  const single = Math.fround(typeof value === "bigint" ? numberOnce(value) : value);
  if (dtype.name === "float16") return numberFromFloat16(float16FromNumber(single));
  return dtype.name === "bfloat16" ? numberFromBfloat16(bfloat16FromNumber(single)) : single;
}

/** The lowest bits of an integer, as many as its type has. */
export function wrap(value: bigint, dtype: DType): bigint {
  if (dtype === bool) return value === 0n ? 0n : 1n;
  return dtype.name === "uint8" ? BigInt.asUintN(8, value) : BigInt.asIntN(dtype.itemsize * 8, value);
}

/**
 * A float's whole part, as PyTorch on x86 finds it: in 64 bits for int64 and uint8, in 32 bits for the others. What does not fit there,
 * infinities and NaN give the smallest number of that width (of which int8, int16 and uint8 then keep the low bits).
 */
function truncate(value: number, dtype: DType): bigint {
  const limit = dtype.name === "int64" || dtype.name === "uint8" ? 2 ** 63 : 2 ** 31;
  const whole = Math.trunc(value);
  return BigInt(whole >= -limit && whole < limit ? whole : -limit);
}

/**
 * An integer as a number from which rounding to float32 gives what rounding the integer would: beyond 2^53 the last 12 bits become one that says
 * whether any was set, so that the number is exact and halfway only where the integer is.
 */
function numberOnce(value: bigint): number {
  if (BigInt.asIntN(53, value) === value) return Number(value);
  const rest = value & 0xfffn;
  return Number(value - rest + (rest === 0n ? 0n : 1n << 11n));
}

/** The elements of an operand in row-major order, whatever its strides. `load` and `store` convert, `raw` and `setRaw` do not. */
export class Elements {
  readonly dtype: DType;
  /** The storage index of each element. */
  readonly places: readonly number[];
  readonly #array: DataArray;

  constructor({ storage: { block }, layout, dtype }: Operand, places: readonly number[] = [...indices(layout)]) {
    this.dtype = dtype;
    this.places = places;
    this.#array = dtype.view(block.buffer as ArrayBuffer, block.offset, Math.floor(block.size / dtype.itemsize));
  }

  get length(): number {
    return this.places.length;
  }

  load(i: number, type: ComputeType): Value {
    const raw = this.raw(i);
    const { name, isFloatingPoint } = this.dtype;
    if (name === "float16") return convert(numberFromFloat16(Number(raw)), widest[type]);
    if (name === "bfloat16") return convert(numberFromBfloat16(Number(raw)), widest[type]);
    return convert(isFloatingPoint ? raw : BigInt(raw), widest[type]);
  }

  /** Stores a value that was computed as `type`. In between it may have more digits than float32 has: it is rounded to it first. */
  store(i: number, value: Value, type: ComputeType = this.dtype.compute): void {
    const fitting = convert(convert(value, widest[type]), this.dtype);
    const { name } = this.dtype;
    if (name === "float16") this.setRaw(i, float16FromNumber(Number(fitting)));
    else if (name === "bfloat16") this.setRaw(i, bfloat16FromNumber(Number(fitting)));
    else this.setRaw(i, name === "int64" ? fitting : Number(fitting));
  }

  raw(i: number): Value {
    return this.#array[this.places[i]!]!;
  }

  setRaw(i: number, raw: Value): void {
    if (this.#array instanceof BigInt64Array) this.#array[this.places[i]!] = raw as bigint;
    else this.#array[this.places[i]!] = raw as number;
  }
}

/** Stores the values of a kernel's outputs at place `i`. */
export function storeAll(results: readonly Elements[], i: number, outputs: readonly Output[], values: readonly Value[]): void {
  for (const [k, { value }] of outputs.entries()) results[k]!.store(i, values[k]!, value.type);
}

/** The elements of several operands. */
export const elementsOf = (operands: readonly Operand[]): Elements[] => operands.map((o) => new Elements(o));
