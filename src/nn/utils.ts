/** `nn.utils`: gradients clipped, parameters as one vector. */
import { withGrad } from "../autograd/modes.ts";
import { normNotFinite, notTensor } from "../core/errors.ts";
import { reprFloat } from "../core/print/python.ts";
import { pythonTypeName } from "../tensor/call-pointwise.ts";
import { tensor } from "../tensor/creation.ts";
import { raiseWhere } from "../tensor/functional-ops.ts";
import { cat, stack } from "../tensor/public-ops.ts";
import { ownedBy } from "../tensor/scratch.ts";
import { Tensor } from "../tensor/tensor.ts";
import { type NamedArgs, positional } from "./arguments.ts";

type Parameters = Tensor | Iterable<Tensor>;
const gradsOf = (parameters: Parameters): Tensor[] =>
  (parameters instanceof Tensor ? [parameters] : [...parameters]).map((p) => p.borrowedGrad).filter((g) => g !== null);

export interface ClipGradNormOptions {
  /** The p of the norm; infinity for the greatest absolute value. */
  normType?: number;
  /** Raises where the norm is NaN or infinite; on a device that cannot be read at once, the next awaited read does, after the scaling. */
  errorIfNonfinite?: boolean;
}
/**
 * Scales gradients in place so that their norm, all taken together, is at most `maxNorm`.
 * @returns the norm before.
 * @example
 * loss.backward();
 * nn.utils.clipGradNorm_(model.parameters(), 1);
 */
export function clipGradNorm_(
  parameters: Parameters,
  ...args: NamedArgs<{ maxNorm: number }, [maxNorm: number], [normType: number, errorIfNonfinite: boolean], ClipGradNormOptions>
): Tensor {
  const [maxNorm, normType = 2, errorIfNonfinite = false] = positional(
    "clipGradNorm_",
    ["maxNorm", "normType", "errorIfNonfinite"],
    1,
    args,
  ) as [number, number?, boolean?];
  const found = gradsOf(parameters);
  if (found.length === 0) return tensor(0);
  return ownedBy(
    () =>
      withGrad(false, () => {
        const grads = found.map((g) => g.detach());
        const total = stack(grads.map((g) => g._vectorNorm(normType)))._vectorNorm(normType);
        if (errorIfNonfinite) raiseWhere(total.isfinite().logicalNot(), () => normNotFinite(reprFloat(normType)));
        const factor = total.add(1e-6).reciprocal().mul(maxNorm).clampMax(1);
        for (const g of grads) g.mul_(factor);
        return total;
      }),
    (total) => [total],
  );
}

/** Limits every element of the gradients to [-clipValue, clipValue], in place. */
export function clipGradValue_(parameters: Parameters, clipValue: number | { clipValue: number }): void {
  const limit = typeof clipValue === "number" ? clipValue : clipValue.clipValue;
  for (const g of gradsOf(parameters)) withGrad(false, () => g.clampMin_(-limit).clampMax_(limit));
}

/** The elements of all parameters in one vector. */
export const parametersToVector = (parameters: Iterable<Tensor>): Tensor => cat([...parameters].map((p) => p.view(-1)));

/** Gives parameters the values of a vector: they become views of its parts. */
export function vectorToParameters(vector: Tensor, parameters: Iterable<Tensor>): void {
  if (!(vector instanceof Tensor)) throw notTensor(pythonTypeName(vector));
  let at = 0;
  for (const p of parameters) {
    p.data = vector.detach().narrow(0, at, p.numel()).view(p.shape);
    at += p.numel();
  }
}
