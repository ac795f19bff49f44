import { describe, expect, test } from "vitest";
import { bool, type DType, dtypes, float16, float32, float64, int32, int64, uint8 } from "../../src/core/dtype.ts";
import { extent, indices, Layout, numel, permute, slice } from "../../src/core/layout.ts";
import { Generator } from "../../src/core/random/generator.ts";
import * as e from "../../src/kernel/expr.ts";
import type { Compiled, Indexed } from "../../src/kernel/kernel.ts";
import { backend, contiguous as c, put, storage, values } from "./cpu-operands.ts";
import { type Operand, spec, type Value } from "./operands.ts";

/** Numbers that every dtype holds, different from place to place. */
const counting = (dtype: DType, n: number): Value[] =>
  Array.from({ length: n }, (_, k) => (dtype === int64 ? BigInt(k) + 2n ** 50n : dtype === bool ? (k >> 1) % 2 : k % 128));

describe("copy", () => {
  const matrix = (rows: number, columns: number): [string, Layout, Layout] => [
    `${rows} x ${columns} turned`,
    permute(c([columns, rows]), [1, 0]),
    c([rows, columns]),
  ];
  const cases: [string, Layout, Layout][] = [
    ["contiguous", c([33], 1), c([33], 3)],
    ["shorter rows", slice(c([7, 40]), 1, 3, 29), c([7, 29])],
    ["into longer rows", c([7, 3]), slice(c([7, 9]), 1, 5, 3)],
    ["long rows", slice(c([3, 700]), 1, 3, 650), c([3, 650])],
    ["every other element", slice(c([50]), 0, 1, 24, 2), c([24])],
    ["into every other element", c([24]), slice(c([50]), 0, 1, 24, 2)],
    ["one number everywhere", new Layout([5, 7], [0, 0], 3), c([5, 7])],
    ["columns repeated", new Layout([6, 37], [1, 0], 0), c([6, 37])],
    ["rows repeated", new Layout([6, 37], [0, 1], 0), c([6, 37])],
    ...[
      [1, 1],
      [2, 3],
      [4, 4],
      [16, 16],
      [17, 5],
      [5, 17],
      [19, 35],
      [64, 64],
      [33, 100],
      [100, 33],
    ].map(([r, k]) => matrix(r!, k!)),
    ["into a transpose", c([37, 21]), permute(c([21, 37], 2), [1, 0])],
    ["channels last", permute(c([2, 5, 6, 7]), [0, 2, 3, 1]), c([2, 6, 7, 5])],
    ["channels first", permute(c([2, 18, 5, 20]), [0, 3, 1, 2]), c([2, 20, 18, 5])],
    ["dimensions in reverse", permute(c([4, 17, 3, 19]), [3, 2, 1, 0]), c([19, 3, 17, 4])],
    ["a number", c([], 2), c([])],
    ["nothing", c([0, 4]), c([0, 4])],
    ["windows", new Layout([2, 5, 6, 3, 3], [56, 8, 1, 8, 1], 0), c([2, 5, 6, 3, 3])],
  ];
  describe.each(dtypes.map((d) => [d.name, d] as const))("%s", (_, dtype) => {
    const compiled = backend.compile({ kind: "copy", inputs: [dtype], compiled: [] });
    test.each(cases)("%s", (_, from, to) => {
      const source = counting(dtype, extent(from));
      const a = put({ dtype, layout: from, storage: source });
      const before = new Array<Value>(extent(to) + 4).fill(dtype === int64 ? 77n : dtype === bool ? 1 : 77);
      const b = put({ dtype, layout: to, storage: before });
      compiled.run([a], [b], {});
      const at = [...indices(from)];
      [...indices(to)].forEach((place, k) => {
        before[place] = source[at[k]!]!;
      });
      expect(storage(b, before.length)).toEqual(before);
    });
  });
});

describe("scan", () => {
  const cumsum = backend.compile({
    kind: "scan",
    inputs: [float32],
    init: [e.constant(0, "f64")],
    lift: [e.arg(0, "f64")],
    combine: [e.add(e.state(0, "f64"), e.state(1, "f64"))],
    outputs: [{ dtype: float32, value: e.cast(e.state(0, "f64"), float32) }],
    compiled: [],
  });
  const later = e.ge(e.state(2, "f32"), e.state(0, "f32"));
  const cummax = backend.compile({
    kind: "scan",
    inputs: [float32],
    init: [e.constant(Number.NEGATIVE_INFINITY, "f32"), e.constant(0, "i64")],
    lift: [e.arg(0, "f32"), e.position],
    combine: [e.select(later, e.state(2, "f32"), e.state(0, "f32")), e.select(later, e.state(3, "i64"), e.state(1, "i64"))],
    outputs: [
      { dtype: float32, value: e.state(0, "f32") },
      { dtype: int64, value: e.state(1, "i64") },
    ],
    compiled: [],
  });
  test.each([
    ["a row", c([20])],
    ["rows", c([4, 9])],
    ["columns", permute(c([9, 4]), [1, 0])],
    ["every other element", slice(c([3, 21]), 1, 1, 10, 2)],
    ["three dimensions", permute(c([3, 4, 5]), [2, 0, 1])],
    ["a number", c([])],
    ["nothing", c([3, 0])],
  ] as const)("%s", (_, layout) => {
    const n = extent(layout);
    const contents = Array.from({ length: n }, (_, k) => ((k * 37) % 19) - 9);
    const length = layout.shape.at(-1) ?? 1;
    const list = [...indices(layout)].map((k) => contents[k]!);
    const a = put({ dtype: float32, layout, storage: contents });
    const [top, place] = [
      put({ dtype: float32, layout, storage: contents.map(() => 0) }),
      put({ dtype: int64, layout: c([...layout.shape]), storage: list.map(() => 0n) }),
    ];
    cummax.run([a], [top, place], {});
    cumsum.run([a], [a], {});
    const wantSum: number[] = [];
    const wantTop: number[] = [];
    const wantPlace: bigint[] = [];
    list.forEach((v, k) => {
      const first = k % length === 0;
      wantSum.push(first ? v : wantSum[k - 1]! + v);
      wantTop.push(first || v >= wantTop[k - 1]! ? v : wantTop[k - 1]!);
      wantPlace.push(first || v >= wantTop[k - 1]! ? BigInt(k % length) : wantPlace[k - 1]!);
    });
    expect(values(a)).toEqual(wantSum);
    expect(values(top)).toEqual(wantTop);
    expect(values(place)).toEqual(wantPlace);
  });
});

class BadIndex extends Error {
  readonly index: number;
  readonly which: number;
  constructor(index: number, which: number) {
    super(`index ${index} of operand ${which}`);
    this.index = index;
    this.which = which;
  }
}
const fault = (index: number, which: number): Error => new BadIndex(index, which);

/** Walks through a looked-up access: calls `visit` with the number of the element and its place in the looked-up storage. */
function lookUp(
  base: Layout,
  indexLayouts: readonly Layout[],
  contents: readonly (readonly bigint[])[],
  indexed: readonly Indexed[],
  visit: (k: number, place: number) => void,
): void {
  const at = indexLayouts.map((l) => [...indices(l)]);
  [...indices(base)].forEach((p, k) => {
    let place = p;
    indexed.forEach(({ size, stride }, j) => {
      const index = Number(contents[j]![at[j]![k]!]!);
      place += (index < 0 ? index + size : index) * stride;
    });
    visit(k, place);
  });
}

/** Looked-up accesses: layout of the looked-up operand, of the indices, of the other side, and the looked-up dimensions. */
interface Lookups {
  readonly name: string;
  readonly base: Layout;
  readonly indices: readonly Layout[];
  readonly other: Layout;
  readonly indexed: readonly Indexed[];
}
const lookups: readonly Lookups[] = [
  {
    name: "rows",
    base: new Layout([7, 19], [0, 1], 0),
    indices: [new Layout([7, 19], [1, 0], 0)],
    other: c([7, 19]),
    indexed: [{ size: 5, stride: 19, wraps: true }],
  },
  {
    name: "long rows",
    base: new Layout([4, 300], [0, 1], 0),
    indices: [new Layout([4, 300], [1, 0], 2)],
    other: c([4, 300], 1),
    indexed: [{ size: 5, stride: 300, wraps: true }],
  },
  {
    name: "columns",
    base: new Layout([6, 9], [7, 0], 0),
    indices: [new Layout([6, 9], [0, 1], 0)],
    other: c([6, 9]),
    indexed: [{ size: 7, stride: 1, wraps: true }],
  },
  {
    name: "single elements",
    base: new Layout([8], [0], 0),
    indices: [c([8])],
    other: c([8]),
    indexed: [{ size: 9, stride: 3, wraps: true }],
  },
  {
    name: "one of each row",
    base: new Layout([8], [10], 1),
    indices: [c([8])],
    other: c([8]),
    indexed: [{ size: 9, stride: 1, wraps: true }],
  },
  {
    name: "elements of two dimensions",
    base: new Layout([3, 5], [0, 0], 0),
    indices: [c([3, 5]), new Layout([3, 5], [0, 1], 0)],
    other: permute(c([5, 3]), [1, 0]),
    indexed: [
      { size: 4, stride: 6, wraps: true },
      { size: 6, stride: 1, wraps: true },
    ],
  },
  {
    name: "rows of every other element",
    base: new Layout([4, 6], [0, 2], 1),
    indices: [new Layout([4, 6], [1, 0], 0)],
    other: slice(c([4, 18]), 1, 0, 6, 3),
    indexed: [{ size: 5, stride: 13, wraps: true }],
  },
  {
    name: "images of a batch",
    base: new Layout([3, 2, 4, 4], [0, 16, 4, 1], 0),
    indices: [new Layout([3, 2, 4, 4], [1, 0, 0, 0], 0)],
    other: permute(c([2, 3, 4, 4]), [1, 0, 2, 3]),
    indexed: [{ size: 6, stride: 32, wraps: true }],
  },
  {
    name: "one index for all",
    base: new Layout([9], [1], 0),
    indices: [new Layout([9], [0], 1)],
    other: c([9]),
    indexed: [{ size: 3, stride: 9, wraps: true }],
  },
  { name: "a number", base: new Layout([], [], 0), indices: [c([])], other: c([]), indexed: [{ size: 4, stride: 1, wraps: true }] },
  {
    name: "nothing",
    base: new Layout([0, 3], [0, 1], 0),
    indices: [new Layout([0, 3], [1, 0], 0)],
    other: c([0, 3]),
    indexed: [{ size: 4, stride: 3, wraps: true }],
  },
];

/** Valid indices, half of them negative, with repetitions. */
const someIndices = (l: Layout, size: number): bigint[] =>
  Array.from({ length: extent(l) + 1 }, (_, k) => BigInt(((k * 5 + 3) % size) - (k % 2 === 0 ? size : 0)));

describe.each(lookups.map((l) => [l.name, l] as const))("looked up: %s", (_, { base, indices: indexLayouts, other, indexed }) => {
  const contents = indexLayouts.map((l, j) => someIndices(l, indexed[j]!.size));
  const reach =
    base.offset +
    base.shape.reduce((r, s, d) => r + Math.max(s - 1, 0) * base.strides[d]!, 0) +
    indexed.reduce((r, { size, stride }) => r + (size - 1) * stride, 0) +
    1;
  const indexOperands = (): Operand[] => indexLayouts.map((layout, j) => put({ dtype: int64, layout, storage: contents[j]! }));

  test.each([float32, float16, bool, int64])("gather %s", (dtype) => {
    const gather = backend.compile({ kind: "gather", inputs: [dtype, ...indexLayouts.map(() => int64)], compiled: [] });
    const source = counting(dtype, reach);
    const before = new Array<Value>(extent(other) + 3).fill(dtype === int64 ? 5n : 1);
    const out = put({ dtype, layout: other, storage: before });
    gather.run([put({ dtype, layout: base, storage: source }), ...indexOperands()], [out], { indexed, fault });
    const places = [...indices(other)];
    lookUp(base, indexLayouts, contents, indexed, (k, place) => {
      before[places[k]!] = source[place]!;
    });
    expect(storage(out, before.length)).toEqual(before);
  });

  const combines: [string, DType, e.Expr | null, (old: number, now: number) => number][] = [
    ["the last one", float32, null, (_, now) => now],
    ["the last byte", uint8, null, (_, now) => now],
    ["a sum of float32", float32, e.add(e.state(0, "f32"), e.state(1, "f32")), (a, b) => a + b],
    ["a sum of float64", float64, e.add(e.state(0, "f64"), e.state(1, "f64")), (a, b) => a + b],
    ["a sum of float16", float16, e.add(e.state(0, "f32"), e.state(1, "f32")), (a, b) => a + b],
    ["the largest int32", int32, e.max(e.state(0, "i32"), e.state(1, "i32")), Math.max],
    ["a product of bytes", uint8, e.mul(e.state(0, "i32"), e.state(1, "i32")), (a, b) => (a * b) % 256],
  ];
  test.each(combines)("scatter %s", (_, dtype, combine, js) => {
    const scatter = backend.compile({ kind: "scatter", inputs: [dtype, ...indexLayouts.map(() => int64)], combine, compiled: [] });
    const added = Array.from({ length: extent(other) }, (_, k) => ((k * 7) % 11) + 1);
    const before: number[] = Array.from({ length: reach + 3 }, (_, k) => k % 5);
    const target = put({ dtype, layout: base, storage: before });
    scatter.run([put({ dtype, layout: other, storage: added }), ...indexOperands()], [target], { indexed, fault });
    const places = [...indices(other)];
    lookUp(base, indexLayouts, contents, indexed, (k, place) => {
      before[place] = js(before[place]!, added[places[k]!]!);
    });
    expect(storage(target, before.length)).toEqual(before);
  });

  if (numel(base.shape) > 0) {
    test("an index out of range is found before anything is written", () => {
      for (const bad of [indexed[indexed.length - 1]!.size, -indexed[indexed.length - 1]!.size - 1, 2 ** 40]) {
        const last = indexLayouts.length - 1;
        // The place of the last element that is looked up
        const place = [...indices(indexLayouts[last]!)].at(-1)!;
        const operands = indexLayouts.map((layout, j) =>
          put({ dtype: int64, layout, storage: j === last ? contents[j]!.with(place, BigInt(bad)) : contents[j]! }),
        );
        const gather = backend.compile({ kind: "gather", inputs: [float32, ...indexLayouts.map(() => int64)], compiled: [] });
        const scatter = backend.compile({
          kind: "scatter",
          inputs: [float32, ...indexLayouts.map(() => int64)],
          combine: null,
          compiled: [],
        });
        const [looked, moved] = [
          put({ dtype: float32, layout: base, storage: new Array(reach).fill(1) }),
          put({ dtype: float32, layout: other, storage: new Array(extent(other)).fill(2) }),
        ];
        for (const run of [
          () => gather.run([looked, ...operands], [moved], { indexed, fault }),
          () => scatter.run([moved, ...operands], [looked], { indexed, fault }),
        ]) {
          expect(run).toThrow(new BadIndex(bad, last));
        }
        expect(new Set(storage(looked, reach))).toEqual(new Set([1]));
        expect(new Set(storage(moved, extent(other)))).toEqual(new Set([2]));
      }
    });
  }
});

test("a scatter sums onto one element along a dimension that no index changes", () => {
  const scatter = backend.compile({
    kind: "scatter",
    inputs: [float32, int64],
    combine: e.add(e.state(0, "f32"), e.state(1, "f32")),
    compiled: [],
  });
  const target = put(spec(float32, [0, 0, 0]));
  const index = put({ dtype: int64, layout: new Layout([2, 9], [1, 0], 0), storage: [2n, 0n] });
  const added = put(
    spec(
      float32,
      Array.from({ length: 18 }, (_, k) => k),
      [2, 9],
    ),
  );
  scatter.run([added, index], [{ ...target, layout: new Layout([2, 9], [0, 0], 0) }], {
    indexed: [{ size: 3, stride: 1, wraps: true }],
    fault,
  });
  expect(values(target)).toEqual([117, 0, 36]);
});

describe("random", () => {
  const uniform = (dtype: DType): Compiled =>
    backend.compile({ kind: "random", inputs: [], distribution: "uniform", output: dtype, compiled: [] });
  test("the numbers that PyTorch draws after manual_seed(0)", () => {
    const out = put(spec(float32, [9, 0, 0, 0, 9], [3]));
    uniform(float32).run([], [{ ...out, layout: c([3], 1) }], { random: { generator: new Generator(0), parameters: [0, 1] } });
    expect(storage(out, 5)).toEqual([9, 0.49625658988952637, 0.7682217955589294, 0.08847743272781372, 9]);
  });
  test("half floats", () => {
    const out = put(spec(float16, new Array(500).fill(9)));
    uniform(float16).run([], [out], { random: { generator: new Generator(1), parameters: [0, 1] } });
    const list = values(out).map(Number);
    expect(Math.min(...list)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...list)).toBeLessThanOrEqual(1);
    expect(list.reduce((a, b) => a + b) / 500).toBeCloseTo(0.5, 1);
  });
});
