import { describe, expect, test } from "vitest";
import type { Limits } from "../../src/backends/webgpu/context.ts";
import { measureVariants } from "../../src/backends/webgpu/contract/measure.ts";
import { Problem } from "../../src/backends/webgpu/contract/problem.ts";
import { candidatesOf, type Device, type Plan, plan, takeTimes } from "../../src/backends/webgpu/contract/variants.ts";
import { float32 } from "../../src/core/dtype.ts";
import { Layout, permute } from "../../src/core/layout.ts";
import { backendWith } from "./on-backend.ts";

const limits: Limits = {
  maxStorageBufferBindingSize: 2 ** 27,
  maxBufferSize: 2 ** 28,
  maxComputeWorkgroupsPerDimension: 65535,
  maxStorageBuffersPerShaderStage: 8,
  maxComputeWorkgroupStorageSize: 16384,
  maxComputeInvocationsPerWorkgroup: 256,
};
const features = { subgroups: false, subgroupMinSize: 4, subgroupMaxSize: 128, shaderF16: false, timestamps: false, software: false };
const gpu = (lower: Partial<Limits> = {}): Device => ({
  limits: { ...limits, ...lower },
  features,
  window: limits.maxStorageBufferBindingSize,
});
const cpu: Device = { ...gpu(), features: { ...features, software: true } };

/** The plan of a product of matrices that lie row by row, or of a by the transpose of such a matrix. */
function planOf(device: Device, m: number, n: number, k: number, transposed: boolean = false): Plan {
  const b = transposed ? permute(Layout.contiguous([n, k]), [1, 0]) : Layout.contiguous([k, n]);
  const block = { buffer: null, offset: 0, size: 0 };
  const operands = [Layout.contiguous([m, n]), Layout.contiguous([m, k]), b].map((layout) => ({
    storage: { block },
    layout,
    dtype: float32,
  }));
  return plan(device, new Problem(3).lay(operands, { batch: 0, m: 1, n: 1, k: 1 }));
}

describe("plan", () => {
  test("takes the largest tiles for large products, and smaller ones where those would be empty", () => {
    expect(planOf(gpu(), 4096, 4096, 4096)).toMatchObject({ candidate: { variant: { bm: 128, bn: 128 } }, parts: 1 });
    expect(planOf(gpu(), 32, 65536, 512).candidate.variant).toMatchObject({ bm: 32, bn: 128 });
    expect(planOf(gpu(), 65536, 32, 512).candidate.variant).toMatchObject({ bm: 128, bn: 32 });
  });

  test("reduces along k for products with a vector", () => {
    expect(planOf(gpu(), 4096, 1, 4096).candidate.variant.kind).toBe("dot");
    expect(planOf(gpu(), 1, 4096, 4096, true).candidate.variant.kind).toBe("dot");
    expect(planOf(gpu(), 1, 4096, 4096).candidate.variant.kind).toBe("direct");
  });

  test("splits k where the outputs are few and the sum is long", () => {
    const { parts, part } = planOf(gpu(), 150, 16, 36864);
    expect(parts).toBeGreaterThan(8);
    expect(parts * part).toBeGreaterThanOrEqual(36864);
    expect((parts - 1) * part).toBeLessThan(36864);
    expect(part % 4).toBe(0);
    expect(planOf(gpu(), 4096, 4096, 36864).parts).toBe(1);
    expect(planOf(gpu(), 150, 16, 64).parts).toBe(1);
  });

  test("respects the device's limits", () => {
    const kinds = (device: Device): string[] => candidatesOf(device).map((c) => c.variant.kind);
    expect(kinds(gpu({ maxComputeInvocationsPerWorkgroup: 128 }))).toEqual(["direct", "direct", "direct"]);
    expect(candidatesOf(gpu({ maxComputeWorkgroupStorageSize: 8192 })).map((c) => c.name)).not.toContain("tile 128x128x8/8x8");
    expect(kinds(gpu())).toContain("tile");
  });

  test("needs no workgroup memory on the CPU", () => {
    for (const [m, n, k] of [
      [512, 512, 512],
      [1, 700, 700],
      [700, 1, 700],
      [5, 6, 7],
    ] as const) {
      expect(planOf(cpu, m, n, k).candidate.variant.kind).toBe("direct");
    }
  });

  test("follows measured times", () => {
    const device = gpu();
    const before = candidatesOf(device).reduce((s, c) => s + c.speed, 0);
    takeTimes(
      device,
      new Map([
        [0, 8],
        [1, 1],
      ]),
    );
    expect(planOf(device, 4096, 4096, 4096).candidate.variant).toMatchObject({ bm: 64, bn: 64 });
    expect(candidatesOf(device).reduce((s, c) => s + c.speed, 0)).toBeCloseTo(before);
  });
});

describe("measureVariants", () => {
  test("leaves devices on the CPU as they are", async () => {
    const { context, stats } = await backendWith();
    const { dispatches } = stats;
    await measureVariants(context);
    expect(stats.dispatches).toBe(dispatches);
  });

  test("times the variants for matrices", { timeout: 120_000 }, async () => {
    const { context, stats } = await backendWith();
    Object.defineProperty(context, "features", { value: features });
    const before = candidatesOf(context).map((c) => c.speed);
    await measureVariants(context, 64, Number.POSITIVE_INFINITY);
    const after = candidatesOf(context).map((c) => c.speed);
    expect(stats.dispatches).toBeGreaterThan(6);
    expect(after[0]).not.toBe(before[0]);
    expect(after.every((s) => s > 0 && Number.isFinite(s))).toBe(true);
    expect(context.scratch.all.allocation.current).toBe(0);
  });
});
