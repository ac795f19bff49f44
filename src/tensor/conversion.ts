import * as types from "../core/dtype.ts";
import type { DType } from "../core/dtype.ts";
import { ArgumentError } from "../core/errors.ts";
import { type Device, device as findDevice } from "../dispatch/device.ts";
import { allocateContiguous } from "../dispatch/allocate.ts";
import { isGradEnabled } from "../autograd/modes.ts";
import { Node } from "../autograd/node.ts";
import { Tensor } from "./tensor.ts";

/** Other dtypes and devices. */
export interface Conversions {
  /** The values as another dtype, or as the dtype of another tensor on the same device. The tensor itself where nothing changes. */
  to(dtype: DType): Tensor;
  /** The values on another device. */
  to(device: string | Device, dtype?: DType): Promise<Tensor>;
  /** The values with the dtype and on the device of another tensor. */
  to(other: Tensor): Promise<Tensor>;
  /** The values on the CPU. */
  cpu(): Promise<Tensor>;
  /** Without arguments the dtype's type name (`torch.FloatTensor`); with a dtype, the values as that. */
  type(): string;
  type(dtype: DType): Tensor;
  float(): Tensor;
  double(): Tensor;
  half(): Tensor;
  bfloat16(): Tensor;
  int(): Tensor;
  long(): Tensor;
  short(): Tensor;
  char(): Tensor;
  byte(): Tensor;
  bool(): Tensor;
}

/** The gradient goes back to the device that the values came from. */
class ToDeviceNode extends Node {
  private readonly from: Device;
  constructor(x: Tensor) {
    super("ToCopyBackward0", [x.gradientEdge()]);
    this.from = x.device;
  }
  override backward([g]: readonly (Tensor | null)[]): (Tensor | null)[] {
    return [transferSync(g!, this.from)];
  }
}

/** Copies to another device at once: possible where the source shares memory with the host. */
function transferSync(x: Tensor, to: Device): Tensor {
  const data = x.toTypedArraySync();
  const out = allocateContiguous(x.shape, x.dtype, to);
  if (x.numel() > 0) to.backend.write(out.storage.block, 0, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return new Tensor(out);
}

async function toDevice(x: Tensor, to: Device): Promise<Tensor> {
  if (x.device === to) return x;
  const data = await x.toTypedArray();
  const out = allocateContiguous(x.shape, x.dtype, to);
  if (x.numel() > 0) to.backend.write(out.storage.block, 0, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  const y = new Tensor(out);
  if (isGradEnabled() && x.requiresGrad) y.setHistory(new ToDeviceNode(x));
  return y;
}

function to(this: Tensor, target: DType | string | Device | Tensor, dtype?: DType): Tensor | Promise<Tensor> {
  if (types.isDType(target)) return this.dtype === target ? this : this.convert(target);
  if (target instanceof Tensor) return toDevice(this.to(target.dtype), target.device);
  if (typeof target === "string" || (typeof target === "object" && target !== null && "backend" in target)) {
    return toDevice(dtype === undefined ? this : this.to(dtype), findDevice(target));
  }
  throw new ArgumentError(`to() received an invalid combination of arguments - got (${typeof target})`);
}

const typeName = (x: Tensor): string => `torch.${x.dtype.scalarName}Tensor`;

export const conversions: Record<keyof Conversions, unknown> & ThisType<Tensor> = {
  to,
  cpu() {
    return toDevice(this, findDevice("cpu"));
  },
  type(dtype?: DType) {
    return dtype === undefined ? typeName(this) : this.to(dtype);
  },
  float() {
    return this.to(types.float32);
  },
  double() {
    return this.to(types.float64);
  },
  half() {
    return this.to(types.float16);
  },
  bfloat16() {
    return this.to(types.bfloat16);
  },
  int() {
    return this.to(types.int32);
  },
  long() {
    return this.to(types.int64);
  },
  short() {
    return this.to(types.int16);
  },
  char() {
    return this.to(types.int8);
  },
  byte() {
    return this.to(types.uint8);
  },
  bool() {
    return this.to(types.bool);
  },
};
