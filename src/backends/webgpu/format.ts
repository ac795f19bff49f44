import type { ComputeType, DType, DTypeName } from "../../core/dtype.ts";
import type { Helper } from "./helpers.ts";

/** WGSL's scalar types: int64 is held in 32 bits here. */
export type ScalarType = "f32" | "i32" | "bool";

/** How a dtype lies in device memory: as words of 32 bits, or two or four elements to a word. */
export interface Format {
  readonly bytes: 1 | 2 | 4;
  readonly type: ScalarType;
  /** The value of an element whose bits are the lowest of `word`. */
  readonly unpack: (word: string) => string;
  /** The bits of an element, the others zero. */
  readonly pack: (value: string) => string;
  /** Functions that these spellings call. */
  readonly helpers?: readonly Helper[];
}

const formats: { readonly [K in DTypeName]?: Format } = {
  float32: { bytes: 4, type: "f32", unpack: (w) => `bitcast<f32>(${w})`, pack: (v) => `bitcast<u32>(${v})` },
  int32: { bytes: 4, type: "i32", unpack: (w) => `bitcast<i32>(${w})`, pack: (v) => `bitcast<u32>(${v})` },
  int64: { bytes: 4, type: "i32", unpack: (w) => `bitcast<i32>(${w})`, pack: (v) => `bitcast<u32>(${v})` },
  bool: { bytes: 4, type: "bool", unpack: (w) => `(${w} != 0u)`, pack: (v) => `select(0u, 1u, ${v})` },
  uint8: { bytes: 1, type: "i32", unpack: (w) => `i32(${w} & 0xffu)`, pack: (v) => `(bitcast<u32>(${v}) & 0xffu)` },
  int8: { bytes: 1, type: "i32", unpack: (w) => `(bitcast<i32>(${w} << 24u) >> 24u)`, pack: (v) => `(bitcast<u32>(${v}) & 0xffu)` },
  int16: { bytes: 2, type: "i32", unpack: (w) => `(bitcast<i32>(${w} << 16u) >> 16u)`, pack: (v) => `(bitcast<u32>(${v}) & 0xffffu)` },
  float16: {
    bytes: 2,
    type: "f32",
    unpack: (w) => `half_to_float(${w})`,
    pack: (v) => `float_to_half(${v})`,
    helpers: ["half_to_float", "float_to_half"],
  },
  bfloat16: {
    bytes: 2,
    type: "f32",
    unpack: (w) => `bitcast<f32>(${w} << 16u)`,
    pack: (v) => `float_to_bfloat(${v})`,
    helpers: ["float_to_bfloat"],
  },
};

/** The format of a dtype; undefined where the device has none. */
export const formatOf = (dtype: DType): Format | undefined => formats[dtype.name];

const scalarTypes: { readonly [K in ComputeType]?: ScalarType } = { f32: "f32", i32: "i32", i64: "i32", bool: "bool" };

/** The WGSL type in which values of a compute type are computed. */
export function scalarTypeOf(type: ComputeType): ScalarType {
  const found = scalarTypes[type];
  if (found === undefined) throw new Error(`WGSL has no ${type}`);
  return found;
}

/** Elements in the device's format, from the host's. Raises where an int64 does not fit. */
export function toDevice(dtype: DType, bytes: Uint8Array, tooLarge: (value: bigint) => Error): Uint8Array<ArrayBuffer> {
  const aligned = bytes.byteOffset % dtype.itemsize === 0 ? bytes : bytes.slice();
  const n = bytes.byteLength / dtype.itemsize;
  if (dtype.name === "int64") {
    const words = new Int32Array(aligned.buffer, aligned.byteOffset, 2 * n);
    const out = new Int32Array(n);
    for (let i = 0; i < n; i++) {
      const low = words[2 * i]!;
      if (words[2 * i + 1] !== low >> 31) throw tooLarge((BigInt(words[2 * i + 1]!) << 32n) | BigInt(low >>> 0));
      out[i] = low;
    }
    return new Uint8Array(out.buffer);
  }
  if (dtype.name === "bool") return new Uint8Array(Uint32Array.from(bytes, (b) => (b === 0 ? 0 : 1)).buffer);
  // A copy, whole words long, in memory that is not shared: Dawn's writeBuffer crashes the process on views of shared memory.
  const out = new Uint8Array(Math.ceil(bytes.byteLength / 4) * 4);
  out.set(bytes);
  return out;
}

/** `count` elements in the host's format, from the device's. */
export function toHost(dtype: DType, bytes: Uint8Array<ArrayBuffer>, count: number): Uint8Array<ArrayBuffer> {
  if (dtype.name === "int64") {
    const words = new Int32Array(bytes.buffer, bytes.byteOffset, count);
    const out = new Int32Array(2 * count);
    for (let i = 0; i < count; i++) {
      out[2 * i] = words[i]!;
      out[2 * i + 1] = words[i]! >> 31;
    }
    return new Uint8Array(out.buffer);
  }
  if (dtype.name === "bool") return Uint8Array.from(new Uint32Array(bytes.buffer, bytes.byteOffset, count));
  return bytes.slice(0, count * dtype.itemsize);
}
