import { notForDtype, reluBool } from "../core/errors.ts";
import * as e from "../kernel/expr.ts";
import { type Expr, oneOf, zeroOf } from "../kernel/expr.ts";
import { normal, normalSlope } from "../kernel/normal.ts";
import { type PointwiseInplace, pointwise, type Tensor, type Unary, unary } from "./define.ts";

const floats =
  (kernel: string) =>
  (d: { isFloatingPoint: boolean; scalarName: string }): void => {
    if (!d.isFloatingPoint) throw notForDtype(kernel, d.scalarName);
  };

/** `max(x, 0)`. */
export const relu: Unary = unary({
  check: (d) => {
    if (d.name === "bool") throw reluBool();
  },
  f: (x) => e.max(x!, 0),
  df: (y) => [e.select(e.le(y, 0), zeroOf(y), oneOf(y))], // stated: keeps the output, which the next layer keeps anyway
});

/** `x` where positive, else `negativeSlope * x`. */
export const leakyRelu: PointwiseInplace<(negativeSlope?: number) => Tensor> = pointwise(1, {
  inplace: true,
  params: [{ name: "negativeSlope", default: 0.01 }],
  check: floats("leaky_relu_cpu"),
  f: (x, slope) => e.select(e.gt(x!, 0), x!, e.mul(x!, slope!)),
  df: (_, x, slope) => [e.select(e.gt(x!, 0), oneOf(x!), slope!)],
});

/** `x * sigmoid(x)`, also called swish. */
export const silu: Unary = unary({
  check: floats("silu_cpu"),
  f: (x) => e.div(x!, e.add(e.exp(e.neg(x!)), 1)),
  df: (_, x) => [siluSlope(x!)],
});
function siluSlope(x: Expr): Expr {
  const s = e.div(1, e.add(e.exp(e.neg(x)), 1));
  return e.mul(s, e.add(e.mul(x, e.sub(1, s)), 1));
}

/** `log(sigmoid(x))`, as `min(x, 0) - log1p(exp(-|x|))`: no exponential overflows. */
export const _logsigmoid: Unary = unary({
  node: "LogSigmoidBackward0",
  check: floats("log_sigmoid_cpu"),
  f: (x) => e.sub(e.min(x!, 0), e.log1p(e.exp(e.neg(e.abs(x!))))),
  df: (_, x) => [e.div(1, e.add(e.exp(x!), 1))],
});

/**
 * `x * P(X <= x)` for a standard normal X: `x / 2 * (1 + erf(x / sqrt(2)))`.
 * Source: Hendrycks and Gimpel 2016.
 */
export const _gelu: Unary = unary({
  node: "GeluBackward0",
  check: floats("GeluKernelImpl"),
  f: (x) => e.mul(x!, normal(x!)),
  df: (_, x) => [normalSlope(x!)], // stated: the form that takes one exponential
});

/** The same with `tanh(sqrt(2 / pi) * (x + 0.044715 * x ** 3))` in the error function's place. */
export const _geluTanh: Unary = unary({
  node: "GeluBackward0",
  check: floats("GeluKernelImpl"),
  f: (x) => {
    const inner = e.mul(e.add(x!, e.mul(e.mul(e.mul(x!, x!), x!), 0.044715)), Math.sqrt(2 / Math.PI));
    return e.mul(e.mul(x!, 0.5), e.add(e.tanh(inner), 1));
  },
});
