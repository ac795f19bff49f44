import { describe, expect, test } from "vitest";
import { type DType, float16, float32, int32, int64, uint8 } from "../../src/core/dtype.ts";
import { DeviceError, OutOfMemoryError } from "../../src/core/errors.ts";
import { Layout, permute, slice } from "../../src/core/layout.ts";
import { add, arg, cast, type Expr, max, mul, position, state } from "../../src/kernel/expr.ts";
import type { Kernel, MapKernel } from "../../src/kernel/kernel.ts";
import { Data, filled, type Run, type Sample } from "../backends/case.ts";
import { cases } from "../backends/cases.ts";
import { type Spec, spec, upload } from "../backends/operands.ts";
import { backendWith, complaints } from "./on-backend.ts";

/** Bindings of 64 numbers, and four of them: nothing but the smallest data fits. */
const tiny = await backendWith({
  maxStorageBufferBindingSize: 256,
  maxComputeWorkgroupsPerDimension: 2,
  maxStorageBuffersPerShaderStage: 4,
});
const small = await backendWith({
  maxStorageBufferBindingSize: 1024,
  maxComputeWorkgroupsPerDimension: 2,
  maxStorageBuffersPerShaderStage: 4,
});
const backends = [
  ["bindings of 256 bytes", tiny],
  ["bindings of 1024 bytes", small],
] as const;

const data = new Data(61);
const whole: Sample = (d) => d.int(-9, 10);
const operand = (dtype: DType, layout: Layout, reach?: number): Spec =>
  filled(dtype, layout, dtype === int64 ? (d) => BigInt(d.int(-9, 10)) : dtype === uint8 ? (d) => d.int(0, 10) : whole, data, reach);
const contiguous = (...shape: number[]): Layout => Layout.contiguous(shape);

/** A map of float32s whose outputs are the given expressions. */
const mapOf = (inputs: number, ...values: Expr[]): MapKernel => ({
  kind: "map",
  inputs: new Array<DType>(inputs).fill(float32),
  outputs: values.map((value) => ({ dtype: float32, value })),
  compiled: [],
});
const a = (k: number): Expr => arg(k, "f32");
const sumOf = (n: number): Expr => Array.from({ length: n }, (_, k) => mul(a(k), k + 1)).reduce((x, y) => add(x, y));

interface Trial {
  readonly name: string;
  readonly kernel: Kernel;
  readonly run: Run;
}
const trial = (name: string, kernel: Kernel, inputs: readonly Spec[], outputs: readonly Spec[], more: Partial<Run> = {}): Trial => ({
  name,
  kernel,
  run: { name, inputs, outputs, ...more },
});
const f = (layout: Layout, reach?: number): Spec => operand(float32, layout, reach);
const indexSpec = (layout: Layout, size: number): Spec => filled(int64, layout, (d) => BigInt(d.int(-size, size)), data);

const square = contiguous(40, 30);
const turned = permute(contiguous(30, 40), [1, 0]);
const position32 = cast(position, float32);
const halves = (dtype: DType): Trial => {
  const kernel: Kernel = {
    kind: "map",
    inputs: [dtype, dtype],
    outputs: [{ dtype, value: add(arg(0, dtype.compute), arg(1, dtype.compute)) }],
    compiled: [],
  };
  const layouts = [slice(contiguous(61, 33), 1, 1, 29), permute(contiguous(29, 61), [1, 0])] as const;
  return trial(
    `${dtype.name} in rows and columns`,
    kernel,
    layouts.map((l) => operand(dtype, l)),
    [operand(dtype, contiguous(61, 29))],
  );
};

const five = [2, 3, 2, 3, 2].map((size, k, all) => ({ size, stride: all.slice(k + 1).reduce((x, y) => x * y, 1), wraps: true }));
const many: Kernel = { kind: "gather", inputs: [float32, int64, int64, int64, int64, int64], compiled: [] };
const rows: Kernel = { kind: "gather", inputs: [float32, int64], compiled: [] };
const embedding = [{ size: 50, stride: 12, wraps: true }];
const scatterOf = (dtype: DType, indices: number, combine: Expr | null): Kernel => ({
  kind: "scatter",
  inputs: [dtype, ...new Array<DType>(indices).fill(int64)],
  combine,
  compiled: [],
});
const [old, next] = [state(0, "f32"), state(1, "f32")];

const trials: readonly Trial[] = [
  trial("one operand", mapOf(1, mul(a(0), 2)), [f(contiguous(1000))], [f(contiguous(1000))]),
  trial(
    "seven small inputs",
    mapOf(7, sumOf(7)),
    Array.from({ length: 7 }, () => f(contiguous(13))),
    [f(contiguous(13))],
  ),
  trial(
    "seven inputs, none of which fits",
    mapOf(7, sumOf(7)),
    Array.from({ length: 7 }, () => f(contiguous(700))),
    [f(contiguous(700))],
  ),
  trial(
    "seven inputs, expanded and strided",
    mapOf(7, sumOf(7)),
    [
      f(square),
      f(turned),
      ...[
        [30, 1],
        [0, 1],
        [1, 0],
        [0, 0],
        [60, 2],
      ].map((s) => f(new Layout([40, 30], s, 1))),
    ],
    [f(square)],
  ),
  trial(
    "three outputs on three inputs",
    mapOf(3, sumOf(3), mul(a(0), a(1)), max(a(1), a(2))),
    [f(contiguous(300)), f(contiguous(300)), f(contiguous(300))],
    [f(contiguous(300)), f(contiguous(300)), f(contiguous(300))],
  ),
  trial("in place", mapOf(2, add(a(0), a(1))), [f(turned), f(square)], [f(turned)], { inPlace: [0] }),
  trial("positions", mapOf(2, add(position32, add(a(0), a(1)))), [f(square), f(turned)], [f(square)]),
  trial("positions in a permuted output", mapOf(1, add(position32, a(0))), [f(square)], [f(turned)]),
  halves(uint8),
  halves(float16),
  halves(int32),
  trial(
    "a copy of a transpose",
    { kind: "copy", inputs: [float32], compiled: [] },
    [f(permute(contiguous(37, 41), [1, 0]))],
    [f(contiguous(41, 37))],
  ),
  trial(
    "a copy of bytes, transposed",
    { kind: "copy", inputs: [uint8], compiled: [] },
    [operand(uint8, permute(contiguous(37, 41), [1, 0]))],
    [operand(uint8, contiguous(41, 37))],
  ),
  trial(
    "a gather by five indices",
    many,
    [f(new Layout([90], [0], 0), 72), ...five.map((i) => indexSpec(contiguous(90), i.size))],
    [f(contiguous(90))],
    { args: { indexed: five } },
  ),
  trial(
    "a gather of rows",
    rows,
    [f(new Layout([70, 12], [0, 1], 0), 600), indexSpec(new Layout([70, 12], [1, 0], 0), 50)],
    [f(contiguous(70, 12))],
    {
      args: { indexed: embedding },
    },
  ),
  trial("a gather of elements", rows, [f(new Layout([40, 30], [30, 0], 0), 1200), indexSpec(turned, 30)], [f(square)], {
    args: { indexed: [{ size: 30, stride: 1, wraps: true }] },
  }),
  trial(
    "a gather of bytes",
    { ...rows, inputs: [uint8, int64] } as Kernel,
    [operand(uint8, new Layout([999], [0], 0), 1500), indexSpec(contiguous(999), 1500)],
    [operand(uint8, contiguous(999))],
    { args: { indexed: [{ size: 1500, stride: 1, wraps: true }] } },
  ),
  trial(
    "a scatter by five indices",
    scatterOf(float32, 5, add(old, next)),
    [f(contiguous(90)), ...five.map((i) => indexSpec(contiguous(90), i.size))],
    [f(new Layout([90], [0], 0), 72)],
    { args: { indexed: five } },
  ),
  trial(
    "a sum of rows",
    scatterOf(float32, 1, add(old, next)),
    [f(contiguous(70, 12)), indexSpec(new Layout([70, 12], [1, 0], 0), 50)],
    [f(new Layout([70, 12], [0, 1], 0), 600)],
    { args: { indexed: embedding } },
  ),
  trial(
    "a sum of bytes",
    scatterOf(uint8, 1, add(state(0, "i32"), state(1, "i32"))),
    [operand(uint8, contiguous(999)), indexSpec(contiguous(999), 1500)],
    [operand(uint8, new Layout([999], [0], 0), 1500)],
    { args: { indexed: [{ size: 1500, stride: 1, wraps: true }] } },
  ),
  trial(
    "a scatter that turns a vector around",
    scatterOf(float32, 1, null),
    [
      f(contiguous(500)),
      spec(
        int64,
        Array.from({ length: 500 }, (_, i) => BigInt(i % 2 === 0 ? 499 - i : -1 - i)),
      ),
    ],
    [f(new Layout([500], [0], 0), 500)],
    { args: { indexed: [{ size: 500, stride: 1, wraps: true }] } },
  ),
];

describe.each(backends)("%s", (_, backend) => {
  test.each(trials.map((t) => [t.name, t] as const))("%s", async (__, { kernel, run }) => {
    expect(await complaints(backend, kernel, run)).toEqual([]);
  });

  const shared = /^(copy|gather|scatter add|permutation) (float32|uint8|float16)|^(9 operands|Adam|position|two outputs|add, )/;
  test.each(cases.filter((c) => shared.test(c.name)).map((c) => [c.name, c] as const))("%s", async (__, { kernel, runs }) => {
    for (const run of runs) expect(await complaints(backend, kernel, run)).toEqual([]);
  });
});

const folds =
  /^(reduce: (sum float32|sum float16|max uint8|argmax float32|variance and mean float32|dot float32)|scan: (sum float32|max int32)|contract: (float32|float16|int64|with bias and relu))$/;
test.each(cases.filter((c) => folds.test(c.name)).map((c) => [c.name, c] as const))(
  "bindings of 1024 bytes: %s",
  async (_, { kernel, runs }) => {
    for (const run of runs) expect(await complaints(small, kernel, run)).toEqual([]);
  },
);

test("operands that are parts of one block", async () => {
  const n = 400;
  const block = upload(small, f(contiguous(3 * n))).storage;
  const at = (k: number): Layout => Layout.contiguous([n], k * n);
  const values = new Float32Array(3 * n).map((_, i) => i);
  small.write(block.block, float32, 0, new Uint8Array(values.buffer));
  small.compile(mapOf(2, add(a(0), mul(a(1), 2)))).run(
    [0, 1].map((k) => ({ storage: block, layout: at(k), dtype: float32 })),
    [{ storage: block, layout: at(2), dtype: float32 }],
    {},
  );
  const bytes = await small.read(block.block, float32, 2 * n, n);
  expect([...new Float32Array(bytes.buffer, bytes.byteOffset, n)]).toEqual(Array.from({ length: n }, (_, i) => i + 2 * (n + i)));
});

describe("what does not fit", () => {
  test("is an error that names the limit: more outputs than bindings", () => {
    const outputs = Array.from({ length: 5 }, () => f(contiguous(8)));
    const kernel = tiny.compile(mapOf(1, ...outputs.map((_, k) => mul(a(0), k))));
    const run = (): void =>
      kernel.run(
        [upload(tiny, f(contiguous(8)))],
        outputs.map((o) => upload(tiny, o)),
        {},
      );
    expect(run).toThrow(DeviceError);
    expect(run).toThrow("it needs 6 storage buffers at once, and maxStorageBuffersPerShaderStage is 4");
  });

  test("is an OutOfMemoryError where a buffer may not be that large", async () => {
    const backend = await backendWith({ maxBufferSize: 1 << 20 });
    expect(() => backend.allocate((1 << 20) + 1)).toThrow(OutOfMemoryError);
    const x = upload(backend, spec(float32, [1, 2, 3]));
    backend.compile(mapOf(1, add(a(0), 1))).run([x], [x], {});
    const bytes = await backend.read(x.storage.block, float32, 0, 3);
    expect([...new Float32Array(bytes.buffer, bytes.byteOffset, 3)]).toEqual([2, 3, 4]);
  });
});

test("what fits takes one dispatch, whatever the limits", async () => {
  const operands = [f(contiguous(60)), f(contiguous(60))].map((s) => upload(tiny, s));
  const kernel = tiny.compile(mapOf(1, mul(a(0), 3)));
  const before = tiny.stats.dispatches;
  kernel.run([operands[0]!], [operands[1]!], {});
  expect(tiny.stats.dispatches - before).toBe(1);
});
