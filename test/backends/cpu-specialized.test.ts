import { describe, expect, it } from "vitest";
import type { DType } from "../../src/core/dtype.ts";
import * as torch from "../../src/index.ts";

/** Numbers with ties, in an order without a pattern. */
const sample = (n: number): number[] => Array.from({ length: n }, (_, k) => ((k * 7919) % 1013) - 500);

/** The first place of the greatest (`sign` 1) or least (-1) number; a NaN comes before all. */
function first(values: readonly number[], sign: number): number {
  let best = 0;
  values.forEach((v, k) => {
    if (Number.isNaN(values[best]!)) return;
    if (Number.isNaN(v) || sign * v > sign * values[best]!) best = k;
  });
  return best;
}

// One element made of many, in order: vectors take segments.
describe("the place of the extreme of all elements", () => {
  const { float32, float64, float16, int32, int64, uint8 } = torch;
  it.each([float32, float64, float16, int32, int64, uint8])("in %s", (dtype: DType) => {
    for (const n of [1, 7, 511, 512, 513, 519, 520, 527, 1000, 4099]) {
      const numbers = sample(n).map((v) => (dtype === uint8 ? Math.abs(v) % 256 : v));
      const x = torch.tensor(numbers, { dtype });
      expect([n, x.argmax().itemSync(), x.argmin().itemSync()]).toEqual([n, first(numbers, 1), first(numbers, -1)]);
    }
  });
  it("finds what lies in any segment, and the first of several", () => {
    const n = 523;
    for (let k = 0; k < n; k++) {
      const numbers = sample(n);
      numbers[k] = 600;
      if (k + 77 < n) numbers[k + 77] = 600;
      expect(torch.tensor(numbers).argmax().itemSync()).toBe(k);
      numbers[k] = Number.NaN;
      expect(torch.tensor(numbers).argmax().itemSync()).toBe(k);
      expect(torch.tensor(numbers).argmin().itemSync()).toBe(k);
    }
  });
  it("knows what is not a number and what is infinite", () => {
    const n = 1001;
    const least = new Array<number>(n).fill(Number.NEGATIVE_INFINITY);
    expect(torch.tensor(least).argmax().itemSync()).toBe(0);
    least[n - 1] = Number.NaN;
    expect(torch.tensor(least).argmax().itemSync()).toBe(n - 1);
    least[600] = Number.NaN;
    const { values, indices } = torch.tensor(least).max(0);
    expect([values!.itemSync(), indices!.itemSync()]).toEqual([Number.NaN, 600]);
  });
  it("takes views", () => {
    const x = torch.tensor(sample(2000)).view(40, 50);
    const numbers = sample(2000);
    const turned = Array.from({ length: 2000 }, (_, k) => numbers[(k % 40) * 50 + Math.floor(k / 40)]!);
    expect(x.t().argmax().itemSync()).toBe(first(turned, 1));
    expect(x.narrow(0, 10, 20).argmin().itemSync()).toBe(first(numbers.slice(500, 1500), -1));
    expect(x.argmax(0).tolistSync()).toEqual(
      Array.from({ length: 50 }, (_, c) =>
        first(
          numbers.filter((_, k) => k % 50 === c),
          1,
        ),
      ),
    );
    expect(x.argmax(1).tolistSync()).toEqual(Array.from({ length: 40 }, (_, r) => first(numbers.slice(50 * r, 50 * r + 50), 1)));
  });
});

describe("powers by the value of the exponent", () => {
  const numbers = [-3, -1.5, -0.25, 0.5, 1, 2, 7.25, 1e-12, 1e12, 0];
  it.each([2, 3, 4, 0.5, -0.5, -1, -2, 1, 0, 2.5])("x ** %s and its gradient", (exponent) => {
    for (const dtype of [torch.float32, torch.float64]) {
      const round = (v: number): number => (dtype === torch.float32 ? Math.fround(v) : v);
      const x = torch.tensor(numbers, { dtype, requiresGrad: true });
      const given = numbers.map(round);
      const y = x.pow(exponent);
      y.sum().backward();
      const near = (actual: number[], exact: number[]): void =>
        actual.forEach((v, k) => {
          const e = round(exact[k]!);
          if (Number.isFinite(e) && e !== 0) expect(Math.abs(v / e - 1), `${given[k]}`).toBeLessThan(5e-7);
          else expect(v, `${given[k]}`).toBe(e);
        });
      near(
        y.tolistSync() as number[],
        given.map((v) => v ** exponent),
      );
      near(
        x.grad!.tolistSync() as number[],
        given.map((v) => (exponent === 0 ? 0 : exponent * v ** (exponent - 1))),
      );
    }
  });
  it("of integers, which wrap", () => {
    const x = torch.tensor([3n, -2n, 0n, 2n ** 40n]);
    expect(x.pow(2).tolistSync()).toEqual([9, 4, 0, 0]);
    expect(x.pow(3).tolistSync()).toEqual([27, -8, 0, 0]);
    expect(torch.tensor([200, 17], { dtype: torch.uint8 }).pow(2).tolistSync()).toEqual([64, 33]);
  });
  it("in place and of views", () => {
    const x = torch.tensor([
      [1, 2],
      [3, 4],
    ]);
    x.t().pow_(2);
    expect(x.tolistSync()).toEqual([
      [1, 4],
      [9, 16],
    ]);
    expect(x.at(0).pow(0.5).tolistSync()).toEqual([1, 2]);
  });
});

// Long expressions are computed for several vectors side by side: the last elements, alone, have the same digits.
it.each(["erf", "tanh", "sin", "log1p", "expm1", "sigmoid"] as const)("%s has the same digits anywhere in a tensor", (name) => {
  const numbers = sample(61).map((v) => Math.abs(v) / 125);
  const one = numbers.map((v) => torch.tensor([v])[name]().itemSync());
  for (const n of [1, 3, 4, 5, 8, 9, 16, 17, 61]) expect(torch.tensor(numbers.slice(0, n))[name]().tolistSync()).toEqual(one.slice(0, n));
  const table = torch.tensor([...numbers, ...numbers, ...numbers]).view(3, 61);
  expect(table.t()[name]().t().tolistSync()).toEqual([one, one, one]);
});

// Where an operand is walked across its rows, the loops go through blocks of columns, and what is left over comes on its own.
it.each([
  [20, 256],
  [300, 257],
  [33, 1000],
  [16, 271],
])("a transposed operand of %i by %i", (rows, columns) => {
  const x = torch.tensor(sample(rows * columns)).view(rows, columns);
  const y = torch.tensor(sample(rows * columns).reverse()).view(columns, rows);
  const turned = y.t().contiguous();
  expect(torch.equal(x.add(y.t()), x.add(turned))).toBe(true);
  expect(torch.equal(y.t().mul(2).add(x), turned.mul(2).add(x))).toBe(true);
  expect(torch.equal(x.to(torch.int64).sub(y.t().to(torch.int64)), x.sub(turned).to(torch.int64))).toBe(true);
  const [z, w] = [x.view(1, rows, columns).expand([3, rows, columns]), y.view(columns, rows, 1).expand([columns, rows, 3])];
  expect(torch.equal(z.sub(w.permute([2, 1, 0])), z.sub(turned))).toBe(true);
  const into = x.clone();
  into.t().add_(y);
  expect(torch.equal(into, x.add(turned))).toBe(true);
});

it("copies that are contiguous move any number of bytes", () => {
  for (const n of [1, 3, 15, 16, 17, 100, 5000]) {
    const x = torch.tensor(Uint8Array.from({ length: n }, (_, k) => k));
    expect(x.clone().tolistSync()).toEqual(x.tolistSync());
  }
});
