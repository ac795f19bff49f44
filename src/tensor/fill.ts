import { bool, type DType } from "../core/dtype.ts";
import { allocateContiguous } from "../dispatch/allocate.ts";
import type { Device } from "../dispatch/device.ts";
import type { Operand } from "../dispatch/operand.ts";
import { pointwiseKernel } from "../dispatch/pointwise-kernel.ts";
import { generate, map, mapInto } from "../dispatch/run.ts";
import { type Expr, position, scalar } from "../kernel/expr.ts";
import type { MapKernel } from "../kernel/kernel.ts";
import { Tensor } from "./tensor.ts";

const generators = new Map<string, MapKernel>();

/** A map without inputs: values from the position and numbers given at each run. One kernel per name and dtype. */
export function generatorKernel(name: string, dtype: DType, f: (i: Expr) => Expr): MapKernel {
  const key = `${name} ${dtype.name}`;
  let kernel = generators.get(key);
  if (kernel === undefined) {
    kernel = { kind: "map", inputs: [], outputs: [{ dtype, value: f(position) }], compiled: [] };
    generators.set(key, kernel);
  }
  return kernel;
}

/** A new tensor generated from positions. */
export const generated = (kernel: MapKernel, shape: readonly number[], device: Device, scalars: readonly (number | bigint)[]): Tensor =>
  new Tensor(generate(kernel, shape, device, { scalars }));

const fills: MapKernel[] = [];
const fillKernel = (dtype: DType): MapKernel => {
  fills[dtype.id] ??= generatorKernel("fill", dtype, () => scalar(0, dtype === bool ? "bool" : dtype.compute));
  return fills[dtype.id]!;
};

/**
 * The whole part of a number as an integer dtype takes it, found here so that no kernel has to compute in float64: NaN and infinities give the
 * smallest number of 64 bits (int64, uint8) or of 32 bits (the others), as conversions do.
 */
function wholePart(v: number, dtype: DType): number {
  if (Number.isFinite(v)) return Math.trunc(v);
  return dtype.name === "int64" || dtype.name === "uint8" ? -(2 ** 63) : -(2 ** 31);
}

/** The number that the kernel of a dtype fills with for a value. */
function filling(value: number | bigint | boolean, dtype: DType): number | bigint {
  const v = typeof value === "boolean" ? Number(value) : value;
  if (dtype === bool) return Number(Boolean(v) || Number.isNaN(v));
  return dtype.category === "int" && typeof v === "number" && !Number.isInteger(v) ? wholePart(v, dtype) : v;
}

/** A tensor of one value everywhere. */
export function filled(shape: readonly number[], value: number | bigint | boolean, dtype: DType, device: Device): Tensor {
  return generated(fillKernel(dtype), shape, device, [filling(value, dtype)]);
}

/** Writes one value everywhere. */
export function fillInto(out: Operand, value: number | bigint | boolean): void {
  mapInto(fillKernel(out.dtype), [], out, { scalars: [filling(value, out.dtype)] });
}

const identity = { f: (x?: Expr): Expr => x!, kernels: new Map<number, MapKernel>() };
const conversion = (from: DType, to: DType): MapKernel => pointwiseKernel(identity, [from], from, to, 0);

/** The values as another dtype, in a new tensor. */
export const converted = (x: Tensor, dtype: DType): Tensor => new Tensor(map(conversion(x.dtype, dtype), [x.operand])[0]!);

/** Writes the values of another operand, converted and stretched. */
export const convertInto = (out: Operand, from: Operand): void => mapInto(conversion(from.dtype, out.dtype), [from], out);

export const uninitialised = (shape: readonly number[], dtype: DType, device: Device): Tensor =>
  new Tensor(allocateContiguous(shape, dtype, device));
