import type { Tensor } from "../../tensor/tensor.ts";
import { type Functional, oneOp } from "./define.ts";

/** Dimensions `startDim` (0) to `endDim` (the last) as one. */
export const flatten: Functional<[input: Tensor], [startDim: number, endDim: number], { startDim?: number; endDim?: number }, Tensor> =
  oneOp("flatten", ["input", "startDim", "endDim"], 1, 1, (input: Tensor, startDim: number = 0, endDim: number = -1) =>
    input.flatten(startDim, endDim),
  );
