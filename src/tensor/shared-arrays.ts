/**
 * Note [Arrays that own]. A typed array over a device's memory is one more owner of the storage behind it, found dead by the JavaScript collector
 * as a tensor is. It has the ordinary type (`constructor` and species are those of its base, so `slice`, `map` and `filter` give ordinary arrays
 * with bytes of their own); only `subarray`, which gives another view of the same bytes, makes an owner again. What is built by hand on
 * `array.buffer`, the memory of the whole device, owns nothing.
 */
import { isGradEnabled } from "../autograd/modes.ts";
import { bfloat16, type DataArray, type DType, float16 } from "../core/dtype.ts";
import { memoryNotShared, numpyDevice, numpyNeedsGrad, numpyNoFloat16, numpyScalarType } from "../core/errors.ts";
import { Layout } from "../core/layout.ts";
import type { Operand } from "../dispatch/operand.ts";
import { holdStorage } from "../memory/holders.ts";
import { isOptions } from "./arguments.ts";
import type { Tensor } from "./tensor.ts";

/** What an ndarray (the package `ndarray`) is made of; its constructor takes the four in this order. Strides and offset count elements. */
export interface NdarrayParts<D = DataArray> {
  readonly data: D;
  readonly shape: number[];
  readonly stride: number[];
  readonly offset: number;
}

/** What a typed array that was handed out shows: a one-dimensional piece of a storage. */
const pieces = new WeakMap<object, Operand>();

/** The elements of a storage that a typed array shows, or null where it is none of ours. */
export const pieceOf = (array: unknown): Operand | null => pieces.get(array as object) ?? null;

type ArrayConstructor = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => DataArray;

/** `Float16Array`, where the engine has it. */
export const float16Array = (): ArrayConstructor | undefined => Reflect.get(globalThis, "Float16Array") as ArrayConstructor | undefined;

/** Raises for dtypes that no typed array of the engine holds. */
export function checkArrayDtype(dtype: DType): void {
  if (dtype === bfloat16) throw numpyScalarType(dtype.scalarName);
  if (dtype === float16 && float16Array() === undefined) throw numpyNoFloat16(dtype.scalarName);
}

function subarray(this: DataArray, begin?: number, end?: number): DataArray {
  // The method of the common prototype of all typed arrays; it gives an ordinary view.
  const part = Uint8Array.prototype.subarray.call(this as Uint8Array, begin, end);
  const piece = pieces.get(this)!;
  const first = piece.layout.offset + (part.byteOffset - this.byteOffset) / piece.dtype.itemsize;
  return sharedArray(piece.view(new Layout([part.length], [1], first)));
}

/** The prototypes of owning arrays, by the ordinary ones that they inherit from. */
const prototypes = new Map<object, object>();
function owningPrototype(ordinary: object): object {
  const known = prototypes.get(ordinary);
  if (known !== undefined) return known;
  const made = Object.create(ordinary, { subarray: { value: subarray, writable: true, configurable: true } }) as object;
  prototypes.set(ordinary, made);
  return made;
}

/** A typed array over the bytes of a one-dimensional, gapless operand, which it owns from now on together with everybody else who does. */
export function sharedArray(piece: Operand): DataArray {
  const { storage, layout, dtype, device } = piece;
  if (device.backend.hostMemory === undefined) throw numpyDevice(device.type);
  checkArrayDtype(dtype);
  const memory = device.backend.hostMemory(storage.block);
  if (memory === null) throw memoryNotShared(device.type);
  const start = memory.offset + layout.offset * dtype.itemsize;
  const array =
    dtype === float16 ? new (float16Array()!)(memory.buffer, start, layout.numel) : dtype.view(memory.buffer, start, layout.numel);
  Object.setPrototypeOf(array, owningPrototype(Object.getPrototypeOf(array)));
  pieces.set(array, piece);
  holdStorage(array, storage);
  return array;
}

/** How `numpy` goes about it. */
export interface NumpyOptions {
  /** Leaves the history of a tensor that requires gradients behind, as `x.detach().numpy()` does; false. */
  force?: boolean;
}

/**
 * The tensor as the parts of an ndarray over the same memory: what is written to one is seen in the other. No copy is made, whatever the strides.
 * `data` reaches from the tensor's first element to its last, and keeps the memory alive as a tensor does, also after `x.dispose()`.
 * bool comes as bytes of 0 or 1, int64 as bigints, float16 as `Float16Array`.
 *
 * Writes through `data` are not counted by `x.version`, so autograd does not notice that a value it saved has changed; as in PyTorch.
 *
 * @example
 * const { data, shape, stride, offset } = torch.toNdarray(x);
 * const array = ndarray(data, shape, stride, offset);
 * array.set(0, 0, 5); // x.at(0, 0) is 5
 * @throws GradError for a tensor that requires gradients, DeviceError for one whose device has a memory of its own (move it: `await x.cpu()`) or a
 * memory that cannot be shared with typed arrays (then `x.toTypedArray()` copies), DTypeError for bfloat16, and for float16 where the engine has no
 * `Float16Array`.
 */
export function toNdarray<D extends DataArray = DataArray>(x: Tensor, force: boolean | NumpyOptions = false): NdarrayParts<D> {
  const { operand } = x;
  if (operand.device.backend.hostMemory === undefined) throw numpyDevice(operand.device.type);
  const forced = isOptions(force) ? (force as NumpyOptions).force === true : force === true;
  if (!forced && x.requiresGrad && isGradEnabled()) throw numpyNeedsGrad();
  const { layout } = operand;
  let length = layout.numel === 0 ? 0 : 1;
  for (let d = 0; d < layout.ndim && length > 0; d++) length += (layout.shape[d]! - 1) * layout.strides[d]!;
  const data = sharedArray(operand.view(new Layout([length], [1], layout.offset))) as D;
  return { data, shape: [...layout.shape], stride: [...layout.strides], offset: 0 };
}
