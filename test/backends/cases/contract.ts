import { type DType, float16, float32, float64, int32, int64 } from "../../../src/core/dtype.ts";
import { Layout, numel, permute, slice } from "../../../src/core/layout.ts";
import { add, arg, type Expr, max, mul, scalar, state } from "../../../src/kernel/expr.ts";
import type { ContractKernel } from "../../../src/kernel/kernel.ts";
import { anything, type Case, Data, filled, type Run, type Sample, type Tolerance } from "../case.ts";

/** Sizes of the four groups of dimensions, and the layouts of the operands where they are not contiguous. */
interface Product {
  readonly name: string;
  readonly batch?: readonly number[];
  readonly m?: readonly number[];
  readonly n?: readonly number[];
  readonly k?: readonly number[];
  readonly a?: Layout;
  readonly b?: Layout;
  readonly output?: Layout;
}

/** A matrix, or a stack of them, whose last two dimensions are swapped in memory. */
function swapped(shape: readonly number[]): Layout {
  const n = shape.length;
  const order = [...shape.keys()].map((d) => (d === n - 1 ? n - 2 : d === n - 2 ? n - 1 : d));
  return permute(Layout.contiguous(order.map((d) => shape[d]!)), order);
}

const matrices = (m: number, n: number, k: number): Product => ({ name: `${m}x${k} times ${k}x${n}`, m: [m], n: [n], k: [k] });

const products: readonly Product[] = [
  { name: "a dot product", k: [37] },
  { name: "matrix times vector", m: [5], k: [9] },
  { name: "vector times matrix", n: [7], k: [9] },
  { name: "an outer product", m: [5], n: [6] },
  { name: "a product of two numbers" },
  matrices(1, 1, 1),
  matrices(3, 4, 5),
  matrices(8, 8, 8),
  matrices(17, 33, 9),
  matrices(33, 13, 65),
  { name: "nothing to sum", m: [3], n: [4], k: [0] },
  { name: "no rows", m: [0], n: [4], k: [5] },
  { name: "no columns", m: [3], n: [0], k: [5] },
  { name: "no batch", batch: [0], m: [3], n: [4], k: [5] },
  { name: "a transposed", m: [7], n: [6], k: [10], a: swapped([7, 10]) },
  { name: "b transposed", m: [7], n: [6], k: [10], b: swapped([10, 6]) },
  { name: "both transposed, into a transpose", m: [7], n: [6], k: [10], a: swapped([7, 10]), b: swapped([10, 6]), output: swapped([7, 6]) },
  {
    name: "offsets",
    m: [4],
    n: [5],
    k: [6],
    a: Layout.contiguous([4, 6], 3),
    b: Layout.contiguous([6, 5], 1),
    output: Layout.contiguous([4, 5], 2),
  },
  {
    name: "steps of 2",
    m: [4],
    n: [5],
    k: [6],
    a: slice(Layout.contiguous([4, 12]), 1, 1, 6, 2),
    b: slice(Layout.contiguous([12, 5]), 0, 0, 6, 2),
  },
  {
    name: "every other column of both and of the result",
    m: [4],
    n: [5],
    k: [6],
    b: slice(Layout.contiguous([6, 10]), 1, 1, 5, 2),
    output: slice(Layout.contiguous([4, 10]), 1, 0, 5, 2),
  },
  {
    name: "part of a larger matrix",
    m: [5],
    n: [6],
    k: [7],
    a: slice(Layout.contiguous([5, 11]), 1, 2, 7),
    b: slice(Layout.contiguous([9, 6]), 0, 1, 7),
    output: slice(Layout.contiguous([5, 9]), 1, 3, 6),
  },
  { name: "a batch", batch: [3], m: [4], n: [5], k: [6] },
  { name: "a batch of transposes", batch: [3], m: [4], n: [5], k: [6], a: swapped([3, 4, 6]), b: swapped([3, 6, 5]) },
  { name: "a batch, b shared", batch: [3], m: [4], n: [5], k: [6], b: new Layout([3, 6, 5], [0, 5, 1], 0) },
  {
    name: "two batch dimensions, a shared along one",
    batch: [2, 3],
    m: [4],
    n: [5],
    k: [6],
    a: new Layout([2, 3, 4, 6], [0, 24, 6, 1], 0),
  },
  { name: "a batch of dot products", batch: [6], k: [9] },
  {
    name: "heads of an attention",
    batch: [2, 3],
    m: [5],
    n: [5],
    k: [4],
    a: permute(Layout.contiguous([2, 5, 3, 4]), [0, 2, 1, 3]),
    b: permute(Layout.contiguous([2, 5, 3, 4]), [0, 2, 3, 1]),
  },
  { name: "two dimensions in each group", m: [2, 3], n: [2, 4], k: [3, 2] },
  {
    name: "two dimensions in each group, permuted",
    m: [2, 3],
    n: [2, 4],
    k: [3, 5],
    a: permute(Layout.contiguous([3, 2, 5, 3]), [1, 3, 0, 2]),
    b: permute(Layout.contiguous([2, 3, 4, 5]), [1, 3, 0, 2]),
    output: permute(Layout.contiguous([2, 2, 3, 4]), [0, 2, 1, 3]),
  },
  { name: "expanded operands", m: [4], n: [5], k: [6], a: new Layout([4, 6], [0, 1], 0), b: new Layout([6, 5], [1, 0], 0) },
  convolution1d(),
  convolution2d(),
  groupedConvolution(),
  { name: "many rows", m: [261], n: [5], k: [7] },
  { name: "many columns", m: [3], n: [530], k: [6] },
  { name: "a long sum", m: [5], n: [9], k: [1100] },
  { name: "a long sum of transposes", m: [9], n: [5], k: [600], a: swapped([9, 600]), b: swapped([600, 5]) },
];

/** x (2, 3, 9) by w (4, 3, 3), stride 2: out (2, 4, 4). Rows are pairs of sample and place, sums go over channels and taps. */
function convolution1d(): Product {
  const b = permute(Layout.contiguous([4, 3, 3]), [1, 2, 0]);
  const output = permute(Layout.contiguous([2, 4, 4]), [0, 2, 1]);
  return { name: "1-d convolution", m: [2, 4], n: [4], k: [3, 3], a: new Layout([2, 4, 3, 3], [27, 2, 9, 1], 0), b, output };
}

/** x (2, 3, 7, 6) by w (4, 3, 3, 2), dilation 2 and 1: out (2, 4, 3, 5). */
function convolution2d(): Product {
  const a = new Layout([2, 3, 5, 3, 3, 2], [126, 6, 1, 42, 12, 1], 0);
  const b = permute(Layout.contiguous([4, 3, 3, 2]), [1, 2, 3, 0]);
  const output = permute(Layout.contiguous([2, 4, 3, 5]), [0, 2, 3, 1]);
  return { name: "2-d convolution", m: [2, 3, 5], n: [4], k: [3, 3, 2], a, b, output };
}

/** x (2, 6, 8) in 3 groups by w (9, 2, 3): out (2, 9, 6). */
function groupedConvolution(): Product {
  const a = new Layout([3, 2, 6, 2, 3], [16, 48, 1, 8, 1], 0);
  const b = permute(Layout.contiguous([3, 3, 2, 3]), [0, 2, 3, 1]);
  const output = permute(Layout.contiguous([2, 3, 3, 6]), [1, 0, 3, 2]);
  return { name: "grouped convolution", batch: [3], m: [2, 6], n: [3], k: [2, 3], a, b, output };
}

interface Variant {
  readonly name: string;
  readonly inputs: readonly DType[];
  readonly compute: ContractKernel["compute"];
  readonly output: DType;
  readonly value: Expr;
  readonly sample: Sample;
  readonly tolerance?: (k: number) => Tolerance;
  readonly products?: readonly Product[];
  readonly scalars?: readonly number[];
}

const unit: Sample = (d) => d.between(-1, 1);
const word: Sample = (d) => d.int(-(2 ** 31), 2 ** 31);
const long: Sample = (d) => BigInt(d.int(-(2 ** 31), 2 ** 31)) * BigInt(d.int(-(2 ** 31), 2 ** 31));
const summing = (k: number): Tolerance => ({ ulp: 4, floor: Math.max(k, 2), signedZero: false });
const edges: Sample = (d) => d.pick([0, 0, 1, -1, 2, 1, 1, 1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN]);

const plain = (dtype: DType, sample: Sample, more: Partial<Variant> = {}): Variant => {
  const { compute } = dtype;
  return { name: dtype.name, inputs: [dtype, dtype], compute, output: dtype, value: state(0, compute), sample, ...more };
};
const s = state(0, "f32");

const variants: readonly Variant[] = [
  plain(float32, unit, { tolerance: summing }),
  plain(float64, unit, { tolerance: summing }),
  plain(float16, unit, { tolerance: (k) => ({ ulp: 1, floor: k / 64, signedZero: false }) }),
  plain(int32, word),
  plain(int64, long),
  { ...plain(float32, edges, { tolerance: summing }), name: "infinities and NaN" },
  {
    ...plain(float32, unit, { tolerance: summing }),
    name: "with bias and relu",
    inputs: [float32, float32, float32],
    value: max(add(s, arg(2, "f32")), 0),
  },
  {
    ...plain(float32, unit, { tolerance: summing, scalars: [0.5, -2] }),
    name: "alpha a b + beta c",
    inputs: [float32, float32, float32],
    value: add(mul(s, scalar(0, "f32")), mul(arg(2, "f32"), scalar(1, "f32"))),
  },
];

function runOf({ inputs, output, sample, tolerance, scalars }: Variant, p: Product, data: Data): Run {
  const { batch = [], m = [], n = [], k = [] } = p;
  const out = p.output ?? Layout.contiguous([...batch, ...m, ...n]);
  const layouts = [p.a ?? Layout.contiguous([...batch, ...m, ...k]), p.b ?? Layout.contiguous([...batch, ...k, ...n])];
  // The third operand is a bias: one number for each column.
  if (inputs.length > 2)
    layouts.push(
      new Layout(
        out.shape,
        out.shape.map((_, d) => (d === out.ndim - 1 && n.length > 0 ? 1 : 0)),
        0,
      ),
    );
  const dims = { batch: batch.length, m: m.length, n: n.length, k: k.length };
  return {
    name: p.name,
    inputs: layouts.map((layout, i) => filled(inputs[i]!, layout, sample, data)),
    outputs: [filled(output, out, anything(output), data)],
    args: { dims, ...(scalars === undefined ? {} : { scalars }) },
    ...(tolerance === undefined ? {} : { tolerance: tolerance(numel(k)) }),
  };
}

/** a b + beta c in place of c. */
function ontoItsOperand(run: Run): Run {
  const c = { ...run.outputs[0]!, storage: run.outputs[0]!.storage.map(() => 0.25) };
  return { ...run, name: `${run.name}, onto an operand`, inputs: [...run.inputs.slice(0, 2), c], outputs: [c], inPlace: [2] };
}

export const contractCases = (): Case[] =>
  variants.map((variant) => {
    const { name, inputs, compute, output, value } = variant;
    const kernel: ContractKernel = { kind: "contract", compute, inputs, output: { dtype: output, value }, compiled: [] };
    const data = new Data(23);
    const runs = products.map((p) => runOf(variant, p, data));
    if (inputs.length > 2) runs.push(...runs.map(ontoItsOperand));
    if (variant === variants[0]) runs.push(runOf(variant, matrices(70, 90, 110), data));
    return { name: `contract: ${name}`, kernel, runs };
  });
