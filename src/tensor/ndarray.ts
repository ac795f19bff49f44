import { type DataArray, float32 } from "../core/dtype.ts";
import { ArgumentError } from "../core/errors.ts";
import { indices, Layout } from "../core/layout.ts";
import { ownedBy } from "../memory/ownership.ts";
import { optionDevice, type TensorOptions } from "./creation.ts";
import { arrayDtype, fromValues } from "./encode.ts";
import type { Tensor } from "./tensor.ts";

/** What an ndarray (the package `ndarray`) is made of; its constructor takes the four in this order. */
export interface NdarrayParts<D = DataArray> {
  readonly data: D;
  readonly shape: number[];
  readonly stride: number[];
  readonly offset: number;
}

/** A tensor of the values of an ndarray, copied; strides and offset are followed. The dtype is that of the typed array. */
export function fromNdarray(array: NdarrayParts<unknown>, options: TensorOptions = {}): Tensor {
  const dtype = arrayDtype(array.data);
  if (dtype === null) throw new ArgumentError("fromNdarray(): the data of the ndarray must be a typed array");
  const layout = new Layout(array.shape, array.stride, array.offset);
  const data = array.data as ArrayLike<number>;
  const values = Array.from(indices(layout), (p) => data[p]!);
  const make = (): Tensor => fromValues(values, array.shape, dtype, optionDevice(options)).to(options.dtype ?? dtype);
  return ownedBy(make, (x) => [x]);
}

/**
 * The values as the parts of an ndarray, copied in row-major order. bool comes as bytes, int64 as bigints, float16 and bfloat16 as float32.
 * @example
 * const { data, shape, stride, offset } = await torch.toNdarray(x);
 * const array = ndarray(data, shape, stride, offset);
 */
export async function toNdarray(x: Tensor): Promise<NdarrayParts> {
  const half = x.isFloatingPoint() && x.elementSize() === 2;
  const wide = half
    ? ownedBy(
        () => x.detach().to(float32),
        (y) => [y],
      )
    : null;
  try {
    const { shape, strides } = Layout.contiguous(x.shape);
    return { data: await (wide ?? x).toTypedArray(), shape: [...shape], stride: [...strides], offset: 0 };
  } finally {
    wide?.dispose();
  }
}
