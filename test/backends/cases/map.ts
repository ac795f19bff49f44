import { bfloat16, bool, type DType, float16, float32, float64, int8, int16, int32, int64, uint8 } from "../../../src/core/dtype.ts";
import { Layout, permute, slice } from "../../../src/core/layout.ts";
import type { Expr } from "../../../src/kernel/expr.ts";
import * as x from "../../../src/kernel/expr.ts";
import type { MapKernel, Output } from "../../../src/kernel/kernel.ts";
import { type Prim, prims } from "../../../src/kernel/prims.ts";
import { arrangements } from "../arrangements.ts";
import { anything, type Case, Data, filled, type Run, type Sample, specials, type Tolerance } from "../case.ts";
import { type Spec, spec, type Value } from "../operands.ts";

type Leaf = "const" | "arg" | "scalar" | "state" | "position" | "cast" | "bitcast" | "select";
type Op = Exclude<Prim, Leaf>;

/** What is special about a primitive. */
interface Traits {
  /** dtypes on which it has a meaning. */
  readonly on: readonly DType[];
  /** Of float results; 0 where absent: exact. */
  readonly ulp?: number;
  readonly signedZero?: boolean;
  /** Samples for float operands where the ordinary ones are too large or too small to say much. */
  readonly domain?: readonly [low: number, high: number];
  /** Samples for the second operand of integers. */
  readonly second?: (dtype: DType) => readonly number[];
  /** Ordinary values only, and results that cancel are measured as if they were this large. */
  readonly floor?: number;
}

const floats = [float32, float64, float16, bfloat16];
const wideFloats = [float32, float64];
const integers = [int32, int64, uint8, int8, int16];
const numbers = [...floats, ...integers];
const all = [...numbers, bool];
const bits = [...integers, bool];

const exact = (on: readonly DType[], more: Partial<Traits> = {}): Traits => ({ on, ...more });
/** Elementary functions: at most so many ulp, on operands of these sizes. */
const within = (ulp: number, low: number, high: number): Traits => ({ on: floats, ulp, domain: [low, high] });
const divisors = { second: () => [1, 2, 3, 7, 31, 100, 127] };
const counts = { second: (dtype: DType) => (dtype === int64 ? [0, 1, 5, 31, 32, 40, 63] : dtype === int32 ? [0, 1, 5, 31] : [0, 1, 5, 7]) };

const traits: { readonly [K in Op]: Traits } = {
  add: exact(all),
  sub: exact(numbers),
  mul: exact(all),
  mad: { on: wideFloats, ulp: 1, domain: [-10, 10], floor: 128 },
  div: exact(floats),
  neg: exact(numbers),
  abs: exact(numbers),
  min: exact(all, { signedZero: false }),
  max: exact(all, { signedZero: false }),
  sqrt: exact(floats, { domain: [0, 1e6] }),
  floor: exact(floats),
  ceil: exact(floats),
  trunc: exact(floats),
  round: exact(floats),
  copysign: exact(floats),
  fmod: exact(floats),
  idiv: exact(integers, divisors),
  irem: exact(integers, divisors),
  and: exact(bits),
  or: exact(bits),
  xor: exact(bits),
  not: exact(bits),
  shl: exact(integers, counts),
  shr: exact(integers, counts),
  eq: exact(all),
  ne: exact(all),
  lt: exact(all),
  le: exact(all),
  gt: exact(all),
  ge: exact(all),
  isnan: exact(floats),
  exp: within(2, -90, 90),
  exp2: within(4, -130, 130),
  expm1: within(4, -20, 20),
  log: within(2, 1e-30, 100),
  log2: within(4, 1e-30, 100),
  log10: within(4, 1e-30, 100),
  log1p: within(4, -0.999, 100),
  sin: within(2, -1e4, 1e4),
  cos: within(2, -1e4, 1e4),
  tan: within(4, -1e4, 1e4),
  asin: within(4, -1, 1),
  acos: within(4, -1, 1),
  atan: within(4, -100, 100),
  sinh: within(4, -80, 80),
  cosh: within(4, -80, 80),
  tanh: within(2, -12, 12),
  asinh: within(4, -1e4, 1e4),
  acosh: within(4, 1, 1e4),
  atanh: within(4, -1, 1),
  erf: within(4, -5, 5),
  pow: { on: [...floats, int32, int64, uint8], ulp: 4, domain: [-10, 10], second: () => [0, 1, 2, 3, 5, 63, 64, 100] },
  atan2: within(4, -100, 100),
};

/** Functions whose argument is reduced modulo pi are claimed up to 1e4 only: beyond, NaN and infinities are all that is compared. */
const reduced = new Set<Op>(["sin", "cos", "tan"]);
const claimed =
  (op: Op, dtype: DType) =>
  (v: Value): boolean =>
    !(dtype.isFloatingPoint && reduced.has(op) && Number.isFinite(v) && Math.abs(Number(v)) > 1e4);

function sampleOf(op: Op, dtype: DType, slot: number): Sample {
  const { domain, second, floor } = traits[op];
  if (!dtype.isFloatingPoint && second !== undefined && slot === 1) {
    const list = second(dtype).map((n) => (dtype === int64 ? BigInt(n) : n));
    return (data) => data.pick(list);
  }
  const usual = anything(dtype);
  const list = specials(dtype).filter(claimed(op, dtype));
  return (data) => {
    if (floor === undefined && data.next() < 0.1) return data.pick(list);
    if (domain !== undefined && dtype.isFloatingPoint) return data.between(...domain);
    let v = usual(data);
    while (!claimed(op, dtype)(v)) v = usual(data);
    return v;
  };
}

/** All specials, or all pairs of them, in one dimension. */
function pairs(op: Op, dtype: DType, arity: number): Spec[] {
  const { second } = traits[op];
  const list = specials(dtype).filter(claimed(op, dtype));
  if (arity === 1) return [spec(dtype, list)];
  const other = second !== undefined && !dtype.isFloatingPoint ? second(dtype).map((n) => (dtype === int64 ? BigInt(n) : n)) : list;
  return [
    spec(
      dtype,
      list.flatMap((a) => other.map(() => a)),
    ),
    spec(
      dtype,
      list.flatMap(() => other),
    ),
  ];
}

const toleranceOf = (op: Op, dtype: DType): Tolerance => {
  const { ulp = 0, signedZero = true, floor = 0 } = traits[op];
  return { ulp: dtype.itemsize === 2 ? Math.min(ulp, 1) : ulp, signedZero, floor };
};

const output = (dtype: DType, layout: Layout, data: Data): Spec => filled(dtype, layout, anything(dtype), data);

function runs(inputs: readonly DType[], samples: readonly Sample[], out: DType, tolerance: Tolerance): Run[] {
  const data = new Data(7);
  const operand = (layout: Layout, k: number): Spec => filled(inputs[k]!, layout, samples[k]!, data);
  const list: Run[] = arrangements(inputs.length).map((a) => ({
    name: a.name,
    inputs: a.inputs.map(operand),
    outputs: [output(out, a.output, data)],
    tolerance,
  }));
  if (inputs[0] !== out) return list;
  for (const layout of [
    Layout.contiguous([13], 2),
    permute(Layout.contiguous([3, 5]), [1, 0]),
    slice(Layout.contiguous([17]), 0, 1, 8, 2),
  ]) {
    const specs = inputs.map((_, k) => operand(layout, k));
    list.push({ name: `in place, strides ${layout.strides}`, inputs: specs, outputs: [specs[0]!], inPlace: [0], tolerance });
  }
  return list;
}

const kernel = (inputs: readonly DType[], outputs: readonly Output[]): MapKernel => ({ kind: "map", inputs, outputs, compiled: [] });
const args = (dtype: DType, n: number): Expr[] => Array.from({ length: n }, (_, k) => x.arg(k, dtype.compute));

function primitive(op: Op, dtype: DType): Case {
  // biome-ignore lint/performance/noDynamicNamespaceImportAccess: a test of them all
  const f = x[op] as (...operands: Expr[]) => Expr;
  const arity = op === "mad" ? 3 : f.length;
  const inputs = new Array<DType>(arity).fill(dtype);
  const out = prims[op].result === "bool" ? bool : dtype;
  const tolerance = toleranceOf(op, dtype);
  const list = runs(
    inputs,
    inputs.map((_, k) => sampleOf(op, dtype, k)),
    out,
    tolerance,
  );
  if (traits[op].floor === undefined) {
    const special = pairs(op, dtype, arity);
    const n = special[0]!.layout.numel;
    list.unshift({ name: "pairs of specials", inputs: special, outputs: [spec(out, new Array(n).fill(0))], tolerance });
  }
  if (traits[op].domain !== undefined && dtype.itemsize >= 4 && dtype.isFloatingPoint) {
    const data = new Data(11);
    const dense = inputs.map((_, k) => filled(dtype, Layout.contiguous([2000]), sampleOf(op, dtype, k), data));
    list.push({ name: "2000 values", inputs: dense, outputs: [spec(out, new Array(2000).fill(0))], tolerance });
  }
  return { name: `${op} ${dtype.name}`, kernel: kernel(inputs, [{ dtype: out, value: f(...args(dtype, arity)) }]), runs: list };
}

function selection(dtype: DType): Case {
  const inputs = [bool, dtype, dtype];
  const value = x.select(x.arg(0, "bool"), x.arg(1, dtype.compute), x.arg(2, dtype.compute));
  return {
    name: `select ${dtype.name}`,
    kernel: kernel(inputs, [{ dtype, value }]),
    runs: runs(inputs, inputs.map(anything), dtype, { ulp: 0 }),
  };
}

/** Integer divisions that trap on some machines. */
function division(op: "idiv" | "irem", dtype: DType): Case {
  const low = dtype === int64 ? -(2n ** 63n) : -(2 ** 31);
  const big = (n: number): Value => (dtype === int64 ? BigInt(n) : n);
  const one = (name: string, a: Value[], b: Value[]): Run => ({
    name,
    inputs: [spec(dtype, a), spec(dtype, b)],
    outputs: [
      spec(
        dtype,
        a.map(() => big(9)),
      ),
    ],
  });
  const value = (op === "idiv" ? x.idiv : x.irem)(...(args(dtype, 2) as [Expr, Expr]));
  const minusOne = [7, -7, 0, 5].map(() => big(-1));
  return {
    name: `${op} ${dtype.name} at the edges`,
    kernel: kernel([dtype, dtype], [{ dtype, value }]),
    runs: [
      one("by -1", [7, -7, 0, 5].map(big), minusOne),
      one("the smallest number by -1", [low, big(1), low, big(2), low], [big(-1), big(1), big(-1), big(2), big(-1)]),
      one("by 0", [5, -5, 0, 1].map(big), [0, 0, 0, 1].map(big)),
    ],
  };
}

/** Kernels of more than one primitive: shared nodes, scalars, positions, several outputs, outputs that swap their inputs. */
function composites(): Case[] {
  const [a, b, c] = [x.arg(0, "f32"), x.arg(1, "f32"), x.arg(2, "f32")];
  const two = { ulp: 8 };
  const sigmoid = x.div(1, x.add(1, x.exp(x.neg(a))));
  const silu = x.mul(a, sigmoid);
  const data = new Data(5);
  const ordinary: Sample = (d) => d.between(-4, 4);
  const shape = [5, 7];
  const operands = (n: number): Spec[] => Array.from({ length: n }, () => filled(float32, Layout.contiguous(shape), ordinary, data));
  const scalars = [0.5, 3, 1n, 2n ** 60n + 1n];
  const unary = (name: string, value: Expr, dtype: DType = float32, tolerance: Tolerance = two): Case => ({
    name,
    kernel: kernel([float32], [{ dtype, value }]),
    runs: runs([float32], [ordinary], dtype, tolerance).map((r) => ({ ...r, args: { scalars } })),
  });
  const swap = operands(2);
  return [
    unary("sigmoid times its argument", silu),
    unary("a clamp by scalars", x.min(x.max(a, x.scalar(0, "f32")), x.scalar(1, "f32"))),
    unary(
      "scalars of every type",
      x.add(x.cast(x.scalar(3, "i64"), float32), x.add(x.cast(x.scalar(2, "i32"), float32), x.mul(a, x.cast(x.scalar(0, "f64"), float32)))),
    ),
    unary("an int64 scalar beyond 2^53", x.add(x.cast(x.round(a), int64), x.scalar(3, "i64")), int64),
    unary("position", x.mul(a, x.cast(x.position, float32))),
    unary("position alone", x.position, int64),
    unary("position modulo 4", x.cast(x.irem(x.position, x.constant(4, "i64")), uint8), uint8),
    unary("a constant", x.constant(2.5, "f32")),
    unary("bits of a float: its exponent", x.sub(x.and(x.shr(x.bitcast(a, "i32"), 23), 255), 127), int32),
    unary("a float of bits: the sign removed", x.bitcast(x.and(x.bitcast(a, "i32"), 0x7fffffff), "f32"), float32, { ulp: 0 }),
    unary("an equation of comparisons", x.and(x.or(x.lt(a, -1), x.gt(a, 1)), x.not(x.isnan(a))), bool),
    {
      name: "Adam's step: three outputs on three inputs",
      kernel: kernel([float32, float32, float32, float32], adam()),
      runs: [shape, [1], [129]].map((s) => {
        const specs = Array.from({ length: 4 }, (_, k) =>
          filled(float32, Layout.contiguous(s), (d) => d.between(k === 2 ? 0.01 : -1, 1), data),
        );
        return {
          name: `[${s}]`,
          inputs: specs,
          outputs: specs.slice(0, 3),
          inPlace: [0, 1, 2],
          args: { scalars: [0.9, 0.999, 1e-3, 1e-8] },
          tolerance: { ulp: 8, floor: 1 },
        };
      }),
    },
    {
      name: "two outputs that swap their inputs",
      kernel: kernel(
        [float32, float32],
        [
          { dtype: float32, value: b },
          { dtype: float32, value: a },
        ],
      ),
      runs: [{ name: "contiguous", inputs: swap, outputs: swap, inPlace: [0, 1] }],
    },
    {
      name: "outputs of different widths",
      kernel: kernel(
        [float32, float32, float32],
        [
          { dtype: bool, value: x.gt(a, b) },
          { dtype: float64, value: x.cast(x.mul(b, c), float64) },
          { dtype: float16, value: x.add(a, c) },
          { dtype: int64, value: x.cast(x.mul(c, 100), int64) },
        ],
      ),
      runs: arrangements(3).map((r) => ({
        name: r.name,
        inputs: r.inputs.map((l) => filled(float32, l, (d) => d.int(-40, 40) / 8, data)),
        outputs: [bool, float64, float16, int64].map((d) => output(d, r.output, data)),
      })),
    },
    {
      name: "9 operands",
      kernel: kernel(new Array(9).fill(float32), [{ dtype: float32, value: args9().reduce((p, q) => x.add(p, q)) }]),
      runs: [
        {
          name: "contiguous",
          inputs: operands(9),
          outputs: [output(float32, Layout.contiguous(shape), data)],
          tolerance: { ulp: 4, floor: 16 },
        },
      ],
    },
  ];
}

const args9 = (): Expr[] => args(float32, 9);

/** Over p, m, v, g and scalars beta1, beta2, lr, eps. */
function adam(): Output[] {
  const [p, m, v, g] = args(float32, 4) as [Expr, Expr, Expr, Expr];
  const [beta1, beta2, lr, eps] = [0, 1, 2, 3].map((k) => x.scalar(k, "f32")) as [Expr, Expr, Expr, Expr];
  const m1 = x.add(x.mul(m, beta1), x.mul(g, x.sub(1, beta1)));
  const v1 = x.add(x.mul(v, beta2), x.mul(x.mul(g, g), x.sub(1, beta2)));
  const p1 = x.sub(p, x.div(x.mul(lr, m1), x.add(x.sqrt(v1), eps)));
  return [p1, m1, v1].map((value) => ({ dtype: float32, value }));
}

/** One more for each kind of operand: so many elements that a backend would share them out. */
function large(): Case {
  const data = new Data(13);
  const n = 100_003;
  const specs = [0, 1].map(() => filled(float32, Layout.contiguous([n]), (d) => d.between(-1, 1), data));
  const value = x.add(x.arg(0, "f32"), x.arg(1, "f32"));
  return {
    name: `add, ${n} elements`,
    kernel: kernel([float32, float32], [{ dtype: float32, value }]),
    runs: [{ name: "contiguous", inputs: specs, outputs: [spec(float32, new Array(n).fill(0))] }],
  };
}

export const mapCases = (): Case[] => [
  ...(Object.keys(traits) as Op[]).flatMap((op) => traits[op].on.map((dtype) => primitive(op, dtype))),
  ...all.map(selection),
  ...[int32, int64].flatMap((dtype) => [division("idiv", dtype), division("irem", dtype)]),
  ...composites(),
  large(),
];
