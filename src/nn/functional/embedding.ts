import { withGrad } from "../../autograd/modes.ts";
import { int64 } from "../../core/dtype.ts";
import {
  needsClasses,
  oneHotClasses,
  oneHotDtype,
  oneHotEmpty,
  oneHotLarge,
  oneHotNegative,
  paddingIndex,
  sparseGradients,
} from "../../core/errors.ts";
import { arange } from "../../tensor/creation.ts";
import { embed, isReadable, raiseWhere } from "../../tensor/functional-ops.ts";
import { ownedBy } from "../../tensor/scratch.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type Functional, functional } from "./define.ts";

/** Options of an embedding. */
export interface EmbeddingOptions {
  /** A row that gets no gradient. */
  paddingIdx?: number | null;
  /** Rows that are looked up and whose norm is greater are scaled down to it first, in place. */
  maxNorm?: number | null;
  /** The p of that norm. */
  normType?: number;
  /** Gradients are divided by how often a row was looked up. */
  scaleGradByFreq?: boolean;
}

/** Scales the rows that `index` names down to a norm of at most `maxNorm`, in place. */
function renormalize(table: Tensor, index: Tensor, maxNorm: number, normType: number): void {
  withGrad(false, () => {
    const rows = table.detach();
    const norms = rows
      .abs()
      .pow(normType)
      .sum(1, true)
      .pow(1 / normType);
    const named = rows
      .newZeros([rows.shape[0]!])
      .indexAdd(0, index.reshape([-1]).to(int64), rows.newOnes([index.numel()]))
      .gt(0)
      .unsqueeze(1);
    const factors = norms.add(1e-7).reciprocal().mul(maxNorm).maskedFill(norms.gt(maxNorm).logicalAnd(named).logicalNot(), 1);
    table.mul_(factors);
  });
}

/**
 * The rows of `weight` (v, d) that `input` (...), int64, names: (..., d).
 * @example F.embedding(tokens, table)
 */
export const embedding: Functional<
  [input: Tensor, weight: Tensor],
  [paddingIdx: number | null, maxNorm: number | null, normType: number, scaleGradByFreq: boolean, sparse: boolean],
  EmbeddingOptions & { sparse?: boolean },
  Tensor
> = functional(
  "embedding",
  ["input", "weight", "paddingIdx", "maxNorm", "normType", "scaleGradByFreq", "sparse"],
  2,
  2,
  (
    input: Tensor,
    weight: Tensor,
    paddingIdx: number | null = null,
    maxNorm: number | null = null,
    normType: number = 2,
    scaleGradByFreq: boolean = false,
    sparse: boolean = false,
  ) => {
    if (sparse) throw sparseGradients("embedding");
    if (paddingIdx !== null && (paddingIdx >= weight.shape[0]! || paddingIdx < -weight.shape[0]!)) throw paddingIndex();
    if (maxNorm !== null) renormalize(weight, input, maxNorm, normType);
    return embed(input, weight, paddingIdx === null ? -1 : paddingIdx < 0 ? paddingIdx + weight.shape[0]! : paddingIdx, scaleGradByFreq);
  },
);

/** One class more than the largest, which has to be read. */
function inferredClasses(input: Tensor): number {
  if (!isReadable(input.device)) throw needsClasses(input.device.type);
  if ((input.min().itemSync() as number) < 0) throw oneHotNegative();
  return (input.max().itemSync() as number) + 1;
}
/** Raises where a class is not among `numClasses`: at once, or at the next awaited read where values cannot be read at once. */
function checkClasses(input: Tensor, numClasses: number): void {
  const here = isReadable(input.device) && input.numel() > 0;
  const check = (): void => {
    if (here && (input.min().itemSync() as number) < 0) throw oneHotNegative();
    if (numClasses < 1) throw oneHotClasses();
    if (here && (input.max().itemSync() as number) >= numClasses) throw oneHotLarge();
    if (here) return;
    raiseWhere(input.lt(0), oneHotNegative);
    raiseWhere(input.ge(numClasses), oneHotLarge);
  };
  ownedBy(check, () => []);
}

/**
 * A vector for each class of `input` (...), int64, with one 1 at its place: (..., numClasses). Left out, `numClasses` is one more than the largest
 * class, which has to be read for that: on a device that cannot be read at once it must be given.
 */
export const oneHot: Functional<[input: Tensor], [numClasses: number], { numClasses?: number }, Tensor> = functional(
  "oneHot",
  ["input", "numClasses"],
  1,
  1,
  (input: Tensor, numClasses: number = -1) => {
    if (input.dtype !== int64) throw oneHotDtype();
    if (input.numel() === 0 && numClasses <= 0) throw oneHotEmpty();
    const classes = numClasses === -1 ? inferredClasses(input) : numClasses;
    if (numClasses !== -1) checkClasses(input, numClasses);
    return input
      .unsqueeze(-1)
      .eq(arange(classes, { device: input.device }))
      .to(int64);
  },
);

/** `oneHot` on every device: the largest class is read first where `numClasses` is left out. */
export async function oneHotAsync(input: Tensor, classes: number | { numClasses?: number } = -1): Promise<Tensor> {
  const numClasses = typeof classes === "number" ? classes : (classes.numClasses ?? -1);
  if (numClasses !== -1 || isReadable(input.device) || input.dtype !== int64 || input.numel() === 0) return oneHot(input, numClasses);
  const here = await input.cpu();
  try {
    return oneHot(input, inferredClasses(here));
  } finally {
    here.dispose();
  }
}
