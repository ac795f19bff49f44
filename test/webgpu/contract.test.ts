import { describe, expect, test } from "vitest";
import type { Problem } from "../../src/backends/webgpu/contract/problem.ts";
import { allVariants, type Candidate, candidate, type Plan, type Variant } from "../../src/backends/webgpu/contract/variants.ts";
import { contract } from "../../src/backends/webgpu/contract.ts";
import { bfloat16, type DType, float16, float32, int32, int64, uint8 } from "../../src/core/dtype.ts";
import { indices, Layout, numel, permute, slice } from "../../src/core/layout.ts";
import { add, arg, max, state } from "../../src/kernel/expr.ts";
import type { Compiled, ContractDims, KernelOf } from "../../src/kernel/kernel.ts";
import { Data, filled, type Run, type Sample } from "../backends/case.ts";
import { difference } from "../backends/compare.ts";
import { download, upload, type Value } from "../backends/operands.ts";
import { backendWith, complaints } from "./on-backend.ts";

type Contract = KernelOf<"contract">;

const backend = await backendWith();
const unit: Sample = (d) => d.between(-1, 1);
const data = new Data(5);

const kernelOf = (dtype: DType, bias: boolean = false): Contract => {
  const { compute } = dtype;
  const value = bias ? max(add(state(0, compute), arg(2, compute)), 0) : state(0, compute);
  return { kind: "contract", compute, inputs: bias ? [dtype, dtype, dtype] : [dtype, dtype], output: { dtype, value }, compiled: [] };
};
const sum = kernelOf(float32);
const biased = kernelOf(float32, true);

/** A product: the layouts of its factors and its output. */
interface Product {
  readonly name: string;
  readonly dims: ContractDims;
  readonly a: Layout;
  readonly b: Layout;
  readonly out: Layout;
  /** Into how many parts k is split. */
  readonly parts?: number;
  /** Whether each column has a number of its own added, and what is negative becomes 0. */
  readonly bias?: boolean;
}

const contiguous = (...shape: number[]): Layout => Layout.contiguous(shape);
const turned = (rows: number, columns: number): Layout => permute(contiguous(columns, rows), [1, 0]);
const oneEach: ContractDims = { batch: 0, m: 1, n: 1, k: 1 };
const matrices = (name: string, m: number, n: number, k: number, more: Partial<Product> = {}): Product => {
  return {
    name: `${name}, ${m}x${k} times ${k}x${n}`,
    dims: oneEach,
    a: contiguous(m, k),
    b: contiguous(k, n),
    out: contiguous(m, n),
    ...more,
  };
};

/** x (2, 4, 9, 9) by w (8, 4 / groups, 3, 2), as its forward, with this stride and dilation. */
function convolution(name: string, groups: number, stride: number, dilation: number): Product {
  const [c, m] = [4 / groups, 8 / groups];
  const oh = Math.floor((9 - dilation * 2 - 1) / stride) + 1;
  const ow = Math.floor((9 - dilation - 1) / stride) + 1;
  return {
    name,
    dims: { batch: 2, m: 1, n: 2, k: 3 },
    a: new Layout([2, groups, m, c, 3, 2], [0, m * c * 6, c * 6, 6, 2, 1], 0),
    b: new Layout([2, groups, c, 3, 2, oh, ow], [324, 81 * c, 81, 9 * dilation, dilation, 9 * stride, stride], 0),
    out: contiguous(2, groups, m, oh, ow),
  };
}

/** The gradient of its input: windows of the padded gradient (2, 8, 11, 10) by the weight back to front. */
const inputGradient: Product = {
  name: "the gradient of a convolution's input",
  dims: { batch: 2, m: 1, n: 2, k: 3 },
  a: new Layout([2, 1, 4, 8, 3, 2], [0, 192, 6, 24, -2, -1], 5),
  b: new Layout([2, 1, 8, 3, 2, 9, 9], [880, 880, 110, 10, 1, 10, 1], 0),
  out: contiguous(2, 1, 4, 9, 9),
};

/** The gradient of its weight: few outputs, a long sum over samples and places. */
const weightGradient: Product = {
  name: "the gradient of a convolution's weight",
  dims: { batch: 1, m: 1, n: 3, k: 3 },
  a: new Layout([1, 8, 3, 8, 8], [512, 64, 512, 8, 1], 0),
  b: new Layout([1, 3, 8, 8, 4, 3, 2], [360, 360, 10, 1, 90, 10, 1], 0),
  out: contiguous(1, 8, 4, 3, 2),
  parts: 3,
};

/** The sums in float64: of the values that were uploaded. */
function exact({ dims, a, b, out }: Product, x: readonly Value[], y: readonly Value[]): Map<number, number> {
  const [atA, atB] = [[...indices(a)], [...indices(b)]];
  const batch = numel(out.shape.slice(0, dims.batch));
  const m = numel(out.shape.slice(dims.batch, dims.batch + dims.m));
  const n = numel(out.shape.slice(dims.batch + dims.m));
  const k = a.numel / (batch * m);
  const sums = new Map<number, number>();
  let i = 0;
  for (const at of indices(out)) {
    const [row, column] = [Math.floor(i / n), i % n];
    let s = 0;
    for (let d = 0; d < k; d++) s += Number(x[atA[row * k + d]!]) * Number(y[atB[(Math.floor(row / m) * k + d) * n + column]!]);
    sums.set(at, s);
    i++;
  }
  return sums;
}

/** The kernels of one variant; `parts` is how many k is split into. */
class Forced {
  readonly candidate: Candidate;
  readonly #plain: Compiled;
  readonly #biased: Compiled;
  parts: number = 1;

  constructor(variant: Variant) {
    this.candidate = candidate(variant, 1);
    const plan = (problem: Problem): Plan => this.#plan(problem);
    this.#plain = contract(backend.context, sum, plan);
    this.#biased = contract(backend.context, biased, plan);
  }

  kernel(bias: boolean): Compiled {
    return bias ? this.#biased : this.#plain;
  }

  #plan({ depth }: Problem): Plan {
    const part = this.parts === 1 ? depth : Math.ceil(depth / this.parts / 4) * 4;
    return { candidate: this.candidate, parts: this.parts === 1 ? 1 : Math.ceil(depth / part), part };
  }
}

/** What is wrong with a product by a variant, against sums in float64. */
async function wrong(forced: Forced, product: Product): Promise<string[]> {
  const { dims, a, b, out, parts = 1, bias = false, name } = product;
  const specs = [a, b].map((layout) => filled(float32, layout, unit, data));
  const columns = new Layout(
    out.shape,
    out.shape.map((_, d) => (d === out.ndim - 1 ? 1 : 0)),
    0,
  );
  const shift = filled(float32, columns, unit, data);
  const before = filled(float32, out, unit, data);
  const inputs = [...specs, ...(bias ? [shift] : [])].map((s) => upload(backend, s));
  const output = upload(backend, before);
  forced.parts = parts;
  forced.kernel(bias).run(inputs, [output], { dims });
  const actual = await download(backend, output, before.storage.length);
  for (const { storage } of [...inputs, output]) backend.release(storage.block);
  const float = (x: readonly Value[]): Value[] => x.map((v) => Math.fround(Number(v)));
  const expected = float(before.storage);
  let i = 0;
  for (const [at, s] of exact(product, float(specs[0]!.storage), float(specs[1]!.storage))) {
    expected[at] = bias ? Math.max(s + Math.fround(Number(shift.storage[i++ % columns.shape.at(-1)!])), 0) : s;
  }
  const depth = a.numel / numel(out.shape.slice(0, dims.batch + dims.m));
  const text = difference(expected, actual, float32, { ulp: 4, floor: Math.max(depth / 4, 2), signedZero: false }, true);
  return text === null ? [] : [`${forced.candidate.name}, ${name}: ${text}`];
}

/** Products with tails on every side of a variant's tiles, in every way to read the factors. */
function productsFor({ rows, columns }: Candidate): readonly Product[] {
  const m = Math.max(rows, 4);
  const n = Math.max(columns, 4);
  return [
    matrices("elements", 1, 1, 1),
    matrices("elements", 3, 5, 7),
    matrices("elements", 1, n + 2, 9),
    matrices("elements", m + 2, 1, 9),
    matrices("elements", m - 1, n + 1, 5),
    matrices("elements", 2 * m + 1, n - 1, 33, { bias: true }),
    matrices("along k and across columns", m + 4, n, 36),
    matrices("across rows and along k", m, n + 4, 36, { a: turned(m, 36), b: turned(36, n + 4) }),
    matrices("along k, with a tail", m + 1, n + 1, 35, {
      a: slice(contiguous(m + 1, 36), 1, 0, 35),
      b: permute(slice(contiguous(n + 1, 36), 1, 0, 35), [1, 0]),
    }),
    matrices("into a transpose", m + 4, n + 4, 20, { out: turned(m + 4, n + 4), bias: true }),
    matrices("k in three parts", m + 4, n + 4, 100, { parts: 3, bias: true }),
    matrices("k in parts, elements", m + 1, n + 1, 23, { parts: 2 }),
    {
      ...matrices("a batch, b shared", 5, 6, 7),
      dims: { batch: 1, m: 1, n: 1, k: 1 },
      a: contiguous(3, 5, 7),
      b: new Layout([3, 7, 6], [0, 6, 1], 0),
      out: contiguous(3, 5, 6),
    },
    { name: "no steps", dims: oneEach, a: contiguous(3, 0), b: contiguous(0, 5), out: contiguous(3, 5) },
    convolution("a convolution with stride and groups", 2, 2, 1),
    convolution("a dilated convolution", 1, 1, 2),
    inputGradient,
    weightGradient,
  ];
}

const named = allVariants.map((v): [string, Variant] => [candidate(v, 1).name, v]);

describe("every variant", () => {
  test.for(named)("%s", { timeout: 240_000 }, async ([, variant]) => {
    const forced = new Forced(variant);
    const found: string[] = [];
    for (const product of productsFor(forced.candidate)) found.push(...(await wrong(forced, product)));
    expect(found).toEqual([]);
  });
});

describe("the chosen variant", () => {
  const anyOf = (dtype: DType): Sample =>
    dtype === int64
      ? (d) => BigInt(d.int(-99, 100))
      : dtype === uint8
        ? (d) => d.int(0, 256)
        : dtype === int32
          ? (d) => d.int(-(2 ** 31), 2 ** 31)
          : unit;
  const products: readonly Product[] = [
    matrices("tails", 13, 9, 11),
    matrices("aligned", 12, 16, 20),
    matrices("transposed", 12, 16, 20, { a: turned(12, 20), b: turned(20, 16) }),
    matrices("a long sum", 3, 2, 700),
    convolution("a convolution", 2, 2, 1),
  ];
  const runOf = (dtype: DType, { name, dims, a, b, out }: Product): Run => {
    const columns = new Layout(
      out.shape,
      out.shape.map((_, d) => (d === out.ndim - 1 ? 1 : 0)),
      0,
    );
    const steps = a.numel / numel(out.shape.slice(0, dims.batch + dims.m));
    return {
      name,
      inputs: [a, b, columns].map((layout) => filled(dtype, layout, anyOf(dtype), data)),
      outputs: [filled(dtype, out, anyOf(dtype), data)],
      args: { dims },
      tolerance: dtype.isFloatingPoint
        ? { ulp: dtype === float32 ? 4 : 1, floor: dtype === float32 ? Math.max(steps, 2) : steps / 64, signedZero: false }
        : { ulp: 0 },
    };
  };
  test.each([float32, float16, bfloat16, int32, int64, uint8].map((d) => [d.name, d] as const))("of %s", async (_, dtype) => {
    const found: string[] = [];
    for (const product of products) found.push(...(await complaints(backend, kernelOf(dtype, true), runOf(dtype, product))));
    expect(found).toEqual([]);
  });

  test("takes both factors from one storage", async () => {
    const run = runOf(float32, matrices("a square", 20, 20, 20));
    const square = { ...run.inputs[0]!, layout: contiguous(20, 20) };
    const x = upload(backend, square);
    const transpose = { ...x, layout: turned(20, 20) };
    const output = upload(backend, run.outputs[0]!);
    contract(backend.context, sum).run([x, transpose], [output], { dims: oneEach });
    const actual = await download(backend, output, 400);
    const values = square.storage.map((v) => Math.fround(Number(v)));
    const expected = [...exact({ ...matrices("", 20, 20, 20), b: turned(20, 20) }, values, values).values()];
    expect(difference(expected, actual, float32, { ulp: 4, floor: 5 }, true)).toBeNull();
  });

  test("gives the same bits every time", async () => {
    const run = runOf(float32, matrices("a long sum", 5, 7, 3000));
    const inputs = run.inputs.slice(0, 2).map((s) => upload(backend, s));
    const results: Value[][] = [];
    for (let i = 0; i < 3; i++) {
      const output = upload(backend, run.outputs[0]!);
      contract(backend.context, sum).run(inputs, [output], { dims: oneEach });
      results.push(await download(backend, output, 35));
    }
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
  });

  test("compiles nothing for another size", async () => {
    const compiled = contract(backend.context, sum);
    const go = (m: number, n: number, k: number): void => {
      const [a, b] = [contiguous(m, k), contiguous(k, n)].map((layout) => upload(backend, filled(float32, layout, unit, data)));
      const output = upload(backend, filled(float32, contiguous(m, n), unit, data));
      compiled.run([a!, b!], [output], { dims: oneEach });
    };
    go(8, 12, 16);
    const { pipelines } = backend.stats;
    go(16, 24, 20);
    await backend.synchronize();
    expect(backend.stats.pipelines).toBe(pipelines);
  });
});
