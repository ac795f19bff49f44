import { type DType, int16, int32, uint8 } from "../../core/dtype.ts";
import { arg } from "../../kernel/expr.ts";
import type { Compiled, KernelOf } from "../../kernel/kernel.ts";
import type { Context } from "./context.ts";
import { map } from "./map.ts";
import { format } from "./shader.ts";

/** The dtype that moves elements of a size without looking at them. */
export const raw = (dtype: DType): DType => ({ 1: uint8, 2: int16, 4: int32 })[format(dtype).bytes];

/** Copies between layouts: maps of integers, so that no bit of a NaN changes. */
export function copy(context: Context, kernel: KernelOf<"copy">): Compiled {
  const dtype = raw(kernel.inputs[0]!);
  return map(context, { kind: "map", inputs: [dtype], outputs: [{ dtype, value: arg(0, "i32") }], compiled: [] });
}
