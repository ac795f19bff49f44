import { describe, expect, it } from "vitest";
import { compareClose, compareExact, numbers, sameLayout, sameShape, tolerance } from "./compare.ts";

const exactly = (value: readonly number[]) => ({ value, truth: value, error: [0, 1] as const });

describe("compareClose", () => {
  it("allows four times PyTorch's error and two millionths of the largest element", () => {
    expect(tolerance([1e-3, 10])).toBeCloseTo(4e-3 + 2e-5, 12);
    const expected = { value: [1], truth: [1], error: [1e-3, 1] as const };
    expect(compareClose([1.004], expected)).toBeNull();
    expect(compareClose([1.0041], expected)).toMatch(/element 0: 1.0041, expected 1/);
  });

  it("names the worst element", () => {
    expect(compareClose([1, 2.5, 4], exactly([1, 2, 3]))).toMatch(/element 2: 4, expected 3/);
  });

  it("lets NaN meet NaN and an infinity the same infinity only", () => {
    expect(compareClose([Number.NaN, Number.POSITIVE_INFINITY], exactly([Number.NaN, Number.POSITIVE_INFINITY]))).toBeNull();
    expect(compareClose([0], exactly([Number.NaN]))).not.toBeNull();
    expect(compareClose([Number.NaN], exactly([0]))).not.toBeNull();
    expect(compareClose([Number.NEGATIVE_INFINITY], exactly([Number.POSITIVE_INFINITY]))).not.toBeNull();
    expect(compareClose([3e38], exactly([Number.POSITIVE_INFINITY]))).not.toBeNull();
  });

  it("accepts PyTorch's own answer where that is not finite and the truth is, or the other way round", () => {
    const overflow = { value: [Number.POSITIVE_INFINITY], truth: [1e30], error: [0, 1e30] as const };
    expect(compareClose([Number.POSITIVE_INFINITY], overflow)).toBeNull();
    expect(compareClose([1e30], overflow)).toBeNull();
    expect(compareClose([2e30], overflow)).not.toBeNull();
    expect(compareClose([Number.NaN], overflow)).not.toBeNull();
  });

  it("refuses another number of elements", () => {
    expect(compareClose([1], exactly([1, 2]))).toMatch(/1 elements, expected 2/);
    expect(compareClose([], exactly([]))).toBeNull();
  });
});

describe("compareExact", () => {
  it("compares bits, with any NaN equal to any other", () => {
    expect(compareExact([Number.NaN, 1], [Number.NaN, 1])).toBeNull();
    expect(compareExact([0], [-0])).toMatch(/element 0: 0, expected -0/);
    expect(compareExact([1 + 2 ** -23], [1])).not.toBeNull();
    expect(compareExact([2n ** 53n + 1n], [2n ** 53n])).not.toBeNull();
    expect(compareExact([5n], [5])).toBeNull();
    expect(compareExact([1], [1, 2])).not.toBeNull();
  });
});

describe("16-bit floats", () => {
  it("are decoded from their bits", () => {
    expect(Array.from(numbers("float16", Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7c00, 0x7bff)))).toEqual([
      1,
      -2,
      2 ** -24,
      Number.POSITIVE_INFINITY,
      65504,
    ]);
    expect(Array.from(numbers("bfloat16", Uint16Array.of(0x3f80, 0xc040)))).toEqual([1, -3]);
    expect(numbers("float16", Uint16Array.of(0x7e00))[0]).toBeNaN();
    expect(Array.from(numbers("float32", Float32Array.of(1.5)))).toEqual([1.5]);
  });
});

describe("shapes and layouts", () => {
  it("compare", () => {
    expect(sameShape([2, 3], [2, 3])).toBe(true);
    expect(sameShape([2, 3], [3, 2])).toBe(false);
    expect(sameShape([2], [2, 1])).toBe(false);
    expect(sameLayout([2, 1, 3], [3, 99, 1], [3, 3, 1])).toBe(true);
    expect(sameLayout([2, 3], [1, 2], [3, 1])).toBe(false);
    expect(sameLayout([0, 3], [1, 2], [3, 1])).toBe(true);
  });
});
