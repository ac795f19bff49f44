import { describe, expect, test } from "vitest";
import type { DType, Tensor } from "../../src/index.ts";
import * as torch from "../../src/index.ts";

// Recorded from PyTorch 1.13.1: a row for the first operand, a column for the second.
const { bool, uint8, int8, int16, int32, int64, float16, bfloat16, float32, float64 } = torch;
const letters: Readonly<Record<string, DType>> = {
  "?": bool,
  B: uint8,
  b: int8,
  h: int16,
  i: int32,
  l: int64,
  e: float16,
  w: bfloat16,
  f: float32,
  d: float64,
};
const dtypes = Object.values(letters);
const letterOf = (d: DType): string => Object.keys(letters).find((k) => letters[k] === d)!;
const table = (f: (a: DType, b: DType) => string): string[] => dtypes.map((a) => dtypes.map((b) => f(a, b)).join(""));
const vector = (dtype: DType): Tensor => torch.ones(2, { dtype });
const number = (dtype: DType): Tensor => torch.ones([], { dtype });

const alike = [
  "?Bbhilewfd",
  "BBhhilewfd",
  "bhbhilewfd",
  "hhhhilewfd",
  "iiiiilewfd",
  "llllllewfd",
  "eeeeeeeffd",
  "wwwwwwfwfd",
  "fffffffffd",
  "dddddddddd",
];

describe("of tensors", () => {
  test("with dimensions", () => {
    expect(table((a, b) => letterOf(vector(a).mul(vector(b)).dtype))).toEqual(alike);
  });
  test("without dimensions", () => {
    expect(table((a, b) => letterOf(number(a).mul(number(b)).dtype))).toEqual(alike);
  });
  test("with and without: the number counts only by its category", () => {
    const expected = [
      "?Bbhilewfd",
      "BBBBBBewfd",
      "bbbbbbewfd",
      "hhhhhhewfd",
      "iiiiiiewfd",
      "llllllewfd",
      "eeeeeeeeee",
      "wwwwwwwwww",
      "ffffffffff",
      "dddddddddd",
    ];
    expect(table((a, b) => letterOf(vector(a).mul(number(b)).dtype))).toEqual(expected);
    expect(table((a, b) => letterOf(number(b).mul(vector(a)).dtype))).toEqual(expected);
  });
  test("joined, and chosen from", () => {
    expect(table((a, b) => letterOf(torch.cat([vector(a), vector(b)]).dtype))).toEqual(alike);
    expect(table((a, b) => letterOf(torch.where(torch.tensor([true, false]), vector(a), vector(b)).dtype))).toEqual(alike);
  });
  test("in place: never to a lower category", () => {
    const writable = (a: DType, b: DType): string => {
      try {
        expect(vector(a).mul_(vector(b)).dtype).toBe(a);
        return "y";
      } catch (e) {
        expect((e as Error).message).toMatch(/^result type \w+ can't be cast to the desired output type \w+$/);
        return "n";
      }
    };
    const integers = new Array<string>(5).fill("yyyyyynnnn");
    const floats = new Array<string>(4).fill("yyyyyyyyyy");
    expect(table(writable)).toEqual(["ynnnnnnnnn", ...integers, ...floats]);
  });
});

describe("with plain numbers", () => {
  const row = (x: Parameters<Tensor["mul"]>[0], make: (d: DType) => Tensor): string =>
    dtypes.map((d) => letterOf(make(d).mul(x).dtype)).join("");
  test.each([
    ["true", true, "?Bbhilewfd"],
    ["1", 1, "lBbhilewfd"],
    ["1n", 1n, "lBbhilewfd"],
    ["1.5", 1.5, "ffffffewfd"],
    ["float(1)", torch.float(1), "ffffffewfd"],
    ["int64(1)", torch.int64(1), "lBbhilewfd"],
  ])("%s", (_, x, expected) => {
    expect([row(x, vector), row(x, number)]).toEqual([expected, expected]);
  });
  test("a byte wraps a number that it cannot hold", () => {
    const x = torch.tensor([1, 200], { dtype: uint8 });
    expect([x.lt(-1), x.gt(-1), x.eq(255)].map((y) => y.tolistSync())).toEqual([
      [true, true],
      [false, false],
      [false, false],
    ]);
    expect(x.add(256).tolistSync()).toEqual([1, 200]);
  });
});

test("division and functions of floats give floats, sums of integers int64", () => {
  const of = (f: (x: Tensor) => Tensor): string => dtypes.map((d) => letterOf(f(vector(d)).dtype)).join("");
  expect(of((x) => x.div(x))).toBe("ffffffewfd");
  expect(of((x) => x.sin())).toBe("ffffffewfd");
  expect(of((x) => x.sum())).toBe("llllllewfd");
});

test("the default dtype is what integers become", () => {
  torch.setDefaultDtype(float64);
  try {
    expect([torch.tensor([1n]).div(2n).dtype, torch.zeros(1).dtype, torch.tensor(1.5).dtype, torch.tensor([1n]).mul(1.5).dtype]).toEqual([
      float64,
      float64,
      float64,
      float64,
    ]);
  } finally {
    torch.setDefaultDtype(float32);
  }
});
