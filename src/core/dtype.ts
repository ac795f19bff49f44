/** How values of a dtype behave in promotion: bool < int < float. */
export type Category = "bool" | "int" | "float";
/** The type in which kernels compute. Small integers compute in i32 and wrap when stored; half floats compute in f32. */
export type ComputeType = "f32" | "f64" | "i32" | "i64" | "bool";
export type DTypeName = "bool" | "uint8" | "int8" | "int16" | "int32" | "int64" | "float16" | "bfloat16" | "float32" | "float64";
/** Typed arrays that hold a dtype's elements; bool is a byte of 0 or 1, float16 and bfloat16 are raw bits. */
export type DataArray = Uint8Array | Int8Array | Int16Array | Uint16Array | Int32Array | BigInt64Array | Float32Array | Float64Array;

/** A number with a stated Python type: `torch.float(1)` is the float 1.0, `torch.int64(1)` the int 1. */
export class Scalar {
  readonly value: number | bigint | boolean;
  readonly dtype: DType;
  constructor(value: number | bigint | boolean, dtype: DType) {
    this.value = value;
    this.dtype = dtype;
  }
}

/**
 * The type of a tensor's elements. A dtype is also a function that marks a number as being of its category:
 * `torch.float(1)` is what `1.0` is in Python.
 */
export interface DType {
  (value: number | bigint | boolean): Scalar;
  readonly name: DTypeName;
  /** A small integer for table lookups. */
  readonly id: number;
  readonly itemsize: number;
  readonly category: Category;
  readonly compute: ComputeType;
  readonly isFloatingPoint: boolean;
  /** PyTorch's name of the type in error messages: `Float`, `Long`. */
  readonly scalarName: string;
  /** A typed array over a buffer. */
  view(buffer: ArrayBufferLike, byteOffset: number, length: number): DataArray;
  toString(): string;
}

type ArrayConstructor = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => DataArray;

const all: DType[] = [];
function define(
  name: DTypeName,
  category: Category,
  compute: ComputeType,
  itemsize: number,
  scalarName: string,
  ArrayType: ArrayConstructor,
): DType {
  const dtype = ((value: number | bigint | boolean) => new Scalar(value, dtype)) as DType;
  const fields = {
    name,
    category,
    compute,
    itemsize,
    scalarName,
    id: all.length,
    isFloatingPoint: category === "float",
    view: (buffer: ArrayBufferLike, offset: number, length: number) => new ArrayType(buffer, offset, length),
    toString: () => `torch.${name}`,
  };
  for (const [key, value] of Object.entries(fields)) Object.defineProperty(dtype, key, { value, enumerable: true });
  all.push(dtype);
  return dtype;
}

export const bool: DType = define("bool", "bool", "bool", 1, "Bool", Uint8Array);
export const uint8: DType = define("uint8", "int", "i32", 1, "Byte", Uint8Array);
export const int8: DType = define("int8", "int", "i32", 1, "Char", Int8Array);
export const int16: DType = define("int16", "int", "i32", 2, "Short", Int16Array);
export const int32: DType = define("int32", "int", "i32", 4, "Int", Int32Array);
export const int64: DType = define("int64", "int", "i64", 8, "Long", BigInt64Array);
export const float16: DType = define("float16", "float", "f32", 2, "Half", Uint16Array);
export const bfloat16: DType = define("bfloat16", "float", "f32", 2, "BFloat16", Uint16Array);
export const float32: DType = define("float32", "float", "f32", 4, "Float", Float32Array);
export const float64: DType = define("float64", "float", "f64", 8, "Double", Float64Array);

/** Every dtype, by id. */
export const dtypes: readonly DType[] = all;

/** Whether `value` is a dtype. */
export const isDType = (value: unknown): value is DType => typeof value === "function" && all.includes(value as DType);

let defaultDtype = float32;
/** The dtype of floating-point tensors made without one. */
export const getDefaultDtype = (): DType => defaultDtype;
/** Sets the dtype of floating-point tensors made without one: float32 or float64. */
export function setDefaultDtype(dtype: DType): void {
  defaultDtype = dtype;
}
