import { dropout1dRank, dropoutProbability, featureDropoutRank } from "../../core/errors.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type Functional, functional } from "./define.ts";

/** Options of dropout. */
export interface DropoutOptions {
  /** The probability that an element becomes zero. */
  p?: number;
  /** Whether anything is dropped at all. */
  training?: boolean;
  inplace?: boolean;
}
type Dropout = Functional<[input: Tensor], [p: number, training: boolean, inplace: boolean], DropoutOptions, Tensor>;

/** Multiplies by a mask of the shape given: 0 with probability p, else 1 / (1 - p). One draw for each element of the mask. */
function masked(x: Tensor, shape: readonly number[], p: number, inplace: boolean): Tensor {
  // A mask of zeros needs no draws; multiplying keeps NaN, and the sign of zero.
  const mask =
    p === 1
      ? x.newZeros([])
      : x
          .newEmpty(shape)
          .bernoulli_(1 - p)
          .div_(1 - p);
  return inplace ? x.mul_(mask) : x.mul(mask);
}

function checkProbability(p: number): void {
  if (!(p >= 0 && p <= 1)) throw dropoutProbability(p);
}
const idle = (x: Tensor, p: number, training: boolean): boolean => p === 0 || !training || x.numel() === 0;

/** Whole channels at once: one draw for each of the first two dimensions. */
function channels(x: Tensor, p: number, training: boolean, inplace: boolean): Tensor {
  if (idle(x, p, training)) return x;
  if (x.ndim < 2) throw featureDropoutRank();
  return masked(
    x,
    x.shape.map((n, d) => (d < 2 ? n : 1)),
    p,
    inplace,
  );
}
/** The same without a batch dimension where `x` has one dimension less than `ndim`. */
function batchedChannels(x: Tensor, ndim: number, p: number, training: boolean, inplace: boolean): Tensor {
  if (x.ndim === ndim) return channels(x, p, training, inplace);
  const dropped = channels(x.unsqueeze(0), p, training, inplace).squeeze(0);
  return inplace ? x : dropped;
}

/* @__NO_SIDE_EFFECTS__ */
const define = (name: string, formula: (x: Tensor, p: number, training: boolean, inplace: boolean) => Tensor): Dropout =>
  functional(
    name,
    ["input", "p", "training", "inplace"],
    1,
    1,
    (x: Tensor, p: number = 0.5, training: boolean = true, inplace: boolean = false) => {
      checkProbability(p);
      return formula(x, p, training, inplace);
    },
  );

/** Zeroes each element with probability `p` and divides the others by 1 - p, so that sums stay the same on average. Nothing when not training. */
export const dropout: Dropout = define("dropout", (x, p, training, inplace) => (idle(x, p, training) ? x : masked(x, x.shape, p, inplace)));
/** Zeroes whole channels of (n, c, l) or (c, l). */
export const dropout1d: Dropout = define("dropout1d", (x, p, training, inplace) => {
  if (x.ndim !== 2 && x.ndim !== 3) throw dropout1dRank(x.ndim);
  return batchedChannels(x, 3, p, training, inplace);
});
/** Zeroes whole channels of (n, c, h, w). Three dimensions count as (n, c, l), as in PyTorch. */
export const dropout2d: Dropout = define("dropout2d", channels);
/** Zeroes whole channels of (n, c, d, h, w) or (c, d, h, w). */
export const dropout3d: Dropout = define("dropout3d", (x, p, training, inplace) => batchedChannels(x, 5, p, training, inplace));
