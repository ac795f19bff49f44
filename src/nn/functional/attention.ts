import { bool } from "../../core/dtype.ts";
import { attentionCausalMask, attentionDtype, attentionMaskDtype, attentionRank } from "../../core/errors.ts";
import { ones } from "../../tensor/creation.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type Functional, functional } from "./define.ts";
import { dropout } from "./dropout.ts";

/** Options of scaled dot-product attention. */
export interface AttentionOptions {
  /** Shape that stretches to (..., L, S): true where a query may look at a key, or numbers to be added to the scores. */
  attnMask?: Tensor | null;
  /** The part of the weights that is dropped; pass 0 in evaluation. */
  dropoutP?: number;
  /** Each query looks at the keys up to its own place only. Not together with a mask. */
  isCausal?: boolean;
  /** What scores are multiplied by; null: 1 / sqrt(E). */
  scale?: number | null;
}

/**
 * `softmax(query key^T * scale + mask) value`: query (..., L, E), key (..., S, E), value (..., S, Ev) give (..., L, Ev). A query that may look at no
 * key gives NaN. Source: Vaswani et al. 2017, equation 1.
 * @throws ShapeError where one has less than two dimensions; DTypeError where their dtypes differ.
 * @example F.scaledDotProductAttention(q, k, v, { isCausal: true })
 */
export const scaledDotProductAttention: Functional<
  [query: Tensor, key: Tensor, value: Tensor],
  [attnMask: Tensor | null, dropoutP: number, isCausal: boolean, scale: number | null],
  AttentionOptions,
  Tensor
> = functional(
  "scaledDotProductAttention",
  ["query", "key", "value", "attnMask", "dropoutP", "isCausal", "scale"],
  3,
  3,
  (
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attnMask: Tensor | null = null,
    dropoutP: number = 0,
    isCausal: boolean = false,
    scale: number | null = null,
  ) => {
    if (query.ndim < 2 || key.ndim < 2 || value.ndim < 2) throw attentionRank(query.ndim, key.ndim, value.ndim);
    if (query.dtype !== key.dtype || query.dtype !== value.dtype)
      throw attentionDtype(query.dtype.scalarName, key.dtype.scalarName, value.dtype.scalarName);
    if (attnMask !== null) {
      if (isCausal) throw attentionCausalMask();
      if (attnMask.dtype !== bool && attnMask.dtype !== query.dtype)
        throw attentionMaskDtype(attnMask.dtype.scalarName, query.dtype.scalarName);
    }
    const scores = query.matmul(key.transpose(-2, -1));
    const mask = isCausal ? ones(scores.shape.slice(-2), { dtype: bool, device: query.device }).tril() : attnMask;
    const weights = scores._attentionWeights(mask, scale ?? 1 / Math.sqrt(query.shape.at(-1)!));
    return (dropoutP > 0 ? dropout(weights, dropoutP) : weights).matmul(value);
  },
);
