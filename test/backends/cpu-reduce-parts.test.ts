import { describe, expect, it } from "vitest";
import * as torch from "../../src/index.ts";

/** Sums of what `take` picks by position, in double precision. */
function sums(x: torch.Tensor, groups: number, group: (k: number) => number): Float64Array {
  const total = new Float64Array(groups);
  (x.contiguous().toTypedArraySync() as Float32Array).forEach((value, k) => {
    total[group(k)]! += value;
  });
  return total;
}

describe("reductions of many elements to few", () => {
  torch.manualSeed(11);
  const n = 2 ** 18;
  const close = (found: torch.Tensor, expected: ArrayLike<number>): void => {
    const values = Array.from(found.flatten().toTypedArraySync() as Float32Array);
    expect(values.length).toBe(expected.length);
    values.forEach((value, k) => expect(Math.abs(value - expected[k]!)).toBeLessThan(1e-6 * (1000 + Math.abs(expected[k]!))));
  };

  it.each([n, n + 1, n + 63, n + 64, 3 * n + 12345])("sums of %i elements", (size) => {
    const x = torch.randn(size);
    close(
      x.sum(),
      sums(x, 1, () => 0),
    );
    close(
      x.to(torch.float64).sum().to(torch.float32),
      sums(x, 1, () => 0),
    );
    expect(x.gt(0).sum().itemSync()).toBe((x.toTypedArraySync() as Float32Array).filter((v) => v > 0).length);
  });

  it("whatever dimensions are kept, and however they lie", () => {
    const x = torch.randn(5, 300, 1000);
    close(
      x.sum([1, 2]),
      sums(x, 5, (k) => Math.floor(k / 300_000)),
    );
    close(
      x.permute(1, 0, 2).sum([0, 2]),
      sums(x, 5, (k) => Math.floor(k / 300_000)),
    );
    const y = torch.randn(700, 2, 500);
    close(
      y.sum([0, 2]),
      sums(y, 2, (k) => Math.floor(k / 500) % 2),
    );
    // Rows across memory.
    const z = torch.randn(300_000, 3);
    close(
      z.sum(0),
      sums(z, 3, (k) => k % 3),
    );
    // One element for all.
    close(torch.tensor([1.5]).expand(n).sum(), [1.5 * n]);
  });

  it("of other operations", () => {
    const x = torch.randn(n + 77);
    const values = x.toTypedArraySync() as Float32Array;
    expect(x.max().itemSync()).toBe(values.reduce((a, b) => Math.max(a, b)));
    expect(x.min().itemSync()).toBe(values.reduce((a, b) => Math.min(a, b)));
    expect(x.gt(100).any().itemSync()).toBe(false);
    expect(x.gt(-100).all().itemSync()).toBe(true);
    const at = n + 70;
    const mark = x.clone();
    mark.setAt([at], 1000);
    expect(mark.gt(100).any().itemSync()).toBe(true);
    expect(mark.max().itemSync()).toBe(1000);
    mark.setAt([at], Number.NaN);
    expect([mark.max().itemSync(), mark.sum().itemSync()]).toEqual([Number.NaN, Number.NaN]);
    expect(
      torch
        .full([n + 5], 1n, { dtype: torch.int64 })
        .sum()
        .itemSync(),
    ).toBe(n + 5);
    const factors = torch.ones(n + 9);
    for (const k of [0, 5000, n, n + 8]) factors.setAt([k], 3);
    expect(factors.prod().itemSync()).toBe(81);
  });

  it("with gradients", () => {
    const x = torch.randn(n + 3, { requiresGrad: true });
    x.mul(2).sum().backward();
    expect(x.grad!.eq(2).all().itemSync()).toBe(true);
  });
});
