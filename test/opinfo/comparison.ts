import type * as table from "../../src/ops/comparison.ts";
import {
  binary,
  bool,
  call,
  every,
  floats,
  given,
  type InfosOf,
  info,
  integers,
  mask,
  type Nd,
  numeric,
  t,
  unary,
  withNumber,
} from "./info.ts";
import { zip } from "./nd.ts";

const still = { differentiable: false } as const;
const toBool = { ...still, result: () => bool };
const compare = (f: (a: number, b: number) => boolean) =>
  binary((a, b) => Number(f(a, b)), { ...toBool, more: [withNumber(1), withNumber(-1, [17])] });
const logical = (f: (a: boolean, b: boolean) => boolean) => binary((a, b) => Number(f(a !== 0, b !== 0)), toBool);
const refusesFloats = (kernel: string) =>
  ({ ...still, tame: true, dtypes: [...integers, bool], refuses: [[floats, `"${kernel}" not implemented for '`]] }) as const;
const bits = (kernel: string, f: (a: number, b: number) => number) => binary(f, { ...refusesFloats(kernel), more: [withNumber(5)] });
const shift = (kernel: string, f: (a: number, b: number) => number) =>
  binary(f, { ...refusesFloats(kernel), dtypes: integers, second: { low: 0, high: 5 }, more: [withNumber(2)] });

export const comparison: InfosOf<typeof table> = {
  eq: compare((a, b) => a === b),
  ne: compare((a, b) => a !== b),
  lt: compare((a, b) => a < b),
  le: compare((a, b) => a <= b),
  gt: compare((a, b) => a > b),
  ge: compare((a, b) => a >= b),
  logicalAnd: logical((a, b) => a && b),
  logicalOr: logical((a, b) => a || b),
  logicalXor: logical((a, b) => a !== b),
  logicalNot: unary((x) => Number(x === 0), toBool),
  bitwiseAnd: bits("bitwise_and_cpu", (a, b) => a & b),
  bitwiseOr: bits("bitwise_or_cpu", (a, b) => a | b),
  bitwiseXor: bits("bitwise_xor_cpu", (a, b) => a ^ b),
  bitwiseNot: {
    ...unary((x) => ~x, { ...still, tame: true, refuses: [[floats, "only implemented on integer and Boolean-type tensors"]] }),
    dtypes: [...integers, bool],
    reference: (x: Nd) => x.map((v) => (x.dtype === bool ? 1 - v : ~v)),
  },
  bitwiseLeftShift: shift("lshift_cpu", (a, b) => a * 2 ** b),
  bitwiseRightShift: shift("rshift_cpu", (a, b) => Math.floor(a / 2 ** b)),
  isnan: unary((x) => Number(Number.isNaN(x)), toBool),
  isinf: unary((x) => Number(Math.abs(x) === Number.POSITIVE_INFINITY), toBool),
  isfinite: unary((x) => Number(Number.isFinite(x)), toBool),
  where: info(
    (x: Nd, c: Nd, y: Nd | number) => zip((a, k, b) => (k === 0 ? b : a), x, c, y),
    [
      call(t([3, 4]), mask([3, 4]), t([3, 4])),
      call(t([4]), mask([3, 1]), t([])),
      { args: [t([2, 3]), mask([3]), 0], keeps: [1], dtypes: numeric },
      call(t([0]), mask([0]), t([0])),
      call(t([]), mask([]), t([])),
      { args: [given([3], [Number.NaN, 1, -0]), mask([3]), given([3], [1, Number.NaN, 0])], still: true, dtypes: floats },
    ],
    { keeps: [1] },
  ),
  maskedFill: info(
    (x: Nd, m: Nd, v: number | Nd) => zip((a, k, b) => (k === 0 ? a : b), x, m, v),
    [
      call(t([3, 4]), mask([3, 4]), 7),
      call(t([3, 4]), mask([4]), -1),
      call(t([2, 3]), mask([2, 1]), t([])),
      call(t([0]), mask([0]), 1),
      call(t([]), mask([]), 2),
    ],
    { keeps: [1], dtypes: every },
  ),
};
