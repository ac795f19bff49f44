import { afterAll, describe, expect, test, vi } from "vitest";
import { setBlasForAll } from "../../src/backends/cpu/blas/product.ts";
import { blasLibrary, setBlasEnabled } from "../../src/backends/cpu/blas/state.ts";
import { blockFunction } from "../../src/backends/cpu/contract/block.ts";
import { multiply } from "../../src/backends/cpu/contract/multiply.ts";
import { problemOf } from "../../src/backends/cpu/contract/problem.ts";
import { Workspace } from "../../src/backends/cpu/contract/workspace.ts";
import { contract } from "../../src/backends/cpu/contract.ts";
import { hasRelaxedMadd, setRelaxedMadd } from "../../src/backends/cpu/features.ts";
import { heap } from "../../src/backends/cpu/heap.ts";
import { pool } from "../../src/backends/cpu/threads/pool.ts";
import { Elements, type Operand, type Value } from "../../src/backends/reference/elements.ts";
import {
  bfloat16,
  type ComputeType,
  type DType,
  float16,
  float32,
  float64,
  int8,
  int16,
  int32,
  int64,
  uint8,
} from "../../src/core/dtype.ts";
import { extent, Layout, numel } from "../../src/core/layout.ts";
import { add, arg, cast, type Expr, max, mul, scalar, state } from "../../src/kernel/expr.ts";
import type { ContractDims } from "../../src/kernel/kernel.ts";
import type { Block } from "../../src/memory/block.ts";

/** A small generator of random numbers, so that failures repeat. */
function randomOf(seed: number): { next(): number; below(n: number): number; chance(p: number): boolean; one<T>(of: readonly T[]): T } {
  let s = seed;
  const next = (): number => {
    s = (Math.imul(s, 1664525) + 1013904223) >>> 0;
    return (s >>> 8) / 2 ** 24;
  };
  const below = (n: number): number => Math.floor(next() * n);
  return { next, below, chance: (p) => next() < p, one: (of) => of[below(of.length)]! };
}
type Random = ReturnType<typeof randomOf>;

const blocks: Block[] = [];
const release = (): void => {
  for (const block of blocks.splice(0)) heap.release(block);
};
afterAll(release);

/** Elements of an operand on the heap. The heap may have grown since the operand was made. */
const elementsOf = ({ storage: { block }, layout, dtype }: Operand, places?: number[]): Elements =>
  new Elements({ storage: { block: { ...block, buffer: heap.buffer } }, layout, dtype }, places);

/** An operand filled with random numbers, gaps between its elements included. */
function operand(random: Random, dtype: DType, layout: Layout): Operand {
  const length = extent(layout) + 3;
  const block = heap.allocate(length * dtype.itemsize);
  blocks.push(block);
  const x: Operand = { storage: { block }, layout, dtype };
  const all = elementsOf({ ...x, layout: Layout.contiguous([length]) });
  for (let i = 0; i < length; i++) {
    const bits = BigInt(random.below(2 ** 24)) * BigInt(random.below(2 ** 24)) * 65537n;
    all.store(i, dtype.isFloatingPoint ? random.next() * 2 - 1 : bits);
  }
  return x;
}

/** Random strides for a shape: dimensions in any order, with gaps, backwards, and for inputs also broadcast or overlapping. */
function anyLayout(random: Random, shape: readonly number[], role: "input" | "output"): Layout {
  const order = shape.map((_, d) => d).reverse();
  if (random.chance(0.5)) order.sort(() => random.next() - 0.5);
  const strides = new Array<number>(shape.length).fill(1);
  let next = 1;
  let offset = random.below(3);
  for (const d of order) {
    if (role === "input" && random.chance(0.1)) {
      strides[d] = 0;
      continue;
    }
    let stride = random.chance(0.2) ? next + 1 + random.below(3) : next;
    if (role === "input" && next > 1 && random.chance(0.1)) stride = random.below(next) + 1;
    next = Math.max(next, stride * Math.max(shape[d]!, 1));
    strides[d] = stride;
    if (!random.chance(0.15)) continue;
    strides[d] = -stride;
    offset += Math.max(shape[d]! - 1, 0) * stride;
  }
  return new Layout(shape, strides, offset);
}

interface Case {
  readonly a: Operand;
  readonly b: Operand;
  readonly out: Operand;
  readonly dims: ContractDims;
  readonly compute: ComputeType;
  readonly more?: readonly Operand[];
  readonly scalars?: readonly number[];
  /** The output's value, and the same in doubles. */
  readonly value?: Expr;
  readonly finish?: (sum: number, ...more: number[]) => number;
}

const isFloat = (type: ComputeType): boolean => type === "f32" || type === "f64";

/** Runs a contraction and holds every element against a loop in float64 (integers in bigint); nothing beside the output may change. */
function check({ a, b, out, dims, compute, more = [], scalars = [], value = state(0, compute), finish = (sum) => sum }: Case): void {
  const shape = out.layout.shape;
  const rows = numel(shape.slice(dims.batch, dims.batch + dims.m));
  const columns = numel(shape.slice(dims.batch + dims.m));
  const steps = numel(a.layout.shape.slice(dims.batch + dims.m));
  const wide = isFloat(compute) ? "f64" : compute;
  const [x, y, ...further] = [a, b, ...more].map((o) => {
    const elements = elementsOf(o);
    return Array.from({ length: elements.length }, (_, i) => elements.load(i, wide));
  }) as [Value[], Value[], ...Value[][]];
  const result = elementsOf(out);
  const expected: Value[] = [];
  const sizes: number[] = [];
  for (let i = 0; i < out.layout.numel; i++) {
    const row = Math.floor(i / columns) * steps;
    const column = Math.floor(i / (rows * columns)) * steps * columns + (i % columns);
    const others = further.map((o) => o[i]!);
    if (isFloat(compute)) {
      const [p, q] = [x, y] as number[][];
      let sum = 0;
      let size = 0;
      for (let k = 0; k < steps; k++) {
        const term = p![row + k]! * q![column + k * columns]!;
        sum += term;
        size += Math.abs(term);
      }
      expected.push(finish(sum, ...(others as number[])));
      sizes.push(others.reduce<number>((s, o) => s + Math.abs(Number(o)), size));
    } else {
      let sum = 0n;
      for (let k = 0; k < steps; k++) sum += (x[row + k] as bigint) * (y[column + k * columns] as bigint);
      expected.push(others.reduce<bigint>((s, o) => s + (o as bigint), sum));
    }
  }
  const length = extent(out.layout) + 3;
  const whole = elementsOf({ ...out, layout: Layout.contiguous([length]) });
  const before = Array.from({ length }, (_, i) => whole.raw(i));
  const kernel = contract({
    kind: "contract",
    inputs: [a, b, ...more].map((o) => o.dtype),
    compiled: [],
    compute,
    output: { dtype: out.dtype, value },
  });
  kernel.run([a, b, ...more], [out], { dims, scalars });

  const after = elementsOf(out);
  const describeCase = (): string =>
    JSON.stringify({
      dims,
      a: [a.layout.shape, a.layout.strides],
      b: [b.layout.shape, b.layout.strides],
      out: out.layout.strides,
      more: more.map((o) => o.layout.strides),
    });
  for (let i = 0; i < expected.length; i++) {
    const got = after.load(i, wide);
    const want = expected[i]!;
    if (typeof want === "bigint") {
      // Stored and read again, so that it wraps to the output's width.
      result.store(i, want);
      if (got !== result.load(i, wide)) expect.fail(`element ${i} is ${got}, not ${want}: ${describeCase()}`);
    } else {
      const unit = { float16: 2 ** -11, bfloat16: 2 ** -8, float64: 2 ** -53 }[out.dtype.name as string] ?? 2 ** -24;
      const bound = (compute === "f32" ? 2 ** -24 : 2 ** -53) * (steps + 4) * sizes[i]! * 1.5 + unit * 1.5 * Math.abs(want) + 1e-30;
      if (!(Math.abs((got as number) - want) <= bound)) expect.fail(`element ${i} is ${got}, not ${want}: ${describeCase()}`);
    }
  }
  const places = new Set(result.places);
  const now = elementsOf({ ...out, layout: Layout.contiguous([length]) });
  for (let i = 0; i < length; i++)
    if (!places.has(i) && !Object.is(now.raw(i), before[i])) expect.fail(`wrote beside the output: ${describeCase()}`);
}

/** A contraction over random layouts of given groups. */
function groups(random: Random, dtype: DType, sizes: { batch?: number[]; m?: number[]; n?: number[]; k?: number[] }): Case {
  const { batch = [], m = [], n = [], k = [] } = sizes;
  return {
    a: operand(random, dtype, anyLayout(random, [...batch, ...m, ...k], "input")),
    b: operand(random, dtype, anyLayout(random, [...batch, ...k, ...n], "input")),
    out: operand(random, dtype, anyLayout(random, [...batch, ...m, ...n], "output")),
    dims: { batch: batch.length, m: m.length, n: n.length, k: k.length },
    compute: dtype.compute,
  };
}

/** A plain matrix product of contiguous operands, or of transposed ones. */
function matrices(random: Random, dtype: DType, m: number, n: number, k: number, aT = false, bT = false, outT = false): Case {
  const plane = (rows: number, columns: number, transposed: boolean): Layout =>
    new Layout([rows, columns], transposed ? [1, rows] : [columns, 1], 0);
  return {
    a: operand(random, dtype, plane(m, k, aT)),
    b: operand(random, dtype, plane(k, n, bT)),
    out: operand(random, dtype, plane(m, n, outT)),
    dims: { batch: 0, m: 1, n: 1, k: 1 },
    compute: dtype.compute,
  };
}

const sum = state(0, "f32");
const addend = arg(2, "f32");

/** Ways to compute: by kernels with or without relaxed SIMD, and with every product that it can do given to the system's library. */
const ways = [
  ...(hasRelaxedMadd ? [{ way: "relaxed SIMD", relaxed: true, library: false }] : []),
  { way: "plain SIMD", relaxed: false, library: false },
  ...(blasLibrary() !== null ? [{ way: "the system's BLAS", relaxed: hasRelaxedMadd, library: true }] : []),
];

describe.each(ways)("contract, $way", ({ relaxed, library }) => {
  const run = (name: string, body: (random: Random) => void): void =>
    test(name, { timeout: 60_000 }, () => {
      const before = setRelaxedMadd(relaxed);
      const [enabled, all] = [setBlasEnabled(library), setBlasForAll(library)];
      try {
        body(randomOf(7));
      } finally {
        setRelaxedMadd(before);
        setBlasEnabled(enabled);
        setBlasForAll(all);
        release();
      }
    });

  run("random groups, strides and dtypes", (random) => {
    for (let i = 0; i < 800; i++) {
      const group = (): number[] => {
        const dims = random.below(3);
        return Array.from({ length: dims }, () => (random.chance(0.03) ? 0 : 1 + random.below(dims === 1 ? 12 : 4)));
      };
      const dtype = random.one([float32, float32, float64, int32, int64]);
      const c = groups(random, dtype, { batch: group(), m: group(), n: group(), k: group() });
      const start = random.one(["none", "own", "other", "row"] as const);
      const value = add(state(0, dtype.compute), arg(2, dtype.compute));
      const layout = anyLayout(random, c.out.layout.shape, "input");
      const along = layout.strides.map((s, d) => (d < c.dims.batch + c.dims.m ? Math.abs(s) : 0));
      const other = start === "own" ? c.out : operand(random, dtype, start === "row" ? new Layout(layout.shape, along, 0) : layout);
      check(start === "none" ? c : { ...c, more: [other], value, finish: (s, o) => s + o! });
      release();
    }
  });

  run("every size from 1 to 20", (random) => {
    for (let m = 1; m <= 20; m++) {
      for (let n = 1; n <= 20; n++) {
        const k = 1 + random.below(20);
        check(matrices(random, random.one([float32, float64, int64]), m, n, k, random.chance(0.5), random.chance(0.5), random.chance(0.3)));
        release();
      }
    }
  });

  run("sizes around the edges of tiles and blocks, transposed or not", (random) => {
    for (const aT of [false, true]) {
      for (const bT of [false, true]) {
        for (let i = 0; i < 12; i++) {
          check(matrices(random, float32, 60 + random.below(71), 60 + random.below(71), 60 + random.below(71), aT, bT, i % 4 === 3));
        }
        release();
      }
    }
    check(matrices(random, float32, 135, 70, 300));
    check(matrices(random, float32, 5, 1100, 260));
    check(matrices(random, float64, 131, 67, 259, true, true));
    release();
  });

  run("columns behind those that were swept, at the end of a whole block", (random) => {
    const { threads } = pool;
    pool.threads = 1;
    const allocate = vi.spyOn(heap, "allocate");
    const space = new Workspace();
    const own = allocate.mock.results[0]!.value as Block;
    allocate.mockRestore();
    blocks.push(own);
    for (const [dtype, size, type, block, k] of [
      [float32, 4, "f32", 1024, 384],
      [float64, 8, "f64", 512, 192],
    ] as const) {
      for (let n = block - 16 / size + 1; n < block; n++) {
        const { a, b, out, dims } = matrices(random, dtype, 13, n, k);
        const at = (x: Operand): number => x.storage.block.offset;
        const before = heap.u8.slice();
        const problem = problemOf(a.layout, b.layout, out.layout, null, dims);
        multiply(problem, { a: at(a), b: at(b), c: at(out), d: 0 }, size, false, space, blockFunction(type, relaxed));
        // What lies behind the workspace is somebody's.
        for (const { offset, size: bytes } of [own, out.storage.block]) before.set(heap.u8.subarray(offset, offset + bytes), offset);
        expect(Buffer.compare(before, heap.u8)).toBe(0);
      }
    }
    pool.threads = threads;
    check(matrices(random, float32, 13, 1023, 400));
  });

  run("pairs of panels, panels alone and columns in runs that end within a panel", (random) => {
    for (const dtype of [float32, float64, int32, int64]) {
      for (const n of [8, 15, 16, 17, 24, 33, 48, 63]) check(matrices(random, dtype, 37, n, 50));
      // Several blocks of rows and of steps.
      if (isFloat(dtype.compute)) {
        check(matrices(random, dtype, 133, 40, 70));
        check(matrices(random, dtype, 260, 24, 30, true));
        check(matrices(random, dtype, 33, 36, 800));
      }
      release();
      for (const [outer, inner] of [
        [5, 12],
        [3, 28],
        [4, 16],
        [9, 7],
      ] as const) {
        // Columns in runs of `inner`, then a gap.
        const [m, k, row] = [34, 9, inner + 3];
        check({
          a: operand(random, dtype, Layout.contiguous([m, k])),
          b: operand(random, dtype, new Layout([k, outer, inner], [outer * row, row, 1], 1)),
          out: operand(random, dtype, Layout.contiguous([m, outer, inner])),
          dims: { batch: 0, m: 1, n: 2, k: 1 },
          compute: dtype.compute,
        });
        // Interleaved: the last column of 8 or 16 lies where it would lie in a run.
        check({
          a: operand(random, dtype, Layout.contiguous([m, k])),
          b: operand(random, dtype, new Layout([k, 6, 2, 8], [96, 16, 1, 2], 0)),
          out: operand(random, dtype, Layout.contiguous([m, 6, 2, 8])),
          dims: { batch: 0, m: 1, n: 3, k: 1 },
          compute: dtype.compute,
        });
        release();
      }
    }
  });

  run("more rows, columns or steps than one table holds", (random) => {
    for (const [m, n, k] of [
      [20_001, 3, 2],
      [3, 20_001, 2],
      [3, 2, 40_003],
      [9, 9, 17_000],
    ] as const) {
      check(matrices(random, float32, m, n, k));
      check(matrices(random, float32, m, n, k, true, true, true));
      release();
    }
    check({ ...groups(random, float32, { m: [2], n: [130, 140], k: [3] }) });
    check({ ...groups(random, float64, { m: [2], n: [3], k: [130, 140] }) });
  });

  run("vectors: matrix times vector, vector times matrix, dot and outer products", (random) => {
    for (const transposed of [false, true]) {
      for (const [m, n, k] of [
        [1, 300, 40],
        [300, 1, 40],
        [1, 1, 1000],
        [50, 60, 1],
        [1, 5, 700],
        [2, 33, 65],
        [1, 1, 1],
      ] as const) {
        for (const dtype of [float32, float64, int64]) {
          check(matrices(random, dtype, m, n, k, transposed, transposed));
          check(matrices(random, dtype, m, n, k, !transposed, transposed));
        }
        release();
      }
    }
    check(groups(random, float32, { k: [30] }));
    check(groups(random, float32, { m: [30] }));
    check(groups(random, float32, {}));
  });

  run("batches, also with operands that some of them share", (random) => {
    const matrix = (shape: number[], zeros: readonly number[]): Layout => {
      const layout = Layout.contiguous(shape);
      return new Layout(
        shape,
        layout.strides.map((s, d) => (zeros.includes(d) ? 0 : s)),
        0,
      );
    };
    for (const [zerosA, zerosB] of [
      [[], []],
      [[0], []],
      [[], [0]],
      [[0], [1]],
      [[0, 1], []],
      [
        [0, 1],
        [0, 1],
      ],
    ] as const) {
      for (const [m, n, k] of [
        [4, 4, 4],
        [17, 9, 5],
        [32, 32, 32],
        [1, 20, 20],
      ] as const) {
        check({
          a: operand(random, float32, matrix([3, 2, m, k], zerosA)),
          b: operand(random, float32, matrix([3, 2, k, n], zerosB)),
          out: operand(random, float32, Layout.contiguous([3, 2, m, n])),
          dims: { batch: 2, m: 1, n: 1, k: 1 },
          compute: "f32",
        });
        release();
      }
    }
  });

  run("without steps the sum is zero; without elements nothing happens", (random) => {
    for (const value of [sum, add(sum, addend), max(add(sum, addend), 0)]) {
      const finish = (s: number, o?: number): number => (value === sum ? s : value.prim === "add" ? s + o! : Math.max(s + o!, 0));
      for (const sizes of [
        { m: [3], n: [5], k: [0] },
        { m: [0], n: [5], k: [2] },
        { batch: [0], m: [2], n: [5], k: [2] },
        { m: [9], n: [40], k: [4, 0] },
      ]) {
        const c = groups(random, float32, sizes);
        const more = value === sum ? [] : [operand(random, float32, anyLayout(random, c.out.layout.shape, "input"))];
        check({ ...c, more, value, finish });
      }
    }
  });

  run("values: bias, accumulation, and any other expression", (random) => {
    const values: [Expr, (sum: number, ...more: number[]) => number][] = [
      [add(sum, addend), (s, o) => s + o!],
      [add(addend, sum), (s, o) => s + o!],
      [max(add(sum, addend), 0), (s, o) => Math.max(s + o!, 0)],
      [mul(sum, 3), (s) => 3 * s],
      [add(mul(sum, scalar(0, "f32")), mul(addend, scalar(1, "f32"))), (s, o) => s * 0.5 + o! * -2],
      [mul(add(sum, addend), arg(3, "f32")), (s, o, p) => (s + o!) * p!],
    ];
    for (const [m, n, k] of [
      [3, 5, 7],
      [33, 50, 20],
      [64, 10, 128],
      [70, 90, 40],
    ] as const) {
      for (const [value, finish] of values) {
        for (const strides of [
          [0, 1],
          [1, 0],
          [0, 0],
          [n, 1],
          [1, m],
        ]) {
          const c = matrices(random, float32, m, n, k, false, random.chance(0.5), random.chance(0.3));
          const count = value.prim === "mul" && value.src[1]!.prim === "arg" ? 2 : value === mul(sum, 3) ? 0 : 1;
          const more = Array.from({ length: count }, () => operand(random, float32, new Layout([m, n], strides, 0)));
          check({ ...c, value, finish, more, scalars: [0.5, -2] });
          if (count === 1) check({ ...c, value, finish, more: [c.out], scalars: [0.5, -2] });
        }
        release();
      }
    }
    // The addend is the output seen transposed: it must be read before it is written over.
    for (const n of [6, 40]) {
      const c = matrices(random, float32, n, n, 11);
      const turned: Operand = { ...c.out, layout: new Layout([n, n], [1, n], 0) };
      check({ ...c, value: add(sum, addend), finish: (s, o) => s + o!, more: [turned] });
      const shifted: Operand = { ...c.out, layout: new Layout([n, n], [n, 0], n - 1) };
      check({ ...c, value: add(sum, addend), finish: (s, o) => s + o!, more: [shifted] });
    }
  });

  run("other dtypes for inputs and output", (random) => {
    for (const [x, y, compute, to] of [
      [float16, float16, "f32", float16],
      [bfloat16, bfloat16, "f32", bfloat16],
      [float16, float32, "f32", float32],
      [float32, float32, "f32", bfloat16],
      [float32, float32, "f64", float64],
      [float64, float32, "f64", float32],
      [uint8, uint8, "i32", uint8],
      [int8, int8, "i32", int8],
      [int16, int16, "i32", int16],
      [uint8, int32, "i64", int64],
    ] as const) {
      for (const [m, n, k] of [
        [3, 4, 5],
        [20, 17, 33],
      ]) {
        const c = groups(random, float32, { m: [m!], n: [n!], k: [k!] });
        const as = (o: Operand, dtype: DType): Operand => operand(random, dtype, o.layout);
        check({ ...c, a: as(c.a, x), b: as(c.b, y), out: as(c.out, to), compute });
        release();
      }
    }
  });

  run("columns that pass by all rows in stretches, with every way to start", (random) => {
    for (const dtype of [float32, float64, int32, int64]) {
      const { compute } = dtype;
      for (const [m, images, high, wide, k] of [
        [1, 2, 4, 12, 40],
        [5, 3, 20, 28, 9],
        [6, 2, 18, 32, 31],
        [7, 1, 1, 37, 9],
        [35, 2, 3, 8, 5],
        [4, 2, 1, 60, 0],
      ] as const) {
        const [row, out] = [wide + 4, [images, m, high, wide]];
        const columns = new Layout([images, k, high, wide], [high * row + 8, 1, row, 1], 2);
        const starts: readonly (Layout | null)[] = [
          null,
          new Layout(out, [0, 1, 0, 0], 0),
          Layout.contiguous(out),
          new Layout(out, [0, 0, 0, 1], 0),
        ];
        for (const start of starts) {
          check({
            a: operand(random, dtype, new Layout([images, m, k], [0, k, 1], 0)),
            b: operand(random, dtype, columns),
            out: operand(random, dtype, Layout.contiguous(out)),
            dims: { batch: 1, m: 1, n: 2, k: 1 },
            compute,
            ...(start === null
              ? {}
              : {
                  value: add(state(0, compute), arg(2, compute)),
                  finish: (s: number, o: number) => s + o,
                  more: [operand(random, dtype, start)],
                }),
          });
        }
        release();
      }
    }
  });

  run("dot products of every length", (random) => {
    for (const dtype of [float32, float64, int32, int64]) {
      const { compute } = dtype;
      for (const k of [...Array.from({ length: 41 }, (_, i) => i), 511, 512, 513, 1030, 4099]) {
        const [m, n] = random.chance(0.5) ? [1 + random.below(14), 1 + random.below(5)] : [1 + random.below(5), 1 + random.below(14)];
        const shape = [m, n];
        const start = random.one([null, new Layout(shape, [1, 0], 0), new Layout(shape, [0, 1], 0), Layout.contiguous(shape)]);
        check({
          ...matrices(random, dtype, m, n, k, false, true, random.chance(0.5)),
          ...(start === null
            ? {}
            : {
                value: add(state(0, compute), arg(2, compute)),
                finish: (s: number, o: number) => s + o,
                more: [operand(random, dtype, start)],
              }),
        });
        // Runs of 12 steps with gaps.
        const runs = Math.ceil(k / 12);
        check({
          a: operand(random, dtype, new Layout([m, runs, 12], [runs * 13, 13, 1], 0)),
          b: operand(random, dtype, new Layout([runs, 12, n], [15, 1, 1], 1)),
          out: operand(random, dtype, Layout.contiguous(shape)),
          dims: { batch: 0, m: 1, n: 1, k: 2 },
          compute,
        });
        release();
      }
    }
  });

  run("convolutions as contractions of window views", (random) => {
    for (const [images, inner, outer, size, window, stride] of [
      [3, 2, 5, 12, 5, 1],
      [2, 1, 8, 28, 5, 1],
      [2, 3, 4, 9, 3, 2],
      [1, 4, 1, 7, 3, 1],
      [5, 8, 16, 12, 5, 1],
      [2, 3, 20, 10, 2, 1],
    ] as const) {
      const out = Math.floor((size - window) / stride) + 1;
      const [plane, weights] = [size * size, window * window];
      const image = operand(random, float32, Layout.contiguous([images, inner, size, size]));
      const weight = operand(random, float32, Layout.contiguous([outer, inner, window, window]));
      const grad = operand(random, float32, Layout.contiguous([images, outer, out, out]));
      const of = (o: Operand, shape: number[], strides: number[], offset = 0): Operand => ({
        ...o,
        layout: new Layout(shape, strides, offset),
      });
      const bias = operand(random, float32, new Layout([images, outer, out, out], [0, 1, 0, 0], 0));
      // Forward: n = the places of the output, k = (input channel, row and column in the window).
      check({
        a: of(weight, [images, outer, inner, window, window], [0, inner * weights, weights, window, 1]),
        b: of(image, [images, inner, window, window, out, out], [inner * plane, plane, size, 1, size * stride, stride]),
        out: operand(random, float32, Layout.contiguous([images, outer, out, out])),
        dims: { batch: 1, m: 1, n: 2, k: 3 },
        compute: "f32",
        value: add(sum, addend),
        finish: (s, o) => s + o!,
        more: [bias],
      });
      // Gradient of the weight: k = (image, row and column of the output).
      check({
        a: of(grad, [outer, images, out, out], [out * out, outer * out * out, out, 1]),
        b: of(image, [images, out, out, inner, window, window], [inner * plane, size * stride, stride, plane, size, 1]),
        out: operand(random, float32, Layout.contiguous([outer, inner, window, window])),
        dims: { batch: 0, m: 1, n: 3, k: 3 },
        compute: "f32",
      });
      // Gradient of the input: windows of the padded gradient with the weight turned round.
      const padded = size + window - 1;
      const wide = operand(random, float32, Layout.contiguous([images, outer, padded, padded]));
      check({
        a: of(weight, [images, inner, outer, window, window], [0, weights, inner * weights, -window, -1], weights - 1),
        b: of(wide, [images, outer, window, window, size, size], [outer * padded ** 2, padded ** 2, padded, 1, padded, 1]),
        out: operand(random, float32, Layout.contiguous([images, inner, size, size])),
        dims: { batch: 1, m: 1, n: 2, k: 3 },
        compute: "f32",
      });
      release();
    }
  });

  run("depthwise convolutions: the channels are batches", (random) => {
    const [images, channels, size, window] = [2, 6, 11, 3];
    const out = size - window + 1;
    const image = operand(random, float32, Layout.contiguous([images, channels, size, size]));
    const weight = operand(random, float32, Layout.contiguous([channels, window, window]));
    check({
      a: { ...weight, layout: new Layout([images, channels, window, window], [0, window * window, window, 1], 0) },
      b: {
        ...image,
        layout: new Layout([images, channels, window, window, out, out], [channels * size * size, size * size, size, 1, size, 1], 0),
      },
      out: operand(random, float32, Layout.contiguous([images, channels, out, out])),
      dims: { batch: 2, m: 0, n: 2, k: 2 },
      compute: "f32",
    });
  });

  run("not-a-numbers and infinities stay where they belong", (random) => {
    for (const [m, n, k] of [
      [5, 6, 3],
      [40, 41, 42],
      [1, 50, 9],
      [30, 3, 9],
    ] as const) {
      for (const [aT, bT] of [
        [false, false],
        [true, true],
        [false, true],
      ]) {
        const c = matrices(random, float32, m, n, k, aT, bT);
        const a = elementsOf(c.a);
        const b = elementsOf(c.b);
        // Row 0 of a holds NaN and column 0 of b an infinity: all else stays finite.
        for (let q = 0; q < k; q++) a.store(q, Number.NaN);
        b.store(0, Number.POSITIVE_INFINITY);
        const kernel = contract({
          kind: "contract",
          inputs: [float32, float32],
          compiled: [],
          compute: "f32",
          output: { dtype: float32, value: sum },
        });
        kernel.run([c.a, c.b], [c.out], { dims: c.dims });
        const out = elementsOf(c.out);
        for (let i = 0; i < m * n; i++) {
          const got = Number(out.load(i, "f64"));
          if (i < n) expect(got).toBeNaN();
          else expect(Number.isFinite(got), `element ${i} of ${m}x${n}: ${got}`).toBe(i % n !== 0);
        }
      }
    }
    release();
  });
});

test("a cast value goes through the general path", () => {
  const random = randomOf(3);
  const c = matrices(random, float32, 6, 7, 8);
  const out = operand(random, int32, c.out.layout);
  const kernel = contract({
    kind: "contract",
    inputs: [float32, float32],
    compiled: [],
    compute: "f32",
    output: { dtype: int32, value: cast(mul(sum, 100), int32) },
  });
  kernel.run([c.a, c.b], [out], { dims: c.dims });
  const plain = contract({
    kind: "contract",
    inputs: [float32, float32],
    compiled: [],
    compute: "f32",
    output: { dtype: float32, value: sum },
  });
  plain.run([c.a, c.b], [c.out], { dims: c.dims });
  for (let i = 0; i < 42; i++) {
    const single = Math.fround(Math.fround(Number(elementsOf(c.out).load(i, "f64"))) * 100);
    expect(elementsOf(out).load(i, "i32")).toBe(BigInt(Math.trunc(single)));
  }
  release();
});
