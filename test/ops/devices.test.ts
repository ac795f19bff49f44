import { describe, expect, test } from "vitest";
import { isDType } from "../../src/core/dtype.ts";
import type { Tensor } from "../../src/index.ts";
import * as torch from "../../src/index.ts";
import { infos } from "../opinfo/index.ts";
import { Data, float32, type OpInfo, type Sample } from "../opinfo/info.ts";
import { describeCall, invoke, type LayoutName, numbers, prepare, tensorsOf } from "../opinfo/realize.ts";
import { devices, holds } from "../support/devices.ts";

/** What a call gives beside values: layouts, and gradients of a weighted sum of the results. */
async function outcome(name: string, info: OpInfo, sample: Sample, layout: LayoutName, device: string) {
  const c = prepare(info, sample, float32, layout, device, new Data(7));
  const leaves = c.operands.filter((_, i) => c.free[i] && info.differentiable).map((o) => o.tensor.requiresGrad_());
  const results = tensorsOf(invoke(name, c.args));
  const moving = results.filter((y) => y.requiresGrad);
  const weights = (y: Tensor): Tensor => torch.linspace(0.5, 1.5, y.numel(), { device }).view(y.shape);
  if (moving.length > 0) torch.autograd.backward(moving, moving.map(weights));
  return {
    looks: results.map((y) => `${y.dtype.name}[${y.shape}] strides [${y.stride()}] ${y.gradFn}`),
    gradients: await Promise.all(
      leaves.map(async (x) => (x.grad === null ? null : { shape: x.grad.shape, values: await numbers(x.grad) })),
    ),
  };
}

describe.each(devices.filter((d) => d !== "reference"))("%s as the reference", (device) => {
  test.each(Object.entries(infos) as [string, OpInfo][])("%s", async (name, info) => {
    for (const sample of info.samples.filter((s) => info.dtypes.includes(float32) && (s.dtypes?.includes(float32) ?? true))) {
      for (const layout of ["contiguous", "transposed"] as const) {
        if (info.refusesLayouts !== undefined && layout !== "contiguous") continue;
        if (prepare(info, sample, float32, layout, "cpu", new Data(7)).args.some((a) => isDType(a) && !holds(device, a))) continue;
        const [expected, actual] = [
          await outcome(name, info, sample, layout, "reference"),
          await outcome(name, info, sample, layout, device),
        ];
        const text = describeCall(name, sample, float32, layout);
        expect(actual.looks, text).toEqual(expected.looks);
        for (const [i, g] of expected.gradients.entries()) {
          const mine = actual.gradients[i]!;
          expect(mine?.shape, text).toEqual(g?.shape);
          const largest = Math.max(1, ...(g?.values.filter(Number.isFinite).map(Math.abs) ?? []));
          g?.values.forEach((v, k) => {
            const near = Object.is(mine!.values[k], v) || Math.abs(mine!.values[k]! - v) <= 1e-5 * largest;
            if (!near) expect.fail(`${text}: gradient ${i}, element ${k} is ${mine!.values[k]} instead of ${v}`);
          });
        }
      }
    }
  });
});

// As PyTorch computes it: by a number the root, by a tensor C's pow.
test.each(devices)("powers of 1/2 and -1/2 on %s", async (device) => {
  const x = torch.tensor([-0, 0, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, -1, 4], { device, requiresGrad: true });
  const by = (exponent: number): Tensor => torch.full([6], exponent, { device });
  const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
  expect(await numbers(x.pow(0.5))).toEqual([-0, 0, nan, inf, nan, 2]);
  expect(await numbers(x.pow(-0.5))).toEqual([-inf, inf, nan, 0, nan, 0.5]);
  expect(await numbers(x.pow(by(0.5)))).toEqual([0, 0, inf, inf, nan, 2]);
  expect(await numbers(x.pow(by(-0.5)))).toEqual([inf, inf, 0, 0, nan, 0.5]);
  x.pow(0.5).sum().backward();
  expect(await numbers(x.grad!)).toEqual([-inf, inf, nan, 0, nan, 0.25]);
});
