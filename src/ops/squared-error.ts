import type { ComputeType } from "../core/dtype.ts";
import * as e from "../kernel/expr.ts";
import { arg, constant, type Expr, scalar, state } from "../kernel/expr.ts";
import { type Monoid, type Pointwise, pointwise, type ReduceLoop, type Rule, reduceLoop, rule, type Tensor } from "./define.ts";
import { dimList } from "./dimension.ts";

const squares =
  (output: (sum: Expr, type: ComputeType) => Expr) =>
  (type: ComputeType): Monoid => {
    const difference = e.sub(arg(0, type), arg(1, type));
    return {
      init: [constant(0, type)],
      lift: [e.mul(difference, difference)],
      combine: [e.add(state(0, type), state(1, type))],
      outputs: [output(state(0, type), type)],
    };
  };
const loops: Readonly<Record<"mean" | "sum", ReduceLoop>> = {
  sum: reduceLoop("sum", { monoid: squares((sum) => sum), compute: (d) => d, outputs: (d) => [d], operands: [null] }),
  mean: reduceLoop("mean", {
    monoid: squares((sum, type) => e.div(sum, scalar(0, type))),
    compute: (d) => d,
    outputs: (d) => [d],
    operands: [null],
    scalars: (count) => [count],
  }),
};

/** The gradient by `input`: `factor * (input - target) * g`. */
export const _mseGradient: Pointwise<(target: Tensor, g: Tensor, factor: number) => Tensor> = pointwise(4, {
  node: "MseLossBackwardBackward0",
  f: (x, y, g, factor) => e.mul(e.mul(factor!, e.sub(x!, y!)), g!),
});

/** The sum or the mean of the squared differences of two tensors of one shape, floating-point dtype and device, in one kernel. */
export const _mseLoss: Rule<(target: Tensor, reduction: "mean" | "sum") => Tensor> = rule({
  params: ["target", "reduction"],
  node: "MseLossBackward0",
  run: (k, x: Tensor, y: Tensor, reduction: "mean" | "sum") =>
    k.reduce(loops[reduction], x, dimList(null, x.ndim), false, { operands: [y] })[0]!,
  save: (_, x: Tensor, y: Tensor, reduction: "mean" | "sum") => ({ x, y, reduction }),
  grad: ({ x, y, reduction }: { x: Tensor; y: Tensor; reduction: "mean" | "sum" }, [g], [toX, toY]) => {
    const factor = reduction === "mean" ? 2 / x.numel() : 2;
    return [toX ? x._mseGradient(y, g!, factor) : null, toY ? y._mseGradient(x, g!, factor) : null];
  },
});
