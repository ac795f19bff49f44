import { describe, expect, test } from "vitest";
import { ReferenceBackend } from "../../src/backends/reference/backend.ts";
import { bfloat16, bool, type DType, float16, float32, float64, int8, int16, int32, int64, uint8 } from "../../src/core/dtype.ts";
import { Layout, permute, slice } from "../../src/core/layout.ts";
import { Generator } from "../../src/core/random/generator.ts";
import {
  abs,
  add,
  and,
  arg,
  bitcast,
  cast,
  constant,
  div,
  type Expr,
  eq,
  gt,
  idiv,
  irem,
  isnan,
  lt,
  max,
  mul,
  neg,
  not,
  or,
  position,
  pow,
  round,
  scalar,
  select,
  shl,
  shr,
  sqrt,
  state,
  sub,
} from "../../src/kernel/expr.ts";
import type { Kernel, LaunchArgs, MapKernel, Output, RandomKernel, ReduceKernel } from "../../src/kernel/kernel.ts";
import { decode, encode, type Operand, type Spec, spec, upload, type Value } from "./operands.ts";

const inf = Number.POSITIVE_INFINITY;
const nan = Number.NaN;
const backend = new ReferenceBackend();

const put = (dtype: DType, values: readonly Value[], shape?: readonly number[]): Operand => upload(backend, spec(dtype, values, shape));
/** The whole storage of an operand. */
const contents = ({ storage: { block }, dtype }: Operand): Value[] =>
  decode(dtype, backend.readSync(block, dtype, 0, block.size / dtype.itemsize));
const run = (kernel: Kernel, inputs: Operand[], outputs: Operand[], args: LaunchArgs = {}): void =>
  backend.compile(kernel).run(inputs, outputs, args);

const mapKernel = (inputs: DType[], ...outputs: Output[]): MapKernel => ({ kind: "map", inputs, outputs, compiled: [] });
/** One expression over operands of one length. */
function map(dtype: DType, value: Expr, inputs: Operand[], args: LaunchArgs = {}): Value[] {
  const n = inputs[0]!.layout.numel;
  const output = put(dtype, new Array(n).fill(0));
  run(
    mapKernel(
      inputs.map((x) => x.dtype),
      { dtype, value },
    ),
    inputs,
    [output],
    args,
  );
  return contents(output);
}
/** One expression over `a` and `b` of a dtype, stored as that dtype. */
function both(dtype: DType, f: (a: Expr, b: Expr) => Expr, a: Value[], b: Value[] = a): Value[] {
  return map(dtype, f(arg(0, dtype.compute), arg(1, dtype.compute)), [put(dtype, a), put(dtype, b)]);
}

describe("memory", () => {
  test("reads what was written, as a copy", async () => {
    const block = backend.allocate(8);
    backend.write(block, uint8, 2, new Uint8Array([1, 2, 3]));
    const bytes = backend.readSync(block, uint8, 0, 8);
    expect([...bytes]).toEqual([0, 0, 1, 2, 3, 0, 0, 0]);
    expect(bytes.buffer).not.toBe(block.buffer);
    expect([...(await backend.read(block, uint8, 3, 2))]).toEqual([2, 3]);
  });

  test("a block may be part of a buffer", () => {
    const whole = backend.allocate(32);
    const part = { buffer: whole.buffer, offset: 16, size: 8 };
    backend.write(part, float32, 0, encode(float32, [1, 2]));
    const x: Operand = { storage: { block: part }, layout: Layout.contiguous([2]), dtype: float32 };
    run(mapKernel([float32], { dtype: float32, value: neg(arg(0, "f32")) }), [x], [x]);
    expect(decode(float32, backend.readSync(whole, float32, 0, 8))).toEqual([0, 0, 0, 0, -1, -2, 0, 0]);
  });
});

describe("map", () => {
  test("an expression over operands, scalars and the position", () => {
    const value = add(mul(arg(0, "f32"), scalar(0, "f32")), cast(position, float32));
    expect(map(float32, value, [put(float32, [1, 2, 3])], { scalars: [10] })).toEqual([10, 21, 32]);
  });

  test("strides: the transpose of [[1, 2, 3], [4, 5, 6]] plus a column", () => {
    const a: Operand = { ...put(float32, [1, 2, 3, 4, 5, 6]), layout: permute(Layout.contiguous([2, 3]), [1, 0]) };
    const b: Operand = { ...put(float32, [10, 20, 30]), layout: new Layout([3, 2], [1, 0], 0) };
    const out = put(float32, new Array(6).fill(0), [3, 2]);
    run(mapKernel([float32, float32], { dtype: float32, value: add(arg(0, "f32"), arg(1, "f32")) }), [a, b], [out]);
    expect(contents(out)).toEqual([11, 14, 22, 25, 33, 36]);
  });

  test("an output with gaps: what lies between is kept", () => {
    const out: Operand = { ...put(float32, [9, 9, 9, 9, 9, 9]), layout: slice(Layout.contiguous([6]), 0, 1, 3, 2) };
    run(mapKernel([float32], { dtype: float32, value: arg(0, "f32") }), [put(float32, [1, 2, 3])], [out]);
    expect(contents(out)).toEqual([9, 1, 9, 2, 9, 3]);
  });

  test("several outputs, one of them on an input: all are computed before any is stored", () => {
    const x = put(float32, [3, 4]);
    const y = put(float32, [1, 10]);
    const [a, b] = [arg(0, "f32"), arg(1, "f32")];
    run(mapKernel([float32, float32], { dtype: float32, value: add(a, b) }, { dtype: float32, value: sub(a, b) }), [x, y], [x, y]);
    expect([contents(x), contents(y)]).toEqual([
      [4, 14],
      [2, -6],
    ]);
  });

  test("0 dimensions, and no elements", () => {
    const out = put(float32, [0], []);
    run(mapKernel([float32], { dtype: float32, value: sqrt(arg(0, "f32")) }), [put(float32, [9], [])], [out]);
    expect(contents(out)).toEqual([3]);
    expect(map(float32, sqrt(arg(0, "f32")), [put(float32, [], [0])])).toEqual([]);
  });

  test("floats: float64 in between, rounded to float32 when stored; numbers of float32 type are float32", () => {
    const third = div(arg(0, "f32"), 3);
    expect(map(float32, third, [put(float32, [1])])).toEqual([Math.fround(1 / 3)]);
    expect(map(float32, mul(third, 3), [put(float32, [1])])).toEqual([1]);
    // 2^24 + 1 is no float32, but 2^24 + 1 - 2^24 is 1 before anything is rounded.
    expect(map(float32, sub(add(arg(0, "f32"), 1), arg(0, "f32")), [put(float32, [2 ** 24])])).toEqual([1]);
    expect(map(bool, eq(arg(0, "f32"), 0.1), [put(float32, [0.1])])).toEqual([1]);
    expect(map(bool, eq(arg(0, "f32"), scalar(0, "f32")), [put(float32, [0.1])], { scalars: [0.1] })).toEqual([1]);
    expect(map(bool, eq(arg(0, "f64"), 0.1), [put(float32, [0.1])])).toEqual([0]);
  });

  test("NaN, rounding, selecting", () => {
    const x = [nan, -0.5, 0.5, 1.5, 2.5, -inf];
    expect(both(float32, round, x)).toEqual([nan, -0, 0, 2, 2, -inf]);
    expect(map(bool, isnan(arg(0, "f32")), [put(float32, x)])).toEqual([1, 0, 0, 0, 0, 0]);
    expect(both(float32, (a) => max(a, 0), x)).toEqual([nan, 0, 0.5, 1.5, 2.5, 0]);
    expect(both(float32, (a) => select(lt(a, 1), a, 7), x)).toEqual([7, -0.5, 0.5, 7, 7, -inf]);
  });

  test("integers wrap to their width when stored", () => {
    expect(both(uint8, add, [250], [10])).toEqual([4]);
    expect(both(int8, add, [100], [100])).toEqual([-56]);
    expect(both(int16, mul, [300], [300])).toEqual([24464]);
    expect(both(int32, add, [2 ** 31 - 1], [1])).toEqual([-(2 ** 31)]);
    expect(both(int64, mul, [2n ** 62n], [6n])).toEqual([-(2n ** 63n)]);
    expect(both(uint8, neg, [1])).toEqual([255]);
    expect(both(int32, abs, [-(2 ** 31)])).toEqual([-(2 ** 31)]);
  });

  test("small integers compute in 32 bits, and int32 wraps in between", () => {
    expect(both(uint8, (a, b) => idiv(add(a, b), 2), [250], [20])).toEqual([135]);
    expect(both(int32, (a, b) => idiv(add(a, b), 2), [2 ** 31 - 1], [1])).toEqual([-(2 ** 30)]);
  });

  test("integer division, powers, bits", () => {
    expect(both(int32, idiv, [7, -7, 7, -7], [2, 2, -2, -2])).toEqual([3, -3, -3, 3]);
    expect(both(int32, irem, [7, -7, 7, -7], [2, 2, -2, -2])).toEqual([1, -1, 1, -1]);
    expect(both(int64, pow, [3n, -2n, 5n, -1n, 0n], [100n, 63n, -1n, -3n, 0n])).toEqual([-2984622845537545263n, -(2n ** 63n), 0n, -1n, 1n]);
    expect(both(int32, shl, [1, 1, 1], [4, 31, 33])).toEqual([16, -(2 ** 31), 2]);
    expect(both(int64, shr, [-16n, -1n], [2n, 63n])).toEqual([-4n, -1n]);
    expect(both(int32, not, [0, 5])).toEqual([-1, -6]);
    expect(both(uint8, not, [0, 5])).toEqual([255, 250]);
  });

  test("bools: add and max are or, mul is and, not is logical", () => {
    const [a, b] = [
      [0, 0, 1, 1],
      [0, 1, 0, 1],
    ];
    expect(both(bool, add, a, b)).toEqual([0, 1, 1, 1]);
    expect(both(bool, max, a, b)).toEqual([0, 1, 1, 1]);
    expect(both(bool, mul, a, b)).toEqual([0, 0, 0, 1]);
    expect(both(bool, not, a)).toEqual([1, 1, 0, 0]);
    expect(both(bool, (x, y) => and(or(x, y), not(eq(x, y))), a, b)).toEqual([0, 1, 1, 0]);
  });

  test("float16 and bfloat16 are rounded when stored, and compute in float32", () => {
    expect(both(float16, add, [2048], [1])).toEqual([2048]);
    expect(both(float16, add, [2048], [3])).toEqual([2052]);
    expect(both(float16, mul, [60000], [2])).toEqual([inf]);
    expect(both(float16, (a, b) => div(mul(a, b), b), [60000], [2])).toEqual([60000]);
    expect(both(bfloat16, add, [256], [1])).toEqual([256]);
    expect(both(bfloat16, add, [256], [3])).toEqual([260]);
  });

  test("bits of float32", () => {
    expect(map(int32, bitcast(arg(0, "f32"), "i32"), [put(float32, [1, -0, inf])])).toEqual([0x3f800000, -(2 ** 31), 0x7f800000]);
    expect(map(float32, bitcast(arg(0, "i32"), "f32"), [put(int32, [0x40490fdb])])).toEqual([Math.fround(Math.PI)]);
  });

  test("a primitive without meaning on integers is refused when the kernel is made", () => {
    expect(() => backend.compile(mapKernel([int32], { dtype: int32, value: sqrt(arg(0, "i32")) }))).toThrow("sqrt is not defined on i32");
  });
});

/** x.to(dtype) of PyTorch on x86. */
const to = (from: DType, dtype: DType, values: Value[]): Value[] => map(dtype, cast(arg(0, from.compute), dtype), [put(from, values)]);

describe("casts", () => {
  const low = -(2n ** 63n);

  test("floats to integers: toward zero; what does not fit as PyTorch on x86", () => {
    const xs = [1.9, -1.9, 300, 65536 + 5, 2 ** 31, 2 ** 32 + 5, 1e30, -inf, nan];
    expect(to(float64, int64, xs)).toEqual([1n, -1n, 300n, 65541n, 2n ** 31n, 2n ** 32n + 5n, low, low, low]);
    const min = -(2 ** 31);
    expect(to(float64, int32, xs)).toEqual([1, -1, 300, 65541, min, min, min, min, min]);
    expect(to(float64, int16, xs)).toEqual([1, -1, 300, 5, 0, 0, 0, 0, 0]);
    expect(to(float64, int8, xs)).toEqual([1, -1, 44, 5, 0, 0, 0, 0, 0]);
    expect(to(float64, uint8, xs)).toEqual([1, 255, 44, 5, 0, 5, 0, 0, 0]);
  });

  test("anything to bool: whether it is not 0", () => {
    expect(to(float32, bool, [0, -0, 0.1, nan, inf])).toEqual([0, 0, 1, 1, 1]);
    expect(to(int64, bool, [0n, 2n ** 40n])).toEqual([0, 1]);
  });

  test("integers to integers wrap", () => {
    expect(to(int64, uint8, [300n, -1n, 2n ** 40n + 3n])).toEqual([44, 255, 3]);
    expect(to(int64, int16, [40000n])).toEqual([-25536]);
    expect(to(int32, int64, [-5])).toEqual([-5n]);
    expect(map(int32, add(cast(arg(0, "i32"), uint8), 1), [put(int32, [255, 256])])).toEqual([256, 1]);
  });

  test("integers to floats round once", () => {
    expect(to(int64, float64, [2n ** 53n + 1n, 2n ** 53n + 3n])).toEqual([2 ** 53, 2 ** 53 + 4]);
    // Just above the halfway point of two float32, which float64 cannot tell from it.
    const x = 2n ** 60n + 2n ** 36n + 1n;
    expect(Math.fround(Number(x))).toBe(2 ** 60);
    expect(to(int64, float32, [x, -x, x - 1n, 2n ** 63n - 1n])).toEqual([2 ** 60 + 2 ** 37, -(2 ** 60) - 2 ** 37, 2 ** 60, 2 ** 63]);
    expect(to(int64, float16, [2049n, 65519n, 65520n])).toEqual([2048, 65504, inf]);
  });

  test("floats to narrower floats round to nearest even", () => {
    expect(to(float64, float32, [1 + 2 ** -24, 1 + 2 ** -24 + 2 ** -40, 1e39])).toEqual([1, 1 + 2 ** -23, inf]);
    expect(to(float32, bfloat16, [1 + 2 ** -8, 1 + 3 * 2 ** -8])).toEqual([1, 1 + 2 ** -6]);
    // Between two float32 operations nothing is rounded, but a conversion sees a float32: 0.7 * 10 is 7, not 6.99999988.
    expect(map(int32, cast(mul(arg(0, "f32"), 10), int32), [put(float32, [0.7])])).toEqual([7]);
  });
});

/** A reduction of one float32 operand whose elements stand for themselves. */
const reduction = (init: Expr, combine: (a: Expr, b: Expr) => Expr, dtype: DType = float32, from: DType = dtype): ReduceKernel => {
  const type = init.type;
  return {
    kind: "reduce",
    inputs: [from],
    init: [init],
    lift: [arg(0, type)],
    combine: [combine(state(0, type), state(1, type))],
    outputs: [{ dtype, value: state(0, type) }],
    compiled: [],
  };
};
const sum = reduction(constant(0, "f32"), add);

/** The largest element and its place, the first of equal ones. */
const argmax: ReduceKernel = {
  kind: "reduce",
  inputs: [float32],
  init: [constant(-inf, "f32"), constant(0, "i64")],
  lift: [arg(0, "f32"), position],
  combine: [max(state(0, "f32"), state(2, "f32")), select(gt(state(2, "f32"), state(0, "f32")), state(3, "i64"), state(1, "i64"))],
  outputs: [
    { dtype: float32, value: state(0, "f32") },
    { dtype: int64, value: state(1, "i64") },
  ],
  compiled: [],
};

describe("reduce", () => {
  test("the rows of a matrix, and all of it", () => {
    const rows = put(float32, [0, 0]);
    run(sum, [put(float32, [1, 2, 3, 4, 5, 6], [2, 3])], [rows]);
    expect(contents(rows)).toEqual([6, 15]);
    const all = put(float32, [0], []);
    run(sum, [put(float32, [1, 2, 3, 4, 5, 6], [2, 3])], [all]);
    expect(contents(all)).toEqual([21]);
  });

  test("the columns of a matrix: its transpose, reduced over the last dimension", () => {
    const x: Operand = { ...put(float32, [1, 2, 3, 4, 5, 6]), layout: permute(Layout.contiguous([2, 3]), [1, 0]) };
    const columns = put(float32, [0, 0, 0]);
    run(sum, [x], [columns]);
    expect(contents(columns)).toEqual([5, 7, 9]);
  });

  test("nothing to reduce gives the initial state", () => {
    const out = put(float32, [7, 7]);
    run(reduction(constant(1, "f32"), mul), [put(float32, [], [2, 0])], [out]);
    expect(contents(out)).toEqual([1, 1]);
  });

  test("sums are float64 until stored, integer sums are int64", () => {
    const out = put(float32, [0], []);
    run(sum, [put(float32, [2 ** 24, 1, 1, -(2 ** 24)])], [out]);
    expect(contents(out)).toEqual([2]);
    const whole = put(int64, [0n], []);
    run(reduction(constant(0, "i64"), add, int64, uint8), [put(uint8, [200, 100, 3])], [whole]);
    expect(contents(whole)).toEqual([303n]);
  });

  test("all and any are products and sums of bools", () => {
    const out = put(bool, [0, 0]);
    run(reduction(constant(1, "bool"), mul, bool, float32), [put(float32, [1, 2, nan, 0], [2, 2])], [out]);
    expect(contents(out)).toEqual([1, 0]);
    run(reduction(constant(0, "bool"), add, bool, float32), [put(float32, [0, 2, 0, -0], [2, 2])], [out]);
    expect(contents(out)).toEqual([1, 0]);
  });

  test("a tuple: the largest element and its position along the reduced dimension", () => {
    const values = put(float32, [0, 0]);
    const places = put(int64, [0n, 0n]);
    run(argmax, [put(float32, [1, 5, 5, -2, -3, -2], [2, 3])], [values, places]);
    expect([contents(values), contents(places)]).toEqual([
      [5, -2],
      [1n, 0n],
    ]);
  });

  test("scalars in the lift and in the outputs: (x1^p + x2^p)^(1/p) * c", () => {
    const norm: ReduceKernel = {
      ...sum,
      lift: [pow(arg(0, "f32"), scalar(0, "f32"))],
      outputs: [{ dtype: float32, value: mul(pow(state(0, "f32"), div(1, scalar(0, "f32"))), scalar(1, "f32")) }],
    };
    const out = put(float32, [0], []);
    run(norm, [put(float32, [3, 4])], [out], { scalars: [2, 10] });
    expect(contents(out)).toEqual([50]);
  });
});

describe("scan", () => {
  const { kind: _, ...monoid } = sum;

  test("each row by itself, on its own input", () => {
    const x = put(float32, [1, 2, 3, 4, 5, 6], [2, 3]);
    run({ kind: "scan", ...monoid }, [x], [x]);
    expect(contents(x)).toEqual([1, 3, 6, 4, 9, 15]);
  });

  test("positions count along the last dimension", () => {
    const out = put(float32, [0, 0, 0, 0], [2, 2]);
    const places = put(int64, [0n, 0n, 0n, 0n], [2, 2]);
    const { kind: __, ...rest } = argmax;
    run({ kind: "scan", ...rest }, [put(float32, [3, 1, 1, 3], [2, 2])], [out, places]);
    expect([contents(out), contents(places)]).toEqual([
      [3, 3, 1, 3],
      [0n, 0n, 0n, 1n],
    ]);
  });

  test("0 dimensions", () => {
    const x = put(float32, [5], []);
    run({ kind: "scan", ...monoid }, [x], [x]);
    expect(contents(x)).toEqual([5]);
  });
});

describe("contract", () => {
  const matmul: Kernel = {
    kind: "contract",
    compute: "f32",
    inputs: [float32, float32],
    output: { dtype: float32, value: state(0, "f32") },
    compiled: [],
  };
  const matrices = { batch: 0, m: 1, n: 1, k: 1 };

  test("[[1, 2], [3, 4], [5, 6]] times [[1, 10], [100, 1000]]", () => {
    const out = put(float32, new Array(6).fill(0), [3, 2]);
    run(matmul, [put(float32, [1, 2, 3, 4, 5, 6], [3, 2]), put(float32, [1, 10, 100, 1000], [2, 2])], [out], { dims: matrices });
    expect(contents(out)).toEqual([201, 2010, 403, 4030, 605, 6050]);
  });

  test("with a bias and a factor, onto the bias", () => {
    const bias = put(float32, [1, 2, 3, 4], [2, 2]);
    const value = add(mul(state(0, "f32"), scalar(0, "f32")), arg(2, "f32"));
    const kernel: Kernel = { ...matmul, inputs: [float32, float32, float32], output: { dtype: float32, value } };
    const ones = put(float32, [1, 1, 1, 1], [2, 2]);
    run(kernel, [ones, ones, bias], [bias], { dims: matrices, scalars: [10] });
    expect(contents(bias)).toEqual([21, 22, 23, 24]);
  });

  test("a batch of dot products; a sum of nothing is 0", () => {
    const out = put(float32, [7, 7]);
    const dims = { batch: 1, m: 0, n: 0, k: 1 };
    run(matmul, [put(float32, [1, 2, 3, 4], [2, 2]), put(float32, [1, 1, 2, 2], [2, 2])], [out], { dims });
    expect(contents(out)).toEqual([3, 14]);
    run(matmul, [put(float32, [], [2, 0]), put(float32, [], [2, 0])], [out], { dims });
    expect(contents(out)).toEqual([0, 0]);
  });

  test("a convolution: windows of the input are a view with two dimensions of one stride", () => {
    const x: Operand = { ...put(float32, [1, 2, 4, 8, 16]), layout: new Layout([3, 1, 3], [1, 5, 1], 0) }; // (length, channel, tap)
    const w = put(float32, [1, 0, -1, 1, 1, 1], [2, 1, 3]); // (out, channel, tap)
    const byTap: Operand = { ...w, layout: permute(w.layout, [1, 2, 0]) };
    const out = put(float32, new Array(6).fill(0), [2, 3]);
    run(matmul, [x, byTap], [{ ...out, layout: permute(out.layout, [1, 0]) }], { dims: { batch: 0, m: 1, n: 1, k: 2 } });
    expect(contents(out)).toEqual([-3, -6, -12, 7, 14, 28]);
  });

  test("integers wrap, bools are or of ands", () => {
    const dims = { batch: 0, m: 0, n: 0, k: 1 };
    const dot = (dtype: DType, a: Value[], b: Value[]): Value[] => {
      const out = put(dtype, [0], []);
      const { compute } = dtype;
      const output = { dtype, value: state(0, compute) };
      run({ kind: "contract", compute, inputs: [dtype, dtype], output, compiled: [] }, [put(dtype, a), put(dtype, b)], [out], { dims });
      return contents(out);
    };
    expect(dot(int32, [2 ** 30, 2 ** 30], [1, 1])).toEqual([-(2 ** 31)]);
    expect(dot(int64, [2n ** 62n, 5n], [2n, 1n])).toEqual([-(2n ** 63n) + 5n]);
    expect(dot(bool, [1, 0, 1], [0, 1, 1])).toEqual([1]);
    expect(dot(bool, [1, 0, 1], [0, 1, 0])).toEqual([0]);
  });
});

const fault = (value: number, which: number): Error => new Error(`index ${value} of operand ${which}`);

describe("gather", () => {
  const kernel: Kernel = { kind: "gather", inputs: [float32, int64], compiled: [] };
  /** Rows of a [3, 2] source: the layout of a result of [n, 2], still without the looked-up dimension. */
  const source = (n: number): Operand => ({ ...put(float32, [1, 2, 3, 4, 5, 6]), layout: new Layout([n, 2], [0, 1], 0) });
  const rows = (...index: bigint[]): Operand => ({ ...put(int64, index), layout: new Layout([index.length, 2], [1, 0], 0) });

  test("rows of a matrix; negative indices count from the end", () => {
    const out = put(float32, new Array(6).fill(0), [3, 2]);
    run(kernel, [source(3), rows(2n, 0n, -1n)], [out], { indexed: [{ size: 3, stride: 2, wraps: true }], fault });
    expect(contents(out)).toEqual([5, 6, 1, 2, 5, 6]);
  });

  test("two looked-up dimensions", () => {
    const x: Operand = { ...put(float32, [1, 2, 3, 4, 5, 6]), layout: new Layout([2], [0], 0) };
    const out = put(float32, [0, 0]);
    const indexed = [
      { size: 3, stride: 2, wraps: true },
      { size: 2, stride: 1, wraps: true },
    ];
    run({ ...kernel, inputs: [float32, int64, int64] }, [x, put(int64, [2n, 0n]), put(int64, [0n, 1n])], [out], { indexed, fault });
    expect(contents(out)).toEqual([5, 2]);
  });

  test.each([3n, -4n])("index %s of 3 rows is a fault, and nothing is written", (bad) => {
    const out = put(float32, [7, 7, 7, 7], [2, 2]);
    expect(() => run(kernel, [source(2), rows(0n, bad)], [out], { indexed: [{ size: 3, stride: 2, wraps: true }], fault })).toThrow(
      `index ${bad} of operand 0`,
    );
    expect(contents(out)).toEqual([7, 7, 7, 7]);
  });
});

describe("scatter", () => {
  const kernel = (combine: Expr | null, dtype: DType = float32): Kernel => ({
    kind: "scatter",
    inputs: [dtype, int64],
    combine,
    compiled: [],
  });
  const indexed = [{ size: 4, stride: 1, wraps: true }];
  function scatter(combine: Expr | null, dtype: DType, start: Value[], index: bigint[], values: Value[], scalars: number[] = []): Value[] {
    const target: Operand = { ...put(dtype, start), layout: new Layout([index.length], [0], 0) };
    run(kernel(combine, dtype), [put(dtype, values), put(int64, index)], [target], { indexed, fault, scalars });
    return contents(target);
  }

  test("the last of those that meet stays", () => {
    expect(scatter(null, float32, [0, 0, 0, 0], [1n, -1n, 1n], [5, 6, 7])).toEqual([0, 7, 0, 6]);
  });

  test("or they are combined, each rounded or wrapped as it is stored", () => {
    const sumOf = (dtype: DType): Expr => add(state(0, dtype.compute), state(1, dtype.compute));
    expect(scatter(sumOf(float32), float32, [1, 1, 1, 1], [1n, 3n, 1n], [5, 6, 7])).toEqual([1, 13, 1, 7]);
    expect(scatter(sumOf(uint8), uint8, [200, 0, 0, 0], [0n, 0n], [50, 10])).toEqual([4, 0, 0, 0]);
    expect(scatter(sumOf(float16), float16, [2048, 0, 0, 0], [0n, 0n], [1, 1])).toEqual([2048, 0, 0, 0]);
    expect(scatter(max(state(0, "i64"), state(1, "i64")), int64, [1n, 2n, 3n, 4n], [0n, 3n], [9n, -9n])).toEqual([9n, 2n, 3n, 4n]);
    const scaled = add(state(0, "f32"), mul(scalar(0, "f32"), state(1, "f32")));
    expect(scatter(scaled, float32, [1, 1, 1, 1], [2n], [5], [-1])).toEqual([1, 1, -4, 1]);
  });

  test("a fault is found before anything is written", () => {
    const target: Operand = { ...put(float32, [0, 0, 0, 0]), layout: new Layout([2], [0], 0) };
    expect(() => run(kernel(null), [put(float32, [1, 2]), put(int64, [0n, 4n])], [target], { indexed, fault })).toThrow(
      "index 4 of operand 0",
    );
    expect(contents(target)).toEqual([0, 0, 0, 0]);
  });
});

test("copy moves elements between layouts", () => {
  const x: Spec = { dtype: int64, layout: permute(Layout.contiguous([2, 3]), [1, 0]), storage: [1n, 2n, 3n, 4n, 5n, 2n ** 63n - 1n] };
  const out = put(int64, new Array(6).fill(0n), [3, 2]);
  run({ kind: "copy", inputs: [int64], compiled: [] }, [upload(backend, x)], [out]);
  expect(contents(out)).toEqual([1n, 4n, 2n, 5n, 3n, 2n ** 63n - 1n]);
});

// What torch.manual_seed(0); torch.empty(5, dtype=dtype).uniform_() and so on hold in PyTorch 1.13.1.
const draws: [RandomKernel["distribution"], DType, Value[], Value[]][] = [
  ["uniform", float32, [0, 1], [0.49625658988952637, 0.7682217955589294, 0.08847743272781372, 0.13203048706054688, 0.30742281675338745]],
  ["uniform", float16, [0, 1], [0.333984375, 0.27294921875, 0.80712890625, 0.59375, 0.40771484375]],
  ["normal", bfloat16, [1, 2], [4.09375, 0.4140625, -3.359375, 2.140625, -1.171875]],
  ["exponential", float64, [1.5], [2.338884124471761, 0.8202565094531178, 0.41002939592934096, 1.6900790961439212, 0.6904702905485386]],
  ["cauchy", float16, [1, 2], [22.203125, 2.529296875, 0.7431640625, 8.8671875, 1.9794921875]],
  ["logNormal", float32, [1, 2], [59.2634162902832, 1.5115599632263184, 0.03481946140527725, 8.47281265258789, 0.3106635808944702]],
  ["geometric", int64, [0.3], [1n, 1n, 3n, 1n, 2n]],
  ["randint", uint8, [3n, 100n], [60, 85, 28, 90, 58]],
  ["random", bool, [], [0, 1, 1, 0, 1]],
  ["random", int16, [], [2732, 10799, 9845, 19648, 13123]],
  ["bernoulli", float32, [0.7], [0, 0, 1, 0, 1]],
];
test.each(draws)("random: %s as %s is PyTorch's", (distribution, dtype, parameters, expected) => {
  const kernel: Kernel = { kind: "random", inputs: [], distribution, output: dtype, compiled: [] };
  const out: Operand = { ...put(dtype, [7, ...expected.map(() => 7), 7]), layout: Layout.contiguous([5], 1) };
  run(kernel, [], [out], { random: { generator: new Generator(0), parameters } });
  const seven = dtype === int64 ? 7n : 7;
  expect(contents(out)).toEqual([seven, ...expected, seven]);
});
