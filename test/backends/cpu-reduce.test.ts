import { describe, expect, test } from "vitest";
import { heap } from "../../src/backends/cpu/heap.ts";
import { bool, type DType, float16, float32, float64, int32, int64, uint8 } from "../../src/core/dtype.ts";
import { extent, indices, Layout, permute, slice } from "../../src/core/layout.ts";
import * as e from "../../src/kernel/expr.ts";
import type { Compiled, Output } from "../../src/kernel/kernel.ts";
import { backend, contiguous as c, put, values } from "./cpu-operands.ts";
import { type Operand, spec, type Value } from "./operands.ts";

const zero = (dtype: DType): Value => (dtype === int64 ? 0n : 0);
const empty = (dtype: DType, layout: Layout): Operand => put({ dtype, layout, storage: new Array(extent(layout) + 2).fill(zero(dtype)) });

const inf = Number.POSITIVE_INFINITY;
const x = e.arg(0, "f32");
const S = (k: number, type: "f32" | "f64" | "i32" | "i64" | "bool" = "f32"): e.Expr => e.state(k, type);
const reduction = (inputs: DType[], init: e.Expr[], lift: e.Expr[], combine: e.Expr[], outputs: Output[]): Compiled =>
  backend.compile({ kind: "reduce", inputs, init, lift, combine, outputs, compiled: [] });

const sum = (): Compiled => reduction([float32], [e.constant(0, "f32")], [x], [e.add(S(0), S(1))], [{ dtype: float32, value: S(0) }]);
const best = (left: e.Expr, right: e.Expr): e.Expr => e.or(e.gt(right, left), e.and(e.isnan(right), e.not(e.isnan(left))));
/** The largest element and its place; the first of several, NaN above all. */
function argmax(dtype: DType): Compiled {
  const type = dtype.compute as "f32" | "f64";
  const later = best(S(0, type), S(2, type));
  return reduction(
    [dtype],
    [e.constant(-inf, type), e.constant(0, "i64")],
    [e.arg(0, type), e.position],
    [e.select(later, S(2, type), S(0, type)), e.select(later, S(3, "i64"), S(1, "i64"))],
    [
      { dtype, value: S(0, type) },
      { dtype: int64, value: S(1, "i64") },
    ],
  );
}

/** Splits the elements of [...kept, ...reduced] into a list per kept element, in order. */
function groups(layout: Layout, storage: readonly Value[], kept: number): Value[][] {
  const outer = layout.shape.slice(0, kept).reduce((a, b) => a * b, 1);
  const all = [...indices(layout)].map((k) => storage[k]!);
  const n = outer === 0 ? 0 : all.length / outer;
  return Array.from({ length: outer }, (_, k) => all.slice(k * n, (k + 1) * n));
}

/** All ways of going through memory: rows, columns, both strided, windows, expanded, small and large. */
const layouts: [string, Layout, number][] = [
  ["one element", c([1]), 0],
  ["a number", c([]), 0],
  ["a short row", c([5]), 0],
  ["a long row", c([4099], 1), 0],
  ["rows of 3", c([17, 3]), 1],
  ["rows of 10", c([6, 10]), 1],
  ["rows of 37", c([5, 37]), 1],
  ["rows of 300", c([3, 300]), 1],
  ["three columns", permute(c([40, 3]), [1, 0]), 1],
  ["41 columns of 7", permute(c([7, 41]), [1, 0]), 1],
  ["23 columns of 1000", permute(c([1000, 23]), [1, 0]), 1],
  ["channels of images", permute(c([3, 5, 4, 6]), [1, 0, 2, 3]), 1],
  ["the middle of three", permute(c([4, 9, 6]), [0, 2, 1]), 2],
  ["every other element of rows", slice(c([4, 41]), 1, 1, 20, 2), 1],
  ["every third element", slice(c([100]), 0, 2, 33, 3), 0],
  ["every other column", permute(slice(c([9, 26]), 1, 0, 13, 2), [1, 0]), 1],
  ["windows of 2 by 2", new Layout([2, 3, 6, 2, 2], [72, 24, 2, 12, 1], 0), 3],
  ["overlapping windows of 3 by 3", new Layout([2, 5, 9, 3, 3], [77, 11, 1, 11, 1], 0), 3],
  ["an expanded row", new Layout([5, 9], [0, 1], 0), 1],
  ["an expanded column", new Layout([9, 20], [1, 0], 0), 1],
  ["reduced dimensions in another order", permute(c([4, 3, 5, 6]), [1, 3, 0, 2]), 1],
  ["nothing to reduce", c([4, 0]), 1],
  ["nothing kept", c([0, 4]), 1],
  ["nothing reduced", c([12]), 1],
];
const sample = (n: number): number[] => Array.from({ length: n }, (_, k) => ((k * 7919) % 509) / 64 - 4);

describe.each(layouts)("%s", (_, layout, kept) => {
  const shape = layout.shape.slice(0, kept);
  const n = extent(layout) + 3;
  const outs = [
    c(shape),
    permute(
      c([...shape].reverse(), 1),
      shape.map((_, k) => shape.length - 1 - k),
    ),
  ];

  function check(
    compiled: Compiled,
    dtype: DType,
    contents: readonly Value[],
    to: DType,
    expected: (list: Value[]) => Value,
    digits?: number,
  ): void {
    for (const out of outs) {
      const [a, b] = [put({ dtype, layout, storage: contents }), empty(to, out)];
      compiled.run([a], [b], {});
      const want = groups(layout, contents, kept).map(expected);
      if (digits === undefined) expect(values(b)).toEqual(want);
      else
        values(b).forEach((v, k) => {
          expect(v).toBeCloseTo(Number(want[k]), digits);
        });
    }
  }

  test("sum of float32", () =>
    check(sum(), float32, sample(n), float32, (list) => Math.fround(list.reduce<number>((s, v) => s + Number(v), 0)), 2));
  test("sum of float64", () => {
    const k = reduction(
      [float64],
      [e.constant(0, "f64")],
      [e.arg(0, "f64")],
      [e.add(S(0, "f64"), S(1, "f64"))],
      [{ dtype: float64, value: S(0, "f64") }],
    );
    check(k, float64, sample(n), float64, (list) => list.reduce<number>((s, v) => s + Number(v), 0));
  });
  test("sums of bytes and bools in int64", () => {
    for (const dtype of [uint8, bool]) {
      const lift = e.cast(e.arg(0, dtype.compute), int64);
      const k = reduction(
        [dtype],
        [e.constant(0, "i64")],
        [lift],
        [e.add(S(0, "i64"), S(1, "i64"))],
        [{ dtype: int64, value: S(0, "i64") }],
      );
      check(
        k,
        dtype,
        sample(n).map((_, j) => (j * 5) % (dtype === bool ? 2 : 256)),
        int64,
        (list) => list.reduce<bigint>((s, v) => s + BigInt(v), 0n),
      );
    }
  });
  test("sums of int32 wrap", () => {
    const k = reduction(
      [int32],
      [e.constant(0, "i32")],
      [e.arg(0, "i32")],
      [e.add(S(1, "i32"), S(0, "i32"))],
      [{ dtype: int32, value: S(0, "i32") }],
    );
    check(
      k,
      int32,
      sample(n).map((_, j) => (j * 987654321) | 0),
      int32,
      (list) => list.reduce<number>((s, v) => (s + Number(v)) | 0, 0),
    );
  });
  test("product of int64", () => {
    const k = reduction(
      [int64],
      [e.constant(1, "i64")],
      [e.arg(0, "i64")],
      [e.mul(S(0, "i64"), S(1, "i64"))],
      [{ dtype: int64, value: S(0, "i64") }],
    );
    check(
      k,
      int64,
      sample(n).map((_, j) => BigInt(2 * j - 3)),
      int64,
      (list) =>
        BigInt.asIntN(
          64,
          list.reduce<bigint>((s, v) => s * BigInt(v), 1n),
        ),
    );
  });
  test.each([float32, float64, float16])("minimum and maximum of %s, with and without NaN", (dtype) => {
    const type = dtype.compute as "f32" | "f64";
    const k = reduction(
      [dtype],
      [e.constant(inf, type), e.constant(-inf, type)],
      [e.arg(0, type), e.arg(0, type)],
      [e.min(S(0, type), S(2, type)), e.max(S(1, type), S(3, type))],
      [
        { dtype, value: S(0, type) },
        { dtype, value: S(1, type) },
      ],
    );
    for (const nan of [false, true]) {
      const contents = sample(n).map((v, j) => (nan && j % 11 === 4 ? Number.NaN : v));
      const [a, low, high] = [put({ dtype, layout, storage: contents }), empty(dtype, outs[0]!), empty(dtype, outs[0]!)];
      k.run([a], [low, high], {});
      const lists = groups(layout, contents, kept).map((list) => list.map(Number));
      expect(values(low)).toEqual(lists.map((list) => Math.min(...list)));
      expect(values(high)).toEqual(lists.map((list) => Math.max(...list)));
    }
  });
  test("minimum of int32, all and any", () => {
    const contents = sample(n).map((_, j) => ((j * 31) % 17) - 8);
    const smallest = reduction(
      [int32],
      [e.constant(2 ** 31 - 1, "i32")],
      [e.arg(0, "i32")],
      [e.min(S(0, "i32"), S(1, "i32"))],
      [{ dtype: int32, value: S(0, "i32") }],
    );
    check(smallest, int32, contents, int32, (list) => Math.min(2 ** 31 - 1, ...list.map(Number)));
    const truth = e.ne(e.arg(0, "i32"), 8);
    const all = reduction(
      [int32],
      [e.constant(1, "bool")],
      [truth],
      [e.and(S(0, "bool"), S(1, "bool"))],
      [{ dtype: bool, value: S(0, "bool") }],
    );
    check(all, int32, contents, bool, (list) => (list.every((v) => v !== 8) ? 1 : 0));
    const any = reduction(
      [int32],
      [e.constant(0, "bool")],
      [truth],
      [e.or(S(0, "bool"), S(1, "bool"))],
      [{ dtype: bool, value: S(0, "bool") }],
    );
    check(any, int32, contents.map(() => 8).with(0, 3), bool, (list) => (list.some((v) => v !== 8) ? 1 : 0));
  });
  test.each([float32, float64])("the largest of %s and where it is", (dtype) => {
    const k = argmax(dtype);
    for (const contents of [sample(n), sample(n).map(Math.round), sample(n).map((v, j) => (j % 13 === 7 ? Number.NaN : v))]) {
      const [a, value, place] = [put({ dtype, layout, storage: contents }), empty(dtype, outs[0]!), empty(int64, outs[1]!)];
      k.run([a], [value, place], {});
      const want = groups(layout, contents, kept).map((list) => {
        let at = 0;
        let top = -inf;
        list.forEach((v, j) => {
          if (Number(v) > top || (Number.isNaN(v) && !Number.isNaN(top))) [at, top] = [j, Number(v)];
        });
        return [top, BigInt(at)] as const;
      });
      expect(values(value)).toEqual(want.map((w) => w[0]));
      expect(values(place)).toEqual(want.map((w) => w[1]));
    }
  });
  test("mean and mean square in one, scaled by a scalar", () => {
    const k = reduction(
      [float32],
      [e.constant(0, "f32"), e.constant(0, "f32")],
      [x, e.mul(x, x)],
      [e.add(S(0), S(2)), e.add(S(1), S(3))],
      [
        { dtype: float32, value: e.mul(S(0), e.scalar(0, "f32")) },
        { dtype: float64, value: e.cast(e.mul(S(1), e.scalar(0, "f32")), float64) },
      ],
    );
    const contents = sample(n);
    const [a, mean, square] = [put({ dtype: float32, layout, storage: contents }), empty(float32, outs[0]!), empty(float64, outs[0]!)];
    const size = Math.max(groups(layout, contents, kept)[0]?.length ?? 1, 1);
    k.run([a], [mean, square], { scalars: [1 / size] });
    groups(layout, contents, kept).forEach((list, j) => {
      expect(values(mean)[j]).toBeCloseTo(list.reduce<number>((s, v) => s + Number(v), 0) / size, 5);
      expect(values(square)[j]).toBeCloseTo(list.reduce<number>((s, v) => s + Number(v) ** 2, 0) / size, 4);
    });
  });
  test("a monoid that is not commutative keeps the order", () => {
    // Composition of v -> a v + b, with the earlier function inside
    const compose = reduction(
      [float64],
      [e.constant(1, "f64"), e.constant(0, "f64")],
      [e.constant(0.5, "f64"), e.arg(0, "f64")],
      [e.mul(S(0, "f64"), S(2, "f64")), e.add(e.mul(S(1, "f64"), S(2, "f64")), S(3, "f64"))],
      [{ dtype: float64, value: S(1, "f64") }],
    );
    check(compose, float64, sample(n), float64, (list) => list.reduce<number>((b, v) => b / 2 + Number(v), 0));
  });
});

describe("two inputs", () => {
  const dot = (): Compiled =>
    reduction(
      [float32, float32],
      [e.constant(0, "f32")],
      [e.mul(x, e.arg(1, "f32"))],
      [e.add(S(0), S(1))],
      [{ dtype: float32, value: S(0) }],
    );
  test.each([
    ["rows with an expanded row", c([6, 50]), new Layout([6, 50], [0, 1], 0)],
    ["rows with an expanded column", c([6, 50]), new Layout([6, 50], [1, 0], 0)],
    ["columns with rows", permute(c([50, 6]), [1, 0]), c([6, 50])],
    ["columns with columns", permute(c([50, 24]), [1, 0]), permute(c([50, 24]), [1, 0])],
    ["columns with an expanded row", permute(c([50, 24]), [1, 0]), new Layout([24, 50], [0, 1], 0)],
  ] as const)("%s", (_, left, right) => {
    const contents = [left, right].map((l, k) => sample(extent(l)).map((v) => v / (k + 2)));
    const out = empty(float32, c([left.shape[0]!]));
    dot().run(
      [put({ dtype: float32, layout: left, storage: contents[0]! }), put({ dtype: float32, layout: right, storage: contents[1]! })],
      [out],
      {},
    );
    const [a, b] = [groups(left, contents[0]!, 1), groups(right, contents[1]!, 1)];
    values(out).forEach((v, k) => {
      expect(v).toBeCloseTo(
        a[k]!.reduce<number>((s, u, j) => s + Math.fround(Number(u)) * Math.fround(Number(b[k]![j]!)), 0),
        2,
      );
    });
  });
});

describe("all elements of operands without gaps", () => {
  const lengths = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 130, 3, 4099, 1, 8];
  const numbers = (n: number): number[] => sample(n).map((v, k) => Math.round(v) + (k % 10));
  const total = (list: readonly number[]): number => list.reduce((s, v) => s + v, 0);

  test("one kernel takes any length, one after the other, and gaps in between", () => {
    const k = sum();
    const [out, among] = [empty(float32, c([])), empty(float32, c([], 1))];
    for (const n of lengths) {
      const a = numbers(n);
      for (const to of [out, among]) {
        k.run([put({ dtype: float32, layout: c([n], 1), storage: [1e6, ...a] })], [to], {});
        expect(values(to)).toEqual([total(a)]);
      }
      const spread = numbers(2 * n);
      k.run([put({ dtype: float32, layout: new Layout([n], [2], 0), storage: spread })], [out], {});
      expect(values(out)).toEqual([total(spread.filter((_, j) => j % 2 === 0))]);
    }
  });

  test("of several operands", () => {
    const k = reduction(
      [float32, int64],
      [e.constant(0, "f32"), e.constant(0, "f32")],
      [e.select(e.eq(e.arg(1, "i64"), 0), 0, x), x],
      [e.add(S(0), S(2)), e.add(S(1), S(3))],
      [
        { dtype: float32, value: S(0) },
        { dtype: float32, value: S(1) },
      ],
    );
    for (const n of lengths) {
      const a = numbers(n);
      const outs = [empty(float32, c([])), empty(float32, c([]))];
      const marks = a.map((_, j) => BigInt(j % 3));
      k.run([put({ dtype: float32, layout: c([n]), storage: a }), put({ dtype: int64, layout: c([n, 1]), storage: marks })], outs, {});
      expect(outs.map((o) => values(o)[0])).toEqual([total(a.filter((_, j) => j % 3 !== 0)), total(a)]);
    }
  });
});

describe("accuracy of float32 sums", () => {
  /** Sums n numbers of one sign that float32 cannot hold exactly. */
  function relativeError(n: number, layout: Layout, per: number): number {
    const block = heap.allocate(4 * n);
    const data = heap.f32.subarray(block.offset / 4, block.offset / 4 + n);
    for (let k = 0; k < n; k++) data[k] = 0.1 + (k % 1000) * 1e-4;
    const out = empty(float32, c([layout.shape[0]!]));
    sum().run([{ storage: { block }, layout, dtype: float32 }], [out], {});
    const at = [...layout.strides];
    const exact = (row: number): number => {
      let s = 0;
      for (let j = 0; j < per; j++) s += data[row * at[0]! + j * at[1]!]!;
      return s;
    };
    const error = Math.max(...[0, layout.shape[0]! - 1].map((row) => Math.abs(Number(values(out)[row]) - exact(row)) / exact(row)));
    heap.release(block);
    return error;
  }
  // Rounding the result alone gives up to 6e-8. One float32 accumulator would be wrong by 1e-2 and more.
  test("ten million in a row", () => expect(relativeError(1e7, c([1, 1e7]), 1e7)).toBeLessThan(1e-6));
  test("long columns", () => expect(relativeError(4e6, permute(c([250000, 16]), [1, 0]), 250000)).toBeLessThan(1e-6));
  test("a strided row", () => expect(relativeError(3e6, new Layout([1, 1e6], [0, 3], 0), 1e6)).toBeLessThan(1e-6));
  test("many short rows", () => expect(relativeError(3e6, permute(c([3, 1e6]), [0, 1]), 1e6)).toBeLessThan(1e-6));
});

test("of several sums in one kernel each is accurate, and one that others look at stays as it is", () => {
  const n = 3e6;
  const block = heap.allocate(4 * n);
  const data = heap.f32.subarray(block.offset / 4, block.offset / 4 + n);
  for (let k = 0; k < n; k++) data[k] = 0.1 + (k % 1000) * 1e-4;
  const exact = [0, 0];
  for (let k = 0; k < n; k++) {
    exact[0]! += data[k]!;
    exact[1]! += Math.fround(data[k]! * data[k]!);
  }
  const input: Operand = { storage: { block }, layout: c([n]), dtype: float32 };
  const [a, b] = [empty(float32, c([])), empty(float32, c([]))];
  const sums = reduction(
    [float32],
    [e.constant(0, "f32"), e.constant(0, "f32")],
    [x, e.mul(x, x)],
    [e.add(S(0), S(2)), e.add(S(1), S(3))],
    [
      { dtype: float32, value: S(0) },
      { dtype: float32, value: S(1) },
    ],
  );
  sums.run([input], [a, b], {});
  for (const [k, out] of [a, b].entries()) expect(Math.abs(Number(values(out)[0]) / exact[k]! - 1)).toBeLessThan(1e-6);
  // The mean as a running mean beside a count, which is a sum as well.
  const count = e.add(S(1), S(3));
  const mean = reduction(
    [float32],
    [e.constant(0, "f32"), e.constant(0, "f32")],
    [x, e.constant(1, "f32")],
    [e.add(S(0), e.div(e.mul(e.sub(S(2), S(0)), S(3)), count)), count],
    [{ dtype: float32, value: S(0) }],
  );
  mean.run([{ ...input, layout: c([1000]) }], [a], {});
  expect(values(a)[0]).toBeCloseTo(0.14995, 5);
  heap.release(block);
});

test("one compiled kernel takes any size", () => {
  const k = sum();
  const out = empty(float32, c([]));
  for (let n = 1; n < 300; n++) k.run([put(spec(float32, new Array(n).fill(1)))], [out], {});
  expect(values(out)).toEqual([299]);
});
