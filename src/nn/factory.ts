import type { DType } from "../core/dtype.ts";
import { empty } from "../tensor/creation.ts";
import { type Device, findDevice, getDefaultDevice, uploaded } from "../tensor/functional-ops.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Module } from "./module.ts";
import { Parameter } from "./parameter.ts";

/** Where a layer's parameters are made, and of what dtype. */
export interface FactoryOptions {
  device?: string | Device | null;
  dtype?: DType | null;
}

/** A tensor for a layer's parameter or buffer, not filled yet. On the CPU: `place` moves it once it is initialised. */
export const blank = (shape: readonly number[], dtype: DType | null | undefined): Tensor =>
  empty(shape, { device: "cpu", dtype: dtype ?? null });
/** A parameter that is not filled yet. */
export function blankParameter(shape: readonly number[], dtype: DType | null | undefined): Parameter {
  const data = blank(shape, dtype);
  const parameter = new Parameter(data);
  data.dispose();
  return parameter;
}

/**
 * Note [Parameters are made on the CPU]. The CPU's generator gives PyTorch's numbers bit for bit, those of other devices have random numbers of
 * their own. So a layer fills its parameters on the CPU and then moves them, and initial weights are the same on every device.
 */
export function place(module: Module, device: string | Device | null | undefined): void {
  const target = device == null ? getDefaultDevice() : findDevice(device);
  for (const x of [...module.parameters({ recurse: false }), ...module.buffers({ recurse: false })]) {
    if (x.device === target) continue;
    const moved = uploaded(x, target);
    x.data = moved;
    moved.dispose();
  }
}
