import { describe, expect, test } from "vitest";
import { setRelaxedMadd } from "../../src/backends/cpu/engine.ts";
import { heap } from "../../src/backends/cpu/heap.ts";
import { bfloat16, bool, type DType, float16, float32, float64, int8, int16, int32, int64, uint8 } from "../../src/core/dtype.ts";
import { bfloat16FromNumber, float16FromNumber, numberFromBfloat16, numberFromFloat16 } from "../../src/core/half.ts";
import { extent, indices, Layout, slice } from "../../src/core/layout.ts";
import * as e from "../../src/kernel/expr.ts";
import type { Compiled } from "../../src/kernel/kernel.ts";
import { backend, put, storage, values } from "./cpu-operands.ts";
import { type Spec, spec, type Value } from "./operands.ts";

const compile = (inputs: readonly DType[], ...outputs: [DType, e.Expr][]): Compiled =>
  backend.compile({ kind: "map", inputs, outputs: outputs.map(([dtype, value]) => ({ dtype, value })), compiled: [] });
const wave = (n: number): number[] => Array.from({ length: n }, (_, k) => Math.fround(((k * 37) % 101) / 8 - 6));

const [x, y, z] = [e.arg(0, "f32"), e.arg(1, "f32"), e.arg(2, "f32")];

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
    const list: number[] = [
      0,
      -0,
      inf,
      -inf,
      Number.NaN,
      65504,
      65519.99,
      65520,
      1e-8,
      2 ** -25,
      2 ** -25 * 1.0001,
      3 * 2 ** -25,
      2 ** -14,
      3.3e38,
      1e-40,
    ];
    for (let k = 0; k < 4000; k++) list.push((((k * 7919) % 4001) / 4001) * 2 ** ((k % 60) - 30) * (k % 2 === 0 ? 1 : -1));
    // Halfway between neighbours
    for (let k = 0; k < 2000; k++) list.push((toNumber(k * 13) + toNumber(k * 13 + 1)) / 2);
    const floats = list.map(Math.fround);
    const store = compile([float32], [dtype, x]);
    const round = compile([float32], [float32, e.cast(x, dtype)]);
    const strided = compile([float64], [dtype, e.cast(e.arg(0, "f64"), dtype)]);
    const n = floats.length;
    const [a, b, d] = [
      put(spec(dtype, new Array(n).fill(0))),
      put(spec(float32, new Array(n).fill(0))),
      put(spec(dtype, new Array(n).fill(0))),
    ];
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
        expect(
          storage(out, n + 2)
            .slice(n)
            .map(Number),
        ).toEqual([0, 0]);
        return storage(out, n);
      };
      expect(run(widen, spec(float32, a), float64)).toEqual(a.map(Math.fround));
      expect(run(shorten, spec(float64, a), float32)).toEqual(a.map(Math.fround));
      expect(run(long, spec(int32, ints), int64)).toEqual(ints.map((v) => BigInt(v) * 3n));
      expect(
        run(
          short,
          spec(
            int64,
            ints.map((v) => BigInt(v) * 3n),
          ),
          int32,
        ),
      ).toEqual(ints.map((v) => Number(BigInt.asIntN(32, BigInt(v) * 3n))));
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
    const power = (u: number, v: number): bigint =>
      v >= 0 ? BigInt(u) ** BigInt(v) : u === 1 ? 1n : u === -1 ? (v % 2 === 0 ? 1n : -1n) : 0n;
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
    for (const [f, js] of [
      [e.exp, Math.exp],
      [e.sin, Math.sin],
      [e.tanh, Math.tanh],
      [e.log1p, Math.log1p],
      [e.atan, Math.atan],
    ] as const) {
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
