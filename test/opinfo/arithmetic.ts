import type * as table from "../../src/ops/arithmetic.ts";
import {
  between,
  binary,
  bool,
  call,
  type DType,
  floats,
  given,
  type InfosOf,
  info,
  type Nd,
  numeric,
  type Sample,
  t,
  unary,
  withNumber,
} from "./info.ts";
import { zip } from "./nd.ts";

const toFloat = (d: DType) => (d.isFloatingPoint ? d : floats[0]!);
const noBool = (sentence: string | RegExp) => ({ dtypes: numeric, refuses: [[[bool], sentence]] as const });
const { POSITIVE_INFINITY: inf, NaN: nan } = Number;
const divisor = between(-3, 3, 0.4);

/** C's fmod and Python's rules for the sign, from the definition of each. */
const pythonRemainder = (a: number, b: number): number => {
  const r = a % b;
  return r !== 0 && r < 0 !== b < 0 ? r + b : r;
};
/** PyTorch's floor division of floats: Python's, but by zero it divides. */
const floorDivision = (a: number, b: number): number => {
  if (b === 0) return a / b;
  const r = a % b;
  let q = (a - r) / b;
  if (r !== 0 && b < 0 !== r < 0) q -= 1;
  if (q === 0) return Math.sign(a / b) < 0 || Object.is(a / b, -0) ? -0 : 0;
  const down = Math.floor(q);
  return q - down > 0.5 ? down + 1 : down;
};
/** Half to even. */
const nearest = (x: number): number => {
  if (!Number.isFinite(x) || Number.isInteger(x)) return x;
  const low = Math.floor(x);
  const y = x - low === 0.5 ? low + (Math.abs(low) % 2) : Math.round(x);
  return y === 0 && x < 0 ? -0 : y;
};
const power = (a: number, b: number): number => (a === 1 || b === 0 ? 1 : a === -1 && !Number.isFinite(b) && !Number.isNaN(b) ? 1 : a ** b);
const either = (f: (a: number, b: number) => number) => (a: number, b: number) =>
  Number.isNaN(a) || Number.isNaN(b) ? Number.NaN : f(a, b);
const greater = either((a, b) => (a < b ? b : a));
const lesser = either((a, b) => (a > b ? b : a));

/** The factor of the second operand. */
const scaled =
  (f: (a: number, b: number) => number) =>
  (a: Nd, b: Nd | number, options: { alpha?: number } = {}) =>
    zip((x, y) => f(x, (options.alpha ?? 1) * y), a, b);
const alpha = [call(t([2, 3]), t([3]), { alpha: 2 }), withNumber(3), withNumber(-2, [17])];

export const arithmetic: InfosOf<typeof table> = {
  abs: unary(Math.abs, { ...noBool("\"abs_cpu\" not implemented for 'Bool'"), keeps: [0] }),
  add: { ...binary((a, b) => a + b, { keeps: [], more: alpha }), reference: scaled((a, b) => a + b) },
  sub: {
    ...binary((a, b) => a - b, {
      ...noBool("Subtraction, the `-` operator, with two bool tensors is not supported."),
      keeps: [],
      more: alpha,
    }),
    reference: scaled((a, b) => a - b),
  },
  rsub: {
    ...binary((a, b) => b - a, {
      ...noBool("Subtraction, the `-` operator, with two bool tensors is not supported."),
      keeps: [],
      more: [withNumber(3)],
    }),
    reference: (a: Nd, b: Nd | number, { alpha: k = 1 } = {}) => zip((x, y) => y - k * x, a, b),
  },
  mul: binary((a, b) => a * b, { keeps: [0, 1], more: [{ ...withNumber(3), keeps: [] }] }),
  div: binary((a, b) => a / b, { result: toFloat, keeps: [0, 1], second: divisor, more: [{ ...withNumber(3), keeps: [] }] }),
  trueDivide: binary((a, b) => a / b, {
    result: toFloat,
    keeps: [0, 1],
    second: divisor,
    more: [withNumber(4, [17])].map((s) => ({ ...s, keeps: [] })),
  }),
  floorDivide: binary(floorDivision, {
    ...noBool(/"div_floor_cpu" not implemented for 'Bool'/),
    second: divisor,
    keeps: [],
    more: [withNumber(2)],
  }),
  remainder: binary(pythonRemainder, {
    ...noBool(/"remainder_cpu" not implemented for 'Bool'/),
    second: divisor,
    keeps: [0, 1],
    firstOnly: "the primitive fmod states no derivative",
    more: [{ ...withNumber(2), keeps: [] }],
  }),
  fmod: binary((a, b) => a % b, {
    ...noBool(/"fmod_cpu" not implemented for 'Bool'/),
    second: divisor,
    keeps: [0, 1],
    more: [{ ...withNumber(2), keeps: [] }],
  }),
  pow: binary(power, {
    dtypes: numeric,
    refuses: [[[bool], "pow"]],
    domain: between(0.3, 3),
    second: between(0, 3),
    ulp: 4,
    halfUlp: 4,
    keeps: ["result", 0, 1],
    more: [
      { ...withNumber(3), keeps: [0] },
      { ...withNumber(2), keeps: [0] },
    ],
  }),
  neg: unary((x) => -x, { ...noBool("Negation, the `-` operator, on a bool tensor is not supported."), keeps: [] }),
  sign: unary((x) => (Number.isNaN(x) ? 0 : Math.sign(x) + 0), { keeps: [] }),
  square: unary((x) => x * x, { dtypes: numeric, keeps: [0] }),
  reciprocal: unary((x) => 1 / x, { result: toFloat, domain: divisor, keeps: ["result"] }),
  sqrt: unary(Math.sqrt, { result: toFloat, domain: between(0.1, 3), keeps: ["result"] }),
  rsqrt: unary((x) => 1 / Math.sqrt(x), { result: toFloat, domain: between(0.1, 3, 0.1), keeps: ["result"], ulp: 3 }),
  floor: unary(Math.floor, { ...noBool(/not implemented for 'Bool'/), keeps: [] }),
  ceil: unary(Math.ceil, { ...noBool(/not implemented for 'Bool'/), keeps: [] }),
  trunc: unary(Math.trunc, { ...noBool(/not implemented for 'Bool'/), keeps: [] }),
  round: unary(nearest, {
    ...noBool(/not implemented for 'Bool'/),
    keeps: [],
    more: [call(given([7], [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5]))].map((s) => ({ ...s, still: true as const })),
  }),
  maximum: binary(greater, { keeps: [0, 1], eitherZero: true }),
  minimum: binary(lesser, { keeps: [0, 1], eitherZero: true }),
  addcmul: info(
    (x: Nd, a: Nd, b: Nd, { value = 1 } = {}) => zip((p, q, r) => p + value * q * r, x, a, b),
    [
      call(t([3, 4]), t([3, 4]), t([3, 4])),
      call(t([3, 1]), t([4]), t([]), { value: 2 }),
      call(t([17]), t([17]), t([17]), { value: -3 }),
      call(t([0]), t([0]), t([1])),
    ],
    { dtypes: numeric, keeps: [1, 2], floor: 4 },
  ),
  addcdiv: info(
    (x: Nd, a: Nd, b: Nd, { value = 1 } = {}) => zip((p, q, r) => p + (value * q) / r, x, a, b),
    [
      call(t([3, 4]), t([3, 4]), t([3, 4], divisor)),
      call(t([3, 1]), t([4]), t([], divisor), { value: 2 }),
      call(t([0]), t([0]), t([1], divisor)),
    ],
    { dtypes: floats, keeps: [1, 2], floor: 8 },
  ),
  lerp: info(
    (a: Nd, b: Nd, w: Nd | number) => zip((x, y, k) => x + k * (y - x), a, b, w),
    [
      call(t([3, 4]), t([3, 4]), t([3, 4])),
      call(t([4]), t([3, 1]), t([])),
      { args: [t([17]), t([17]), 0.25], keeps: [] },
      { args: [t([5]), t([5]), 0.75], keeps: [] },
      call(t([0]), t([0]), t([0])),
    ],
    { dtypes: floats, floor: 16, keeps: [0, 1, 2] },
  ),
  clamp: info(
    (x: Nd, lo: Nd | number | null, hi?: Nd | number | null) =>
      zip((v, a, b) => lesser(greater(v, a), b), x, lo ?? Number.NEGATIVE_INFINITY, hi ?? inf),
    [
      call(t([3, 4]), -1, 1),
      { args: [t([3, 4]), t([3, 4]), t([3, 4])], keeps: [0, 1, 2] },
      { args: [t([3, 4]), t([4]), null], keeps: [0, 1] },
      { args: [t([3, 1]), null, t([4])], keeps: [0, 1] },
      call(t([17]), 2, -1),
      call(t([0]), 0, 1),
      call(t([]), -1, null),
      { args: [given([6], [nan, 1, -inf, inf, -1, 0]), -0.5, 0.5], dtypes: floats, still: true as const },
    ].map((s): Sample => ({ dtypes: numeric.filter((d) => d.name !== "uint8"), ...s })),
    { dtypes: numeric, keeps: [0], eitherZero: true },
  ),
  clampMin: binary(greater, { eitherZero: true, keeps: [0, 1], more: [{ ...withNumber(1), keeps: [0] }] }),
  clampMax: binary(lesser, { eitherZero: true, keeps: [0, 1], more: [{ ...withNumber(1), keeps: [0] }] }),
};
