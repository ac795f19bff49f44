import { afterEach, describe, expect, test } from "vitest";
import { CpuBackend } from "../../src/backends/cpu/backend.ts";
import { setRelaxedMadd } from "../../src/backends/cpu/engine.ts";
import { heap } from "../../src/backends/cpu/heap.ts";
import { mapModule } from "../../src/backends/cpu/map.ts";
import { moduleText } from "../../src/backends/cpu/wasm/text.ts";
import { bfloat16, bool, type DType, dtypes, float16, float32, float64, int16, int32, int64, int8, uint8 } from "../../src/core/dtype.ts";
import { bfloat16FromNumber, float16FromNumber, numberFromBfloat16, numberFromFloat16 } from "../../src/core/half.ts";
import { extent, indices, Layout, permute, slice } from "../../src/core/layout.ts";
import * as e from "../../src/kernel/expr.ts";
import type { Compiled, MapKernel } from "../../src/kernel/kernel.ts";
import { decode, type Operand, spec, type Spec, upload, type Value } from "./operands.ts";

const backend = new CpuBackend();
const made: Operand[] = [];
afterEach(() => {
  for (const x of made.splice(0)) backend.release(x.storage.block);
});

function put(s: Spec): Operand {
  const x = upload(backend, s);
  made.push(x);
  return x;
}
const storage = (x: Operand, n: number): Value[] => decode(x.dtype, backend.readSync(x.storage.block, 0, n * x.dtype.itemsize));
const values = (x: Operand): Value[] => {
  const all = storage(x, extent(x.layout));
  return [...indices(x.layout)].map((k) => all[k]!);
};
const kernel = (inputs: readonly DType[], ...outputs: [DType, e.Expr][]): MapKernel => ({
  kind: "map", inputs, outputs: outputs.map(([dtype, value]) => ({ dtype, value })), compiled: [],
});
const compile = (inputs: readonly DType[], ...outputs: [DType, e.Expr][]): Compiled => backend.compile(kernel(inputs, ...outputs));
const wave = (n: number): number[] => Array.from({ length: n }, (_, k) => Math.fround(((k * 37) % 101) / 8 - 6));

const [x, y, z] = [e.arg(0, "f32"), e.arg(1, "f32"), e.arg(2, "f32")];

describe("sizes", () => {
  const add = compile([float32, float32], [float32, e.add(x, y)]);
  test("every tail up to 70, and nothing is written beyond", () => {
    for (let n = 0; n <= 70; n++) {
      const [a, b] = [wave(n), wave(n).reverse()];
      const out = put(spec(float32, new Array(n + 5).fill(-99), [n]));
      add.run([put(spec(float32, a)), put(spec(float32, b))], [{ ...out, layout: Layout.contiguous([n]) }], {});
      expect(storage(out, n + 5)).toEqual([...a.map((v, k) => Math.fround(v + b[k]!)), -99, -99, -99, -99, -99]);
    }
  });

  test("every tail of heavier bodies, doubles, integers and bytes", () => {
    const heavy = compile([float32], [float32, e.exp(e.sub(e.mul(x, x), e.sqrt(e.abs(x))))]);
    const doubles = compile([float64], [float64, e.add(e.mul(e.arg(0, "f64"), 3), 1)]);
    const bytes = compile([uint8], [uint8, e.add(e.arg(0, "i32"), e.constant(250, "i32"))]);
    const longs = compile([int64], [int64, e.mul(e.arg(0, "i64"), e.arg(0, "i64"))]);
    const tests = compile([float32], [bool, e.gt(x, 0)]);
    for (let n = 1; n <= 40; n++) {
      const a = wave(n);
      const whole = a.map((_, k) => (k * 91) % 256);
      const run = (c: Compiled, from: Spec, to: DType): Value[] => {
        const out = put(spec(to, new Array(n + 3).fill(0), [n]));
        c.run([put(from)], [{ ...out, layout: Layout.contiguous([n]) }], {});
        expect(storage(out, n + 3).slice(n).map(Number)).toEqual([0, 0, 0]);
        return storage(out, n);
      };
      run(heavy, spec(float32, a), float32).forEach((v, k) => {
        const exact = Math.exp(a[k]! ** 2 - Math.sqrt(Math.abs(a[k]!)));
        expect(Math.abs(Number(v) - exact)).toBeLessThanOrEqual(2e-5 * exact);
      });
      expect(run(doubles, spec(float64, a), float64)).toEqual(a.map((v) => v * 3 + 1));
      expect(run(bytes, spec(uint8, whole), uint8)).toEqual(whole.map((v) => (v + 250) % 256));
      expect(run(longs, spec(int64, whole.map((v) => BigInt(v) << 33n)), int64)).toEqual(whole.map((v) => BigInt.asIntN(64, (BigInt(v) << 33n) ** 2n)));
      expect(run(tests, spec(float32, a), bool)).toEqual(a.map((v) => (v > 0 ? 1 : 0)));
    }
  });

  test("the last bytes of the heap can be operands", () => {
    const n = 7;
    // The largest block there is takes all that is free, so its end is the end of what is handed out.
    const room = heap.buffer.byteLength;
    const block = heap.allocate(room);
    const offset = block.size / 4 - n;
    const end: Operand = { storage: { block }, layout: Layout.contiguous([n], offset), dtype: float32 };
    heap.f32.set(wave(n), block.offset / 4 + offset);
    add.run([end, end], [end], {});
    expect([...heap.f32.subarray(block.offset / 4 + offset, block.offset / 4 + offset + n)]).toEqual(wave(n).map((v) => 2 * v));
    heap.release(block);
  });

  test("addresses beyond 2 GiB", () => {
    const far = heap.allocate(2 ** 31);
    const block = heap.allocate(4096);
    const at = far.offset + far.size > block.offset ? far.offset + far.size - 4096 : block.offset;
    expect(at).toBeGreaterThan(2 ** 31);
    const operand = (k: number, layout: Layout): Operand => ({ storage: { block: { buffer: heap, offset: at + 1024 * k, size: 1024 } }, layout, dtype: float32 });
    heap.f32.set(wave(30), at / 4);
    add.run([operand(0, Layout.contiguous([30])), operand(0, Layout.contiguous([30]))], [operand(1, Layout.contiguous([30]))], {});
    expect([...heap.f32.subarray(at / 4 + 256, at / 4 + 286)]).toEqual(wave(30).map((v) => 2 * v));
    const turned = permute(Layout.contiguous([5, 6]), [1, 0]);
    add.run([operand(0, turned), operand(0, turned)], [operand(2, Layout.contiguous([6, 5]))], {});
    expect([...heap.f32.subarray(at / 4 + 512, at / 4 + 515)]).toEqual([0, 6, 12].map((k) => 2 * wave(30)[k]!));
    heap.release(block);
    heap.release(far);
  });
});

describe("layouts", () => {
  const mad = compile([float32, float32, float32], [float32, e.add(e.mul(x, y), z)]);
  const c = (shape: number[], offset = 0): Layout => Layout.contiguous(shape, offset);
  const t = (shape: number[]): Layout => permute(c(shape), [1, 0]);
  const shapes: [string, readonly [Layout, Layout, Layout, Layout]][] = [
    ["contiguous", [c([6, 9]), c([6, 9], 3), c([6, 9]), c([6, 9], 1)]],
    ["a row and a column", [c([6, 9]), new Layout([6, 9], [0, 1], 2), new Layout([6, 9], [1, 0], 0), c([6, 9])]],
    ["a number", [c([6, 9]), new Layout([6, 9], [0, 0], 4), c([6, 9]), c([6, 9])]],
    ["transposed", [t([9, 6]), c([6, 9]), c([6, 9]), c([6, 9])]],
    ["into a transpose", [c([6, 9]), c([6, 9]), c([6, 9]), t([9, 6])]],
    ["all transposed", [t([9, 6]), t([9, 6]), t([9, 6]), t([9, 6])]],
    ["every other column", [slice(c([6, 18]), 1, 1, 9, 2), c([6, 9]), c([6, 9]), c([6, 9])]],
    ["into every third column", [c([6, 9]), slice(c([6, 18]), 1, 0, 9, 2), c([6, 9]), slice(c([6, 27]), 1, 2, 9, 3)]],
    ["four dimensions permuted", [
      permute(c([5, 2, 4, 3]), [3, 1, 0, 2]), new Layout([3, 2, 5, 4], [0, 1, 0, 2], 0), c([3, 2, 5, 4]), permute(c([4, 5, 3, 2]), [2, 3, 1, 0]),
    ]],
    ["nothing", [c([3, 0]), c([3, 0]), c([3, 0]), c([3, 0])]],
    ["a single element", [c([]), c([]), c([]), c([])]],
  ];
  test.each(shapes)("%s", (_, layouts) => {
    const contents = layouts.map((l) => wave(extent(l) + 4).map((v, k) => v + k / 64));
    const operands = layouts.map((layout, k) => put({ dtype: float32, layout, storage: contents[k]! }));
    mad.run(operands.slice(0, 3), [operands[3]!], {});
    const at = layouts.map((l) => [...indices(l)]);
    const expected = [...contents[3]!].map(Math.fround);
    at[3]!.forEach((place, k) => {
      const [a, b, d] = [0, 1, 2].map((j) => Math.fround(contents[j]![at[j]![k]!]!)) as [number, number, number];
      expected[place] = Math.fround(Math.fround(a * b) + d);
    });
    expect(storage(operands[3]!, expected.length)).toEqual(expected);
  });

  test("widths of 1 to 12 with strided operands of every item size", () => {
    for (const dtype of dtypes) {
      const type = dtype.compute;
      const copy = compile([dtype, dtype], [dtype, e.select(e.eq(e.arg(0, type), e.arg(1, type)), e.arg(0, type), e.arg(1, type))]);
      for (let n = 1; n <= 12; n++) {
        const big = dtype === int64 ? 2n ** 40n : 0n;
        const storageOf = (m: number): Value[] => Array.from({ length: m }, (_, k) => (dtype === int64 ? big + BigInt(k) : dtype === bool ? k % 2 : k));
        const layouts = [slice(c([3, 3 * n]), 1, 1, n, 3), slice(c([3, 2 * n + 1]), 1, 1, n, 2)];
        const [a, b] = layouts.map((layout) => put({ dtype, layout, storage: storageOf(3 * 3 * n + 2) })) as [Operand, Operand];
        const out = put({ dtype, layout: slice(c([3, 4 * n]), 1, 3, n, 4), storage: storageOf(12 * n) });
        copy.run([a, b], [out], {});
        expect(values(out)).toEqual(values(b));
      }
    }
  });

  test("in place, exactly on an input", () => {
    for (const layout of [c([23]), t([5, 7]), slice(c([40]), 0, 1, 13, 3)]) {
      const contents = wave(extent(layout));
      const [a, b] = [put({ dtype: float32, layout, storage: contents }), put({ dtype: float32, layout, storage: contents.toReversed() })];
      const expected = values(a).map((v, k) => Math.fround(Number(v) * Number(values(b)[k]!)) + Number(v));
      mad.run([a, b, a], [a], {});
      expect(values(a)).toEqual(expected.map(Math.fround));
    }
  });

  test("several outputs, one of them on the input", () => {
    const both = compile([float32, float32], [float32, e.add(x, y)], [bool, e.lt(x, y)], [float64, e.cast(e.mul(x, y), float64)]);
    for (const n of [3, 19, 64]) {
      const [a, b] = [wave(n), wave(n).reverse()];
      const [p, q] = [put(spec(float32, a)), put(spec(float32, b))];
      const [less, product] = [put(spec(bool, new Array(n).fill(0))), put(spec(float64, new Array(n).fill(0)))];
      both.run([p, q], [p, less, product], {});
      expect([values(p), values(less), values(product)]).toEqual([
        a.map((v, k) => Math.fround(v + b[k]!)), a.map((v, k) => (v < b[k]! ? 1 : 0)), a.map((v, k) => Math.fround(v * b[k]!)),
      ]);
    }
  });

  test("positions follow the output's shape, whatever its layout", () => {
    const count = compile([], [int64, e.position]);
    const ramp = compile([], [float32, e.add(e.mul(e.cast(e.position, float32), 0.5), 1)]);
    for (const layout of [c([11]), t([4, 3]), slice(c([30]), 0, 2, 9, 3), permute(c([3, 2, 4]), [2, 0, 1])]) {
      const n = layout.numel;
      const [a, b] = [put({ dtype: int64, layout, storage: new Array(40).fill(0n) }), put({ dtype: float32, layout, storage: new Array(40).fill(0) })];
      count.run([], [a], {});
      ramp.run([], [b], {});
      expect(values(a)).toEqual(Array.from({ length: n }, (_, k) => BigInt(k)));
      expect(values(b)).toEqual(Array.from({ length: n }, (_, k) => k / 2 + 1));
    }
  });
});

describe("scalars", () => {
  test.each([
    ["f32", float32, 0.1, Math.fround(0.1)],
    ["f64", float64, 0.1, 0.1],
    ["i32", int32, -7, -7],
    ["i64", int64, 2 ** 40 + 1, 2n ** 40n + 1n],
    ["i64", int64, -(2 ** 40) - 1, -(2n ** 40n) - 1n],
    ["i64", int64, 2n ** 62n + 1n, 2n ** 62n + 1n],
    ["i64", int64, -3, -3n],
    ["bool", bool, 2, 1],
  ] as const)("%s %s %d", (type, dtype, value, expected) => {
    const c = compile([], [dtype, e.scalar(1, type)]);
    for (const layout of [Layout.contiguous([5]), slice(Layout.contiguous([10]), 0, 0, 5, 2)]) {
      const out = put({ dtype, layout, storage: new Array(10).fill(dtype === int64 ? 0n : 0) });
      c.run([], [out], { scalars: [99, value] });
      expect(values(out)).toEqual(new Array(5).fill(expected));
    }
  });

  test("what depends on scalars alone is still computed from those of the run", () => {
    const c = compile([float32], [float32, e.mul(x, e.div(1, e.sqrt(e.scalar(0, "f32"))))]);
    const out = put(spec(float32, [0, 0, 0]));
    for (const s of [4, 16]) {
      c.run([put(spec(float32, [1, 2, 3]))], [out], { scalars: [s] });
      expect(values(out)).toEqual([1, 2, 3].map((v) => v / Math.sqrt(s)));
    }
  });
});

describe("conversions", () => {
  const inf = Number.POSITIVE_INFINITY;
  const awkward = [Number.NaN, inf, -inf, 3e9, -3e9, 300, -1, -1.5, 1e20, 2 ** 31, -(2 ** 31), 2 ** 63, 70000, 40000.75, -40000, 0.5, -0];
  /** As PyTorch converts on x86: what does not fit becomes the least integer of the width converted to, which for uint8 is 64 bits. */
  function toInt(v: number, dtype: DType): bigint {
    const width = dtype === int64 || dtype === uint8 ? 64 : 32;
    const t = Math.trunc(v);
    const fits = t >= -(2 ** (width - 1)) && t < 2 ** (width - 1);
    const whole = fits ? BigInt(t) : -(2n ** BigInt(width - 1));
    return dtype === uint8 ? BigInt.asUintN(8, whole) : BigInt.asIntN(8 * dtype.itemsize, whole);
  }
  describe.each([float32, float64])("from %s", (from) => {
    test.each([uint8, int8, int16, int32, int64])("to %s", (to) => {
      const direct = compile([from], [to, e.cast(e.arg(0, from.compute), to)]);
      const expected = [...awkward, ...awkward].map((v) => toInt(from === float32 ? Math.fround(v) : v, to));
      for (const layout of [Layout.contiguous([34]), slice(Layout.contiguous([68]), 0, 0, 34, 2)]) {
        const contents = new Array(extent(layout)).fill(0);
        [...indices(layout)].forEach((p, k) => {
          contents[p] = awkward[k % 17]!;
        });
        const out = put(spec(to, new Array(34).fill(to === int64 ? 0n : 0)));
        direct.run([put({ dtype: from, layout, storage: contents })], [out], {});
        expect(values(out).map(BigInt)).toEqual(expected);
      }
    });
    test("to bool: NaN is true, both zeros are false", () => {
      const c = compile([from], [bool, e.cast(e.arg(0, from.compute), bool)]);
      const out = put(spec(bool, new Array(5).fill(0)));
      c.run([put(spec(from, [Number.NaN, 0, -0, 1e-30, -inf]))], [out], {});
      expect(values(out)).toEqual([1, 0, 0, 1, 1]);
    });
  });

  test("int64 to float32 rounds once", () => {
    const c = compile([int64], [float32, e.cast(e.arg(0, "i64"), float32)]);
    // Through float64 these would round up, being just above a tie only in the bits that float64 drops.
    const list = [2n ** 62n + 2n ** 38n + 1n, -(2n ** 62n) - 2n ** 38n - 1n, 2n ** 24n + 1n, 2n ** 63n - 1n];
    const out = put(spec(float32, [0, 0, 0, 0]));
    c.run([put(spec(int64, list))], [out], {});
    expect(values(out)).toEqual([2 ** 62 + 2 ** 39, -(2 ** 62) - 2 ** 39, 2 ** 24, 2 ** 63]);
  });

  test("integers wrap to the width of a cast's dtype and of what they are stored as", () => {
    const list = [0, 1, -1, 127, 128, 255, 256, -129, 32768, 65536 + 5, 2 ** 31 - 1, -(2 ** 31)];
    for (const to of [uint8, int8, int16]) {
      const c = compile([int32], [int32, e.cast(e.arg(0, "i32"), to)], [to, e.arg(0, "i32")]);
      const [a, b] = [put(spec(int32, new Array(12).fill(0))), put(spec(to, new Array(12).fill(0)))];
      c.run([put(spec(int32, list))], [a, b], {});
      const wrapped = list.map((v) => Number(to === uint8 ? BigInt.asUintN(8, BigInt(v)) : BigInt.asIntN(8 * to.itemsize, BigInt(v))));
      expect(values(a)).toEqual(wrapped);
      expect(values(b)).toEqual(wrapped);
    }
  });

  const halves = [
    [float16, float16FromNumber, numberFromFloat16],
    [bfloat16, bfloat16FromNumber, numberFromBfloat16],
  ] as const;
  test.each(halves)("%s: every value loads right", (dtype, _, toNumber) => {
    const c = compile([dtype], [float32, x]);
    const block = heap.allocate(65536 * 2);
    for (let k = 0; k < 65536; k++) heap.u16[block.offset / 2 + k] = k;
    const out = put(spec(float32, new Array(65536).fill(0)));
    c.run([{ storage: { block }, layout: Layout.contiguous([65536]), dtype }], [out], {});
    const wrong = values(out).filter((v, k) => !Object.is(v, toNumber(k)));
    heap.release(block);
    expect(wrong).toEqual([]);
  });
  test.each(halves)("%s: numbers round to the nearest, halfway to even", (dtype, toBits, toNumber) => {
    const list: number[] = [0, -0, inf, -inf, Number.NaN, 65504, 65519.99, 65520, 1e-8, 2 ** -25, 2 ** -25 * 1.0001, 3 * 2 ** -25, 2 ** -14, 3.3e38, 1e-40];
    for (let k = 0; k < 4000; k++) list.push(((k * 7919) % 4001) / 4001 * 2 ** ((k % 60) - 30) * (k % 2 === 0 ? 1 : -1));
    // Halfway between neighbours
    for (let k = 0; k < 2000; k++) list.push((toNumber(k * 13) + toNumber(k * 13 + 1)) / 2);
    const floats = list.map(Math.fround);
    const store = compile([float32], [dtype, x]);
    const round = compile([float32], [float32, e.cast(x, dtype)]);
    const strided = compile([float64], [dtype, e.cast(e.arg(0, "f64"), dtype)]);
    const n = floats.length;
    const [a, b, d] = [put(spec(dtype, new Array(n).fill(0))), put(spec(float32, new Array(n).fill(0))), put(spec(dtype, new Array(n).fill(0)))];
    const from = put(spec(float32, floats));
    store.run([from], [a], {});
    round.run([from], [b], {});
    strided.run([put(spec(float64, floats))], [d], {});
    const expected = floats.map((v) => toNumber(toBits(v)));
    expect(values(a)).toEqual(expected);
    expect(values(b)).toEqual(expected);
    expect(values(d)).toEqual(expected);
  });

  test("between 32 and 64 bits in both directions, at every size", () => {
    const widen = compile([float32], [float64, e.arg(0, "f64")]);
    const shorten = compile([float64], [float32, x]);
    const long = compile([int32], [int64, e.mul(e.arg(0, "i64"), e.constant(3, "i64"))]);
    const short = compile([int64], [int32, e.arg(0, "i32")]);
    const fromInt = compile([int32], [float64, e.arg(0, "f64")]);
    for (let n = 1; n < 14; n++) {
      const a = wave(n).map((v) => v + 1e-9);
      const ints = a.map((_, k) => (k * 123456789) | 0);
      const run = (c: Compiled, s: Spec, to: DType): Value[] => {
        const out = put(spec(to, new Array(n + 2).fill(to === int64 ? 0n : 0), [n]));
        c.run([put(s)], [{ ...out, layout: Layout.contiguous([n]) }], {});
        expect(storage(out, n + 2).slice(n).map(Number)).toEqual([0, 0]);
        return storage(out, n);
      };
      expect(run(widen, spec(float32, a), float64)).toEqual(a.map(Math.fround));
      expect(run(shorten, spec(float64, a), float32)).toEqual(a.map(Math.fround));
      expect(run(long, spec(int32, ints), int64)).toEqual(ints.map((v) => BigInt(v) * 3n));
      expect(run(short, spec(int64, ints.map((v) => BigInt(v) * 3n)), int32)).toEqual(ints.map((v) => Number(BigInt.asIntN(32, BigInt(v) * 3n))));
      expect(run(fromInt, spec(int32, ints), float64)).toEqual(ints);
    }
  });
});

describe("arithmetic", () => {
  const binary = (dtype: DType, f: (a: e.Expr, b: e.Expr) => e.Expr, a: readonly Value[], b: readonly Value[]): Value[] => {
    const type = dtype.compute;
    const c = compile([dtype, dtype], [dtype, f(e.arg(0, type), e.arg(1, type))]);
    const out = put(spec(dtype, new Array(a.length).fill(dtype === int64 ? 0n : 0)));
    c.run([put(spec(dtype, a)), put(spec(dtype, b))], [out], {});
    return values(out);
  };
  test("integer division never traps", () => {
    const a = [7, -7, 7, -7, 5, -(2 ** 31), 0, 2 ** 31 - 1];
    const b = [2, 2, -2, -2, 0, -1, 0, -1];
    expect(binary(int32, e.idiv, a, b)).toEqual([3, -3, -3, 3, 0, -(2 ** 31), 0, -(2 ** 31) + 1]);
    expect(binary(int32, e.irem, a, b)).toEqual([1, -1, 1, -1, 0, 0, 0, 0]);
    const least = -(2n ** 63n);
    expect(binary(int64, e.idiv, [least, 9n, least], [-1n, 0n, 3n])).toEqual([least, 0n, least / 3n]);
    expect(binary(int64, e.irem, [least, 9n, -10n], [-1n, 0n, 3n])).toEqual([0n, 0n, -1n]);
    expect(binary(int8, e.idiv, [-128], [-1])).toEqual([-128]);
  });

  test("integer powers", () => {
    const a = [2, 3, -2, 0, 1, -1, -1, 5, 0, 7];
    const b = [10, 5, 3, 0, -5, -5, -4, -1, -1, 31];
    const power = (u: number, v: number): bigint => (v >= 0 ? BigInt(u) ** BigInt(v) : u === 1 ? 1n : u === -1 ? (v % 2 === 0 ? 1n : -1n) : 0n);
    expect(binary(int32, e.pow, a, b)).toEqual(a.map((u, k) => Number(BigInt.asIntN(32, power(u, b[k]!)))));
    expect(binary(int64, e.pow, a.map(BigInt), b.map(BigInt))).toEqual(a.map((u, k) => BigInt.asIntN(64, power(u, b[k]!))));
  });

  test("minimum and maximum pass NaN on, also beside a constant", () => {
    const a = [1, Number.NaN, 3, Number.NaN, -5];
    const b = [Number.NaN, 2, 2, Number.NaN, -4];
    for (const dtype of [float32, float64]) {
      expect(binary(dtype, e.min, a, b)).toEqual([Number.NaN, Number.NaN, 2, Number.NaN, -5]);
      expect(binary(dtype, e.max, a, b)).toEqual([Number.NaN, Number.NaN, 3, Number.NaN, -4]);
      expect(binary(dtype, (u) => e.max(u, 0), a, b)).toEqual([1, Number.NaN, 3, Number.NaN, 0]);
      expect(binary(dtype, (u) => e.min(e.constant(2, dtype.compute), u), a, b)).toEqual([1, Number.NaN, 2, Number.NaN, -5]);
      expect(binary(dtype, (u) => e.min(u, Number.NaN), a, b)).toEqual(new Array(5).fill(Number.NaN));
    }
    expect(binary(int64, e.min, [2n ** 40n, -1n], [5n, -(2n ** 40n)])).toEqual([5n, -(2n ** 40n)]);
  });

  test("float64 functions are the host's", () => {
    const list = [0.3, 1.7, -0.4];
    for (const [f, js] of [[e.exp, Math.exp], [e.sin, Math.sin], [e.tanh, Math.tanh], [e.log1p, Math.log1p], [e.atan, Math.atan]] as const) {
      expect(binary(float64, (u) => f(u), list, list)).toEqual(list.map(js));
    }
    expect(binary(float64, e.atan2, [1, -1], [-2, 3])).toEqual([Math.atan2(1, -2), Math.atan2(-1, 3)]);
    expect(binary(float64, e.pow, [1, -1, 2], [Number.NaN, Number.POSITIVE_INFINITY, 0.5])).toEqual([1, 1, Math.SQRT2]);
  });

  test("multiply-add is fused where the engine can, and can be told not to be", () => {
    const a = Math.fround(1 + 2 ** -12);
    const fused = Math.fround(a * a - 1);
    const twice = Math.fround(Math.fround(a * a) - 1);
    expect(fused).not.toBe(twice);
    const run = (): Value => {
      const c = compile([float32, float32, float32], [float32, e.mad(x, y, z)]);
      const out = put(spec(float32, [0]));
      c.run([put(spec(float32, [a])), put(spec(float32, [a])), put(spec(float32, [-1]))], [out], {});
      return values(out)[0]!;
    };
    const before = setRelaxedMadd(true);
    try {
      expect([fused, twice]).toContain(run());
      setRelaxedMadd(false);
      expect(run()).toBe(twice);
    } finally {
      setRelaxedMadd(before);
    }
  });
});

describe("generated code", () => {
  const text = (k: MapKernel): string => moduleText(mapModule(k));
  test("a multiply-add of vectors: four at a time, then one by one, the last one partly", () => {
    const before = setRelaxedMadd(false);
    try {
      expect(text(kernel([float32], [float32, e.mad(x, 2, 1)]))).toMatchInlineSnapshot(`
        "run($0 i32, $1 i32, $2 i32, $3 i32) {
          $4 = v128.const(f32x4 2)
          $5 = v128.const(f32x4 1)
          block {
            if (i32.lt_s($1, 16)) br 0
            loop {
              $6 = f32x4.add(f32x4.mul(v128.load($3), $4), $5)
              v128.store($2, $6)
              $7 = f32x4.add(f32x4.mul(v128.load($3, +16), $4), $5)
              v128.store($2, $7, +16)
              $8 = f32x4.add(f32x4.mul(v128.load($3, +32), $4), $5)
              v128.store($2, $8, +32)
              $9 = f32x4.add(f32x4.mul(v128.load($3, +48), $4), $5)
              v128.store($2, $9, +48)
              $2 = i32.add($2, 64)
              $3 = i32.add($3, 64)
              if (i32.ge_s(($1 = i32.sub($1, 16)), 16)) br 0
            }
          }
          block {
            if (i32.eqz($1)) br 0
            loop {
              $10 = f32x4.add(f32x4.mul(v128.load($3), $4), $5)
              if (i32.ge_s($1, 4)) {
                v128.store($2, $10)
              } else {
                v128.store32_lane($2, $10, lane 0)
                if (i32.gt_s($1, 1)) {
                  v128.store32_lane($2, $10, +4, lane 1)
                }
                if (i32.gt_s($1, 2)) {
                  v128.store32_lane($2, $10, +8, lane 2)
                }
                if (i32.gt_s($1, 3)) {
                  v128.store32_lane($2, $10, +12, lane 3)
                }
              }
              $2 = i32.add($2, 16)
              $3 = i32.add($3, 16)
              if (i32.gt_s(($1 = i32.sub($1, 4)), 0)) br 0
            }
          }
        }"
      `);
    } finally {
      setRelaxedMadd(before);
    }
  });
  test("an integer division, number by number, that cannot trap", () => {
    expect(text(kernel([int64, int64], [int64, e.idiv(e.arg(0, "i64"), e.arg(1, "i64"))]))).toMatchInlineSnapshot(`
      "run($0 i32, $1 i32, $2 i32, $3 i32, $4 i32) {
        block {
          if (i32.lt_s($1, 2)) br 0
          loop {
            $5 = i64.load($3)
            $6 = i64.load($4)
            if (i64.gt_u(i64.add($6, i64.const(1)), i64.const(1))) i64 {
              -> i64.div_s($5, $6)
            } else {
              -> i64.mul($5, $6)
            }
            $7 = (the block's)
            i64.store($2, $7)
            $5 = i64.load($3, +8)
            $6 = i64.load($4, +8)
            if (i64.gt_u(i64.add($6, i64.const(1)), i64.const(1))) i64 {
              -> i64.div_s($5, $6)
            } else {
              -> i64.mul($5, $6)
            }
            $7 = (the block's)
            i64.store($2, $7, +8)
            $2 = i32.add($2, 16)
            $3 = i32.add($3, 16)
            $4 = i32.add($4, 16)
            if (i32.ge_s(($1 = i32.sub($1, 2)), 2)) br 0
          }
        }
        block {
          if (i32.eqz($1)) br 0
          loop {
            $5 = i64.load($3)
            $6 = i64.load($4)
            if (i64.gt_u(i64.add($6, i64.const(1)), i64.const(1))) i64 {
              -> i64.div_s($5, $6)
            } else {
              -> i64.mul($5, $6)
            }
            $7 = (the block's)
            i64.store($2, $7)
            $2 = i32.add($2, 8)
            $3 = i32.add($3, 8)
            $4 = i32.add($4, 8)
            if (i32.gt_s(($1 = i32.sub($1, 1)), 0)) br 0
          }
        }
      }"
    `);
  });
  test("a square is computed once, constants and what scalars alone decide before the loop; doubles call the host", () => {
    const square = e.mul(e.arg(0, "f64"), e.arg(0, "f64"));
    const scaled = e.mul(square, e.sqrt(e.scalar(0, "f64")));
    expect(text(kernel([float64], [float64, e.add(e.exp(scaled), e.add(e.mul(square, 0.5), e.mul(scaled, 0.5)))]))).toMatchInlineSnapshot(`
      "run($0 i32, $1 i32, $2 i32, $3 i32) {
        $7 = f64.load($0)
        $6 = f64.sqrt($7)
        $9 = f64.const(0.5)
        loop {
          $10 = f64.add(host.exp(($8 = f64.mul(($5 = f64.mul(($4 = f64.load($3)), $4)), $6))), f64.add(f64.mul($5, $9), f64.mul($8, $9)))
          f64.store($2, $10)
          $2 = i32.add($2, 8)
          $3 = i32.add($3, 8)
          if (i32.gt_s(($1 = i32.sub($1, 1)), 0)) br 0
        }
      }"
    `);
  });
});
