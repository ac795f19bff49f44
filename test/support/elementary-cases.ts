import { lower } from "../../src/kernel/elementary.ts";
import * as e from "../../src/kernel/expr.ts";
import { erf, type Prim, prims } from "../../src/kernel/prims.ts";
import { around, generator, spread, ulpError } from "./f32.ts";
import { evaluate, type Target } from "./f32-interpreter.ts";

/** An elementary function of one or two f32, and what it promises. */
export interface ElementaryCase {
  readonly name: string;
  readonly value: e.Expr;
  readonly exact: (x: number, y: number) => number;
  /** The greatest error in ulp, and with coarse division where that is more. */
  readonly ulps: number;
  readonly coarse?: number;
  /** The arguments, in order of their bits. */
  readonly arguments: (n: number) => number[][];
}

const x = e.arg(0, "f32");
const y = e.arg(1, "f32");
const most = 3.4028234663852886e38;
const signs = (values: readonly number[]): number[] => values.flatMap((v) => [v, -v]);

/** Arguments from `low` to `high`, many of them around some points. NaN and numbers outside come on top. */
const line =
  (low: number, high: number, points: readonly number[], outside: readonly number[] = []) =>
  (n: number): number[][] => {
    const inside = [...spread(low, high, n), ...[0, ...points].flatMap((p) => [...around(p, Math.ceil(n / 100))])];
    return [[...inside.filter((v) => v >= low && v <= high), ...outside, Number.NaN]];
  };

const all: readonly [number, number] = [-most, most];
const infinities = signs([Number.POSITIVE_INFINITY]);
const quarters = [1, 2, 3, 4, 5, 10, 22, 355, 710, 3183, 6366].map((k) => (k * Math.PI) / 4);

const of = (prim: Prim, value: e.Expr, ulps: number, args: ElementaryCase["arguments"]): ElementaryCase => ({
  name: prim,
  value,
  ulps,
  exact: prims[prim].js as (x: number, y: number) => number,
  arguments: args,
});

/** Powers near 1, near overflow and underflow, of negative numbers, and of anything. */
function powers(n: number): number[][] {
  const random = generator(7);
  const bits = new Int32Array(2);
  const floats = new Float32Array(bits.buffer);
  const [xs, ys]: [number[], number[]] = [[], []];
  for (let i = 0; i < n; i++) {
    bits[0] = random() * 2 ** 32;
    bits[1] = random() * 2 ** 32;
    const exponent = 300 * random() - 150;
    const near = 1 + (2 * random() - 1) * 2 ** -Math.floor(24 * random());
    const bases = [floats[0]!, Math.abs(floats[0]!), 4 * random(), near, 0.5 + 1.5 * random(), 200 * random() - 100];
    const base = Math.fround(bases[i % 6]!);
    const suited = exponent / Math.log2(Math.abs(base));
    xs.push(base);
    ys.push(Math.fround([floats[1]!, suited, 40 * random() - 20, suited, suited, Math.floor(40 * random()) - 20][i % 6]!));
  }
  return [xs, ys];
}

/** Points of the plane: any, and of similar coordinates. */
function points(n: number): number[][] {
  const ys = [...spread(...all, n)];
  const random = generator(3);
  const xs = ys.map((v, i) => Math.fround(i % 2 === 0 ? v * (8 * random() - 4) : (2 * random() - 1) * 10 ** (70 * random() - 35)));
  return [ys, xs];
}

const sigmoid = e.div(1, e.add(e.exp(e.neg(x)), 1));
const silu = e.div(x, e.add(1, e.exp(e.neg(x))));
const negative = (v: number): number => 1 / (1 + Math.exp(-v));

export const elementaryCases: readonly ElementaryCase[] = [
  of("exp", e.exp(x), 2, line(...all, [88.7228, -87.3365, -103.9721, ...signs([0.34657, 1.03972])], infinities)),
  of("exp2", e.exp2(x), 4, line(...all, [128, -126, -149, -150, ...signs([0.5, 1, 1.5])], infinities)),
  of("expm1", e.expm1(x), 4, line(...all, [88.7228, -17.3, ...signs([0.34657, 1.03972])], infinities)),
  of("log", e.log(x), 2, line(...all, [1, 2 / 3, 4 / 3, 2, 2 ** -126], infinities)),
  of("log2", e.log2(x), 4, line(...all, [1, 2 / 3, 4 / 3, 2, 2 ** -126], infinities)),
  of("log10", e.log10(x), 4, line(...all, [1, 2 / 3, 4 / 3, 10, 2 ** -126], infinities)),
  of("log1p", e.log1p(x), 4, line(...all, [-1, -1 / 3, 1 / 3, 1, 2 ** 24], infinities)),
  of("sin", e.sin(x), 2, line(-1e4, 1e4, signs(quarters), infinities)),
  of("cos", e.cos(x), 2, line(-1e4, 1e4, signs(quarters), infinities)),
  of("tan", e.tan(x), 4, line(-1e4, 1e4, signs(quarters), infinities)),
  of("asin", e.asin(x), 4, line(-1, 1, signs([0.541, 1]), signs([1.0000001, 2, most, ...infinities]))),
  of("acos", e.acos(x), 4, line(-1, 1, signs([0.541, 1]), signs([1.0000001, 2, most, ...infinities]))),
  of("atan", e.atan(x), 4, line(...all, signs([1]), infinities)),
  of("sinh", e.sinh(x), 4, line(...all, signs([1, 88.72, 89.4159]), infinities)),
  of("cosh", e.cosh(x), 4, line(...all, signs([1, 88.72, 89.4159]), infinities)),
  of("tanh", e.tanh(x), 2, line(...all, signs([0.98, 9, 10]), infinities)),
  of("asinh", e.asinh(x), 4, line(...all, signs([0.3, 1, 2 ** 32]), infinities)),
  of("acosh", e.acosh(x), 4, line(1, most, [1, 1.05, 2, 2 ** 32], [0.9999999, 0, ...signs([0.5]), -1, -2, -most, ...infinities])),
  of("atanh", e.atanh(x), 4, line(-1, 1, signs([0.16, 0.5, 1]), signs([1.0000001, 2, most, ...infinities]))),
  of("erf", e.erf(x), 4, line(...all, signs([0.92, 2, 3.92]), infinities)),
  // Further down digits are lost; test/kernel/elementary.test.ts says what is promised there.
  {
    name: "normal distribution",
    value: e.mul(0.5, e.add(1, e.erf(e.mul(x, Math.SQRT1_2)))),
    exact: (v) => (1 + erf(v * Math.SQRT1_2)) / 2,
    ulps: 4,
    arguments: line(-0.7, most, [-0.7, 0.7, 1.4, 5.5], infinities.slice(0, 1)),
  },
  of("pow", e.pow(x, y), 4, powers),
  of("atan2", e.atan2(x, y), 4, points),
  // Below -88.7 exp(-x) has no f32, and PyTorch's sigmoid gives 0.
  {
    name: "sigmoid",
    value: sigmoid,
    exact: negative,
    ulps: 2,
    coarse: 4,
    arguments: line(-88, most, [-16.6357, -1.1, 1.1], [Number.POSITIVE_INFINITY]),
  },
  {
    name: "silu",
    value: silu,
    exact: (v) => v * negative(v),
    ulps: 4,
    arguments: line(-88, most, [-16.6357, -1.1, 1.1], [Number.POSITIVE_INFINITY]),
  },
];

interface Samples {
  readonly arguments: readonly Float32Array[];
  readonly exact: Float64Array;
}
const samples = new Map<ElementaryCase, Samples>();

/** Some `n` arguments and the exact values there; kept for the next target. */
function samplesOf(c: ElementaryCase, n: number): Samples {
  const known = samples.get(c);
  if (known !== undefined && known.exact.length >= n) return known;
  const args = c.arguments(n).map((values) => Float32Array.from(values));
  const made = { arguments: args, exact: Float64Array.from(args[0]!, (x, i) => c.exact(x, args[1]?.[i] ?? 0)) };
  samples.set(c, made);
  return made;
}

/** The greatest error on some `n` arguments, in ulp, and where it is. */
export function worst(c: ElementaryCase, target: Target, n: number): { ulps: number; at: string } {
  const { arguments: args, exact } = samplesOf(c, n);
  const actual = evaluate(lower(c.value), args, target);
  let [ulps, at] = [0, 0];
  for (let i = 0; i < actual.length; i++) {
    const error = ulpError(actual[i]!, exact[i]!);
    if (error > ulps) [ulps, at] = [error, i];
  }
  return { ulps, at: args.map((values) => values[at]).join(", ") };
}
