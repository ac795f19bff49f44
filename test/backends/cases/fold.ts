import { bool, type DType, float16, float32, float64, int32, int64, uint8 } from "../../../src/core/dtype.ts";
import { Layout, numel, permute, slice } from "../../../src/core/layout.ts";
import {
  abs,
  add,
  and,
  arg,
  cast,
  constant,
  div,
  type Expr,
  eq,
  exp,
  ge,
  gt,
  isnan,
  log,
  max,
  min,
  mul,
  ne,
  not,
  or,
  position,
  pow,
  scalar,
  select,
  state,
  sub,
} from "../../../src/kernel/expr.ts";
import type { Output, ReduceKernel, ScanKernel } from "../../../src/kernel/kernel.ts";
import { anything, type Case, Data, filled, type Run, type Sample, type Tolerance } from "../case.ts";

/** A monoid with operands on which it is well conditioned. */
interface Fold {
  readonly name: string;
  readonly inputs: readonly DType[];
  readonly init: readonly Expr[];
  readonly lift: readonly Expr[];
  readonly combine: readonly Expr[];
  readonly outputs: readonly Output[];
  readonly sample?: Sample;
  /** For `n` elements. Exact where absent. */
  readonly tolerance?: (n: number) => Tolerance;
  readonly scalars?: (n: number) => (number | bigint)[];
  /** Some elements there must be: without, the outputs are 0 / 0. */
  readonly nonEmpty?: true;
}

const inf = Number.POSITIVE_INFINITY;
const unit: Sample = (d) => d.between(-1, 1);
const nearOne: Sample = (d) => d.between(0.9, 1.1);
/** Few different values, so that there are ties. */
const few: Sample = (d) => d.int(-3, 4);
const fewWide: Sample = (d) => BigInt(d.int(-3, 4));
const withNaN: Sample = (d) => (d.next() < 0.05 ? Number.NaN : d.int(-3, 4));
const bit: Sample = (d) => d.int(0, 2);
const rarely: Sample = (d) => (d.next() < 0.05 ? 1 : 0);
const mostly: Sample = (d) => (d.next() < 0.95 ? 1 : 0);

const summing = (n: number): Tolerance => ({ ulp: 4, floor: n });
const multiplying = (n: number): Tolerance => ({ ulp: n + 1 });
const unsignedZero = (): Tolerance => ({ ulp: 0, signedZero: false });

/** A monoid of one component. */
function simple(
  name: string,
  from: DType,
  to: DType,
  init: number | bigint,
  combine: (a: Expr, b: Expr) => Expr,
  more: Partial<Fold> = {},
): Fold {
  const type = to.compute;
  return {
    name: `${name} ${from.name}${from === to ? "" : ` in ${to.name}`}`,
    inputs: [from],
    init: [constant(init, type)],
    lift: [arg(0, type)],
    combine: [combine(state(0, type), state(1, type))],
    outputs: [{ dtype: to, value: state(0, type) }],
    ...more,
  };
}

/** The best value and its position; of equal ones the first, or the last. NaN is better than all else. */
function best(name: string, dtype: DType, init: number | bigint, better: (a: Expr, b: Expr) => Expr, sample: Sample): Fold {
  const type = dtype.compute;
  const [a, i, b, j] = [state(0, type), state(1, "i64"), state(2, type), state(3, "i64")];
  const floating = dtype.isFloatingPoint;
  const takes = floating ? or(and(better(b, a), not(isnan(a))), and(isnan(b), not(isnan(a)))) : better(b, a);
  return {
    name: `${name} ${dtype.name}`,
    inputs: [dtype],
    init: [constant(init, type), constant(0, "i64")],
    lift: [arg(0, type), position],
    combine: [select(takes, b, a), select(takes, j, i)],
    outputs: [
      { dtype, value: a },
      { dtype: int64, value: i },
    ],
    sample,
    tolerance: unsignedZero,
  };
}

/** Mean and variance: T. Chan, G. Golub and R. LeVeque's pairwise update of mean, sum of squared deviations and count. */
function variance(dtype: DType): Fold {
  const type = dtype.compute;
  const [m0, s0, n0, m1, s1, n1] = [0, 1, 2, 3, 4, 5].map((k) => state(k, type)) as [Expr, Expr, Expr, Expr, Expr, Expr];
  const n = add(n0, n1);
  const part = div(n1, max(n, 1));
  const d = sub(m1, m0);
  const zero = constant(0, type);
  return {
    name: `variance and mean ${dtype.name}`,
    inputs: [dtype],
    init: [zero, zero, zero],
    lift: [arg(0, type), zero, constant(1, type)],
    combine: [add(m0, mul(d, part)), add(add(s0, s1), mul(mul(mul(d, d), n0), part)), n],
    outputs: [
      { dtype, value: div(s0, sub(n0, scalar(0, type))) },
      { dtype, value: m0 },
    ],
    sample: (d) => d.between(2, 4),
    tolerance: (n) => ({ ulp: 32 + n / 8, floor: 1 }),
    scalars: () => [0],
    nonEmpty: true,
  };
}

/** The logarithm of a sum of exponentials: the largest exponent, and the sum relative to it. */
function logSumExp(dtype: DType): Fold {
  const type = dtype.compute;
  const [m0, s0, m1, s1] = [0, 1, 2, 3].map((k) => state(k, type)) as [Expr, Expr, Expr, Expr];
  const m = max(m0, m1);
  const scaled = (s: Expr, own: Expr): Expr => select(eq(own, m), s, mul(s, exp(sub(own, m))));
  return {
    name: `logsumexp ${dtype.name}`,
    inputs: [dtype],
    init: [constant(-inf, type), constant(0, type)],
    lift: [arg(0, type), constant(1, type)],
    combine: [m, add(scaled(s0, m0), scaled(s1, m1))],
    outputs: [{ dtype, value: add(m0, log(s0)) }],
    sample: (d) => d.between(-20, 20),
    tolerance: (n) => ({ ulp: 8 + n / 8, floor: 1 }),
  };
}

/** x -> a x + b, one after the other: a monoid in which the order counts, in int64 and so exact. Floats could not tell a wrong order from rounding. */
const affine: Fold = {
  name: "composition of affine maps int64",
  inputs: [int64, int64],
  init: [constant(1, "i64"), constant(0, "i64")],
  lift: [arg(0, "i64"), arg(1, "i64")],
  combine: [mul(state(0, "i64"), state(2, "i64")), add(mul(state(1, "i64"), state(2, "i64")), state(3, "i64"))],
  outputs: [
    { dtype: int64, value: state(1, "i64") },
    { dtype: int64, value: state(0, "i64") },
  ],
  sample: (d) => BigInt(d.int(-9, 10)),
};

const dot: Fold = {
  ...simple("dot", float32, float32, 0, add, { sample: unit, tolerance: summing }),
  inputs: [float32, float32],
  lift: [mul(arg(0, "f32"), arg(1, "f32"))],
};
const norm: Fold = {
  ...simple("norm of order 3", float32, float32, 0, add, { sample: unit, tolerance: (n) => ({ ulp: 32 + n / 8 }) }),
  lift: [pow(abs(arg(0, "f32")), scalar(0, "f32"))],
  outputs: [{ dtype: float32, value: pow(state(0, "f32"), div(1, scalar(0, "f32"))) }],
  scalars: () => [3],
};
const mean: Fold = {
  ...simple("mean", float32, float32, 0, add, { sample: unit, tolerance: () => ({ ulp: 4, floor: 1 }), nonEmpty: true }),
  outputs: [{ dtype: float32, value: div(state(0, "f32"), scalar(0, "f32")) }],
  scalars: (n) => [n],
};
const countNonzero: Fold = {
  ...simple("count of nonzeros", float32, int64, 0, add, { sample: few }),
  lift: [cast(ne(arg(0, "f32"), 0), int64)],
};

const folds: readonly Fold[] = [
  simple("sum", float32, float32, 0, add, { sample: unit, tolerance: summing }),
  simple("sum", float64, float64, 0, add, { sample: unit, tolerance: summing }),
  simple("sum", float16, float16, 0, add, { sample: unit, tolerance: (n) => ({ ulp: 1, floor: n / 64 }) }),
  simple("sum", float16, float32, 0, add, { sample: unit, tolerance: summing }),
  simple("sum", int64, int64, 0, add),
  simple("sum", int32, int64, 0, add),
  simple("sum", int32, int32, 0, add),
  simple("sum", uint8, int64, 0, add),
  simple("sum", bool, int64, 0, add, { sample: bit }),
  simple("prod", float32, float32, 1, mul, { sample: nearOne, tolerance: multiplying }),
  simple("prod", float64, float64, 1, mul, { sample: nearOne, tolerance: multiplying }),
  simple("prod", int64, int64, 1, mul),
  simple("prod", int32, int64, 1, mul),
  simple("max", float32, float32, -inf, max, { sample: withNaN, tolerance: unsignedZero }),
  simple("max", float64, float64, -inf, max, { tolerance: unsignedZero }),
  // Over nothing these give the least or greatest of int64, which a device that holds it in 32 bits does not have.
  simple("max", int64, int64, -(2n ** 63n), max, { nonEmpty: true }),
  simple("max", int32, int32, -(2 ** 31), max),
  simple("max", uint8, uint8, 0, max),
  simple("min", float32, float32, inf, min, { sample: unit }),
  simple("min", float16, float16, inf, min, { tolerance: unsignedZero }),
  simple("min", int64, int64, 2n ** 63n - 1n, min, { nonEmpty: true }),
  simple("any", bool, bool, 0, add, { sample: rarely }),
  simple("any", float32, bool, 0, or, { sample: rarely }),
  simple("all", bool, bool, 1, mul, { sample: mostly }),
  simple("all", int64, bool, 1, and, { sample: (d) => BigInt(d.next() < 0.95 ? d.int(1, 9) : 0) }),
  best("argmax", float32, -inf, gt, few),
  best("argmax with NaN", float32, -inf, gt, withNaN),
  best("argmax", float64, -inf, gt, few),
  { ...best("argmax", int64, -(2n ** 63n), gt, fewWide), nonEmpty: true },
  best("last argmax", int32, -(2 ** 31), ge, few),
  best("argmin", float32, inf, (a, b) => gt(b, a), few),
  best(
    "argmin",
    uint8,
    255,
    (a, b) => gt(b, a),
    (d) => d.int(0, 4),
  ),
  variance(float32),
  variance(float64),
  logSumExp(float32),
  logSumExp(float64),
  affine,
  dot,
  norm,
  mean,
  countNonzero,
];

function runOf(fold: Fold, name: string, n: number, inputLayout: Layout, outputLayout: Layout, data: Data): Run {
  const { inputs, outputs, sample, tolerance, scalars } = fold;
  return {
    name,
    inputs: inputs.map((dtype) => filled(dtype, inputLayout, sample ?? anything(dtype), data)),
    outputs: outputs.map(({ dtype }) => filled(dtype, outputLayout, anything(dtype), data)),
    ...(tolerance === undefined ? {} : { tolerance: tolerance(n) }),
    ...(scalars === undefined ? {} : { args: { scalars: scalars(n) } }),
  };
}

/** Layouts of [...kept, ...reduced], with how many dimensions are kept. */
const reductions: readonly [name: string, input: Layout, kept: number, output?: Layout][] = [
  ["rows", Layout.contiguous([4, 7]), 1],
  ["columns", permute(Layout.contiguous([7, 4]), [1, 0]), 1],
  ["all", Layout.contiguous([37]), 0],
  ["all of a matrix", Layout.contiguous([5, 9], 3), 0],
  ["all of a transpose", permute(Layout.contiguous([9, 5]), [1, 0]), 0],
  ["one element each", Layout.contiguous([5, 1]), 1],
  ["no dimension", Layout.contiguous([6]), 1],
  ["a number", Layout.contiguous([]), 0],
  ["nothing", Layout.contiguous([3, 0]), 1],
  ["nothing kept", Layout.contiguous([0, 3]), 1],
  ["the middle of three", permute(Layout.contiguous([3, 6, 5]), [0, 2, 1]), 2],
  ["the first of three", permute(Layout.contiguous([6, 3, 5]), [1, 2, 0]), 2],
  ["the outer two of three", permute(Layout.contiguous([6, 3, 5]), [1, 0, 2]), 1],
  ["steps of 2", slice(Layout.contiguous([4, 18]), 1, 1, 8, 2), 1],
  ["an expanded row", new Layout([4, 7], [0, 1], 2), 1],
  ["an expanded column", new Layout([4, 7], [1, 0], 0), 1],
  ["into a transpose", Layout.contiguous([3, 4, 6]), 2, permute(Layout.contiguous([4, 3]), [1, 0])],
  ["into every other place", Layout.contiguous([5, 6]), 1, slice(Layout.contiguous([11], 1), 0, 1, 5, 2)],
  ["long rows", Layout.contiguous([3, 1001]), 1],
  ["long columns", permute(Layout.contiguous([501, 6]), [1, 0]), 1],
  ["many short rows", Layout.contiguous([257, 3]), 1],
  ["one long row", Layout.contiguous([5003], 1), 0],
];

function reduction(fold: Fold): Case {
  const { inputs, init, lift, combine, outputs } = fold;
  const kernel: ReduceKernel = { kind: "reduce", inputs, init, lift, combine, outputs, compiled: [] };
  const data = new Data(17);
  const runs = reductions.flatMap(([name, input, kept, output = Layout.contiguous(input.shape.slice(0, kept))]) => {
    const n = numel(input.shape.slice(kept));
    return n === 0 && fold.nonEmpty ? [] : [runOf(fold, name, n, input, output, data)];
  });
  return { name: `reduce: ${fold.name}`, kernel, runs };
}

/** Layouts of the input, and of the output where it differs. */
const scans: readonly [name: string, input: Layout, output?: Layout][] = [
  ["one row", Layout.contiguous([37])],
  ["rows", Layout.contiguous([4, 7], 2)],
  ["columns", permute(Layout.contiguous([7, 4]), [1, 0]), Layout.contiguous([4, 7])],
  ["columns to columns", permute(Layout.contiguous([7, 4]), [1, 0])],
  ["three dimensions", Layout.contiguous([2, 3, 5])],
  ["the middle of three", permute(Layout.contiguous([2, 5, 3]), [0, 2, 1])],
  ["steps of 2", slice(Layout.contiguous([4, 18]), 1, 1, 8, 2), Layout.contiguous([4, 8])],
  ["an expanded column", new Layout([4, 7], [1, 0], 0), Layout.contiguous([4, 7])],
  ["a number", Layout.contiguous([])],
  ["rows of one", Layout.contiguous([5, 1])],
  ["nothing", Layout.contiguous([3, 0])],
  ["no rows", Layout.contiguous([0, 3])],
  ["long rows", Layout.contiguous([2, 1001])],
  ["one long row", Layout.contiguous([2503], 1)],
];

function scan(fold: Fold): Case {
  const { inputs, init, lift, combine, outputs } = fold;
  const kernel: ScanKernel = { kind: "scan", inputs, init, lift, combine, outputs, compiled: [] };
  const data = new Data(19);
  const runs = scans.map(([name, input, output = input]) => runOf(fold, name, input.shape.at(-1) ?? 1, input, output, data));
  if (inputs[0] === outputs[0]!.dtype) {
    for (const [name, layout] of scans.slice(0, 4)) {
      const run = runOf(fold, `${name}, in place`, layout.shape.at(-1)!, layout, layout, data);
      runs.push({ ...run, outputs: [run.inputs[0]!, ...run.outputs.slice(1)], inPlace: [0] });
    }
  }
  return { name: `scan: ${fold.name}`, kernel, runs };
}

const scanned = new Set(["norm of order 3 float32", "mean float32", "variance and mean float32", "variance and mean float64"]);

export const foldCases = (): Case[] => [...folds.map(reduction), ...folds.filter((f) => !scanned.has(f.name)).map(scan)];
