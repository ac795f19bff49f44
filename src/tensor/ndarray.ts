import { bool, type DataArray, type DType, float16, getDefaultDtype, int64 } from "../core/dtype.ts";
import { ArgumentError, aliasArbitrary, aliasDevice, aliasDtype, negativeStrides, storageBounds, stridesLength } from "../core/errors.ts";
import { indices, Layout } from "../core/layout.ts";
import { allocateContiguous } from "../dispatch/allocate.ts";
import { device as findDevice } from "../dispatch/device.ts";
import { Operand } from "../dispatch/operand.ts";
import { checkedShape, finish, optionDevice, type TensorOptions } from "./creation.ts";
import { arrayDtype, fromValues } from "./encode.ts";
import { checkArrayDtype, float16Array, type NdarrayParts, pieceOf, sharedArray } from "./shared-arrays.ts";
import { Tensor } from "./tensor.ts";

export { type NdarrayParts, type NumpyOptions, toNdarray } from "./shared-arrays.ts";

/** How a tensor is made of an ndarray. */
export interface FromNdarrayOptions extends TensorOptions {
  /** true: always copies. false: raises where a copy is needed. Left out: copies where it has to. */
  copy?: boolean | null;
}

/** The dtype of an ndarray's data. */
function dataDtype(data: unknown): DType {
  const known = pieceOf(data)?.dtype ?? arrayDtype(data);
  if (known !== null) return known;
  const Half = float16Array();
  if (Half !== undefined && data instanceof Half) return float16;
  throw new ArgumentError("fromNdarray(): the data of the ndarray must be a typed array");
}

/** The layout of an ndarray, every element of which lies within its data. */
function checkedLayout({ shape, stride, offset }: NdarrayParts<unknown>, length: number, itemsize: number): Layout {
  const sizes = checkedShape("fromNdarray", shape);
  if (stride.length !== sizes.length) throw stridesLength();
  if (sizes.includes(0)) return Layout.contiguous(sizes); // no element lies anywhere
  let [first, last] = [offset, offset];
  for (const [d, n] of sizes.entries()) {
    const reach = (n - 1) * stride[d]!;
    if (reach < 0) first += reach;
    else last += reach;
  }
  // Written so that what is no number fails, too.
  if (!(first >= 0 && last < length && stride.every(Number.isInteger) && Number.isInteger(offset))) {
    throw storageBounds(sizes, stride, offset, itemsize, (last + 1) * itemsize, length * itemsize);
  }
  return new Layout(sizes, [...stride], offset);
}

/** The elements in row-major order. */
function copied(data: ArrayLike<number | bigint>, layout: Layout, dtype: DType): ArrayLike<number | bigint> {
  const { numel, offset, isContiguous } = layout;
  if (isContiguous && dtype !== float16) return (data as DataArray).slice(offset, offset + numel);
  // Float64Array holds the numbers of every other dtype exactly.
  const values = dtype === int64 ? new BigInt64Array(numel) : new Float64Array(numel);
  let i = 0;
  for (const at of indices(layout)) values[i++] = data[at] as never;
  return values;
}

/**
 * A tensor of an ndarray. It shares the memory where `data` lies in ours, that is, comes from `toNdarray`, `x.numpy()` or `emptyNdarray` (or is a
 * `subarray` of such a one): then writes are seen on both sides. Everything else is copied: other typed arrays, another `dtype` than that of the data,
 * another device. `copy: true` copies in any case, and `copy: false` raises where sharing is impossible.
 *
 * Strides and offset are followed. Negative strides, which no tensor has, are followed where the values are copied and refused where memory would be
 * shared.
 *
 * @example
 * torch.fromNdarray(ndarray(new Float32Array([1, 2, 3, 4]), [2, 2]).transpose(1, 0)) // a copy
 * torch.fromNdarray(x.numpy())                                                       // another view of x's memory
 */
export function fromNdarray(array: NdarrayParts<unknown>, options: FromNdarrayOptions = {}): Tensor {
  const dtype = dataDtype(array.data);
  const data = array.data as DataArray;
  const layout = checkedLayout(array, data.length, dtype.itemsize);
  const target = options.dtype ?? dtype;
  const device = optionDevice(options);
  const piece = options.copy === true ? null : pieceOf(data);
  if (piece !== null && target === dtype && device === piece.device) {
    if (layout.strides.some((s) => s < 0)) throw negativeStrides();
    const seen = new Layout(layout.shape, layout.strides, piece.layout.offset + layout.offset);
    return finish(new Tensor(new Operand(piece.storage, seen, dtype, device)), options);
  }
  if (options.copy === false) {
    if (piece === null) throw aliasArbitrary();
    throw device === piece.device ? aliasDtype(dtype.scalarName, target.scalarName) : aliasDevice(piece.device.type, device.type);
  }
  return finish(fromValues(copied(data, layout, dtype), layout.shape, target, device), options);
}

/**
 * The parts of an ndarray whose data lies in the memory of the CPU device, as tensors do, uninitialised: code fills it, and `fromNdarray` makes a
 * tensor of it without a copy.
 *
 * @example
 * const image = torch.emptyNdarray<Uint8Array>([3, 224, 224], { dtype: torch.uint8 });
 * decodeInto(image.data);
 * const x = torch.fromNdarray(image, { copy: false });
 * @throws what `toNdarray` throws for the dtype, and where memory cannot be shared.
 */
export function emptyNdarray<D extends DataArray = DataArray>(
  shape: readonly number[],
  { dtype }: { dtype?: DType | null } = {},
): NdarrayParts<D> {
  const type = dtype ?? getDefaultDtype();
  checkArrayDtype(type);
  const { storage, layout, device } = allocateContiguous(checkedShape("emptyNdarray", shape), type, findDevice("cpu"));
  const piece = new Operand(storage, Layout.contiguous([layout.numel]), type, device);
  // Held while it is made: where that fails, the memory goes back.
  storage.retain();
  try {
    const data = sharedArray(piece);
    if (type === bool) (data as Uint8Array).fill(0); // of a byte that is neither 0 nor 1, kernels may make anything
    return { data: data as D, shape: [...layout.shape], stride: [...layout.strides], offset: 0 };
  } finally {
    storage.release();
  }
}
