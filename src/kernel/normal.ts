import { add, type Expr, erf, exp, mul } from "./expr.ts";

/** `P(X <= x)` for a standard normal X: `(1 + erf(x / sqrt(2))) / 2`. */
export const normal = (x: Expr): Expr => mul(0.5, add(1, erf(mul(x, Math.SQRT1_2))));

/** The derivative of `x * normal(x)`: `normal(x) + x * density(x)`, with `density(x) = exp(-x * x / 2) / sqrt(2 pi)`. */
export const normalSlope = (x: Expr): Expr => add(normal(x), mul(x, mul(exp(mul(mul(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI))));
