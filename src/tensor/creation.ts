import { bool, type DataArray, type DType, float32, float64, getDefaultDtype, int64, isDType, Scalar } from "../core/dtype.ts";
import { ArgumentError, dtypeCombination, gradDtype, negativeDimension, TorchletError, ValueError } from "../core/errors.ts";
import { reprFloat } from "../core/print/python.ts";
import { allocate, allocateContiguous } from "../dispatch/allocate.ts";
import { type Device, device as findDevice, getDefaultDevice } from "../dispatch/device.ts";
import { resultLayout } from "../dispatch/strides.ts";
import { add, cast, constant, type Expr, eq, idiv, irem, le, mul, scalar, select, sub } from "../kernel/expr.ts";
import type { MapKernel } from "../kernel/kernel.ts";
import { ownedBy } from "../memory/ownership.ts";
import { isOptions } from "./arguments.ts";
import { pythonTypeName } from "./call-pointwise.ts";
import { arrayDtype, fromValues } from "./encode.ts";
import { filled, fillInto, generated, generatorKernel } from "./fill.ts";
import { Tensor } from "./tensor.ts";
import { checkHolds, uploaded } from "./transfer.ts";

/** How a new tensor is to be. */
export interface TensorOptions {
  dtype?: DType | null;
  device?: string | Device | null;
  requiresGrad?: boolean;
}
/** A shape as one array or as numbers. */
export type SizeArgs = readonly [readonly number[], TensorOptions?] | readonly (number | TensorOptions)[];

type Plain = number | bigint | boolean | Scalar;
/** Numbers, or lists of them nested to any depth. Tensors of one element count as numbers. */
export type NestedData = Plain | Tensor | readonly NestedData[];

const KEYS = new Set(["dtype", "device", "requiresGrad", "generator", "layout", "pinMemory", "memoryFormat"]);

/** Applies what all creation functions have in common. */
export function finish(x: Tensor, options: TensorOptions): Tensor {
  if (options.requiresGrad) {
    if (!x.dtype.isFloatingPoint) throw gradDtype();
    x.requiresGrad = true;
  }
  return x;
}

export const optionDevice = (options: TensorOptions): Device => (options.device == null ? getDefaultDevice() : findDevice(options.device));

function checkOptions(name: string, options: Record<string, unknown>, more: readonly string[] = []): void {
  for (const [key, value] of Object.entries(options)) {
    if (value !== undefined && !KEYS.has(key) && !more.includes(key))
      throw new ArgumentError(`${name}() got an unexpected keyword argument '${key}'`, key);
  }
  if (options.dtype != null && !isDType(options.dtype)) {
    throw new ArgumentError(`${name}(): argument 'dtype' must be torch.dtype, not ${pythonTypeName(options.dtype)}`);
  }
}

/** Splits `zeros(2, 3, { dtype })` or `zeros([2, 3], { dtype })` into a shape and options. */
export function sizeAndOptions(name: string, args: readonly unknown[]): { shape: number[]; options: TensorOptions } {
  const options = isOptions(args.at(-1)) ? (args.at(-1) as Record<string, unknown>) : {};
  let sizes: readonly unknown[] = isOptions(args.at(-1)) ? args.slice(0, -1) : args;
  if (sizes.length === 0 && options.size !== undefined) sizes = [options.size];
  if (options.dtype != null && !isDType(options.dtype))
    throw dtypeCombination(name, sizes.map(pythonTypeName), pythonTypeName(options.dtype));
  checkOptions(name, options, ["size"]);
  if (sizes.length === 1 && Array.isArray(sizes[0])) sizes = sizes[0];
  return { shape: checkedShape(name, sizes), options: options as TensorOptions };
}

/** A shape from user values: whole numbers of at least 0. */
export function checkedShape(name: string, sizes: readonly unknown[]): number[] {
  const shape = sizes.map((n, i) => {
    const value = typeof n === "bigint" ? Number(n) : n;
    if (typeof value !== "number" || !Number.isInteger(value)) {
      const got = pythonTypeName(n);
      throw new ArgumentError(
        sizes.length === 1
          ? `${name}(): argument 'size' (position 1) must be tuple of SymInts, not ${got}`
          : `${name}(): argument 'size' must be tuple of SymInts, but found element of type ${got} at pos ${i + 1}`,
      );
    }
    return value;
  });
  for (const n of shape) if (n < 0) throw negativeDimension(n, shape);
  return shape;
}

type Creation = (...args: SizeArgs) => Tensor;
const constantOf =
  (name: string, value: number): Creation =>
  (...args) => {
    const { shape, options } = sizeAndOptions(name, args);
    return finish(filled(shape, value, options.dtype ?? getDefaultDtype(), optionDevice(options)), options);
  };

/** A tensor of zeros: `zeros(2, 3)` or `zeros([2, 3], { dtype })`. */
export const zeros: Creation = constantOf("zeros", 0);
/** A tensor of ones: `ones(2, 3)` or `ones([2, 3], { dtype })`. */
export const ones: Creation = constantOf("ones", 1);
/** A tensor whose values are whatever was in the memory. */
export const empty: Creation = (...args) => {
  const { shape, options } = sizeAndOptions("empty", args);
  return finish(new Tensor(allocateContiguous(shape, options.dtype ?? getDefaultDtype(), optionDevice(options))), options);
};

/** The dtype that a plain number gives a tensor: numbers are floats, bigints int64, booleans bool. */
export function inferDtype(value: Plain): DType {
  if (value instanceof Scalar) return value.dtype;
  return typeof value === "bigint" ? int64 : typeof value === "boolean" ? bool : getDefaultDtype();
}
const plainValue = (value: Plain): number | bigint | boolean => (value instanceof Scalar ? value.value : value);

/** A tensor of shape `size` with `fillValue` everywhere. A number fills with float32, a bigint with int64, a boolean with bool. */
export function full(size: readonly number[], fillValue: Plain, options: TensorOptions = {}): Tensor {
  checkOptions("full", options as Record<string, unknown>);
  const shape = checkedShape("full", size);
  return finish(filled(shape, plainValue(fillValue), options.dtype ?? inferDtype(fillValue), optionDevice(options)), options);
}

/** Options of `arange`: its bounds may also come by name. */
export interface ArangeOptions extends TensorOptions {
  start?: Plain;
  end?: Plain;
  step?: Plain;
}

/** The number of steps from `start` to `end` (exclusive). */
function arangeLength(start: number, end: number, step: number): number {
  const reprNumber = (x: number): string => (Number.isFinite(x) ? String(x) : reprFloat(x));
  if (step === 0) throw new TorchletError("step must be nonzero");
  if (!Number.isFinite(start) || !Number.isFinite(end))
    throw new TorchletError(`unsupported range: ${reprNumber(start)} -> ${reprNumber(end)}`);
  if ((step > 0 && start > end) || (step < 0 && start < end))
    throw new TorchletError("upper bound and larger bound inconsistent with step sign");
  return Math.ceil((end - start) / step);
}

/**
 * Values from `start` (0) to `end`, exclusive, in steps of `step` (1): `arange(end)`, `arange(start, end, step)`. Whole numbers give int64,
 * any other the default float dtype.
 */
export function arange(...args: (number | bigint | Scalar | ArangeOptions)[]): Tensor {
  const options = (isOptions(args.at(-1)) ? args.at(-1) : {}) as ArangeOptions;
  checkOptions("arange", options as Record<string, unknown>, ["start", "end", "step"]);
  const given = (isOptions(args.at(-1)) ? args.slice(0, -1) : args) as Plain[];
  const [a, b, c] = given.length === 1 && options.end === undefined ? [undefined, given[0], undefined] : given;
  const bounds = [a ?? options.start ?? 0n, b ?? options.end ?? 0n, c ?? options.step ?? 1n] as Plain[];
  const whole = bounds.every((v) => (v instanceof Scalar ? v.dtype.category !== "float" : typeof v === "bigint" || Number.isInteger(v)));
  const dtype = options.dtype ?? (whole ? int64 : getDefaultDtype());
  const [start, end, step] = bounds.map((v) => Number(plainValue(v))) as [number, number, number];
  const n = arangeLength(start, end, step);
  const device = optionDevice(options);
  if (dtype.category === "int") {
    const value = (i: Expr) => cast(add(scalar(0, "i64"), mul(i, scalar(1, "i64"))), dtype);
    const first = [BigInt(Math.trunc(start)), BigInt(Math.trunc(step))];
    return finish(generated(generatorKernel("arangeInt", dtype, value), [n], device, first), options);
  }
  const value = (i: Expr) => cast(add(scalar(0, "f64"), mul(cast(i, float64), scalar(1, "f64"))), dtype);
  return finish(generatedInFloats(generatorKernel("arange", dtype, value), [n], device, [start, step]), options);
}

/** Numbers of a sequence of fractions: on a device without float64 made on the CPU, so that they are the same everywhere. */
function generatedInFloats(kernel: MapKernel, shape: readonly number[], device: Device, scalars: readonly number[]): Tensor {
  if (device.backend.supports(float64)) return generated(kernel, shape, device, scalars);
  checkHolds(device, kernel.outputs[0]!.dtype);
  const onCpu = generated(kernel, shape, findDevice("cpu"), scalars);
  const there = uploaded(onCpu, device);
  onCpu.dispose();
  return there;
}

/** `steps` values evenly spaced from `start` to `end`, both included. Computed from both ends, as PyTorch does, so that it is symmetric. */
export function linspace(start: number | Scalar, end: number | Scalar, steps: number, options: TensorOptions = {}): Tensor {
  checkOptions("linspace", options as Record<string, unknown>);
  const [a, b] = [Number(plainValue(start)), Number(plainValue(end))];
  if (steps < 0) throw new TorchletError("number of steps must be non-negative");
  const dtype = options.dtype ?? getDefaultDtype();
  const compute = dtype === float64 ? float64 : float32;
  const type = compute.compute;
  const step = steps > 1 ? (b - a) / (steps - 1) : 0;
  const value = (i: Expr) => {
    const first = add(scalar(0, type), mul(cast(i, compute), scalar(2, type)));
    const last = sub(scalar(1, type), mul(cast(sub(scalar(3, "i64"), i), compute), scalar(2, type)));
    return cast(select(le(i, scalar(4, "i64")), first, last), dtype);
  };
  return finish(
    generatedInFloats(generatorKernel("linspace", dtype, value), [steps], optionDevice(options), [
      a,
      b,
      step,
      steps - 1,
      Math.floor((steps - 1) / 2),
    ]),
    options,
  );
}

/** A matrix with ones on the diagonal: `eye(n)` or `eye(n, m)`. */
export function eye(n: number, m?: number | TensorOptions, options: TensorOptions = {}): Tensor {
  const columns = typeof m === "number" ? m : n;
  const o = isOptions(m) ? (m as TensorOptions) : options;
  checkOptions("eye", o as Record<string, unknown>);
  if (n < 0) throw new TorchletError(`n must be greater or equal to 0, got ${n}`);
  if (columns < 0) throw new TorchletError(`m must be greater or equal to 0, got ${columns}`);
  const dtype = o.dtype ?? getDefaultDtype();
  const value = (i: Expr) => {
    const on = eq(idiv(i, scalar(0, "i64")), irem(i, scalar(0, "i64")));
    return dtype === bool ? on : select(on, constant(1, dtype.compute), constant(0, dtype.compute));
  };
  return finish(generated(generatorKernel("eye", dtype, value), [n, columns], optionDevice(o), [Math.max(columns, 1)]), o);
}

// ---- from data

interface Flat {
  readonly shape: number[];
  readonly values: (number | bigint | boolean)[];
  dtype: DType | null;
}

/** The leaves of nested lists, their common shape, and the dtype that they stand for together. */
function flatten(data: NestedData): Flat {
  const shape: number[] = [];
  for (let d: NestedData | undefined = data; Array.isArray(d); d = d[0]) shape.push(d.length);
  const flat: Flat = { shape, values: [], dtype: null };
  const visit = (x: NestedData, depth: number): void => {
    if (!Array.isArray(x)) {
      if (depth < shape.length) throw new ArgumentError("not a sequence");
      leaf(flat, x as Plain | Tensor);
      return;
    }
    if (depth >= shape.length) throw new ArgumentError("'list' object cannot be interpreted as an integer");
    if (x.length !== shape[depth]) throw new ValueError(`expected sequence of length ${shape[depth]} at dim ${depth} (got ${x.length})`);
    for (const e of x) visit(e, depth + 1);
  };
  visit(data, 0);
  return flat;
}

const order = (d: DType): number => (d.category === "bool" ? 0 : d.category === "int" ? 1 : 2);

function leaf(flat: Flat, x: Plain | Tensor): void {
  const isTensor = x instanceof Tensor;
  if (!isTensor && !(x instanceof Scalar) && !["number", "bigint", "boolean"].includes(typeof x)) {
    throw new TorchletError(`Could not infer dtype of ${pythonTypeName(x)}`);
  }
  const dtype = isTensor ? x.dtype : inferDtype(x);
  flat.values.push(isTensor ? x.itemSync() : plainValue(x));
  if (flat.dtype === null || order(dtype) > order(flat.dtype)) flat.dtype = dtype;
}

/**
 * A tensor of the given values, copied. Plain numbers give float32 (the first difference from Python: write `[1n, 2n]` for integers), bigints
 * int64, booleans bool; a typed array keeps its dtype.
 *
 * @example
 * torch.tensor([[1, 2], [3, 4]])                  // float32
 * torch.tensor([1n, 2n])                          // int64
 * torch.tensor(new Int32Array([1, 2]))            // int32
 * torch.tensor([1, 2], { dtype: torch.int64 })
 */
export function tensor(data: NestedData | DataArray | Uint8ClampedArray, options: TensorOptions = {}): Tensor {
  checkOptions("tensor", options as Record<string, unknown>);
  if (data instanceof Tensor) {
    const own = (): Tensor => {
      const same = withDeviceAndDtype(data.detach(), options);
      return same.untypedStorage() === data.untypedStorage() ? same.clone() : same;
    };
    return finish(
      ownedBy(own, (x) => [x]),
      options,
    );
  }
  const device = optionDevice(options);
  const own = arrayDtype(data);
  if (own !== null) {
    const array = data as DataArray;
    return finish(fromValues(array, [array.length], options.dtype ?? own, device), options);
  }
  const flat = flatten(data as NestedData);
  const dtype = options.dtype ?? flat.dtype ?? getDefaultDtype();
  if (options.requiresGrad && !dtype.isFloatingPoint) throw gradDtype();
  return finish(fromValues(flat.values, flat.shape, dtype, device), options);
}

/**
 * The tensor itself if it is one of this dtype and device, otherwise a new tensor of the data. To another device the gradient does not follow: for
 * that, `await x.to(device)`.
 */
export function asTensor(data: NestedData | DataArray, options: TensorOptions = {}): Tensor {
  return data instanceof Tensor ? withDeviceAndDtype(data, options) : tensor(data, options);
}

/** A tensor in the dtype and on the device that options name, copied at once: from a device that the host can read. */
function withDeviceAndDtype(x: Tensor, options: TensorOptions): Tensor {
  const device = options.device == null ? x.device : findDevice(options.device);
  const dtype = options.dtype ?? x.dtype;
  return device === x.device ? x.to(dtype) : uploaded(x, device, dtype);
}

// ---- like another tensor

const likeOptions = (x: Tensor, options: TensorOptions): TensorOptions & { dtype: DType; device: Device } => ({
  ...options,
  dtype: options.dtype ?? x.dtype,
  device: options.device == null ? x.device : findDevice(options.device),
});

/** Zeros of the shape, dtype and device of `input`. */
export const zerosLike = (input: Tensor, options: TensorOptions = {}): Tensor => fullLike(input, 0, options);
/** Ones of the shape, dtype and device of `input`. */
export const onesLike = (input: Tensor, options: TensorOptions = {}): Tensor => fullLike(input, 1, options);
/** One value everywhere, in the shape, dtype and on the device of `input`, its dimensions in the same order in memory. */
export function fullLike(input: Tensor, fillValue: Plain, options: TensorOptions = {}): Tensor {
  const x = emptyLike(input, { ...options, requiresGrad: false });
  fillInto(x.operand, plainValue(fillValue));
  return finish(x, options);
}
/** Uninitialised, of the shape, dtype and device of `input`, its dimensions in the same order in memory. */
export function emptyLike(input: Tensor, options: TensorOptions = {}): Tensor {
  checkOptions("empty_like", options as Record<string, unknown>);
  const o = likeOptions(input, options);
  return finish(new Tensor(allocate(resultLayout(input.shape, [input.layout]), o.dtype, o.device)), o);
}
