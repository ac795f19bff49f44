import type { DType } from "../core/dtype.ts";
import { notForDtype } from "../core/errors.ts";
import * as e from "../kernel/expr.ts";
import { constant, type Expr } from "../kernel/expr.ts";
import type { RowProgram } from "../kernel/row-program.ts";
import { perElement, type RowsLoop, type Rule, rowsLoop, rule, type Tensor } from "./define.ts";
import { dimIndex } from "./dimension.ts";

export interface SoftmaxOptions {
  dim?: number;
  dtype?: DType | null;
}
type Softmax = Rule<(dim: number, dtype?: DType | null | SoftmaxOptions) => Tensor>;

function prepared(name: string, x: Tensor, dim: number, dtype: DType | null | undefined): { x: Tensor; dims: number[] } {
  const d = dimIndex(dim, x.ndim);
  const input = dtype == null ? x : x.to(dtype);
  if (!input.dtype.isFloatingPoint)
    throw notForDtype(`${name}${d === Math.max(x.ndim - 1, 0) ? "_lastdim_kernel_impl" : "_kernel_impl"}`, input.dtype.scalarName);
  return { x: input, dims: rowDims(input, d) };
}
const rowDims = (x: Tensor, dim: number): number[] => (x.ndim === 0 ? [] : [dimIndex(dim, x.ndim)]);

/** The greatest of each row is taken off, so that no exponential overflows. */
function shares(row: RowProgram, x: Expr): Expr {
  const exponential = e.exp(e.sub(x, row.max(x)));
  return e.mul(exponential, e.div(1, row.sum(exponential)));
}
const softmaxLoop: RowsLoop = rowsLoop((row, [x]) => [perElement(shares(row, x!))]);
const scaled = (row: RowProgram, x: Expr): Expr => e.mul(x, row.scalar(0, x.type));
const scaledLoop: RowsLoop = rowsLoop((row, [x]) => [perElement(shares(row, scaled(row, x!)))]);
/** A mask of truth values leaves out, one of numbers is added. */
const maskedLoop: RowsLoop = rowsLoop((row, [x, mask]) => {
  const s = scaled(row, x!);
  const masked = mask!.type === "bool" ? e.select(mask!, s, constant(Number.NEGATIVE_INFINITY, s.type)) : e.add(s, mask!);
  return [perElement(shares(row, masked))];
});
const logSoftmaxLoop: RowsLoop = rowsLoop((row, [x]) => {
  const shifted = e.sub(x!, row.max(x!));
  return [perElement(e.sub(shifted, e.log(row.sum(e.exp(shifted)))))];
});
const slope = (row: RowProgram, g: Expr, y: Expr): Expr => e.mul(y, e.sub(g, row.sum(e.mul(g, y))));
const softmaxGradLoop: RowsLoop = rowsLoop((row, [g, y]) => [perElement(slope(row, g!, y!))]);
const scaledGradLoop: RowsLoop = rowsLoop((row, [g, y]) => [perElement(e.mul(slope(row, g!, y!), row.scalar(0, g!.type)))]);
const logSoftmaxGradLoop: RowsLoop = rowsLoop((row, [g, y]) => [perElement(e.sub(g!, e.mul(e.exp(y!), row.sum(g!))))]);

type SoftmaxGrad = Rule<(y: Tensor, dim: number, scale?: number) => Tensor>;
interface SavedGrad {
  readonly g: Tensor;
  readonly y: Tensor;
  readonly dim: number;
}

/** The gradient of `softmax(x * scale)`, from its result: `scale * y * (g - sum(g * y))`. */
export const _softmaxGrad: SoftmaxGrad = rule({
  params: ["y", "dim", "scale"],
  node: "SoftmaxBackwardDataBackward0",
  run: (k, g: Tensor, y: Tensor, dim: number, scale: number = 1) =>
    (scale === 1 ? k.rows(softmaxGradLoop, g, rowDims(g, dim), [y]) : k.rows(scaledGradLoop, g, rowDims(g, dim), [y], [scale]))[0]!,
  save: (_, g: Tensor, y: Tensor, dim: number, scale: number = 1) => ({ g, y, dim, scale }),
  grad: ({ g, y, dim, scale }: SavedGrad & { scale: number }, [h]) => {
    const dims = rowDims(y, dim);
    const toY = h!.mul(g.sub(g.mul(y).sum(dims, true))).sub(g.mul(h!.mul(y).sum(dims, true)));
    return [h!._softmaxGrad(y, dim, scale), scale === 1 ? toY : toY.mul(scale)];
  },
});

/** The gradient of `logSoftmax`, from its result: `g - exp(y) * sum(g)`. */
export const _logSoftmaxGrad: Rule<(y: Tensor, dim: number) => Tensor> = rule({
  params: ["y", "dim"],
  node: "LogSoftmaxBackwardDataBackward0",
  run: (k, g: Tensor, y: Tensor, dim: number) => k.rows(logSoftmaxGradLoop, g, rowDims(g, dim), [y])[0]!,
  save: (_, g: Tensor, y: Tensor, dim: number) => ({ g, y, dim }),
  grad: ({ g, y, dim }: SavedGrad, [h]) => {
    const dims = rowDims(y, dim);
    const p = y.exp();
    const hp = h!.mul(p);
    return [h!.sub(hp.sum(dims, true)), hp.mul(g.sum(dims, true)).neg()];
  },
});

/** `exp(x) / sum(exp(x))` along a dimension. */
export const softmax: Softmax = rule({
  params: ["dim", "dtype"],
  run: (k, input: Tensor, dimension: number, dtype?: DType | null) => {
    const { x, dims } = prepared("softmax", input, dimension, dtype);
    return k.rows(softmaxLoop, x, dims)[0]!;
  },
  save: ([y], x: Tensor, dim: number) => ({ y, dim: dimIndex(dim, x.ndim) }),
  grad: ({ y, dim }: { y: Tensor; dim: number }, [g]) => [g!._softmaxGrad(y, dim)],
});

/** `log(softmax(x))` along a dimension, without the loss of digits. */
export const logSoftmax: Softmax = rule({
  params: ["dim", "dtype"],
  run: (k, input: Tensor, dimension: number, dtype?: DType | null) => {
    const { x, dims } = prepared("log_softmax", input, dimension, dtype);
    return k.rows(logSoftmaxLoop, x, dims)[0]!;
  },
  save: ([y], x: Tensor, dim: number) => ({ y, dim: dimIndex(dim, x.ndim) }),
  grad: ({ y, dim }: { y: Tensor; dim: number }, [g]) => [g!._logSoftmaxGrad(y, dim)],
});

/** The weights of attention: `softmax(x * scale)` along the last dimension, where `mask` is true, or with `mask` added before. */
export const _attentionWeights: Rule<(mask: Tensor | null, scale: number) => Tensor> = rule({
  params: ["mask", "scale"],
  node: "SoftmaxBackward0",
  run: (k, x: Tensor, mask: Tensor | null, scale: number) =>
    (mask === null ? k.rows(scaledLoop, x, [x.ndim - 1], [], [scale]) : k.rows(maskedLoop, x, [x.ndim - 1], [mask], [scale]))[0]!,
  save: ([y], _: Tensor, mask: Tensor | null, scale: number) => ({ y, scale, mask: mask?.shape ?? null }),
  grad: ({ y, scale, mask }: { y: Tensor; scale: number; mask: readonly number[] | null }, [g], [toX, toMask]) => {
    const dx = toX ? g!._softmaxGrad(y, -1, scale) : null;
    if (mask === null) return [dx];
    return [dx, toMask ? g!._softmaxGrad(y, -1).sumToSize(mask) : null];
  },
});
