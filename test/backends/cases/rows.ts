import { bfloat16, bool, type DType, float16, float32, float64, int32, int64 } from "../../../src/core/dtype.ts";
import { Layout, numel, permute, slice } from "../../../src/core/layout.ts";
import {
  abs,
  add,
  arg,
  cast,
  constant,
  div,
  type Expr,
  exp,
  gt,
  log,
  max,
  mul,
  scalar,
  select,
  sqrt,
  state,
  sub,
} from "../../../src/kernel/expr.ts";
import type { RowsKernel } from "../../../src/kernel/kernel.ts";
import { RowProgram, type RowValue } from "../../../src/kernel/row-program.ts";
import { type Case, Data, filled, type Run, type Sample, type Tolerance } from "../case.ts";

const inf = Number.POSITIVE_INFINITY;

/** How an operand lies among the others: along all dimensions, along the kept ones or the rows alone, or nowhere. */
type Extent = "all" | "kept" | "row" | "one";

interface Program {
  readonly name: string;
  readonly inputs: readonly (readonly [DType, Extent?, Sample?])[];
  readonly kernel: RowsKernel;
  readonly tolerance: (n: number) => Tolerance;
  readonly scalars?: (n: number) => (number | bigint)[];
  /** Some elements there must be: without, the outputs are 0 / 0. */
  readonly nonEmpty?: true;
}

const ordinary: Sample = (d) => d.between(-4, 4);
/** With what normalisations stumble over. */
const wild: Sample = (d) => (d.next() < 0.04 ? d.pick([-inf, inf, Number.NaN, -200, 3e38]) : d.between(-4, 4));
const holes: Sample = (d) => (d.next() < 0.3 ? -inf : d.between(-90, 90));
const bit: Sample = (d) => d.int(0, 2);
const small: Sample = (d) => d.int(-50, 51);

const perElement = (value: Expr): RowValue => ({ per: "element", value });
const perRow = (value: Expr): RowValue => ({ per: "row", value });

/** A kernel of formulas; outputs have the first operand's dtype, or what it computes in. */
function formulas(inputs: readonly DType[], f: (row: RowProgram, x: readonly Expr[]) => readonly RowValue[]): RowsKernel {
  const program = new RowProgram(inputs);
  const wide = inputs[0]!.compute === "f64" ? float64 : inputs[0]!.isFloatingPoint ? float32 : inputs[0]!;
  return program.kernel(f(program, program.x).map((v) => ({ ...v, dtype: v.per === "element" ? inputs[0]! : wide })));
}

const shares = (row: RowProgram, x: Expr): Expr => {
  const e = exp(sub(x, row.max(x)));
  return div(e, row.sum(e));
};
/** Sums of float32 may be kept in it for 256 elements at a time. */
const near =
  (ulp: number, floor: number) =>
  (n: number): Tolerance => ({ ulp: ulp + Math.min(n, 256) / 32, floor, signedZero: false });

const softmax = (dtype: DType, sample: Sample, name: string): Program => ({
  name: `softmax ${dtype.name}${name}`,
  inputs: [[dtype, "all", sample]],
  kernel: formulas([dtype], (row, [x]) => [perElement(shares(row, x!))]),
  tolerance: near(8, 1e-3),
});

const logSoftmax: Program = {
  name: "log of softmax float32",
  inputs: [[float32, "all", holes]],
  kernel: formulas([float32], (row, [x]) => {
    const shifted = sub(x!, row.max(x!));
    return [perElement(sub(shifted, log(row.sum(exp(shifted)))))];
  }),
  tolerance: near(4, 100),
};

const masked: Program = {
  name: "softmax of scores under a mask float32",
  inputs: [
    [float32, "all", ordinary],
    [bool, "row", bit],
  ],
  kernel: formulas([float32, bool], (row, [x, mask]) => [
    perElement(shares(row, select(mask!, mul(x!, row.scalar(0, "f32")), constant(-inf, "f32")))),
  ]),
  tolerance: near(8, 1e-3),
  scalars: () => [0.125],
};

const normalization = (dtype: DType): Program => ({
  name: `mean, deviation and normalisation ${dtype.name}`,
  inputs: [
    [dtype, "all", ordinary],
    [dtype, "row", ordinary],
    [dtype, "one", ordinary],
  ],
  kernel: formulas([dtype, dtype, dtype], (row, [x, weight, bias]) => {
    const n = row.scalar(0, x!.type);
    const mean = div(row.sum(x!), n);
    const away = sub(x!, mean);
    const deviation = sqrt(add(div(row.sum(mul(away, away)), n), row.scalar(1, x!.type)));
    return [perElement(add(mul(div(away, deviation), weight!), bias!)), perRow(mean), perRow(deviation)];
  }),
  tolerance: near(16, 4),
  scalars: (n) => [n, 1e-3],
  nonEmpty: true,
});

const gradient: Program = {
  name: "two sums of products with numbers per row float32",
  inputs: [
    [float32, "all", ordinary],
    [float32, "all", ordinary],
    [float32, "kept", ordinary],
  ],
  kernel: formulas([float32, float32, float32], (row, [g, x, scale]) => {
    const normal = mul(x!, scale!);
    return [perElement(mul(scale!, sub(g!, add(row.sum(g!), mul(normal, row.sum(mul(g!, normal)))))))];
  }),
  tolerance: (n) => ({ ulp: 8, floor: 1024 * Math.max(n, 1), signedZero: false }),
};

/** A result that needs results of two stages, and an output for each row alone. */
const ratio: Program = {
  name: "ratio of the sums of two stages float32",
  inputs: [[float32, "all", ordinary]],
  kernel: formulas([float32], (row, [x]) => {
    const top = row.max(abs(x!));
    return [perRow(div(row.sum(div(x!, add(top, 1))), add(top, 1)))];
  }),
  tolerance: (n) => ({ ulp: 8, floor: Math.max(n, 1) }),
  nonEmpty: true,
};

const integers: Program = {
  name: "distance from the sum int32",
  inputs: [[int32, "all", small]],
  kernel: {
    kind: "rows",
    inputs: [int32],
    stages: [
      {
        init: [constant(0, "i32"), constant(-(2 ** 31), "i32")],
        lift: [arg(0, "i32"), arg(0, "i32")],
        combine: [add(state(0, "i32"), state(2, "i32")), max(state(1, "i32"), state(3, "i32"))],
        results: [state(0, "i32"), cast(state(1, "i32"), float32)],
      },
    ],
    outputs: [
      { per: "element", dtype: int64, value: cast(sub(arg(0, "i32"), arg(1, "i32")), int64) },
      { per: "row", dtype: float32, value: mul(arg(2, "f32"), scalar(0, "f32")) },
      { per: "element", dtype: bool, value: gt(arg(1, "i32"), arg(0, "i32")) },
    ],
    compiled: [],
  },
  tolerance: () => ({ ulp: 0 }),
  scalars: () => [0.5],
};

/** The composition of maps x -> a x + b: the order of the elements matters. */
const ordered: Program = {
  name: "composition of affine maps float32",
  inputs: [
    [float32, "all", (d) => d.between(0.5, 1.5)],
    [float32, "all", ordinary],
  ],
  kernel: {
    kind: "rows",
    inputs: [float32, float32],
    stages: [
      {
        init: [constant(1, "f32"), constant(0, "f32")],
        lift: [arg(0, "f32"), arg(1, "f32")],
        combine: [mul(state(0, "f32"), state(2, "f32")), add(mul(state(1, "f32"), state(2, "f32")), state(3, "f32"))],
        results: [state(0, "f32"), state(1, "f32")],
      },
      {
        init: [constant(0, "f32")],
        lift: [mul(arg(0, "f32"), arg(2, "f32"))],
        combine: [add(state(0, "f32"), state(1, "f32"))],
        results: [div(state(0, "f32"), add(abs(arg(3, "f32")), 1))],
      },
    ],
    outputs: [
      { per: "element", dtype: float32, value: mul(arg(1, "f32"), arg(4, "f32")) },
      { per: "row", dtype: float32, value: arg(3, "f32") },
    ],
    compiled: [],
  },
  // The numbers are those of products of as many factors as there are elements.
  tolerance: (n) => ({ ulp: 8 * n + 16, floor: 1 }),
};

const programs: readonly Program[] = [
  softmax(float32, ordinary, ""),
  softmax(float32, wild, ", with infinities and NaN"),
  softmax(float32, holes, ", with -inf"),
  softmax(float64, wild, ""),
  softmax(float16, ordinary, ""),
  softmax(bfloat16, ordinary, ""),
  logSoftmax,
  masked,
  normalization(float32),
  normalization(float64),
  normalization(float16),
  gradient,
  ratio,
  integers,
  ordered,
];

/** Layouts of [...kept, ...row], with how many dimensions are kept. */
const layouts: readonly [name: string, layout: Layout, kept: number][] = [
  ["rows", Layout.contiguous([4, 7]), 1],
  ["columns", permute(Layout.contiguous([7, 4]), [1, 0]), 1],
  ["columns in strips", permute(Layout.contiguous([9, 43]), [1, 0]), 1],
  ["one row", Layout.contiguous([37]), 0],
  ["a matrix as a row", Layout.contiguous([5, 9], 3), 0],
  ["a transpose as a row", permute(Layout.contiguous([9, 5]), [1, 0]), 0],
  ["one element each", Layout.contiguous([5, 1]), 1],
  ["no dimension", Layout.contiguous([6]), 1],
  ["a number", Layout.contiguous([]), 0],
  ["empty rows", Layout.contiguous([3, 0]), 1],
  ["no rows", Layout.contiguous([0, 3]), 1],
  ["the middle of three", permute(Layout.contiguous([3, 6, 5]), [0, 2, 1]), 2],
  ["channels", permute(Layout.contiguous([3, 4, 6]), [1, 0, 2]), 1],
  ["steps of 2", slice(Layout.contiguous([4, 18]), 1, 1, 8, 2), 1],
  ["rows of steps of 3", slice(Layout.contiguous([17, 5]), 0, 1, 5, 3), 1],
  ["long rows", Layout.contiguous([3, 1001]), 1],
  ["long columns", permute(Layout.contiguous([301, 6]), [1, 0]), 1],
  ["many short rows", Layout.contiguous([257, 3]), 1],
  ["one long row", Layout.contiguous([5003], 1), 0],
];

/** The layout of an operand that is the same along some dimensions. */
function still(layout: Layout, kept: number, extent: Extent): Layout {
  if (extent === "all") return layout;
  const moves = (d: number): boolean => (extent === "kept" ? d < kept : extent === "row" && d >= kept);
  const sizes = layout.shape.filter((_, d) => moves(d));
  const { strides } = Layout.contiguous(sizes);
  let k = 0;
  return new Layout(
    layout.shape,
    layout.shape.map((_, d) => (moves(d) ? strides[k++]! : 0)),
    1,
  );
}

function caseOf({ name, inputs, kernel, tolerance, scalars, nonEmpty }: Program): Case {
  const data = new Data(23);
  const runs = layouts.flatMap(([label, layout, kept]): Run[] => {
    const n = numel(layout.shape.slice(kept));
    if (n === 0 && nonEmpty) return [];
    return [
      {
        name: label,
        inputs: inputs.map(([dtype, extent = "all", sample = ordinary]) => filled(dtype, still(layout, kept, extent), sample, data)),
        outputs: kernel.outputs.map(({ per, dtype }) => {
          const own = per === "row" ? Layout.contiguous(layout.shape.slice(0, kept), 2) : layout;
          return filled(dtype, own, dtype === bool ? bit : small, data);
        }),
        tolerance: tolerance(n),
        args: { kept, ...(scalars === undefined ? {} : { scalars: scalars(n) }) },
      },
    ];
  });
  // An output whose elements lie in another order than the inputs'.
  const swapped = permute(Layout.contiguous([6, 5]), [1, 0]);
  const turned = runs[0]!;
  if (kernel.outputs.every((o) => o.per === "element") && inputs.every(([, extent = "all"]) => extent === "all")) {
    const straight = Layout.contiguous([5, 6]);
    runs.push({
      ...turned,
      name: "rows into columns",
      inputs: inputs.map(([dtype, , sample = ordinary]) => filled(dtype, straight, sample, data)),
      outputs: kernel.outputs.map(({ dtype }) => filled(dtype, swapped, small, data)),
      args: { ...turned.args, kept: 1 },
    });
  }
  return { name: `rows: ${name}`, kernel, runs };
}

/** Rows kernels on operands of every layout. */
export const rowsCases = (): Case[] => programs.map(caseOf);
