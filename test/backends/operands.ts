import type { Backend } from "../../src/backends/backend.ts";
import type { DType } from "../../src/core/dtype.ts";
import { bfloat16FromNumber, float16FromNumber, numberFromBfloat16, numberFromFloat16 } from "../../src/core/half.ts";
import { Layout } from "../../src/core/layout.ts";
import type { BlockOwner, OperandOf } from "../../src/kernel/kernel.ts";

export type Value = number | bigint;
export type Operand = OperandOf<BlockOwner>;

/** An operand before it is on a backend: the contents of its whole storage, and how the operand looks at it. */
export interface Spec {
  readonly dtype: DType;
  readonly layout: Layout;
  readonly storage: readonly Value[];
}

/** A contiguous operand of the given values. Without a shape it has one dimension. */
export const spec = (dtype: DType, values: readonly Value[], shape: readonly number[] = [values.length]): Spec => ({
  dtype,
  layout: Layout.contiguous(shape),
  storage: values,
});

/** The bytes of values of a dtype. */
export function encode(dtype: DType, values: readonly Value[]): Uint8Array {
  const buffer = new ArrayBuffer(values.length * dtype.itemsize);
  const array = dtype.view(buffer, 0, values.length);
  values.forEach((value, i) => {
    if (array instanceof BigInt64Array) array[i] = BigInt(value);
    else if (dtype.name === "float16") array[i] = float16FromNumber(Number(value));
    else if (dtype.name === "bfloat16") array[i] = bfloat16FromNumber(Number(value));
    else array[i] = Number(value);
  });
  return new Uint8Array(buffer);
}

/** The values of bytes: int64 as bigint, every other dtype as number. */
export function decode(dtype: DType, bytes: Uint8Array): Value[] {
  const copy = bytes.slice();
  const raw = Array.from<Value>(dtype.view(copy.buffer, 0, copy.length / dtype.itemsize));
  if (dtype.name === "float16") return raw.map((x) => numberFromFloat16(Number(x)));
  return dtype.name === "bfloat16" ? raw.map((x) => numberFromBfloat16(Number(x))) : raw;
}

/** Puts an operand's storage on a backend. */
export function upload(backend: Backend, { dtype, layout, storage }: Spec): Operand {
  const bytes = encode(dtype, storage);
  const block = backend.allocate(storage.length * backend.itemsize(dtype));
  backend.write(block, dtype, 0, bytes);
  return { storage: { block }, layout, dtype };
}

/** The contents of an operand's whole storage, `length` elements. */
export async function download(backend: Backend, { storage: { block }, dtype }: Operand, length: number): Promise<Value[]> {
  return decode(dtype, await backend.read(block, dtype, 0, length));
}
