import { describe, expect, test } from "vitest";
import { setRelaxedMadd } from "../../src/backends/cpu/engine.ts";
import { heap } from "../../src/backends/cpu/heap.ts";
import { mapModule } from "../../src/backends/cpu/map.ts";
import { moduleText } from "../../src/backends/cpu/wasm/text.ts";
import { bool, type DType, dtypes, float32, float64, int32, int64, uint8 } from "../../src/core/dtype.ts";
import { extent, indices, Layout, permute, slice } from "../../src/core/layout.ts";
import * as e from "../../src/kernel/expr.ts";
import type { Compiled, MapKernel } from "../../src/kernel/kernel.ts";
import { backend, put, storage, values } from "./cpu-operands.ts";
import { type Operand, type Spec, spec, type Value } from "./operands.ts";

const kernel = (inputs: readonly DType[], ...outputs: [DType, e.Expr][]): MapKernel => ({
  kind: "map",
  inputs,
  outputs: outputs.map(([dtype, value]) => ({ dtype, value })),
  compiled: [],
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
        expect(
          storage(out, n + 3)
            .slice(n)
            .map(Number),
        ).toEqual([0, 0, 0]);
        return storage(out, n);
      };
      run(heavy, spec(float32, a), float32).forEach((v, k) => {
        const exact = Math.exp(a[k]! ** 2 - Math.sqrt(Math.abs(a[k]!)));
        expect(Math.abs(Number(v) - exact)).toBeLessThanOrEqual(2e-5 * exact);
      });
      expect(run(doubles, spec(float64, a), float64)).toEqual(a.map((v) => v * 3 + 1));
      expect(run(bytes, spec(uint8, whole), uint8)).toEqual(whole.map((v) => (v + 250) % 256));
      expect(
        run(
          longs,
          spec(
            int64,
            whole.map((v) => BigInt(v) << 33n),
          ),
          int64,
        ),
      ).toEqual(whole.map((v) => BigInt.asIntN(64, (BigInt(v) << 33n) ** 2n)));
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
    const operand = (k: number, layout: Layout): Operand => ({
      storage: { block: { buffer: heap, offset: at + 1024 * k, size: 1024 } },
      layout,
      dtype: float32,
    });
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
    [
      "four dimensions permuted",
      [
        permute(c([5, 2, 4, 3]), [3, 1, 0, 2]),
        new Layout([3, 2, 5, 4], [0, 1, 0, 2], 0),
        c([3, 2, 5, 4]),
        permute(c([4, 5, 3, 2]), [2, 3, 1, 0]),
      ],
    ],
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
        const storageOf = (m: number): Value[] =>
          Array.from({ length: m }, (_, k) => (dtype === int64 ? big + BigInt(k) : dtype === bool ? k % 2 : k));
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
        a.map((v, k) => Math.fround(v + b[k]!)),
        a.map((v, k) => (v < b[k]! ? 1 : 0)),
        a.map((v, k) => Math.fround(v * b[k]!)),
      ]);
    }
  });

  test("thirty operands, each with its own way to lie", () => {
    const n = 30;
    const total = Array.from({ length: n }, (_, k) => e.arg(k, "f32")).reduce((a, b) => e.add(a, b));
    const many = compile(new Array(n).fill(float32), [float32, total]);
    const ways = [c([4, 6]), t([6, 4]), new Layout([4, 6], [0, 1], 0), new Layout([4, 6], [1, 0], 0), new Layout([4, 6], [0, 0], 3)];
    for (const shift of [0, 1, 2]) {
      const layouts = Array.from({ length: n }, (_, k) => ways[(k * (shift + 1)) % 5]!);
      const operands = layouts.map((layout, k) =>
        put({ dtype: float32, layout, storage: Array.from({ length: 24 }, (_, j) => j * (k + 1)) }),
      );
      const out = put(spec(float32, new Array(24).fill(0), [4, 6]));
      many.run(operands, [out], {});
      const expected = operands.map((o) => values(o)).reduce((a, b) => a.map((v, k) => Number(v) + Number(b[k]!)));
      expect(values(out)).toEqual(expected);
    }
  });

  test("positions follow the output's shape, whatever its layout", () => {
    const count = compile([], [int64, e.position]);
    const ramp = compile([], [float32, e.add(e.mul(e.cast(e.position, float32), 0.5), 1)]);
    for (const layout of [c([11]), t([4, 3]), slice(c([30]), 0, 2, 9, 3), permute(c([3, 2, 4]), [2, 0, 1])]) {
      const n = layout.numel;
      const [a, b] = [
        put({ dtype: int64, layout, storage: new Array(40).fill(0n) }),
        put({ dtype: float32, layout, storage: new Array(40).fill(0) }),
      ];
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
