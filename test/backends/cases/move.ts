import { bool, type DType, dtypes, float16, float32, float64, int32, int64, uint8 } from "../../../src/core/dtype.ts";
import { Layout, permute, slice } from "../../../src/core/layout.ts";
import { add, type Expr, max, min, mul, scalar, state, sub } from "../../../src/kernel/expr.ts";
import type { CopyKernel, GatherKernel, Indexed, RandomKernel, ScatterKernel } from "../../../src/kernel/kernel.ts";
import { arrangements } from "../arrangements.ts";
import { anything, type Case, Data, filled, type Run, type Sample } from "../case.ts";
import { type Spec, spec } from "../operands.ts";

/** A tensor some of whose dimensions are looked up, seen through the shape of the indices. */
interface Lookup {
  readonly name: string;
  /** The looked-up tensor: the source of a gather, the target of a scatter. */
  readonly table: Layout;
  /** Elements of its storage. */
  readonly reach: number;
  readonly indexed: readonly Indexed[];
  readonly indices: readonly Layout[];
  /** Of the gather's output and the scatter's values, where not contiguous. */
  readonly other?: Layout;
}

const lookups: readonly Lookup[] = [
  {
    name: "rows of a matrix",
    table: new Layout([3, 4], [0, 1], 0),
    reach: 20,
    indexed: [{ size: 5, stride: 4, wraps: true }],
    indices: [new Layout([3, 4], [1, 0], 0)],
  },
  {
    name: "columns of a matrix",
    table: new Layout([5, 3], [4, 0], 0),
    reach: 20,
    indexed: [{ size: 4, stride: 1, wraps: true }],
    indices: [new Layout([5, 3], [0, 1], 0)],
  },
  {
    name: "an index for each element",
    table: new Layout([5, 3], [4, 0], 0),
    reach: 20,
    indexed: [{ size: 4, stride: 1, wraps: true }],
    indices: [Layout.contiguous([5, 3])],
  },
  {
    name: "transposed indices",
    table: new Layout([5, 3], [4, 0], 1),
    reach: 21,
    indexed: [{ size: 4, stride: 1, wraps: true }],
    indices: [permute(Layout.contiguous([3, 5]), [1, 0])],
  },
  {
    name: "one element",
    table: new Layout([], [], 0),
    reach: 6,
    indexed: [{ size: 6, stride: 1, wraps: true }],
    indices: [Layout.contiguous([])],
  },
  {
    name: "a vector",
    table: new Layout([37], [0], 2),
    reach: 42,
    indexed: [{ size: 40, stride: 1, wraps: true }],
    indices: [Layout.contiguous([37])],
  },
  {
    name: "no indices",
    table: new Layout([0, 4], [0, 1], 0),
    reach: 20,
    indexed: [{ size: 5, stride: 4, wraps: true }],
    indices: [new Layout([0, 4], [1, 0], 0)],
  },
  {
    name: "an embedding of a batch",
    table: new Layout([2, 3, 8], [0, 0, 1], 0),
    reach: 56,
    indexed: [{ size: 7, stride: 8, wraps: true }],
    indices: [new Layout([2, 3, 8], [3, 1, 0], 0)],
  },
  {
    name: "two looked-up dimensions",
    table: new Layout([6], [0], 0),
    reach: 20,
    indexed: [
      { size: 5, stride: 4, wraps: true },
      { size: 4, stride: 1, wraps: true },
    ],
    indices: [Layout.contiguous([6]), Layout.contiguous([6])],
  },
  {
    name: "two that span a grid",
    table: new Layout([3, 2, 4], [0, 0, 1], 5),
    reach: 125,
    indexed: [
      { size: 6, stride: 20, wraps: true },
      { size: 5, stride: 4, wraps: true },
    ],
    indices: [new Layout([3, 2, 4], [1, 0, 0], 0), new Layout([3, 2, 4], [0, 1, 0], 0)],
  },
  {
    name: "rows of a transpose",
    table: new Layout([3, 5], [0, 4], 0),
    reach: 20,
    indexed: [{ size: 4, stride: 1, wraps: true }],
    indices: [new Layout([3, 5], [1, 0], 1)],
    other: permute(Layout.contiguous([5, 3]), [1, 0]),
  },
  {
    name: "every other place of the other operand",
    table: new Layout([7], [0], 0),
    reach: 30,
    indexed: [{ size: 10, stride: 3, wraps: true }],
    indices: [slice(Layout.contiguous([14]), 0, 1, 7, 2)],
    other: slice(Layout.contiguous([15]), 0, 1, 7, 2),
  },
  {
    name: "many rows",
    table: new Layout([300, 9], [0, 1], 0),
    reach: 450,
    indexed: [{ size: 50, stride: 9, wraps: true }],
    indices: [new Layout([300, 9], [1, 0], 0)],
  },
];

const zeros = (dtype: DType, layout: Layout, data: Data): Spec => filled(dtype, layout, anything(dtype), data);
const indexSample =
  (size: number): Sample =>
  (d) =>
    BigInt(d.int(-size, size));
const indexSpecs = (l: Lookup, data: Data): Spec[] =>
  l.indices.map((layout, j) => filled(int64, layout, indexSample(l.indexed[j]!.size), data));

function gather(dtype: DType): Case[] {
  return [1, 2].map((count) => {
    const inputs = [dtype, ...new Array<DType>(count).fill(int64)];
    const kernel: GatherKernel = { kind: "gather", inputs, compiled: [] };
    const data = new Data(29);
    const runs = lookups
      .filter((l) => l.indexed.length === count)
      .map(
        (l): Run => ({
          name: l.name,
          inputs: [filled(dtype, l.table, anything(dtype), data, l.reach), ...indexSpecs(l, data)],
          outputs: [zeros(dtype, l.other ?? Layout.contiguous(l.table.shape), data)],
          args: { indexed: l.indexed },
        }),
      );
    return { name: `gather ${dtype.name} by ${count}`, kernel, runs };
  });
}

/** Indices that are out of range at one place. */
function gatherFaults(): Case {
  const data = new Data(31);
  const kernel: GatherKernel = { kind: "gather", inputs: [float32, int64, int64], compiled: [] };
  const run = (name: string, first: bigint[], second: bigint[], value: number, which: number, wraps: boolean = true): Run => ({
    name,
    inputs: [filled(float32, new Layout([4], [0], 0), anything(float32), data, 20), spec(int64, first), spec(int64, second)],
    outputs: [zeros(float32, Layout.contiguous([4]), data)],
    args: {
      indexed: [
        { size: 5, stride: 4, wraps },
        { size: 4, stride: 1, wraps },
      ],
    },
    fault: { value, which },
    needs: "faults at once",
  });
  const fine = [0n, 1n, -1n, 3n];
  return {
    name: "gather: faults",
    kernel,
    runs: [
      run("too large", [0n, 1n, 5n, 2n], fine, 5, 0),
      run("too small", [0n, 1n, 2n, -6n], fine, -6, 0),
      run("the second operand", fine, [4n, 0n, 0n, 0n], 4, 1),
      run("negative where nothing wraps", [0n, 1n, -1n, 2n], [0n, 1n, 2n, 3n], -1, 0, false),
      run("beyond 32 bits", fine, [0n, 0n, 0n, 2n ** 32n], 2 ** 32, 1),
    ],
  };
}

/** Values whose sums and products are exact in every order. */
const exact: Sample = (d) => d.pick([-2, -1, 1, 1, 2, 0.5]);
const small = (dtype: DType): Sample => (dtype.isFloatingPoint ? exact : dtype === int64 ? (d) => BigInt(d.int(-9, 9)) : anything(dtype));

function scatter(name: string, dtype: DType, combine: Expr | null, more: Partial<Run> = {}): Case[] {
  return [1, 2].map((count) => {
    const inputs = [dtype, ...new Array<DType>(count).fill(int64)];
    const kernel: ScatterKernel = { kind: "scatter", inputs, combine, compiled: [] };
    const data = new Data(37);
    const runs = lookups
      .filter((l) => l.indexed.length === count)
      .map(
        (l): Run => ({
          name: l.name,
          inputs: [filled(dtype, l.other ?? Layout.contiguous(l.table.shape), small(dtype), data), ...indexSpecs(l, data)],
          outputs: [filled(dtype, l.table, small(dtype), data, l.reach)],
          args: { indexed: l.indexed },
          ...more,
        }),
      );
    return { name: `scatter ${name} ${dtype.name} by ${count}`, kernel, runs };
  });
}

/** No two elements meet: backends without an order must agree too. */
function permutation(dtype: DType): Case {
  const data = new Data(41);
  const kernel: ScatterKernel = { kind: "scatter", inputs: [dtype, int64], combine: null, compiled: [] };
  const target = filled(dtype, new Layout([5], [0], 0), anything(dtype), data, 7);
  const run: Run = {
    name: "a permutation",
    inputs: [filled(dtype, Layout.contiguous([5]), anything(dtype), data), spec(int64, [3n, -7n, 5n, -1n, 1n])],
    outputs: [target],
    args: { indexed: [{ size: 7, stride: 1, wraps: true }] },
  };
  return { name: `scatter ${dtype.name}, distinct places`, kernel, runs: [run] };
}

function scatterFaults(): Case {
  const data = new Data(43);
  const kernel: ScatterKernel = { kind: "scatter", inputs: [float32, int64], combine: add(state(0, "f32"), state(1, "f32")), compiled: [] };
  const run = (name: string, index: bigint[], value: number): Run => ({
    name,
    inputs: [filled(float32, Layout.contiguous([4]), exact, data), spec(int64, index)],
    outputs: [filled(float32, new Layout([4], [0], 0), exact, data, 7)],
    args: { indexed: [{ size: 7, stride: 1, wraps: true }] },
    fault: { value, which: 0 },
    needs: "faults at once",
  });
  return { name: "scatter: faults", kernel, runs: [run("the last one", [0n, 1n, 2n, 7n], 7), run("the first one", [-8n, 1n, 2n, 0n], -8)] };
}

function copy(dtype: DType): Case {
  const data = new Data(47);
  const kernel: CopyKernel = { kind: "copy", inputs: [dtype], compiled: [] };
  const runs = arrangements(1).map(
    (a): Run => ({
      name: a.name,
      inputs: [filled(dtype, a.inputs[0]!, anything(dtype), data)],
      outputs: [zeros(dtype, a.output, data)],
    }),
  );
  const [from, to] = [permute(Layout.contiguous([65, 33]), [1, 0]), Layout.contiguous([33, 65])];
  runs.push({ name: "a larger transpose", inputs: [filled(dtype, from, anything(dtype), data)], outputs: [zeros(dtype, to, data)] });
  return { name: `copy ${dtype.name}`, kernel, runs };
}

const floats = dtypes.filter((d) => d.isFloatingPoint);
const integers = dtypes.filter((d) => d.category === "int");
const distributions: readonly [
  distribution: RandomKernel["distribution"],
  on: readonly DType[],
  parameters: readonly (number | bigint)[],
][] = [
  ["uniform", floats, [-0.5, 2]],
  ["normal", floats, [1, 2]],
  ["bernoulli", dtypes, [0.3]],
  ["exponential", floats, [1.5]],
  ["randint", [...floats, ...integers], [3n, 100n]],
  ["random", dtypes, []],
  ["geometric", [...floats, ...integers], [0.3]],
  ["cauchy", floats, [1, 2]],
  ["logNormal", floats, [0, 0.5]],
];

function random(distribution: RandomKernel["distribution"], output: DType, parameters: readonly (number | bigint)[]): Case {
  const data = new Data(53);
  const kernel: RandomKernel = { kind: "random", inputs: [], distribution, output, compiled: [] };
  const runs = [0, 1, 5, 16, 37, 1100].map(
    (n): Run => ({
      name: `${n} elements`,
      inputs: [],
      outputs: [zeros(output, Layout.contiguous([n], 2), data)],
      random: parameters,
      needs: "mersenne twister",
    }),
  );
  return { name: `random: ${distribution} ${output.name}`, kernel, runs };
}

const [old, next] = [(d: DType) => state(0, d.compute), (d: DType) => state(1, d.compute)];

export const moveCases = (): Case[] => [
  ...dtypes.flatMap(gather),
  gatherFaults(),
  ...dtypes.map(permutation),
  ...[float32, int64, uint8, float16].flatMap((d) => scatter("(the last stays)", d, null, { needs: "ordered scatter" })),
  ...[float32, float64, int64, int32, uint8, bool, float16].flatMap((d) => scatter("add", d, add(old(d), next(d)))),
  ...[float32, int64].flatMap((d) => scatter("max", d, max(old(d), next(d)))),
  ...[float32, int32].flatMap((d) => scatter("min", d, min(old(d), next(d)))),
  ...scatter("multiply", int64, mul(old(int64), next(int64))),
  ...scatter("subtract a multiple", float32, sub(old(float32), mul(scalar(0, "f32"), next(float32))), {}).map((c) => ({
    ...c,
    runs: c.runs.map((r) => ({ ...r, args: { ...r.args, scalars: [0.25] } })),
  })),
  scatterFaults(),
  ...dtypes.map(copy),
  ...distributions.flatMap(([distribution, on, parameters]) => on.map((dtype) => random(distribution, dtype, parameters))),
];
