/** Random fills of the GPU against the CPU's Philox. */
import { beforeAll, describe, expect, test } from "vitest";
import type { WebGpuBackend } from "../../src/backends/webgpu/backend.ts";
import type { Limits } from "../../src/backends/webgpu/context.ts";
import { findAdapter, findGpu } from "../../src/backends/webgpu/gpu.ts";
import { openBackend } from "../../src/backends/webgpu/open.ts";
import { bfloat16, bool, type DataArray, type DType, float16, float32, int8, int16, int32, int64, uint8 } from "../../src/core/dtype.ts";
import { Layout } from "../../src/core/layout.ts";
import type { Distribution } from "../../src/core/random/fill.ts";
import { fillPhilox } from "../../src/core/random/philox-fill.ts";
import { PhiloxGenerator } from "../../src/core/random/philox-generator.ts";
import * as torch from "../../src/index.ts";
import * as deviceRandom from "../../src/tensor/device-random.ts";
import { orderOf } from "../support/f32.ts";

type Parameters = readonly (number | bigint)[];

/** A run and what it should give: `count` elements from element `at` on, among others that stay as they were. */
async function drawn(
  backend: WebGpuBackend,
  distribution: Distribution,
  dtype: DType,
  parameters: Parameters,
  count: number,
  at: number = 0,
  seed: bigint = 0x0123456789abcdefn,
  offset: bigint = 0n,
): Promise<{ got: DataArray; want: DataArray }> {
  const kernel = backend.compile({ kind: "random", inputs: [], distribution, output: dtype, compiled: [] });
  const total = Math.ceil((at + count + 5) / 64) * 64;
  const block = backend.allocate(total * backend.itemsize(dtype));
  const before = dtype.view(new ArrayBuffer(total * dtype.itemsize), 0, total);
  for (let i = 0; i < total; i++) before[i] = dtype === int64 ? BigInt(i % 2) : i % 2;
  backend.write(block, dtype, 0, new Uint8Array(before.buffer));
  const generator = new PhiloxGenerator("webgpu", seed);
  const state = generator.getState();
  new DataView(state.buffer).setBigUint64(8, offset, true);
  generator.setState(state);
  const layout = Layout.contiguous([count], at);
  kernel.run([], [{ storage: { block }, layout, dtype }], { random: { generator, parameters } });
  expect(generator.offset).toBe(BigInt.asUintN(64, offset + 4n));
  const bytes = await backend.read(block, dtype, 0, total);
  backend.release(block);
  fillPhilox(distribution, dtype.view(before.buffer, at * dtype.itemsize, count), dtype, parameters, seed, offset);
  return { got: dtype.view(bytes.buffer, bytes.byteOffset, total), want: before };
}

/** How far apart two arrays are, element by element. */
const distances = (got: DataArray, want: DataArray): number[] =>
  Array.from(got as ArrayLike<number | bigint>, (x, i) => Math.abs(Number(x) - Number(want[i])));

/** The most f32 that lie between two numbers at one place. */
function steps(got: DataArray, want: DataArray): number {
  let most = 0;
  for (let i = 0; i < got.length; i++) {
    if (got[i] !== want[i]) most = Math.max(most, Math.abs(orderOf(Number(got[i])) - orderOf(Number(want[i]))));
  }
  return most;
}

const every: readonly DType[] = [float32, float16, bfloat16, int32, int64, bool, uint8, int8, int16];
const floats: readonly DType[] = [float32, float16, bfloat16];
const wide: readonly DType[] = [float32, bfloat16, int32, int64];
/** The distributions whose bits are the same everywhere. */
const exact: readonly (readonly [Distribution, Parameters, readonly DType[]])[] = [
  ["uniform", [0, 1], floats],
  ["uniform", [-2.5, 3], floats],
  ["uniform", [7, 7], floats],
  ["bernoulli", [0.3], every],
  ["bernoulli", [0], every],
  ["bernoulli", [1], every],
  ["random", [], every],
  ["randint", [0, 2], every],
  ["randint", [3, 100], every.filter((d) => d !== bool)],
  ["randint", [-7n, 101n], every.filter((d) => d !== bool && d !== uint8)],
  ["randint", [-5n, 1n << 20n], wide],
  ["randint", [-(1n << 31n), 1n << 31n], wide],
  ["randint", [-(1n << 40n), 1n << 50n], [float32, bfloat16]],
  ["randint", [(1n << 40n) - 9n, (1n << 40n) + (1n << 30n)], [float32, bfloat16]],
];

const low: Partial<Limits> = { maxComputeWorkgroupsPerDimension: 2, maxStorageBufferBindingSize: 4096 };
let full: WebGpuBackend;
let tiny: WebGpuBackend;
beforeAll(async () => {
  const gpu = await findGpu();
  full = await openBackend(await findAdapter(gpu));
  tiny = await openBackend(await findAdapter(gpu), low);
  await torch.webgpu.start();
});

describe("bits are those of the CPU's Philox", () => {
  test.each(exact.map((row) => [`${row[0]}(${row[1].join(", ")})`, row] as const))("%s", async (_, [distribution, parameters, dtypes]) => {
    for (const dtype of dtypes) {
      for (const [count, at] of [
        [1003, 0],
        [1, 0],
        [6, 3],
      ] as const) {
        const { got, want } = await drawn(full, distribution, dtype, parameters, count, at);
        expect([dtype.name, count, got]).toEqual([dtype.name, count, want]);
      }
    }
  });

  test("a million uniform numbers", async () => {
    const { got, want } = await drawn(full, "uniform", float32, [0, 1], 1_000_001, 0, 5n, 2n ** 34n - 4n);
    expect(got).toEqual(want);
  });

  test.each(["uniform", "randint", "bernoulli"] as const)("%s where limits are low", async (distribution) => {
    const parameters = { uniform: [0, 1], randint: [0n, 2n ** 40n], bernoulli: [0.5] }[distribution];
    for (const dtype of distribution === "bernoulli" ? [uint8, bool] : [float32]) {
      for (const at of [0, 2]) {
        const { got, want } = await drawn(tiny, distribution, dtype, parameters, 5003, at);
        expect(got).toEqual(want);
      }
    }
  });

  test("every word of seed and offset counts", async () => {
    const first = async (seed: bigint, offset: bigint): Promise<string> => {
      const { got, want } = await drawn(full, "random", int32, [], 8, 0, seed, offset);
      expect(got).toEqual(want);
      return got.join();
    };
    const seen = [
      await first(1n, 0n),
      await first(1n + (1n << 32n), 0n),
      await first(2n ** 64n - 1n, 0n),
      await first(1n, 4n),
      await first(1n, 1n << 33n),
      await first(1n, 2n ** 64n - 4n),
    ];
    expect(new Set(seen).size).toBe(seen.length);
  });
});

describe("real numbers", () => {
  test("a million normal numbers are within 4 ulp", async () => {
    const { got, want } = await drawn(full, "normal", float32, [0, 1], 1_000_001);
    expect(steps(got, want)).toBeLessThanOrEqual(4);
    const values = got.subarray(0, 1_000_001) as Float32Array;
    const moment = (k: number): number => values.reduce((sum, x) => sum + x ** k, 0) / values.length;
    expect(moment(1)).toBeCloseTo(0, 2);
    expect(moment(2)).toBeCloseTo(1, 2);
    expect(moment(3)).toBeCloseTo(0, 1);
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.05);
  });

  test("exponential numbers are within 3 ulp, Cauchy numbers within 5", async () => {
    const n = 200_001;
    const e = await drawn(full, "exponential", float32, [2.5], n);
    expect(steps(e.got, e.want)).toBeLessThanOrEqual(3);
    const c = await drawn(full, "cauchy", float32, [0, 3], n);
    expect(steps(c.got, c.want)).toBeLessThanOrEqual(5);
  });

  test("log-normal numbers carry the error of the exponent", async () => {
    const { got, want } = await drawn(full, "logNormal", float32, [1, 2], 200_001);
    for (let i = 0; i < got.length; i++) {
      const x = Number(want[i]);
      const allowed = (4 + 4 * Math.abs(Math.log(x) || 0)) * 2 ** -23;
      if (got[i] !== want[i] && !(Math.abs(Number(got[i]) - x) <= allowed * x)) throw new Error(`element ${i}: ${got[i]}, not ${x}`);
    }
  });

  test.each([int64, int32, float32, uint8, bool])("geometric numbers are a trial away at most", async (dtype) => {
    for (const p of [0.2, 0.01]) {
      const { got, want } = await drawn(full, "geometric", dtype, [p], 50_001);
      const apart = distances(got, want);
      expect(apart.filter((d) => d > 1)).toEqual([]);
      expect(apart.filter((d) => d === 1).length).toBeLessThan(20);
      expect(got.subarray(0, 50_001).every((x: number | bigint) => x >= 1)).toBe(true);
    }
  });

  test.each(["normal", "exponential", "cauchy", "logNormal"] as const)("%s in half precision", async (distribution) => {
    const parameters = { normal: [1, 2], exponential: [1], cauchy: [1, 2], logNormal: [0, 0.5] }[distribution];
    for (const dtype of [float16, bfloat16]) {
      const { got, want } = await drawn(full, distribution, dtype, parameters, 10_003, 1);
      const apart = distances(got, want);
      expect(apart.every((d) => d <= 1)).toBe(true);
      expect(apart.filter((d) => d === 1).length).toBeLessThan(10);
    }
  });
});

describe("tensors", () => {
  const device = "webgpu";
  const list = (x: torch.Tensor): Promise<unknown> => x.tolist();

  test("a seed gives the same numbers again, and each call others", async () => {
    torch.manualSeed(3);
    const first = await list(torch.rand(7, { device }));
    const second = await list(torch.randn(7, { device }));
    const third = await list(torch.rand(7, { device }));
    expect(third).not.toEqual(first);
    torch.manualSeed(3);
    expect(await list(torch.rand(7, { device }))).toEqual(first);
    expect(await list(torch.randn(7, { device }))).toEqual(second);
    const generator = new torch.Generator({ device }).manualSeed(3);
    expect(await list(torch.rand(7, { device, generator }))).toEqual(first);
    expect(generator.offset).toBe(4n);
  });

  test("the CPU's generator is another one", async () => {
    torch.manualSeed(0);
    const want = torch.rand(3).tolistSync();
    torch.manualSeed(0);
    await list(torch.rand(100, { device }));
    expect(torch.rand(3).tolistSync()).toEqual(want);
  });

  test("a state brings the numbers back", async () => {
    const generator = new torch.Generator({ device }).manualSeed(2n ** 63n + 1n);
    torch.rand(5, { device, generator });
    const state = generator.getState();
    expect(state.length).toBe(16);
    const want = await list(torch.randn(5, { device, generator }));
    torch.rand(5, { device, generator });
    generator.setState(state);
    expect(await list(torch.randn(5, { device, generator }))).toEqual(want);
    expect(generator.initialSeed()).toBe(2n ** 63n + 1n);
  });

  test("generators keep to their device", () => {
    const gpu = new torch.Generator({ device });
    expect(() => torch.rand(3, { device, generator: new torch.Generator() })).toThrow(
      "Expected a 'webgpu' device type for generator but found 'cpu'",
    );
    expect(() => torch.rand(3, { generator: gpu })).toThrow("Expected a 'cpu' device type for generator but found 'webgpu'");
    expect(() => torch.randperm(3, { device, generator: gpu })).toThrow("Expected a 'cpu' device type for generator but found 'webgpu'");
    expect(gpu instanceof torch.Generator && new torch.Generator() instanceof torch.Generator).toBe(true);
  });

  test("a tensor that is not row-major is filled in the order of its memory", async () => {
    const g = (): torch.PhiloxGenerator => new torch.Generator({ device }).manualSeed(1);
    const want = await list(torch.rand(3, 2, { device, generator: g() }).t());
    expect(await list(torch.empty(3, 2, { device }).t().uniform_(0, 1, { generator: g() }))).toEqual(want);
    const x = torch.zeros([4, 6], { device });
    x.at("1:3", "::2").uniform_(1, 2);
    expect(await x.ge(1).sum().item()).toBe(6);
    expect(await x.eq(0).sum().item()).toBe(18);
  });

  test("every distribution runs", async () => {
    const x = (): torch.Tensor => torch.empty(5000, { device });
    const mean = (y: torch.Tensor): Promise<unknown> => y.float().mean().item();
    expect(await mean(x().uniform_(2, 4))).toBeCloseTo(3, 1);
    expect(await mean(x().normal_(5, 0.5))).toBeCloseTo(5, 1);
    expect(await mean(x().bernoulli_(0.25))).toBeCloseTo(0.25, 1);
    expect(Math.abs(Number(await mean(x().exponential_(2))) - 0.5)).toBeLessThan(0.05);
    expect(Math.abs(Number(await mean(x().geometric_(0.5))) - 2)).toBeLessThan(0.15);
    expect(await mean(x().cauchy_(1, 2).gt(1))).toBeCloseTo(0.5, 1);
    expect(await mean(x().logNormal_(1, 2).gt(Math.E))).toBeCloseTo(0.5, 1);
    expect(Math.abs(Number(await mean(x().random_(11))) - 5)).toBeLessThan(0.3);
    expect(await mean(torch.randint(-3, 4, [5000], { device }))).toBeCloseTo(0, 0);
    expect(await mean(torch.randint(2, [5000], { device, dtype: torch.bool }))).toBeCloseTo(0.5, 1);
    expect(await mean(torch.bernoulli(torch.full([5000], 0.75, { device })))).toBeCloseTo(0.75, 1);
    expect(await mean(torch.normal(torch.full([5000], 3, { device }), 0.1))).toBeCloseTo(3, 1);
    expect(await mean(torch.nn.functional.dropout(torch.ones([5000], { device }), 0.5))).toBeCloseTo(1, 1);
    expect(await list(torch.rand(0, 3, { device }))).toEqual([]);
    const order = (await torch.randperm(50, { device }).tolist()) as number[];
    expect(order.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  test("what is out of range is refused in PyTorch's words", () => {
    const x = torch.empty(3, { device });
    expect(() => x.bernoulli_(2)).toThrow("bernoulli_ expects p to be in [0, 1], but got p=2");
    expect(() => x.exponential_(-1)).toThrow("exponential_ expects lambda >= 0.0, but found lambda=-1");
    expect(() => torch.empty(3, { device, dtype: torch.int8 }).random_(0, 300)).toThrow("to - 1 is out of bounds for signed char");
    expect(() => torch.randint(0, 2 ** 40, [3], { device })).toThrow(
      "device 'webgpu' holds int64 in 32 bits, and 1099511627775 does not fit",
    );
  });
});

describe("the default generator of the GPU", () => {
  const device = "webgpu";

  test("is seeded with all others, or alone", async () => {
    torch.manualSeed(9);
    expect(deviceRandom.initialSeed()).toBe(9n);
    const want = await torch.rand(3, { device }).tolist();
    deviceRandom.manualSeed(9);
    expect(await torch.rand(3, { device }).tolist()).toEqual(want);
    deviceRandom.manualSeed(10);
    expect([deviceRandom.initialSeed(), torch.initialSeed()]).toEqual([10n, 9n]);
    deviceRandom.seed();
    expect(await torch.rand(3, { device }).tolist()).not.toEqual(want);
    const chosen = torch.seed();
    expect(deviceRandom.initialSeed()).toBe(chosen);
  });

  test("has a state of 16 bytes on the CPU", async () => {
    deviceRandom.manualSeed(1);
    torch.rand(3, { device });
    const state = deviceRandom.getRngState();
    expect([state.device.type, state.dtype, state.shape]).toEqual(["cpu", torch.uint8, [16]]);
    const want = await torch.randn(3, { device }).tolist();
    deviceRandom.setRngState(state);
    expect(await torch.randn(3, { device }).tolist()).toEqual(want);
  });
});
