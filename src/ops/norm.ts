import { notForDtype } from "../core/errors.ts";
import { type Dims, type Rule, rule, type Tensor } from "./define.ts";
import { dimList } from "./dimension.ts";
import { stretch } from "./reduction.ts";

interface SavedNorm {
  readonly x: Tensor;
  readonly y: Tensor;
  readonly p: number;
  readonly dims: readonly number[];
  readonly keepdim: boolean;
}

/** The gradient of a p-norm y of x, seen over x; 0 where the norm is. Source: y^(1 - p) |x|^(p - 1) sign(x), with the infinities as extremes. */
function normGradient(x: Tensor, y: Tensor, g: Tensor, p: number, dims: readonly number[]): Tensor {
  if (p === 0) return x.mul(0);
  if (p === 1) return x.sign().mul(g);
  if (!Number.isFinite(p)) {
    const hit = x.abs().eq(y).to(x.dtype);
    return x.sign().mul(hit).mul(g).div(hit.sum(dims, true)); // ties share
  }
  if (p === 2) return x.div(y).maskedFill(y.eq(0), 0).mul(g);
  const power = x
    .abs()
    .pow(p - 1)
    .mul(x.sign());
  return (p < 1 ? power.maskedFill(x.eq(0), 0) : power).mul(g.div(y.pow(p - 1)).maskedFill(y.eq(0), 0));
}

/** The p-norm of the elements over `dim` (all when null): p = infinity the greatest absolute value, 0 the number of elements that are not 0. */
export const _vectorNorm: Rule<(p: number, dim?: Dims, keepdim?: boolean) => Tensor> = rule({
  params: ["p", "dim", "keepdim"],
  node: "LinalgVectorNormBackward0",
  run: (_, x: Tensor, p: number, dim?: Dims, keepdim = false) => {
    if (!x.isFloatingPoint()) throw notForDtype("linalg_vector_norm", x.dtype.scalarName);
    const dims = dimList(dim, x.ndim);
    // Of one element the norm is the absolute value, whatever p, without rounding.
    if (p !== 0 && dims.every((d) => x.shape[d] === 1)) return keepdim ? x.abs() : x.abs().squeeze(dims);
    if (p === 0) return x.ne(0).to(x.dtype).sum(dims, keepdim);
    if (p === Number.POSITIVE_INFINITY) return x.abs().amax(dims, keepdim);
    if (p === Number.NEGATIVE_INFINITY) return x.abs().amin(dims, keepdim);
    if (p === 1) return x.abs().sum(dims, keepdim);
    return p === 2
      ? x.square().sum(dims, keepdim).sqrt_()
      : x
          .abs()
          .pow_(p)
          .sum(dims, keepdim)
          .pow_(1 / p);
  },
  save: ([y], x: Tensor, p: number, dim?: Dims, keepdim = false) => ({ x, y, p, dims: dimList(dim, x.ndim), keepdim }),
  grad: ({ x, y, p, dims, keepdim }: SavedNorm, [g]) => {
    const over = (v: Tensor): Tensor => stretch(v, x.shape, dims, keepdim);
    if (p !== 0 && dims.every((d) => x.shape[d] === 1)) return [x.sign().mul(over(g!))];
    return [normGradient(x, over(y), over(g!), p, dims)];
  },
});
