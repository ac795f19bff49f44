/** Reductions and scans on the GPU: sizes that are cut into chunks, all the ways of sharing out work, and overflow of int64. */
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { WebGpuBackend } from "../../src/backends/webgpu/backend.ts";
import type { Features } from "../../src/backends/webgpu/context.ts";
import { bfloat16, bool, type DType, float16, float32, int8, int16, int32, int64, uint8 } from "../../src/core/dtype.ts";
import { Layout, permute, slice } from "../../src/core/layout.ts";
import {
  add,
  and,
  arg,
  constant,
  div,
  type Expr,
  gt,
  isnan,
  max,
  mul,
  not,
  or,
  position,
  scalar,
  select,
  state,
  sub,
} from "../../src/kernel/expr.ts";
import type { Compiled, ReduceKernel, ScanKernel } from "../../src/kernel/kernel.ts";
import { anything, Data, filled, type Run, type Sample } from "../backends/case.ts";
import { decode, encode, type Value } from "../backends/operands.ts";
import { backendWith, complaints } from "./on-backend.ts";

type Fold = Omit<ReduceKernel, "kind" | "compiled">;

const simple = (from: DType, to: DType, init: number, f: (a: Expr, b: Expr) => Expr): Fold => ({
  inputs: [from],
  init: [constant(init, to.compute)],
  lift: [arg(0, to.compute)],
  combine: [f(state(0, to.compute), state(1, to.compute))],
  outputs: [{ dtype: to, value: state(0, to.compute) }],
});

/** The greatest and the first position of it. */
function argmax(dtype: DType): Fold {
  const type = dtype.compute;
  const [a, i, b, j] = [state(0, type), state(1, "i64"), state(2, type), state(3, "i64")];
  const takes = type === "f32" ? or(and(gt(b, a), not(isnan(a))), and(isnan(b), not(isnan(a)))) : gt(b, a);
  return {
    inputs: [dtype],
    init: [constant(type === "f32" ? Number.NEGATIVE_INFINITY : -(2 ** 31), type), constant(0, "i64")],
    lift: [arg(0, type), position],
    combine: [select(takes, b, a), select(takes, j, i)],
    outputs: [
      { dtype, value: a },
      { dtype: int64, value: i },
    ],
  };
}

/** Mean and sum of squared deviations from a second operand. */
const deviations: Fold = {
  inputs: [float32, float32],
  init: [constant(0, "f32")],
  lift: [mul(sub(arg(0, "f32"), arg(1, "f32")), sub(arg(0, "f32"), arg(1, "f32")))],
  combine: [add(state(0, "f32"), state(1, "f32"))],
  outputs: [{ dtype: float32, value: div(state(0, "f32"), scalar(0, "f32")) }],
};

/** T. Chan, G. Golub and R. LeVeque's pairwise update of mean, sum of squared deviations and count. */
function variance(): Fold {
  const [m0, s0, n0, m1, s1, n1] = [0, 1, 2, 3, 4, 5].map((k) => state(k, "f32")) as [Expr, Expr, Expr, Expr, Expr, Expr];
  const part = div(n1, max(add(n0, n1), 1));
  const d = sub(m1, m0);
  const zero = constant(0, "f32");
  return {
    inputs: [float32],
    init: [zero, zero, zero],
    lift: [arg(0, "f32"), zero, constant(1, "f32")],
    combine: [add(m0, mul(d, part)), add(add(s0, s1), mul(mul(mul(d, d), n0), part)), add(n0, n1)],
    outputs: [
      { dtype: float32, value: div(s0, n0) },
      { dtype: float32, value: m0 },
    ],
  };
}

/** x -> a x + b, one after the other: the order counts. */
const affine: Fold = {
  inputs: [int32, int32],
  init: [constant(1, "i32"), constant(0, "i32")],
  lift: [arg(0, "i32"), arg(1, "i32")],
  combine: [mul(state(0, "i32"), state(2, "i32")), add(mul(state(1, "i32"), state(2, "i32")), state(3, "i32"))],
  outputs: [{ dtype: int32, value: state(1, "i32") }],
};

const reduction = (fold: Fold): ReduceKernel => ({ kind: "reduce", ...fold, compiled: [] });
const scan = (fold: Fold): ScanKernel => ({ kind: "scan", ...fold, compiled: [] });

const every: readonly DType[] = [float32, float16, bfloat16, int64, int32, int16, int8, uint8, bool];
/** Ways of sharing out work, with the dtypes that are tried: that of the adapter, and those of GPUs. */
const ways: readonly [name: string, features: Partial<Features>, dtypes: readonly DType[]][] = [
  ["as the adapter is", {}, every],
  ["as on a GPU", { software: false, subgroups: false }, [float32, uint8]],
  ["as on a GPU with subgroups", { software: false }, [float32, bool]],
];

let backend: WebGpuBackend;
let natural: Features;
let compiled = new WeakMap<ReduceKernel | ScanKernel, Compiled>();

beforeAll(async () => {
  backend = await backendWith();
  natural = backend.context.features;
});

function share(features: Partial<Features>): void {
  Object.assign(backend.context, { features: { ...natural, ...features } });
  compiled = new WeakMap();
}

/** Runs a kernel on numbers; gives the first elements of its outputs. */
async function results(
  kernel: ReduceKernel | ScanKernel,
  values: readonly Value[],
  outputs: readonly Layout[],
  scalars: number[] = [],
): Promise<Value[][]> {
  const [dtype] = kernel.inputs as [DType];
  const block = backend.allocate(Math.ceil((values.length * backend.itemsize(dtype)) / 16) * 16);
  backend.write(block, dtype, 0, encode(dtype, values));
  const to = outputs.map((layout, k) => {
    const type = kernel.outputs[k]!.dtype;
    return { storage: { block: backend.allocate(layout.numel * backend.itemsize(type)) }, layout, dtype: type };
  });
  const input = { storage: { block }, layout: Layout.contiguous([values.length]), dtype };
  const ready = compiled.get(kernel) ?? backend.compile(kernel);
  compiled.set(kernel, ready);
  ready.run([input], to, { scalars });
  const read = to.map(async (o) => decode(o.dtype, await backend.read(o.storage.block, o.dtype, 0, o.layout.numel)));
  const all = await Promise.all(read);
  for (const o of [input, ...to]) backend.release(o.storage.block);
  return all;
}

const one = Layout.contiguous([]);
const near: Sample = (d) => d.between(0.5, 1.5);
const few: Sample = (d) => d.int(-3, 4);

describe.each(ways)("%s", (_, features, dtypes) => {
  beforeEach(() => share(features));

  test.each([1_000_000, 3_000_007])("a sum of %i elements has the digits of float32", async (n) => {
    const data = new Data(n);
    const values = Float32Array.from({ length: n }, () => data.next());
    const sum = values.reduce((a, b) => a + b, 0);
    const [[got]] = (await results(reduction(simple(float32, float32, 0, add)), [...values], [one])) as [[number]];
    expect(Math.abs(got / sum - 1)).toBeLessThan(1e-6);
  });

  test("the first of equal elements stays, whichever chunk it is in", async () => {
    const kernel = reduction(argmax(float32));
    for (const first of [0, 4095, 70_001, 299_999]) {
      const values = Array.from({ length: 300_000 }, (_, i) => (i === first || (i > first && i % 1000 === 7) ? 5 : i % 5));
      expect(await results(kernel, values, [one, one])).toEqual([[5], [BigInt(first)]]);
    }
  });

  test("NaN wins, the first of several", async () => {
    const values = Array.from({ length: 100_003 }, (_, i) => (i >= 50_001 && i % 3 === 0 ? Number.NaN : i));
    expect(await results(reduction(argmax(float32)), values, [one, one])).toEqual([[Number.NaN], [50_001n]]);
  });

  test("mean and variance of many elements", async () => {
    const data = new Data(5);
    const values = Float32Array.from({ length: 400_003 }, () => data.between(99, 101));
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const spread = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
    const [[v], [m]] = (await results(reduction(variance()), [...values], [one, one])) as [[number], [number]];
    expect(m / mean).toBeCloseTo(1, 6);
    expect(v / spread).toBeCloseTo(1, 4);
  });

  test("the order of elements counts", async () => {
    const whole: Run = {
      name: "one row",
      inputs: [0, 1].map(() => filled(int32, Layout.contiguous([6000]), few, new Data(3), 6001)),
      outputs: [filled(int32, one, few, new Data(1))],
    };
    expect(await complaints(backend, reduction(affine), whole)).toEqual([]);
    const outputs = [filled(int32, Layout.contiguous([6000]), few, new Data(1))];
    expect(await complaints(backend, scan(affine), { ...whole, outputs })).toEqual([]);
  });

  test.for(dtypes.map((d) => [d.name, d] as const))("every way of walking over %s", async ([, dtype]) => {
    const data = new Data(11);
    const sample: Sample = dtype.isFloatingPoint ? (d) => d.int(-8, 9) : anything(dtype);
    const to = dtype.isFloatingPoint ? float32 : int64;
    const layouts: [name: string, input: Layout, kept: number][] = [
      ["wide rows", Layout.contiguous([5, 64]), 1],
      ["wide rows with ends", slice(Layout.contiguous([5, 64]), 1, 0, 63), 1],
      ["one wide row", Layout.contiguous([4096]), 0],
      ["rows that begin anywhere", Layout.contiguous([5, 63]), 1],
      ["columns", permute(Layout.contiguous([40, 8]), [1, 0]), 1],
      ["two loops", permute(Layout.contiguous([8, 5, 24]), [1, 0, 2]), 1],
      ["windows", new Layout([2, 4, 4, 3, 3], [100, 20, 2, 10, 1], 0), 3],
      ["backwards", new Layout([3, 40], [40, -1], 39), 1],
    ];
    const [sum, best] = [reduction(simple(dtype, to, 0, add)), reduction(argmax(dtype))];
    for (const [name, layout, kept] of layouts) {
      const input = filled(dtype, layout, sample, data, 4096 + 13);
      const output = filled(to, Layout.contiguous(layout.shape.slice(0, kept)), sample, data);
      const run: Run = { name, inputs: [input], outputs: [output], tolerance: { ulp: 0 } };
      expect(await complaints(backend, sum, run)).toEqual([]);
      const positions: Run = { ...run, outputs: [filled(dtype, output.layout, sample, data), filled(int64, output.layout, sample, data)] };
      if (dtype !== bool) expect(await complaints(backend, best, { ...positions, tolerance: { ulp: 0, signedZero: false } })).toEqual([]);
    }
  });

  test("an operand that stands still beside one that moves in fours", async () => {
    const data = new Data(13);
    const run: Run = {
      name: "rows",
      inputs: [
        filled(float32, Layout.contiguous([6, 256]), near, data, 6 * 256 + 1),
        filled(float32, new Layout([6, 256], [1, 0], 0), near, data, 9),
      ],
      outputs: [filled(float32, Layout.contiguous([6]), near, data)],
      args: { scalars: [256] },
      tolerance: { ulp: 8 },
    };
    expect(await complaints(backend, reduction(deviations), run)).toEqual([]);
  });

  test("very many kept elements", async () => {
    const layout = Layout.contiguous([70_001, 3]);
    const run: Run = {
      name: "rows of three",
      inputs: [filled(float32, layout, few, new Data(2))],
      outputs: [filled(float32, Layout.contiguous([70_001]), few, new Data(1))],
    };
    expect(await complaints(backend, reduction(simple(float32, float32, 0, add)), run)).toEqual([]);
  });

  test("a scan of a million elements", async () => {
    const n = 1_000_003;
    const values = Array.from({ length: n }, (_, i) => i % 7);
    const [got] = (await results(scan(simple(int32, int32, 0, add)), values, [Layout.contiguous([n])])) as [number[]];
    let sum = 0;
    expect(got.findIndex((v, i) => v !== (sum += values[i]!))).toBe(-1);
  });
});

describe("overflow of int64", () => {
  beforeEach(() => {
    share({});
    backend.context.checkOverflow = true;
    return () => {
      backend.context.checkOverflow = false;
    };
  });
  const sum = reduction(simple(int64, int64, 0, add));
  const product = reduction(simple(int64, int64, 1, mul));
  const run = (kernel: ReduceKernel | ScanKernel, values: readonly bigint[], output: Layout = one): Promise<Value[][]> =>
    results(kernel, values, [output]);
  const sentence = /holds int64 in 32 bits, and the result of a reduction does not fit/;

  test("raises at the read, and once", async () => {
    await expect(run(sum, [2n ** 30n, 2n ** 30n])).rejects.toThrow(sentence);
    expect(await run(sum, [1n, 2n])).toEqual([[3n]]);
  });

  test("is found across chunks", async () => {
    await expect(
      run(
        sum,
        Array.from({ length: 10_000 }, () => 300_000n),
      ),
    ).rejects.toThrow(sentence);
    expect(
      await run(
        sum,
        Array.from({ length: 10_000 }, () => -200_000n),
      ),
    ).toEqual([[-2_000_000_000n]]);
  });

  test("is not raised where sums come back into range", async () => {
    expect(await run(sum, [2n ** 31n - 1n, 5n, -9n])).toEqual([[2n ** 31n - 5n]]);
    expect(await run(sum, [-(2n ** 31n)])).toEqual([[-(2n ** 31n)]]);
  });

  test("of products", async () => {
    await expect(run(product, [65536n, 32768n])).rejects.toThrow(sentence);
    await expect(run(product, [65536n, 65536n])).rejects.toThrow(sentence);
    expect(await run(product, [65536n, -32768n])).toEqual([[-(2n ** 31n)]]);
    expect(await run(product, [65536n, 65536n, 0n])).toEqual([[0n]]);
  });

  test("in the middle of a scan", async () => {
    const sums = scan(simple(int64, int64, 0, add));
    await expect(run(sums, [2n ** 31n - 1n, 5n, -9n], Layout.contiguous([3]))).rejects.toThrow(sentence);
    expect(await run(sums, [1n, 2n, 3n], Layout.contiguous([3]))).toEqual([[1n, 3n, 6n]]);
  });

  test("is not looked for without being asked", async () => {
    backend.context.checkOverflow = false;
    expect(await run(sum, [2n ** 30n, 2n ** 30n])).toEqual([[-(2n ** 31n)]]);
  });
});
