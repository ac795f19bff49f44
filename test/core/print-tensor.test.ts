import { beforeEach, expect, test } from "vitest";
import { getPrintoptions, type PrintOptions, setPrintoptions } from "../../src/core/print/options.ts";
import { formatTensor, formatTensorWithoutValues } from "../../src/core/print/tensor.ts";

/** Tensors and their text as PyTorch 1.13.1 prints them. */
interface PrintCase {
  readonly what: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly values: readonly (number | bigint | boolean)[];
  readonly options?: Partial<PrintOptions>;
  readonly requiresGrad?: boolean;
  readonly gradFn?: string;
  readonly parameter?: boolean;
  readonly text: string;
}

const PRINT_CASES: readonly PrintCase[] = [
  {
    what: "ties go to even",
    dtype: "float32",
    shape: [5],
    values: [0.5, 1.5, 2.5, -0.5, 0.25],
    options: { precision: 0 },
    text: "tensor([ 0,  2,  2, -0,  0])",
  },
  {
    what: "ties of binary fractions",
    dtype: "float32",
    shape: [3],
    values: [0.03125, 0.09375, -1.15625],
    options: { precision: 4 },
    text: "tensor([ 0.0312,  0.0938, -1.1562])",
  },
  {
    what: "zeros and non-finite values only",
    dtype: "float32",
    shape: [5],
    values: [0, -0, NaN, Infinity, -Infinity],
    text: "tensor([0., -0., nan, inf, -inf])",
  },
  {
    what: "non-finite values only, sciMode not looked at",
    dtype: "float32",
    shape: [3],
    values: [0, NaN, -Infinity],
    options: { sciMode: true },
    text: "tensor([0., nan, -inf])",
  },
  {
    what: "whole floats leave infinities no room",
    dtype: "float32",
    shape: [4],
    values: [Infinity, 1, NaN, -0],
    text: "tensor([inf, 1., nan, -0.])",
  },
  { what: "an infinity wider than the width", dtype: "float32", shape: [2], values: [1, -Infinity], text: "tensor([1., -inf])" },
  { what: "ratio of exactly 1000", dtype: "float32", shape: [2], values: [1, 1000], text: "tensor([   1., 1000.])" },
  { what: "ratio above 1000", dtype: "float32", shape: [2], values: [1, 1001], text: "tensor([1.0000e+00, 1.0010e+03])" },
  { what: "exactly 1e8", dtype: "float32", shape: [2], values: [100000000, 100000000], text: "tensor([100000000., 100000000.])" },
  { what: "above 1e8", dtype: "float32", shape: [2], values: [100000008, 100000000], text: "tensor([1.0000e+08, 1.0000e+08])" },
  {
    what: "float32 1e-4, which lies below 1e-4",
    dtype: "float32",
    shape: [2],
    values: [9.999999747378752e-5, 0.00019999999494757503],
    text: "tensor([1.0000e-04, 2.0000e-04])",
  },
  {
    what: "float64 1e-4, which does not",
    dtype: "float64",
    shape: [2],
    values: [0.0001, 0.0002],
    text: "tensor([0.0001, 0.0002], dtype=torch.float64)",
  },
  {
    what: "rounds up to more digits than its magnitude",
    dtype: "float32",
    shape: [2],
    values: [9.999959945678711, 99.99996185302734],
    text: "tensor([ 10.0000, 100.0000])",
  },
  {
    what: "rounding carries into the exponent",
    dtype: "float32",
    shape: [2],
    values: [9999989760, 1.5],
    text: "tensor([1.0000e+10, 1.5000e+00])",
  },
  {
    what: "subnormal float32",
    dtype: "float32",
    shape: [2],
    values: [1.401298464324817e-45, 9.99994610111476e-41],
    text: "tensor([1.4013e-45, 9.9999e-41])",
  },
  {
    what: "subnormal float64",
    dtype: "float64",
    shape: [2],
    values: [5e-324, 2.2250738585072014e-308],
    text: "tensor([4.9407e-324, 2.2251e-308], dtype=torch.float64)",
  },
  {
    what: "largest float64",
    dtype: "float64",
    shape: [2],
    values: [1.7976931348623157e308, -1.5],
    text: "tensor([1.7977e+308, -1.5000e+00], dtype=torch.float64)",
  },
  {
    what: "fixed point beyond 1e21",
    dtype: "float64",
    shape: [2],
    values: [1e22, 0.5],
    options: { sciMode: false },
    text: "tensor([10000000000000000000000.0000,     0.5000], dtype=torch.float64)",
  },
  {
    what: "sciMode false keeps the width of the exponent form",
    dtype: "float32",
    shape: [3],
    values: [9.999999747378752e-6, 1, 123.45600128173828],
    options: { sciMode: false },
    text: "tensor([    0.0000,     1.0000,   123.4560])",
  },
  {
    what: "sciMode true keeps the width of whole numbers",
    dtype: "float32",
    shape: [3],
    values: [1, 20, Infinity],
    options: { sciMode: true },
    text: "tensor([1.0000e+00, 2.0000e+01, inf])",
  },
  {
    what: "float16 limits",
    dtype: "float16",
    shape: [2],
    values: [65504, 2 ** -24],
    text: "tensor([6.5504e+04, 5.9605e-08], dtype=torch.float16)",
  },
  {
    what: "float16",
    dtype: "float16",
    shape: [3],
    values: [0.0999755859375, -2.5, 1],
    text: "tensor([ 0.1000, -2.5000,  1.0000], dtype=torch.float16)",
  },
  {
    what: "bfloat16",
    dtype: "bfloat16",
    shape: [3],
    values: [0.10009765625, 3.140625, -0.00099945068359375],
    text: "tensor([ 1.0010e-01,  3.1406e+00, -9.9945e-04], dtype=torch.bfloat16)",
  },
  {
    what: "int64 limits",
    dtype: "int64",
    shape: [2],
    values: [9223372036854775807n, -9223372036854775808n],
    text: "tensor([ 9223372036854775807, -9223372036854775808])",
  },
  { what: "int8", dtype: "int8", shape: [2], values: [-128, 127], text: "tensor([-128,  127], dtype=torch.int8)" },
  { what: "0-d bool", dtype: "bool", shape: [], values: [false], text: "tensor(False)" },
  { what: "0-d negative zero", dtype: "float32", shape: [], values: [-0], text: "tensor(-0.)" },
  { what: "0-d nan", dtype: "float32", shape: [], values: [NaN], text: "tensor(nan)" },
  { what: "0-d integral float16", dtype: "float16", shape: [], values: [3], text: "tensor(3., dtype=torch.float16)" },
  { what: "empty bool", dtype: "bool", shape: [0], values: [], text: "tensor([], dtype=torch.bool)" },
  { what: "empty int64 with shape", dtype: "int64", shape: [3, 0], values: [], text: "tensor([], size=(3, 0), dtype=torch.int64)" },
  {
    what: "empty float64 of five dimensions",
    dtype: "float64",
    shape: [1, 0, 2, 0, 3],
    values: [],
    text: "tensor([], size=(1, 0, 2, 0, 3), dtype=torch.float64)",
  },
  {
    what: "five dimensions",
    dtype: "float32",
    shape: [2, 2, 1, 2, 2],
    values: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    text: "tensor([[[[[ 0.,  1.],\n           [ 2.,  3.]]],\n\n\n         [[[ 4.,  5.],\n           [ 6.,  7.]]]],\n\n\n\n        [[[[ 8.,  9.],\n           [10., 11.]]],\n\n\n         [[[12., 13.],\n           [14., 15.]]]]])",
  },
  {
    what: "line breaks in a deep row",
    dtype: "int64",
    shape: [1, 1, 1, 6],
    values: [0, 100000, 200000, 300000, 400000, 500000],
    options: { linewidth: 30 },
    text: "tensor([[[[     0, 100000,\n           200000, 300000,\n           400000, 500000]]]])",
  },
  {
    what: "a line narrower than an element",
    dtype: "float32",
    shape: [2],
    values: [1.5, 2.5],
    options: { linewidth: 5 },
    text: "tensor([1.5000,\n        2.5000])",
  },
  {
    what: "suffix exactly at the line's end",
    dtype: "int32",
    shape: [1, 12],
    values: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
    options: { linewidth: 78 },
    text: "tensor([[ 1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12]], dtype=torch.int32)",
  },
  {
    what: "suffix one past the line's end",
    dtype: "int32",
    shape: [1, 12],
    values: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
    options: { linewidth: 77 },
    text: "tensor([[ 1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12]],\n       dtype=torch.int32)",
  },
  {
    what: "two suffixes",
    dtype: "float64",
    shape: [2],
    values: [4.4816890703380645, 12.182493960703473],
    options: { linewidth: 48 },
    requiresGrad: true,
    gradFn: "ExpBackward0",
    text: "tensor([ 4.4817, 12.1825], dtype=torch.float64,\n       grad_fn=<ExpBackward0>)",
  },
  {
    what: "parameter",
    dtype: "float32",
    shape: [2],
    values: [1, 2],
    parameter: true,
    requiresGrad: true,
    text: "Parameter containing:\ntensor([1., 2.], requires_grad=True)",
  },
  {
    what: "parameter without gradient",
    dtype: "float64",
    shape: [2],
    values: [1, 2],
    parameter: true,
    text: "Parameter containing:\ntensor([1., 2.], dtype=torch.float64)",
  },
  {
    what: "summary breaks lines, its dots taken for an element",
    dtype: "int64",
    shape: [12],
    values: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    options: { threshold: 5, linewidth: 18 },
    text: "tensor([ 0,  1,\n         2,  ...,\n         9, 10,\n        11])",
  },
  {
    what: "summary widths come from the edges",
    dtype: "int64",
    shape: [7],
    values: [1, 2, 3, 444444, 5, 6, 7],
    options: { threshold: 5 },
    text: "tensor([1, 2, 3,  ..., 5, 6, 7])",
  },
  {
    what: "summary of three dimensions",
    dtype: "int64",
    shape: [3, 3, 3],
    values: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26],
    options: { threshold: 5, edgeitems: 1 },
    text: "tensor([[[ 0,  ...,  2],\n         ...,\n         [ 6,  ...,  8]],\n\n        ...,\n\n        [[18,  ..., 20],\n         ...,\n         [24,  ..., 26]]])",
  },
  {
    what: "summary of a short dimension",
    dtype: "int64",
    shape: [2, 7],
    values: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13],
    options: { threshold: 5 },
    text: "tensor([[ 0,  1,  2,  ...,  4,  5,  6],\n        [ 7,  8,  9,  ..., 11, 12, 13]])",
  },
  {
    what: "no edge items",
    dtype: "int64",
    shape: [4],
    values: [0, 1, 2, 3],
    options: { threshold: 2, edgeitems: 0 },
    text: "tensor([ ..., 0, 1, 2, 3])",
  },
  {
    what: "many digits",
    dtype: "float64",
    shape: [1],
    values: [0.1],
    options: { precision: 60 },
    text: "tensor([0.100000000000000005551115123125782702118158340454101562500000],\n       dtype=torch.float64)",
  },
];

beforeEach(() => setPrintoptions({ profile: "default" }));

test.each(PRINT_CASES.map((c) => [c.what, c] as const))("formatTensor: %s", (_, c) => {
  const { dtype, shape, values, options, text, ...rest } = c;
  setPrintoptions(options ?? {});
  expect(formatTensor({ dtypeName: dtype, shape, at: (i) => values[i] ?? Number.NaN, ...rest })).toBe(text);
});

test("formatTensor takes int64 elements as numbers too", () => {
  expect(formatTensor({ dtypeName: "int64", shape: [2], at: (i) => [-(2 ** 62), 7][i] ?? 0 })).toBe(
    "tensor([-4611686018427387904,                    7])",
  );
});

test("formatTensor reads only what it shows", () => {
  const read = new Set<number>();
  const at = (i: number): number => {
    read.add(i);
    return i;
  };
  expect(formatTensor({ dtypeName: "int32", shape: [50000], at })).toBe(
    "tensor([    0,     1,     2,  ..., 49997, 49998, 49999], dtype=torch.int32)",
  );
  expect([...read]).toEqual([0, 1, 2, 49997, 49998, 49999]);
});

test("a dtype goes without saying where it is the default one", () => {
  const at = (): number => 1.5;
  expect(formatTensor({ dtypeName: "float64", shape: [], at, defaultDtypeName: "float64" })).toBe("tensor(1.5000)");
  expect(formatTensor({ dtypeName: "float32", shape: [], at, defaultDtypeName: "float64" })).toBe("tensor(1.5000, dtype=torch.float32)");
});

test("device comes first of the suffixes and the CPU goes without saying", () => {
  const tensor = { dtypeName: "float32", shape: [1], at: () => 1, requiresGrad: true };
  expect(formatTensor({ ...tensor, device: "cuda:0" })).toBe("tensor([1.], device='cuda:0', requires_grad=True)");
  expect(formatTensor({ ...tensor, device: "cpu" })).toBe("tensor([1.], requires_grad=True)");
});

test("a tensor without values shows its size", () => {
  expect(formatTensorWithoutValues({ dtypeName: "float32", shape: [2, 3], device: "meta" })).toBe(
    "tensor(..., device='meta', size=(2, 3))",
  );
  expect(formatTensorWithoutValues({ dtypeName: "int64", shape: [2], device: "meta" })).toBe(
    "tensor(..., device='meta', size=(2,), dtype=torch.int64)",
  );
});

test("setPrintoptions keeps what it is not told, but for sciMode", () => {
  setPrintoptions({ precision: 2, sciMode: true });
  expect(getPrintoptions()).toEqual({ precision: 2, threshold: 1000, edgeitems: 3, linewidth: 80, sciMode: true });
  setPrintoptions({ linewidth: 100 });
  expect(getPrintoptions()).toEqual({ precision: 2, threshold: 1000, edgeitems: 3, linewidth: 100, sciMode: null });
  setPrintoptions({ profile: "short", edgeitems: 4 });
  expect(getPrintoptions()).toEqual({ precision: 2, threshold: 1000, edgeitems: 4, linewidth: 80, sciMode: null });
  setPrintoptions({ profile: "full" });
  expect(getPrintoptions()).toEqual({ precision: 4, threshold: Number.POSITIVE_INFINITY, edgeitems: 3, linewidth: 80, sciMode: null });
});
