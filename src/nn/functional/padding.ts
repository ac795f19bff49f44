import { padEdges, type PaddingMode } from "../../tensor/functional-ops.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type Functional, functional } from "./define.ts";

export type { PaddingMode };

/**
 * A border around the last dimensions: `pad` lists (before, after) from the last dimension on; negative amounts crop. The border is `value`
 * (`"constant"`), or taken from the input: mirrored without the edge (`"reflect"`), its edge (`"replicate"`), or its other end (`"circular"`).
 * @example F.pad(x, [1, 1, 2, 2]) // one column on each side, two rows above and below
 */
export const pad: Functional<
  [input: Tensor, pad: readonly number[]], [mode: PaddingMode, value: number | null], { mode?: PaddingMode; value?: number | null }, Tensor
> = functional("pad", ["input", "pad", "mode", "value"], 2, (input: Tensor, amounts: readonly number[], mode: PaddingMode = "constant", value: number | null = null) =>
  mode === "constant" ? input.pad(amounts, value ?? 0) : padEdges(input, amounts, mode, value),
);
