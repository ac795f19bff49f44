import { linear as apply } from "../../tensor/functional-ops.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type Functional, oneOp } from "./define.ts";

/**
 * `input @ weight.t() + bias`: rows of `input` (..., in) through a `weight` (out, in) and a `bias` (out), giving (..., out).
 * @example F.linear(x, layer.weight, layer.bias)
 */
export const linear: Functional<[input: Tensor, weight: Tensor], [bias: Tensor | null], { bias?: Tensor | null }, Tensor> = oneOp(
  "linear",
  ["input", "weight", "bias"],
  2,
  2,
  (input: Tensor, weight: Tensor, bias: Tensor | null = null) => apply(input, weight, bias),
);
