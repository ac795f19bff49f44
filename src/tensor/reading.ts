import { withGrad } from "../autograd/modes.ts";
import { bfloat16, bool, type DataArray, float16 } from "../core/dtype.ts";
import { ArgumentError, ambiguousBool, cannotConvertToScalar, noSyncRead, unsafeInteger } from "../core/errors.ts";
import { numberFromBfloat16, numberFromFloat16 } from "../core/half.ts";
import { formatSpec } from "../core/print/python.ts";
import { formatTensor, formatTensorWithoutValues, type Printable } from "../core/print/tensor.ts";
import type { Operand } from "../dispatch/operand.ts";
import { copy } from "../dispatch/run.ts";
import { relieve, underPressure } from "../memory/pressure.ts";
import { type NdarrayParts, type NumpyOptions, toNdarray } from "./shared-arrays.ts";
import type { Tensor } from "./tensor.ts";

/** A plain value of an element: int64 values are plain numbers where they fit. */
export type Element = number | boolean;
export type NestedList = Element | NestedList[];

/** Getting values out of a tensor. Everything is awaited; the synchronous twins exist where the device shares memory with the host. */
export interface Reading {
  /** The value of a one-element tensor as a number or boolean. An int64 beyond 2^53 raises and names `itemBigInt`. */
  item(): Promise<Element>;
  /** The value of a one-element integer tensor with all its bits. */
  itemBigInt(): Promise<bigint>;
  /** The values as nested arrays; of a 0-d tensor, the value. */
  tolist(): Promise<NestedList>;
  /** A copy of the values in row-major order, in the typed array of the dtype (bool: bytes; float16, bfloat16: raw bits). */
  toTypedArray(): Promise<DataArray>;
  itemSync(): Element;
  tolistSync(): NestedList;
  toTypedArraySync(): DataArray;
  /** The parts of an ndarray over the same memory, on the CPU: see `torch.toNdarray`. */
  numpy<D extends DataArray = DataArray>(force?: boolean | NumpyOptions): NdarrayParts<D>;
  /** What `print(x)` shows in PyTorch, with values on every device. */
  repr(): Promise<string>;
  /** What `print(x)` shows in PyTorch. Where values cannot be read at once: device, size and dtype, and what to await for the values. */
  toString(): string;
  /** The value in one of Python's format specifications: `x.format(".3f")`. */
  format(spec: string): string;
  /** Iterates over the first dimension. */
  [Symbol.iterator](): IterableIterator<Tensor>;
}

/** The operand's elements in row-major order, in one piece. */
function gathered(x: Operand): { operand: Operand; owned: boolean } {
  if (x.layout.isContiguous) return { operand: x, owned: false };
  const operand = copy(x);
  operand.storage.retain();
  return { operand, owned: true };
}

const decode = (x: Operand, bytes: Uint8Array): DataArray => x.dtype.view(bytes.buffer, bytes.byteOffset, x.layout.numel);

async function read(x: Operand): Promise<DataArray> {
  if (x.layout.numel === 0) return decode(x, new Uint8Array(0));
  const { operand, owned } = gathered(x);
  // The storage must not be reused while the device still copies out of it.
  operand.storage.retain();
  try {
    const bytes = await x.device.backend.read(operand.storage.block, x.dtype, operand.layout.offset, x.layout.numel);
    if (underPressure()) await relieve();
    return decode(x, bytes);
  } finally {
    operand.storage.release();
    if (owned) operand.storage.release();
  }
}

function readSync(x: Operand, awaitable: string): DataArray {
  const { backend } = x.device;
  if (backend.readSync === undefined) throw noSyncRead(x.device.type, awaitable);
  if (x.layout.numel === 0) return decode(x, new Uint8Array(0));
  const { operand, owned } = gathered(x);
  const bytes = backend.readSync(operand.storage.block, x.dtype, operand.layout.offset, x.layout.numel);
  if (owned) operand.storage.release();
  return decode(x, bytes);
}

/** Element `i` as a JavaScript value, integers with all their bits. */
function rawElement(x: Tensor, data: DataArray, i: number): number | bigint | boolean {
  const v = data[i]!;
  if (x.dtype === bool) return v !== 0;
  if (x.dtype === float16) return numberFromFloat16(v as number);
  return x.dtype === bfloat16 ? numberFromBfloat16(v as number) : v;
}

function element(x: Tensor, data: DataArray, i: number): Element {
  const v = rawElement(x, data, i);
  if (typeof v !== "bigint") return v;
  const n = Number(v);
  if (!Number.isSafeInteger(n)) throw unsafeInteger(v);
  return n;
}

function nested(x: Tensor, data: DataArray): NestedList {
  const { shape } = x;
  let at = 0;
  const build = (d: number): NestedList =>
    d === shape.length ? element(x, data, at++) : Array.from({ length: shape[d]! }, () => build(d + 1));
  return build(0);
}

function oneElement(x: Tensor): void {
  if (x.numel() !== 1) throw cannotConvertToScalar(x.numel());
}

function printable(x: Tensor, at: Printable["at"]): Printable {
  // Without recording, because a view that may no longer be used can still be looked at.
  const node = withGrad(false, () => x.gradFn);
  return {
    dtypeName: x.dtype.name,
    shape: x.shape,
    at,
    device: x.device.type,
    requiresGrad: x.requiresGrad,
    gradFn: node?.name ?? null,
    parameter: (x as { isParameter?: boolean }).isParameter === true,
  };
}

/** Reads elements one by one, from a copy of the part of the storage that the tensor can see. */
function elementsSync(x: Tensor): Printable["at"] {
  const data = readSync(x.operand, "await x.repr()");
  return (i) => rawElement(x, data, i);
}

export const reading: Reading & Record<symbol, unknown> & ThisType<Tensor> = {
  async item() {
    oneElement(this);
    return element(this, await read(this.operand), 0);
  },
  async itemBigInt() {
    oneElement(this);
    return BigInt((await read(this.operand))[0]!);
  },
  async tolist() {
    return nested(this, await read(this.operand));
  },
  toTypedArray() {
    return read(this.operand);
  },
  itemSync() {
    oneElement(this);
    return element(this, readSync(this.operand, "await x.item()"), 0);
  },
  tolistSync() {
    return nested(this, readSync(this.operand, "await x.tolist()"));
  },
  toTypedArraySync() {
    return readSync(this.operand, "await x.toTypedArray()");
  },
  numpy<D extends DataArray>(this: Tensor, force?: boolean | NumpyOptions) {
    return toNdarray<D>(this, force);
  },
  async repr() {
    const data = await read(this.operand);
    return formatTensor(printable(this, (i) => rawElement(this, data, i)));
  },
  toString() {
    if (this.isDisposed) return "tensor(<disposed>)";
    if (this.device.backend.readSync === undefined)
      return `${formatTensorWithoutValues(printable(this, () => 0))}  # values: await x.repr()`;
    return formatTensor(printable(this, elementsSync(this)));
  },
  format(spec) {
    if (this.ndim > 0) {
      if (spec === "") return String(this);
      throw new ArgumentError("unsupported format string passed to Tensor.__format__");
    }
    const v = rawElement(this, readSync(this.operand, "await x.item()"), 0);
    return formatSpec(v as number, spec);
  },
  // What console.log shows in Node: without it, the storage with the whole heap behind it.
  [Symbol.for("nodejs.util.inspect.custom")]() {
    return this.toString();
  },
  *[Symbol.iterator]() {
    if (this.ndim === 0) throw new ArgumentError("iteration over a 0-d tensor");
    for (let i = 0; i < this.shape[0]!; i++) yield this.select(0, i);
  },
};

/** How many elements are zero. */
export function zeroCount(x: Tensor): number {
  let n = 0;
  for (const v of readSync(x.operand, "await x.cpu()")) if (Number(v) === 0) n++;
  return n;
}

/** The truth value of a one-element tensor. */
export function truth(x: Tensor): boolean {
  if (x.numel() !== 1) throw ambiguousBool(x.numel() === 0);
  return Boolean(x.itemSync());
}
