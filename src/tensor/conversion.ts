import type { DType } from "../core/dtype.ts";
import * as types from "../core/dtype.ts";
import { ArgumentError, unexpectedKeyword } from "../core/errors.ts";
import type { Device } from "../dispatch/device.ts";
import { isOptions } from "./arguments.ts";
import { Tensor } from "./tensor.ts";
import { moved } from "./transfer.ts";

/** Other dtypes and devices. */
export interface Conversions {
  /** The values as another dtype, or as the dtype of another tensor on the same device. The tensor itself where nothing changes. */
  to(dtype: DType, options?: FormatOptions): Tensor;
  /**
   * The values on another device, which this starts where it takes time. The gradient goes back to where they came from.
   * @example const x = await torch.randn(2, 3).to("webgpu");
   * @throws DeviceError for a dtype that the device has not (float64: convert with `.float()`); nothing has been moved then.
   */
  to(device: string | Device, dtype?: DType | FormatOptions, options?: FormatOptions): Promise<Tensor>;
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
  const other = target instanceof Tensor;
  if (other || typeof target === "string" || (typeof target === "object" && target !== null && "backend" in target)) {
    const there = moved(this, other ? target.device : target, other ? target.dtype : (dtype ?? this.dtype));
    const fresh = copy ?? options?.copy ?? false;
    return there.then((x) => formatted(fresh && x === this ? x.clone() : x, options?.memoryFormat));
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
    return moved(this, "cpu");
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
