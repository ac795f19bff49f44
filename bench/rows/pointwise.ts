import { defaults, type Input, type Kind, power, type Row, some, type Target } from "./row.ts";

const SIZES = [1e3, 1e5, 1e7];
/** From here on PyTorch's results are large enough to be mapped and unmapped one by one. */
const LARGE = 1e5;
const common = { ...defaults, group: "pointwise", access: "triad" } as const;

const multiplyAdd = (n: number): Row => ({
  ...common,
  name: `xyz_${power(n)}`,
  kind: "multiplyAdd",
  title: `x * y + z of ${power(n)} elements`,
  size: { n },
  inputs: [some(1, n), some(2, n), some(3, n)],
  bytes: 16 * n,
  threads: n >= LARGE,
  keep: n >= LARGE,
  targets: [{ column: "WASM", of: "limit", most: 1.3 }],
  ...(n < LARGE ? { profile: "A quarter of the time is the kernel's, which keeps to the limit; the rest is the call, as in add4." } : {}),
});

/** What the libraries compute in float32 differs by what their contracts allow: the gate looks for mistakes, not for ulps. */
const loose = { absolute: 2e-6, relative: 1e-4 };
const unary = (kind: Kind & ("exp" | "sigmoid" | "tanh" | "gelu"), n: number, most: number): Row => ({
  ...common,
  name: `${kind}_${power(n)}`,
  kind,
  title: `${kind} of ${power(n)} elements`,
  size: { n },
  inputs: [{ shape: [n], seed: 1, low: -4, high: 4 }],
  bytes: 8 * n,
  threads: n >= LARGE,
  keep: n >= LARGE,
  tolerance: loose,
  targets: [{ column: "WASM", of: "PyTorch", most }],
});

const sum = (kind: "sumAll" | "sumLast" | "sumFirst", name: string, title: string, shape: readonly number[]): Row => {
  const n = shape.reduce((a, b) => a * b, 1);
  const input: Input = { shape, seed: 1, low: 0, high: 1 };
  return {
    ...common,
    name: `${name}_${power(n)}`,
    kind,
    title: `${title} of ${power(n)} elements`,
    size: { n },
    inputs: [input],
    bytes: 4 * n,
    access: "read",
    threads: n >= LARGE,
    // Some add up one after another in float32.
    tolerance: { absolute: 0, relative: 2e-4 },
    targets: [{ column: "WASM", of: "limit", most: 1.3 }],
    ...(n < LARGE ? { profile: "An eighth of the time is the kernel's, which keeps to the limit; the rest is the call." } : {}),
  };
};

export const pointwise: readonly Row[] = [
  ...SIZES.map(multiplyAdd),
  ...SIZES.map((n) => unary("exp", n, 1.6)),
  ...SIZES.map((n) => unary("sigmoid", n, 1.6)),
  ...SIZES.map((n) => unary("tanh", n, 1)),
  ...SIZES.map((n) => unary("gelu", n, 1.6)),
  {
    ...unary("gelu", LARGE, 1.6),
    name: `gelu_${power(LARGE)}_fb`,
    mode: "backward",
    title: `gelu of ${power(LARGE)} elements, forward and backward`,
    inputs: [{ shape: [LARGE], seed: 1, low: -4, high: 4 }, some(2, LARGE)],
    bytes: 20 * LARGE,
    calls: 2,
    profile: "The two kernels: 35 % of the time in forward, 43 % in the gradient, whose error function and exponential go side by side.",
  },
  ...[1e3, 1e5, 1e6, 1e7].map((n) => sum("sumAll", "sum_all", "sum", [n])),
  sum("sumLast", "sum_last", "sum of rows", [1000, 1000]),
  sum("sumFirst", "sum_first", "sum of columns", [1000, 1000]),
];

const ROWS: readonly Target[] = [{ column: "WASM", of: "PyTorch", most: 1.2 }];
const softmax: Row = {
  ...common,
  group: "normalization",
  name: "softmax_128x1000",
  kind: "softmax",
  title: "softmax of 128 rows of 1,000",
  size: { rows: 128, n: 1000 },
  inputs: [{ shape: [128, 1000], seed: 1, low: -4, high: 4 }],
  bytes: 8 * 128e3,
  threads: true,
  keep: true,
  tolerance: { absolute: 1e-8, relative: 1e-4 },
  targets: ROWS,
};
const layerNorm: Row = {
  ...common,
  group: "normalization",
  name: "layernorm_512x768",
  kind: "layerNorm",
  title: "layer normalization of 512 rows of 768, with weight and bias",
  size: { rows: 512, n: 768 },
  inputs: [some(1, 512, 768), { shape: [768], seed: 2, low: 0.5, high: 1.5 }, some(3, 768)],
  bytes: 8 * 512 * 768,
  threads: true,
  keep: true,
  tolerance: { absolute: 1e-5, relative: 1e-4 },
  targets: ROWS,
};
/** With the gradient of the result as last input. Read and write: the input twice, result, both gradients. */
const both = (row: Row, gradient: Input, tolerance: Row["tolerance"]): Row => ({
  ...row,
  name: `${row.name}_fb`,
  title: `${row.title}, forward and backward`,
  mode: "backward",
  inputs: [...row.inputs, gradient],
  bytes: 2.5 * row.bytes!,
  calls: 2,
  tolerance,
});

/** Normalizations of rows. */
export const normalizations: readonly Row[] = [
  softmax,
  both(softmax, some(9, 128, 1000), { absolute: 1e-7, relative: 1e-4 }),
  layerNorm,
  both(layerNorm, some(9, 512, 768), { absolute: 2e-3, relative: 1e-4 }),
];
