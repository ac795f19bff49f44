import { isGradEnabled } from "../autograd/modes.ts";
import { Node } from "../autograd/node.ts";
import type { DType } from "../core/dtype.ts";
import * as types from "../core/dtype.ts";
import { ArgumentError, unexpectedKeyword } from "../core/errors.ts";
import { allocateContiguous } from "../dispatch/allocate.ts";
import { type Device, device as findDevice } from "../dispatch/device.ts";
import { isOptions } from "./arguments.ts";
import { Tensor } from "./tensor.ts";

/** Other dtypes and devices. */
export interface Conversions {
  /** The values as another dtype, or as the dtype of another tensor on the same device. The tensor itself where nothing changes. */
  to(dtype: DType, options?: FormatOptions): Tensor;
  /** The values on another device. */
  to(device: string | Device, dtype?: DType): Promise<Tensor>;
  /** The values with the dtype and on the device of another tensor. */
  to(other: Tensor): Promise<Tensor>;
  /** The values on the CPU. */
  cpu(): Promise<Tensor>;
  /** Without arguments the dtype's type name (`torch.FloatTensor`); with a dtype, the values as that. */
  type(): string;
  type(dtype: DType): Tensor;
  float(options?: FormatOptions): Tensor;
  double(options?: FormatOptions): Tensor;
  half(options?: FormatOptions): Tensor;
  bfloat16(options?: FormatOptions): Tensor;
  int(options?: FormatOptions): Tensor;
  long(options?: FormatOptions): Tensor;
  short(options?: FormatOptions): Tensor;
  char(options?: FormatOptions): Tensor;
  byte(options?: FormatOptions): Tensor;
  bool(options?: FormatOptions): Tensor;
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
  if (x.numel() > 0) to.backend.write(out.storage.block, out.dtype, 0, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return new Tensor(out);
}

async function toDevice(x: Tensor, to: Device): Promise<Tensor> {
  if (x.device === to) return x;
  const data = await x.toTypedArray();
  const out = allocateContiguous(x.shape, x.dtype, to);
  if (x.numel() > 0) to.backend.write(out.storage.block, out.dtype, 0, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  const y = new Tensor(out);
  if (isGradEnabled() && x.requiresGrad) y.setHistory(new ToDeviceNode(x));
  return y;
}

/** How the elements lie in memory: `"channels_last"` puts dimension 1 innermost. */
export interface FormatOptions {
  memoryFormat?: "contiguous_format" | "channels_last" | "channels_last_3d" | "preserve_format" | null;
  /** A new tensor even where nothing changes. */
  copy?: boolean;
}

/** The values as a dtype, in a memory format. */
function converted(x: Tensor, dtype: DType, { memoryFormat, copy = false }: FormatOptions): Tensor {
  const y = x.dtype === dtype ? x : x.convert(dtype);
  return formatted(copy && y === x ? x.clone() : y, memoryFormat);
}

/** The values laid out in memory as a format says. */
function formatted(x: Tensor, format: FormatOptions["memoryFormat"]): Tensor {
  if (format == null || format === "preserve_format") return x;
  if (format === "contiguous_format") return x.contiguous();
  const order = [0, ...Array.from({ length: x.ndim - 2 }, (_, d) => d + 2), 1];
  return x
    .permute(order)
    .contiguous()
    .permute(order.map((_, d) => order.indexOf(d)));
}

function to(this: Tensor, target: DType | string | Device | Tensor, ...rest: readonly unknown[]): Tensor | Promise<Tensor> {
  const options = rest.find((a) => isOptions(a)) as (FormatOptions & { dtype?: DType }) | undefined;
  const [, copy] = rest.filter((a) => typeof a === "boolean") as boolean[];
  const dtype = (rest[0] !== undefined && types.isDType(rest[0]) ? rest[0] : options?.dtype) as DType | undefined;
  for (const key of Object.keys(options ?? {}))
    if (!["dtype", "memoryFormat", "copy", "nonBlocking"].includes(key)) throw unexpectedKeyword("to", key);
  if (types.isDType(target)) return converted(this, target, { ...options, ...(copy === undefined ? {} : { copy }) });
  if (target instanceof Tensor) return toDevice(this.to(target.dtype), target.device);
  if (typeof target === "string" || (typeof target === "object" && target !== null && "backend" in target)) {
    const moved = toDevice(converted(this, dtype ?? this.dtype, copy === undefined ? {} : { copy }), findDevice(target));
    return moved.then((x) => formatted(x, options?.memoryFormat));
  }
  throw new ArgumentError(`to() received an invalid combination of arguments - got (${typeof target})`);
}

const typeName = (x: Tensor): string => `torch.${x.dtype.scalarName}Tensor`;

/** Methods that convert to the dtype they are named after. */
const named = {
  float: types.float32,
  double: types.float64,
  half: types.float16,
  bfloat16: types.bfloat16,
  int: types.int32,
  long: types.int64,
  short: types.int16,
  char: types.int8,
  byte: types.uint8,
  bool: types.bool,
};

export const conversions: Record<keyof Conversions, unknown> & ThisType<Tensor> = {
  to,
  cpu(this: Tensor) {
    return toDevice(this, findDevice("cpu"));
  },
  type(this: Tensor, dtype?: DType) {
    return dtype === undefined ? typeName(this) : this.to(dtype);
  },
  ...Object.fromEntries(
    Object.entries(named).map(([name, dtype]) => [
      name,
      function (this: Tensor, options: FormatOptions = {}) {
        return converted(this, dtype, options);
      },
    ]),
  ),
} as Record<keyof Conversions, unknown> & ThisType<Tensor>;
