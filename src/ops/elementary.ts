import type { Expr, Num } from "../kernel/expr.ts";
import * as e from "../kernel/expr.ts";
import { type Binary, binary, type Unary, unary } from "./define.ts";

const float = (f: (x: Expr) => Num, df?: (y: Expr, x: Expr) => Num): Unary =>
  unary({ result: "float", f: (x) => f(x!), ...(df === undefined ? {} : { df: (y: Expr, x?: Expr) => [df(y, x!)] }) });

/** e to the power of each element. */
export const exp: Unary = float(e.exp);
/** 2 to the power of each element. */
export const exp2: Unary = float(e.exp2);
/** `exp(x) - 1`, accurate near 0. */
export const expm1: Unary = float(e.expm1);
/** The natural logarithm. */
export const log: Unary = float(e.log);
/** The logarithm to base 2. */
export const log2: Unary = float(e.log2);
/** The logarithm to base 10. */
export const log10: Unary = float(e.log10);
/** `log(1 + x)`, accurate near 0. */
export const log1p: Unary = float(e.log1p);
/** Sine. */
export const sin: Unary = float(e.sin);
/** Cosine. */
export const cos: Unary = float(e.cos);
/** Tangent. */
export const tan: Unary = float(e.tan);
/** Inverse sine, NaN outside [-1, 1]. */
export const asin: Unary = float(e.asin);
/** Inverse cosine, NaN outside [-1, 1]. */
export const acos: Unary = float(e.acos);
/** Inverse tangent. */
export const atan: Unary = float(e.atan);
/** The angle of the point (other, input), in all four quadrants. */
export const atan2: Binary = binary({ result: "float", tensorsOnly: true, f: (a, b) => e.atan2(a!, b!) });
/** Hyperbolic sine. */
export const sinh: Unary = float(e.sinh);
/** Hyperbolic cosine. */
export const cosh: Unary = float(e.cosh);
/** Hyperbolic tangent. */
export const tanh: Unary = float(e.tanh);
/** Inverse hyperbolic sine. */
export const asinh: Unary = float(e.asinh);
/** Inverse hyperbolic cosine. */
export const acosh: Unary = float(e.acosh);
/** Inverse hyperbolic tangent. */
export const atanh: Unary = float(e.atanh);
/** The error function. */
export const erf: Unary = float(e.erf);
/** `1 / (1 + exp(-x))`. */
export const sigmoid: Unary = float(
  (x) => e.div(1, e.add(e.exp(e.neg(x)), 1)),
  (y) => e.mul(e.sub(1, y), y), // stated: keeps the output, not the input
);
