import type { DType } from "../core/dtype.ts";
import { ArgumentError, maskedFillValue, notForDtype, whereCondition } from "../core/errors.ts";
import * as e from "../kernel/expr.ts";
import { constant, type Expr, isFloat } from "../kernel/expr.ts";
import {
  type Binary,
  binary,
  type Comparison,
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
import { numberFirst, tensorFirst } from "./signatures.ts";

const compare = (f: (a: Expr, b: Expr) => Expr): Comparison => binary({ result: "bool", signatures: tensorFirst, f: (a, b) => f(a!, b!) });
const logical = (f: (a: Expr, b: Expr) => Expr): Comparison => binary({ result: "bool", tensorsOnly: true, f: (a, b) => f(a!, b!) });
/** Whether the elements are equal. */
export const eq: Comparison = compare(e.eq);
/** Whether the elements differ. NaN differs from everything. */
export const ne: Comparison = compare(e.ne);
/** Whether `input` is less. */
export const lt: Comparison = compare(e.lt);
/** Whether `input` is less or equal. */
export const le: Comparison = compare(e.le);
/** Whether `input` is greater. */
export const gt: Comparison = compare(e.gt);
/** Whether `input` is greater or equal. */
export const ge: Comparison = compare(e.ge);

const truth = (x: Expr): Expr => (x.type === "bool" ? x : e.ne(x, 0));
/** Whether both are true. Numbers other than 0 are true. */
export const logicalAnd: Comparison = logical((a, b) => e.and(truth(a), truth(b)));
/** Whether one is true or both are. */
export const logicalOr: Comparison = logical((a, b) => e.or(truth(a), truth(b)));
/** Whether exactly one is true. */
export const logicalXor: Comparison = logical((a, b) => e.xor(truth(a), truth(b)));
/** Whether the element is 0. */
export const logicalNot: Unary = unary({ result: "bool", f: (x) => e.not(truth(x!)) });

const integersOnly =
  (kernel: string) =>
  (d: DType): void => {
    if (d.isFloatingPoint) throw notForDtype(kernel, d.scalarName);
  };
/** The bits that both have; of bools, and. */
export const bitwiseAnd: Binary = binary({ signatures: numberFirst, check: integersOnly("bitwise_and_cpu"), f: (a, b) => e.and(a!, b!) });
/** The bits that either has; of bools, or. */
export const bitwiseOr: Binary = binary({ signatures: numberFirst, check: integersOnly("bitwise_or_cpu"), f: (a, b) => e.or(a!, b!) });
/** The bits that exactly one has. */
export const bitwiseXor: Binary = binary({ signatures: numberFirst, check: integersOnly("bitwise_xor_cpu"), f: (a, b) => e.xor(a!, b!) });
/** All bits turned over; of bools, the other truth value. */
export const bitwiseNot: Unary = unary({
  check: (d) => {
    if (d.isFloatingPoint) throw new ArgumentError("~ (operator.invert) is only implemented on integer and Boolean-type tensors");
  },
  f: (x) => e.not(x!),
});
/** `input << other`. */
export const bitwiseLeftShift: Binary = binary({ signatures: numberFirst, check: integersOnly("lshift_cpu"), f: (a, b) => e.shl(a!, b!) });
/** `input >> other`, keeping the sign. */
export const bitwiseRightShift: Binary = binary({ signatures: numberFirst, check: integersOnly("rshift_cpu"), f: (a, b) => e.shr(a!, b!) });

const no = constant(0, "bool");
const infinite = (x: Expr): Expr => e.eq(e.abs(x), Number.POSITIVE_INFINITY);
/** Whether the element is NaN. */
export const isnan: Pointwise<() => Tensor> = pointwise(1, { result: "bool", f: (x) => (isFloat(x!) ? e.isnan(x!) : no) });
/** Whether the element is an infinity. */
export const isinf: Pointwise<() => Tensor> = pointwise(1, { result: "bool", f: (x) => (isFloat(x!) ? infinite(x!) : no) });
/** Whether the element is neither NaN nor an infinity. */
export const isfinite: Pointwise<() => Tensor> = pointwise(1, {
  result: "bool",
  f: (x) => (isFloat(x!) ? e.lt(e.abs(x!), Number.POSITIVE_INFINITY) : constant(1, "bool")),
});

/** Whether the mask argument of an op is one. */
const condition = (_: DType, [c]: readonly (DType | null)[]): void => {
  if (c != null && c.name !== "bool") throw whereCondition(c.scalarName);
};
/** `input` where `condition` holds, else `other`: the three-operand form of `torch.where`. */
export const _where: Pointwise<(input: TensorLike, other: TensorLike) => Tensor> = pointwise(3, {
  node: "WhereBackward0",
  check: condition,
  f: (c, x, y) => e.select(truth(c!), x!, y!),
  df: (y, c) => [
    null,
    e.select(truth(c!), constant(1, y.type), constant(0, y.type)),
    e.select(truth(c!), constant(0, y.type), constant(1, y.type)),
  ],
});
/** This tensor's elements where `condition` holds, else those of `other`. */
export const where: Composite<(condition: Tensor, other: TensorLike) => Tensor> = composite(
  ["condition", "other"],
  (x: Tensor, c: Tensor, y: TensorLike) => c._where(x, y),
);

/** `value` where `mask` holds, else `input`; of the dtype of `input`. */
export const maskedFill: PointwiseInplace<(mask: Tensor, value: TensorLike) => Tensor> = pointwise(3, {
  inplace: true,
  node: "MaskedFillBackward0",
  result: "first",
  rowMajor: true,
  checkRanks: (ranks) => {
    if (ranks[2]! > 0) throw maskedFillValue(ranks[2]!);
  },
  f: (x, mask, value) => e.select(truth(mask!), value!, x!),
  df: (y, _, mask) => [
    e.select(truth(mask!), constant(0, y.type), constant(1, y.type)),
    null,
    e.select(truth(mask!), constant(1, y.type), constant(0, y.type)),
  ],
});
