import type { DType } from "../core/dtype.ts";
import { boolNegative, boolSubtract, boolSubtractOne, clampNeither, integerAddcdiv, notForDtype } from "../core/errors.ts";
import * as e from "../kernel/expr.ts";
import {
  abs as absolute,
  and,
  trunc as chop,
  constant,
  floor as down,
  type Expr,
  eq,
  ge,
  gt,
  idiv,
  irem,
  isFloat,
  sub as less,
  log as ln,
  lt,
  max,
  min,
  neg as minus,
  ne,
  round as nearest,
  oneOf,
  div as over,
  add as plus,
  pow as power,
  sqrt as root,
  select,
  mul as times,
  ceil as up,
  zeroOf,
} from "../kernel/expr.ts";
import {
  type Binary,
  binary,
  type Composite,
  composite,
  type Pointwise,
  type PointwiseInplace,
  pointwise,
  type Tensor,
  type TensorLike,
  type Unary,
  unary,
} from "./define.ts";
import { numberFirst, power as power_, reversed, tensorFirst, tensorFirstMax, tensorFirstMin } from "./signatures.ts";

/** `add` and `sub` take a factor for the second operand. */
export interface AlphaOptions {
  alpha?: number;
}
export type WithAlpha = PointwiseInplace<(other: TensorLike, options?: AlphaOptions) => Tensor>;
const alpha = [{ name: "alpha", default: 1, whole: true as const }];

/**
 * `input + alpha * other`, with broadcasting and type promotion.
 * @example tensor([1, 2]).add(10) // [11, 12]
 */
export const add: WithAlpha = binary({ params: alpha, f: (a, b, k) => plus(a!, times(b!, k!)) });

function checkSubtract(_: DType, operands: readonly (DType | null)[]): void {
  const bools = operands.filter((d) => d?.name === "bool").length;
  if (bools === 2) throw boolSubtract();
  if (bools === 1 && operands.includes(null)) throw boolSubtractOne();
}
/** `input - alpha * other`. Not for bools. */
export const sub: WithAlpha = binary({ params: alpha, check: checkSubtract, f: (a, b, k) => less(a!, times(b!, k!)) });
/** `other - alpha * input`. */
export const rsub: PointwiseInplace<(other: TensorLike, options?: AlphaOptions) => Tensor> = binary({
  params: alpha,
  signatures: reversed,
  check: checkSubtract,
  f: (a, b, k) => less(b!, times(a!, k!)),
});

/** `input * other`. */
export const mul: Binary = binary({ f: (a, b) => times(a!, b!) });

/** The quotient rounded down. Source: Python's float floor division, which keeps `a == b * (a // b) + a % b`. */
function floorQuotient(a: Expr, b: Expr): Expr {
  if (!isFloat(a)) {
    const q = idiv(a, b);
    return select(and(ne(irem(a, b), 0), ne(lt(a, 0), lt(b, 0))), less(q, 1), q);
  }
  const remainder = floatRemainderC(a, b);
  const fixed = select(
    and(ne(remainder, 0), ne(lt(b, 0), lt(remainder, 0))),
    less(over(less(a, remainder), b), 1),
    over(less(a, remainder), b),
  );
  const rounded = down(fixed);
  const near = select(gt(less(fixed, rounded), 0.5), plus(rounded, 1), rounded);
  const signed = select(eq(fixed, 0), e.copysign(zeroOf(a), over(a, b)), near);
  return select(eq(b, 0), over(a, b), signed);
}
/** C's fmod: the remainder of division toward zero. */
function floatRemainderC(a: Expr, b: Expr): Expr {
  return e.fmod(a, b);
}

const noBool =
  (kernel: string) =>
  (d: DType): void => {
    if (d.name === "bool") throw notForDtype(kernel, "Bool");
  };
/** The quotient rounded toward minus infinity. Integers by zero raise. */
export const floorDivide: Binary = binary({
  integerDivisor: true,
  check: noBool("div_floor_cpu"),
  f: (a, b) => floorQuotient(a!, b!),
  df: () => [0, 0],
});
const divFloor: Binary = binary({
  integerDivisor: true,
  check: noBool("div_floor_cpu"),
  node: "DivBackward1",
  f: (a, b) => floorQuotient(a!, b!),
  df: () => [0, 0],
});
const divTrunc: Binary = binary({
  integerDivisor: true,
  check: noBool("div_trunc_cpu"),
  node: "DivBackward1",
  f: (a, b) => (isFloat(a!) ? chop(over(a!, b!)) : idiv(a!, b!)),
  df: () => [0, 0],
});
export interface DivOptions {
  /** `null`: true division; `"floor"`, `"trunc"`: rounded, and integers stay integers. */
  roundingMode?: "floor" | "trunc" | null;
}
export type Div = PointwiseInplace<(other: TensorLike, options?: DivOptions) => Tensor>;
const quotient = {
  result: "float" as const,
  f: (a?: Expr, b?: Expr) => over(a!, b!),
  df: (_y: Expr, a?: Expr, b?: Expr) => [over(1, b!), minus(over(over(a!, b!), b!))],
  variant: { option: "roundingMode", choices: { floor: divFloor as Pointwise, trunc: divTrunc as Pointwise } },
};
/** `input / other`. Integers give floats; `roundingMode` rounds instead. */
export const div: Div = binary(quotient);
/** The same as `div` without rounding. */
export const trueDivide: Binary = binary({ result: "float", node: "DivBackward0", f: quotient.f, df: quotient.df });

/** The remainder with the sign of the divisor, as Python's `%`. */
export const remainder: Binary = binary({
  signatures: numberFirst,
  integerDivisor: true,
  check: noBool("remainder_cpu"),
  f: (a, b) => {
    const r = isFloat(a!) ? floatRemainderC(a!, b!) : irem(a!, b!);
    return select(and(ne(r, 0), ne(lt(b!, 0), lt(r, 0))), plus(r, b!), r);
  },
  df: (_, a, b) => [1, minus(floorQuotient(a!, b!))],
});
/** The remainder with the sign of the dividend, as C's `fmod`. */
export const fmod: Binary = binary({
  signatures: tensorFirst,
  integerDivisor: true,
  check: noBool("fmod_cpu"),
  f: (a, b) => (isFloat(a!) ? floatRemainderC(a!, b!) : irem(a!, b!)),
  df: (_, a, b) => [1, minus(chop(over(a!, b!)))],
});

/** A power as PyTorch computes it: a number of 1/2 or -1/2 stands for the root, which is -0 for -0 and not a number for -inf, unlike C's `pow`. */
function powerOf(a: Expr, b: Expr): Expr {
  const y = power(a, b);
  const isNumber = isFloat(a) && e.leaves([b], "arg").size === 0;
  return isNumber ? select(eq(b, 0.5), root(a), select(eq(b, -0.5), over(1, root(a)), y)) : y;
}
/** `input` to the power of `exponent`. */
export const pow: Binary = binary({
  signatures: power_,
  integerExponent: true,
  check: noBool("pow"),
  f: (a, b) => powerOf(a!, b!),
  df: (y, a, b) => [
    select(eq(b!, 0), zeroOf(y), times(b!, powerOf(a!, less(b!, 1)))),
    select(and(eq(a!, 0), e.ge(b!, 0)), zeroOf(y), times(y, ln(a!))),
  ],
});

/** The negative of each element. */
export const neg: Unary = unary({
  check: (d) => {
    if (d.name === "bool") throw boolNegative();
  },
  f: (x) => minus(x!),
});

/** The absolute value of each element. */
export const abs: Unary = unary({
  check: noBool("abs_cpu"),
  f: (x) => absolute(x!),
  df: (_, x) => [signOf(x!)],
});
const signOf = (x: Expr): Expr => select(gt(x, 0), constant(1, x.type), select(lt(x, 0), constant(-1, x.type), zeroOf(x)));
/** -1, 0 or 1. */
export const sign: Unary = unary({ f: (x) => (x!.type === "bool" ? x! : signOf(x!)), df: () => [0] });
/** `x * x`. */
export const square: Composite<() => Tensor> = composite([], (x: Tensor) => x.pow(2));
/** `1 / x`. */
export const reciprocal: Unary = unary({ result: "float", f: (x) => over(1, x!), df: (y) => [minus(times(y, y))] });
/** The square root. */
export const sqrt: Unary = unary({ result: "float", f: (x) => root(x!), df: (y) => [over(0.5, y)] });
/** `1 / sqrt(x)`. */
export const rsqrt: Unary = unary({ result: "float", f: (x) => over(1, root(x!)), df: (y) => [times(-0.5, times(y, times(y, y)))] });

const rounding = (name: string, f: (x: Expr) => Expr): Unary =>
  unary({ check: noBool(`${name}_vml_cpu`), f: (x) => (isFloat(x!) ? f(x!) : x!), df: () => [0] });
/** The largest whole number that is not greater. */
export const floor: Unary = rounding("floor", (x) => down(x));
/** The smallest whole number that is not less. */
export const ceil: Unary = rounding("ceil", (x) => up(x));
/** The whole part. */
export const trunc: Unary = rounding("trunc", (x) => chop(x));
/** The nearest whole number; halves go to the even one. */
export const round: Unary = rounding("round", (x) => nearest(x));

const half = (x: Expr): Expr => constant(0.5, x.type);
/** The greater of two; NaN if either is. A tie shares its gradient. */
export const maximum: Binary = binary({
  tensorsOnly: true,
  f: (a, b) => max(a!, b!),
  df: (_, a, b) => [
    select(eq(a!, b!), half(a!), select(lt(a!, b!), zeroOf(a!), oneOf(a!))),
    select(eq(a!, b!), half(a!), select(lt(b!, a!), zeroOf(a!), oneOf(a!))),
  ],
});
/** The lesser of two; NaN if either is. A tie shares its gradient. */
export const minimum: Binary = binary({
  tensorsOnly: true,
  f: (a, b) => min(a!, b!),
  df: (_, a, b) => [
    select(eq(a!, b!), half(a!), select(gt(a!, b!), zeroOf(a!), oneOf(a!))),
    select(eq(a!, b!), half(a!), select(gt(b!, a!), zeroOf(a!), oneOf(a!))),
  ],
});

/** `input + value * tensor1 * tensor2`. */
export const addcmul: PointwiseInplace<(tensor1: TensorLike, tensor2: TensorLike, options?: { value?: number }) => Tensor> = pointwise(3, {
  inplace: true,
  params: [{ name: "value", default: 1 }],
  f: (x, a, b, k) => plus(x!, times(times(a!, k!), b!)),
});
/** `input + value * tensor1 / tensor2`. */
export const addcdiv: PointwiseInplace<(tensor1: TensorLike, tensor2: TensorLike, options?: { value?: number }) => Tensor> = pointwise(3, {
  inplace: true,
  params: [{ name: "value", default: 1 }],
  check: (_, [, a, b]) => {
    if (a?.isFloatingPoint !== true && b?.isFloatingPoint !== true) throw integerAddcdiv();
  },
  f: (x, a, b, k) => plus(x!, over(times(a!, k!), b!)),
});
/** `input + weight * (end - input)`; computed from the nearer end. */
export const lerp: PointwiseInplace<(end: TensorLike, weight: TensorLike) => Tensor> = pointwise(3, {
  inplace: true,
  check: (_, [d, , weight]) => {
    if (d?.isFloatingPoint === false) throw notForDtype(`lerp_kernel_${weight === null ? "scalar" : "tensor"}`, d.scalarName);
  },
  f: (a, b, w) => select(lt(absolute(w!), 0.5), plus(a!, times(w!, less(b!, a!))), less(b!, times(less(b!, a!), less(1, w!)))),
  df: (_, a, b, w) => [less(1, w!), w!, less(b!, a!)],
});

/** Options of `clamp`: at least one is given. */
export interface ClampOptions {
  min?: TensorLike | null;
  max?: TensorLike | null;
}
type Clamp = (min?: TensorLike | null | ClampOptions, max?: TensorLike | null) => Tensor;
const clampBoth: Pointwise<(min: TensorLike, max: TensorLike) => Tensor> = pointwise(3, {
  node: "ClampBackward1",
  f: (x, lo, hi) => min(max(x!, lo!), hi!),
  df: (_, x, lo, hi) => {
    const [below, above] = [lt(x!, lo!), gt(x!, hi!)];
    const inside = select(below, zeroOf(x!), select(above, zeroOf(x!), oneOf(x!)));
    return [
      inside,
      select(e.and(below, lt(lo!, hi!)), oneOf(x!), zeroOf(x!)),
      select(e.or(above, e.and(below, e.not(lt(lo!, hi!)))), oneOf(x!), zeroOf(x!)),
    ];
  },
});

export { clampBoth as _clampBoth };
/** At least `min` and at most `max`; either may be left out. Where `min` exceeds `max`, the result is `max`. */
export const clamp: Composite<Clamp> = composite(["min", "max"], (x: Tensor, lo?: TensorLike | null, hi?: TensorLike | null) => {
  if (lo == null && hi == null) throw clampNeither();
  if (hi == null) return x.clampMin(lo!);
  return lo == null ? x.clampMax(hi) : x._clampBoth(lo, hi);
});

const limits = { inplace: true as const };
/** At least `min`. */
export const clampMin: PointwiseInplace<(min: TensorLike) => Tensor> = pointwise(2, {
  ...limits,
  signatures: tensorFirstMin,
  f: (x, lo) => max(x!, lo!),
  df: (_, x, lo) => [select(ge(x!, lo!), oneOf(x!), zeroOf(x!)), select(lt(x!, lo!), oneOf(x!), zeroOf(x!))],
});
/** At most `max`. */
export const clampMax: PointwiseInplace<(max: TensorLike) => Tensor> = pointwise(2, {
  ...limits,
  signatures: tensorFirstMax,
  f: (x, hi) => min(x!, hi!),
  df: (_, x, hi) => [select(e.le(x!, hi!), oneOf(x!), zeroOf(x!)), select(gt(x!, hi!), oneOf(x!), zeroOf(x!))],
});
