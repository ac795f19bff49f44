import { type DType, float32, float64 } from "../core/dtype.ts";
import { expectedDtype, layerNormParameter, layerNormShape, layerNormSize, notForDtype } from "../core/errors.ts";
import { sameShape } from "../core/layout.ts";
import type { Expr } from "../kernel/expr.ts";
import * as e from "../kernel/expr.ts";
import { perElement, perRow, type ReduceLoop, type RowsLoop, type Rule, reduceLoop, rowsLoop, rule, type Tensor } from "./define.ts";
import { dimRange } from "./dimension.ts";

/** The last `size` dimensions, and those before them. */
const lastDims = (x: Tensor, size: number): number[] => dimRange(x.ndim - size, size);
const firstDims = (x: Tensor, size: number): number[] => dimRange(0, x.ndim - size);
const countOf = (x: Tensor, size: number): number => x.shape.slice(x.ndim - size).reduce((a, b) => a * b, 1);

/** Mean and variance in two passes, as the difference of large squares would lose their digits. */
const normLoop = (hasWeight: boolean, hasBias: boolean): RowsLoop =>
  rowsLoop((row, [x, ...affine]) => {
    const count = row.scalar(0, x!.type);
    const mean = e.div(row.sum(x!), count);
    const away = e.sub(x!, mean);
    const variance = e.div(row.sum(e.mul(away, away)), count);
    const rstd = e.div(1, e.sqrt(e.add(variance, row.scalar(1, x!.type))));
    let y = e.mul(away, rstd);
    if (hasWeight) y = e.mul(y, affine[0]!);
    if (hasBias) y = e.add(y, affine[hasWeight ? 1 : 0]!);
    return [perElement(y), perRow(mean), perRow(rstd)];
  });
const normLoops = [false, true].map((weight) => [false, true].map((bias) => normLoop(weight, bias)));

const normal = (x: Expr, mean: Expr, rstd: Expr): Expr => e.mul(e.sub(x, mean), rstd);
const inputLoop = (hasWeight: boolean): RowsLoop =>
  rowsLoop((row, [g, x, mean, rstd, weight]) => {
    const u = hasWeight ? e.mul(g!, weight!) : g!;
    const away = normal(x!, mean!, rstd!);
    const count = row.scalar(0, g!.type);
    const part = e.add(e.div(row.sum(u), count), e.mul(away, e.div(row.sum(e.mul(u, away)), count)));
    return [perElement(e.mul(rstd!, e.sub(u, part)))];
  });
const inputLoops = [inputLoop(false), inputLoop(true)] as const;
/** Over the rows: the sums of `g * n` for the normalised input n, and of g. Rows' statistics are of `statistics`. */
const parameterLoop = (statistics: DType): ReduceLoop =>
  reduceLoop("layer_norm_parameters", {
    monoid: (t) => {
      const [g, x, mean, rstd] = [0, 1, 2, 3].map((i) => e.arg(i, t)) as [Expr, Expr, Expr, Expr];
      return {
        init: [0, 0].map((v) => e.constant(v, t)),
        lift: [e.mul(g, normal(x, mean, rstd)), g],
        combine: [0, 1].map((i) => e.add(e.state(i, t), e.state(2 + i, t))),
        outputs: [0, 1].map((i) => e.state(i, t)),
      };
    },
    compute: (d) => d,
    outputs: (d) => [d, d],
    operands: [null, statistics, statistics],
  });
const parameterLoops = { f32: parameterLoop(float32), f64: parameterLoop(float64) };

/** What the formulas of second derivatives are made of, as functions of x that have gradients themselves. */
function parts(x: Tensor, size: number, eps: number) {
  const dims = lastDims(x, size);
  const mean = (v: Tensor): Tensor => v.mean(dims, true);
  const away = x.sub(mean(x));
  const rstd = mean(away.square()).add(eps).rsqrt();
  const normalized = away.mul(rstd);
  /** Without the parts along the constant and along the normalised x: the derivative of the latter, times the standard deviation. */
  const project = (v: Tensor): Tensor => v.sub(mean(v)).sub(normalized.mul(mean(v.mul(normalized))));
  return { mean, rstd, normalized, project };
}

interface SavedInput {
  readonly g: Tensor;
  readonly x: Tensor;
  readonly weight: Tensor | null;
  readonly size: number;
  readonly eps: number;
}
type InputGrad = Rule<(x: Tensor, weight: Tensor | null, mean: Tensor, rstd: Tensor, size: number, eps: number) => Tensor>;

/**
 * The gradient of a layer normalisation by its input: `rstd * (u - mean(u) - n * mean(u * n))` for `u = g * weight` and the normalised input n.
 * Source: Ba, Kiros and Hinton 2016, equation 4, differentiated.
 */
export const _layerNormInputGrad: InputGrad = rule({
  params: ["x", "weight", "mean", "rstd", "size", "eps"],
  node: "NativeLayerNormBackwardBackward0",
  run: (k, g: Tensor, x: Tensor, weight: Tensor | null, mean: Tensor, rstd: Tensor, size: number) => {
    const operands = weight === null ? [x, mean, rstd] : [x, mean, rstd, weight];
    return k.rows(inputLoops[weight === null ? 0 : 1], g, lastDims(x, size), operands, [countOf(x, size)])[0]!;
  },
  save: (_, g: Tensor, x: Tensor, weight: Tensor | null, _mean: Tensor, _rstd: Tensor, size: number, eps: number) => ({
    g,
    x,
    weight,
    size,
    eps,
  }),
  grad: ({ g, x, weight, size, eps }: SavedInput, [h], [toG, toX, ...rest]) => {
    const { mean, rstd, normalized, project } = parts(x, size, eps);
    const straight = project(h!).mul(rstd);
    const u = weight === null ? g : g.mul(weight);
    let dx: Tensor | null = null;
    if (toX) {
      const [a, b] = [mean(h!.mul(normalized)), mean(u.mul(normalized))];
      const spread = mean(h!.mul(u))
        .sub(mean(h!).mul(mean(u)))
        .sub(a.mul(b));
      const through = project(h!.mul(b).add(u.mul(a)));
      dx = through.add(normalized.mul(spread)).mul(rstd.square()).neg();
    }
    const dWeight = weight !== null && rest[0] ? g.mul(straight).sumToSize(weight.shape) : null;
    return [toG ? (weight === null ? straight : straight.mul(weight)) : null, dx, ...(weight === null ? [] : [dWeight]), null, null];
  },
});

/** The gradients of a layer normalisation by its weight and its bias. */
export const _layerNormParameterGrads: Rule<(x: Tensor, mean: Tensor, rstd: Tensor, size: number, eps: number) => readonly Tensor[]> = rule(
  {
    params: ["x", "mean", "rstd", "size", "eps"],
    node: "NativeLayerNormBackwardBackward0",
    run: (k, g: Tensor, x: Tensor, mean: Tensor, rstd: Tensor, size: number) => {
      const loop = parameterLoops[x.dtype.compute === "f64" ? "f64" : "f32"];
      return k.reduce(loop, g, firstDims(x, size), false, { operands: [x, mean, rstd] });
    },
    save: (_, g: Tensor, x: Tensor, _mean: Tensor, _rstd: Tensor, size: number, eps: number) => ({ g, x, size, eps }),
    grad: ({ g, x, size, eps }: { g: Tensor; x: Tensor; size: number; eps: number }, [hWeight, hBias], [toG, toX]) => {
      const { rstd, normalized, project } = parts(x, size, eps);
      let dg: Tensor | null = null;
      if (toG && hWeight) dg = normalized.mul(hWeight);
      if (toG && hBias) dg = dg === null ? hBias.expand(x.shape) : dg.add(hBias);
      return [dg, toX && hWeight ? project(g.mul(hWeight)).mul(rstd) : null, null, null];
    },
  },
);

interface SavedNorm {
  readonly x: Tensor;
  readonly weight: Tensor | null;
  readonly hasBias: boolean;
  readonly mean: Tensor;
  readonly rstd: Tensor;
  readonly size: number;
  readonly eps: number;
}
/** Layer normalisation over the last `size` dimensions: the result, and each row's mean and `1 / sqrt(variance + eps)`, which have no gradients. */
export const _layerNorm: Rule<(weight: Tensor | null, bias: Tensor | null, size: number, eps: number) => readonly Tensor[]> = rule({
  params: ["weight", "bias", "size", "eps"],
  node: "NativeLayerNormBackward0",
  nonDifferentiable: [1, 2],
  run: (k, x: Tensor, weight: Tensor | null, bias: Tensor | null, size: number, eps: number) => {
    const affine: Tensor[] = [];
    if (weight !== null) affine.push(weight);
    if (bias !== null) affine.push(bias);
    const loop = normLoops[Number(weight !== null)]![Number(bias !== null)]!;
    return k.rows(loop, x, lastDims(x, size), affine, [countOf(x, size), eps]);
  },
  save: ([, mean, rstd], x: Tensor, weight: Tensor | null, bias: Tensor | null, size: number, eps: number) => ({
    x,
    weight,
    hasBias: bias !== null,
    mean,
    rstd,
    size,
    eps,
  }),
  grad: ({ x, weight, hasBias, mean, rstd, size, eps }: SavedNorm, [g], [toX, ...needs]) => {
    const toWeight = weight !== null && needs[0];
    const toBias = hasBias && needs[weight === null ? 0 : 1];
    const dx = toX ? g!._layerNormInputGrad(x, weight, mean, rstd, size, eps) : null;
    const [dWeight, dBias] = toWeight
      ? g!._layerNormParameterGrads(x, mean, rstd, size, eps)
      : [null, toBias ? g!.sumToSize(x.shape.slice(x.ndim - size)) : null];
    return [dx, ...(weight === null ? [] : [dWeight!]), ...(hasBias ? [toBias ? dBias! : null] : [])];
  },
});

/** `(x - mean) / sqrt(variance + eps) * weight + bias`, mean and variance over the last dimensions, which are `shape`. */
export function layerNorm(x: Tensor, shape: readonly number[], weight: Tensor | null, bias: Tensor | null, eps: number): Tensor {
  if (shape.length === 0) throw layerNormShape(shape);
  for (const [name, v] of [
    ["weight", weight],
    ["bias", bias],
  ] as const) {
    if (v !== null && !sameShape(v.shape, shape)) throw layerNormParameter(name, v.shape, shape);
  }
  if (x.ndim < shape.length || !sameShape(x.shape.slice(x.ndim - shape.length), shape)) throw layerNormSize(shape, x.shape);
  if (!x.isFloatingPoint()) throw notForDtype("LayerNormKernelImpl", x.dtype.scalarName);
  for (const v of [weight, bias]) if (v !== null && v.dtype !== x.dtype) throw expectedDtype(x.dtype.scalarName, v.dtype.scalarName);
  return x._layerNorm(weight, bias, shape.length, eps)[0]!;
}
