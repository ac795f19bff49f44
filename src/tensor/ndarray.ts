import type { NdArray } from "ndarray";
import { indices, Layout } from "../core/layout.ts";
import { optionDevice, type TensorOptions } from "./creation.ts";
import { arrayDtype, fromValues } from "./encode.ts";
import { ArgumentError } from "../core/errors.ts";
import type { Tensor } from "./tensor.ts";

/** A tensor of the values of an ndarray (the package `ndarray`), copied; strides and offset are followed. */
export function fromNdarray(array: NdArray, options: TensorOptions = {}): Tensor {
  const dtype = arrayDtype(array.data);
  if (dtype === null) throw new ArgumentError("fromNdarray(): the data of the ndarray must be a typed array");
  const layout = new Layout(array.shape, array.stride, array.offset);
  const data = array.data as ArrayLike<number>;
  const values = Array.from(indices(layout), (p) => data[p]!);
  const x = fromValues(values, array.shape, dtype, optionDevice(options));
  return options.dtype == null ? x : x.to(options.dtype);
}
