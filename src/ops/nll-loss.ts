import { int64 } from "../core/dtype.ts";
import { classOutOfBounds } from "../core/errors.ts";
import { Layout } from "../core/layout.ts";
import * as e from "../kernel/expr.ts";
import { constant, type Expr } from "../kernel/expr.ts";
import type { Kernels } from "../tensor/kernels.ts";
import { type MapLoop, mapLoop, type Rule, rule, type Tensor } from "./define.ts";

/** What to do with the losses of the elements. */
export type Reduction = "none" | "mean" | "sum";

/** Scores as (n, c, rest): a single sample gets a batch dimension, further dimensions are merged. */
const asRows = (x: Tensor): Tensor =>
  x.ndim === 1 ? x.reshape([1, x.shape[0]!, 1]) : x.reshape([x.shape[0]!, x.shape[1]!, product(x.shape.slice(2))]);
const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

type Elements = (ignored: Expr, ...x: Expr[]) => Expr;
/** A map over targets and further operands, which is told where the target is the class to be ignored. */
const perTarget = (f: Elements): MapLoop => mapLoop(([target, ...x], scalar) => f(e.eq(target!, scalar(0, target!.type)), target!, ...x));
export const classLoop: MapLoop = perTarget((ignored, target) => e.select(ignored, 0, target));
const lossLoop = perTarget((ignored, _, score) => e.select(ignored, 0, e.neg(score!)));
const weightedLossLoop = perTarget((ignored, _, score, weight) => e.select(ignored, 0, e.neg(e.mul(score!, weight!))));
const weightLoop = perTarget((ignored, _, weight) => e.select(ignored, 0, weight!));
const countLoop = perTarget((ignored) => e.select(ignored, constant(0, "i64"), constant(1, "i64")));

/** The elements of one dimension of `x` at the classes given, the others side by side. */
export function atClasses(k: Kernels, x: Tensor, dim: number, kept: readonly number[], classes: Tensor): Tensor {
  const layout = new Layout(classes.shape, kept, x.storageOffset());
  return k.gather(x, layout, [classes], [{ size: x.shape[dim]!, stride: x.stride()[dim]!, wraps: false }], classOutOfBounds);
}

type Nll = Rule<(target: Tensor, weight: Tensor | null, ignoreIndex: number, reduction: Reduction) => readonly Tensor[]>;
/** The negative of each row's score at its target class, and the total weight; see `nllLoss`. */
export const _nllLoss: Nll = rule({
  params: ["target", "weight", "ignoreIndex", "reduction"],
  node: (x: Tensor) => (x.ndim > 2 ? "NllLoss2DBackward0" : "NllLossBackward0"),
  nonDifferentiable: [1],
  run: (k, scores: Tensor, target: Tensor, weight: Tensor | null, ignoreIndex: number, reduction: Reduction) => {
    const x = asRows(scores);
    const t = target.reshape([x.shape[0]!, x.shape[2]!]);
    const at = k.map(classLoop, [t], int64, [ignoreIndex]);
    const weights = weight === null ? null : atClasses(k, weight, 0, [0, 0], at);
    const picked = atClasses(k, x, 1, [x.stride()[0]!, x.stride()[2]!], at);
    const losses =
      weights === null
        ? k.map(lossLoop, [t, picked], x.dtype, [ignoreIndex])
        : k.map(weightedLossLoop, [t, picked, weights], x.dtype, [ignoreIndex]);
    const counted =
      weights === null ? k.map(countLoop, [t], x.dtype, [ignoreIndex]) : k.map(weightLoop, [t, weights], x.dtype, [ignoreIndex]);
    const total = counted.sum();
    if (reduction === "none") return [losses.reshape(target.shape), total];
    const sum = losses.sum();
    return [reduction === "sum" ? sum : sum.div(total), total];
  },
  save: ([, total], x: Tensor, target: Tensor, weight: Tensor | null, ignoreIndex: number, reduction: Reduction) => ({
    total,
    shape: x.shape,
    target,
    weight,
    ignoreIndex,
    reduction,
  }),
  grad: ({ total, shape, target, weight, ignoreIndex, reduction }: SavedNll, [g]) => [
    g!._nllLossSpread(target, total, weight?.detach() ?? null, ignoreIndex, reduction, shape),
    null,
  ],
});
interface SavedNll {
  readonly total: Tensor;
  readonly shape: readonly number[];
  readonly target: Tensor;
  readonly weight: Tensor | null;
  readonly ignoreIndex: number;
  readonly reduction: Reduction;
}

/** Of the target, the number of the place's class, the gradient of the loss and, where there are any, the weight of the class and the total. */
const spread = (weighted: boolean, mean: boolean): MapLoop =>
  perTarget((ignored, target, place, g, ...more) => {
    const here = e.and(e.eq(target!, place!), e.not(ignored));
    const scale = mean ? e.div(g!, more.at(-1)!) : g!;
    return e.select(here, e.neg(weighted ? e.mul(more[0]!, scale) : scale), 0);
  });
const spreads: readonly (readonly MapLoop[])[] = [false, true].map((weighted) => [false, true].map((mean) => spread(weighted, mean)));

type NllSpread = Rule<
  (target: Tensor, total: Tensor, weight: Tensor | null, ignoreIndex: number, reduction: Reduction, shape: readonly number[]) => Tensor
>;
/** The gradient of `nllLoss`: what arrives, at the place of each target class. It is linear, and its own gradient is the loss of the gradient. */
export const _nllLossSpread: NllSpread = rule({
  params: ["target", "total", "weight", "ignoreIndex", "reduction", "shape"],
  node: "NllLossBackwardBackward0",
  run: (
    k,
    g: Tensor,
    target: Tensor,
    total: Tensor,
    weight: Tensor | null,
    ignoreIndex: number,
    reduction: Reduction,
    shape: readonly number[],
  ) => {
    const [rows, classes] = shape.length === 1 ? [1, shape[0]!] : [shape[0]!, shape[1]!];
    const rest = product(shape.slice(2));
    const targets = target.reshape([rows, 1, rest]).expand([rows, classes, rest]);
    const places = k.positions(Layout.contiguous([1, classes, 1]), 0, g.device);
    const inputs = [targets, places, reduction === "none" ? g.reshape([rows, 1, rest]) : g];
    if (weight !== null) inputs.push(weight.reshape([1, classes, 1]));
    if (reduction === "mean") inputs.push(total);
    const loop = spreads[Number(weight !== null)]![Number(reduction === "mean")]!;
    return k.map(loop, inputs, g.dtype, [ignoreIndex]).reshape(shape);
  },
  save: (_, __: Tensor, target: Tensor, ___: Tensor, weight: Tensor | null, ignoreIndex: number, reduction: Reduction) => ({
    target,
    weight,
    ignoreIndex,
    reduction,
  }),
  grad: ({ target, weight, ignoreIndex, reduction }: Omit<SavedNll, "total" | "shape">, [g]) => [
    g!._nllLoss(target, weight, ignoreIndex, reduction)[0]!,
    null,
    null,
    null,
  ],
});
