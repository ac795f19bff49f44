import { bool, type DataArray, type DType, float32, float64, int8, int16, int32, int64, uint8 } from "../core/dtype.ts";
import { bfloat16FromNumber, float16FromNumber } from "../core/half.ts";
import { numel } from "../core/layout.ts";
import { allocateContiguous } from "../dispatch/allocate.ts";
import type { Device } from "../dispatch/device.ts";
import { Tensor } from "./tensor.ts";

const arrayDtypes: readonly (readonly [new (...args: never[]) => DataArray, DType])[] = [
  [Float32Array, float32],
  [Float64Array, float64],
  [Int32Array, int32],
  [BigInt64Array, int64],
  [Uint8Array, uint8],
  [Int8Array, int8],
  [Int16Array, int16],
];

/** The dtype whose elements a typed array holds, or null for other values. */
export function arrayDtype(x: unknown): DType | null {
  if (x instanceof Uint8ClampedArray) return uint8;
  return arrayDtypes.find(([type]) => x instanceof type)?.[1] ?? null;
}

/** Writes values, in row-major order, into a new tensor of a dtype. */
export function fromValues(values: ArrayLike<number | bigint | boolean>, shape: readonly number[], dtype: DType, device: Device): Tensor {
  const n = numel(shape);
  const data = n > 0 ? encode(values, n, dtype) : null;
  // A handle from the start: a device may refuse values, and the memory has to have an owner then.
  const x = new Tensor(allocateContiguous(shape, dtype, device));
  if (data !== null) device.backend.write(x.operand.storage.block, dtype, 0, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return x;
}

function encode(values: ArrayLike<number | bigint | boolean>, n: number, dtype: DType): DataArray {
  if (ArrayBuffer.isView(values) && arrayDtype(values) === dtype) return values as unknown as DataArray;
  const data = dtype.view(new ArrayBuffer(n * dtype.itemsize), 0, n);
  for (let i = 0; i < n; i++) data[i] = encodeOne(values[i]!, dtype) as never;
  return data;
}

function encodeOne(v: number | bigint | boolean, dtype: DType): number | bigint {
  if (dtype === bool) return v || Number.isNaN(v) ? 1 : 0;
  if (dtype === int64) return typeof v === "bigint" ? BigInt.asIntN(64, v) : BigInt(Math.trunc(Number(v)));
  if (dtype.category === "int") return typeof v === "bigint" ? Number(BigInt.asIntN(32, v)) : Math.trunc(Number(v));
  if (dtype.name === "float16") return float16FromNumber(Number(v));
  return dtype.name === "bfloat16" ? bfloat16FromNumber(Number(v)) : Number(v);
}
