import { describe, expect, it, test } from "vitest";
import { lower } from "../../src/kernel/elementary.ts";
import * as e from "../../src/kernel/expr.ts";
import { normalSlope } from "../../src/kernel/normal.ts";
import { erf, type Prim } from "../../src/kernel/prims.ts";
import { type ElementaryCase, elementaryCases, worst } from "../support/elementary-cases.ts";
import { ulpError } from "../support/f32.ts";
import { evaluate } from "../support/f32-interpreter.ts";

const x = e.arg(0, "f32");
const y = e.arg(1, "f32");
const targets = { fused: { fused: true }, "not fused": { fused: false } };

const divides = (c: ElementaryCase): boolean => e.leaves([lower(c.value)], "div").size + e.leaves([lower(c.value)], "sqrt").size > 0;

describe("accuracy against float64", () => {
  describe.each(Object.entries(targets))("multiply-add %s", (_, target) => {
    it.each(elementaryCases)("$name is within $ulps ulp", (c) => {
      const found = worst(c, target, 20_000);
      expect(found.ulps, `at ${found.at}`).toBeLessThanOrEqual(c.ulps);
    });
    it.each(elementaryCases.filter(divides))("$name keeps its bound where division and square root are off by 2.5 ulp", (c) => {
      const found = worst(c, { ...target, coarse: true }, 20_000);
      expect(found.ulps, `at ${found.at}`).toBeLessThanOrEqual(c.coarse ?? c.ulps);
    });
  });

  // Abramowitz and Stegun, table 7.1, and DLMF 7.23 for the digits beyond ten.
  it.each([
    [0.1, 0.1124629160182849],
    [0.5, 0.5204998778130465],
    [1, 0.8427007929497149],
    [1.5, 0.966105146475311],
    [2, 0.9953222650189527],
    [2.5, 0.999593047982555],
    [3, 0.9999779095030014],
  ])("erf(%s), the reference itself, is %s", (v, expected) => {
    expect(erf(v)).toBeCloseTo(expected, 15);
    expect(erf(-v)).toBe(-erf(v));
  });
});

/** What PyTorch gives: arguments and result, separated by bars. */
const specials: { readonly [K in Prim]?: string } = {
  exp: "0 1|-0 1|inf inf|-inf 0|88.7228394 inf|1e3 inf|-103.9 tiny|-104 0|-1e30 0",
  exp2: "0 1|-0 1|inf inf|-inf 0|127 1.7014118346046923e38|128 inf|-149 tiny|-150 0|3 8|-1 0.5",
  expm1: "0 0|-0 -0|inf inf|-inf -1|89 inf|-100 -1|tiny tiny|-tiny -tiny",
  log: "0 -inf|-0 -inf|inf inf|-inf nan|1 0|-1 nan|-tiny nan|tiny -103.27893",
  log2: "0 -inf|-0 -inf|inf inf|-inf nan|1 0|8 3|0.125 -3|tiny -149|-1 nan|1.7014118346046923e38 127",
  log10: "0 -inf|-0 -inf|inf inf|-inf nan|1 0|10 1|1e3 3|1e10 10|-1 nan",
  log1p: "0 0|-0 -0|inf inf|-inf nan|-1 -inf|-1.5 nan|tiny tiny|-tiny -tiny",
  sin: "0 0|-0 -0|inf nan|-inf nan|tiny tiny|-tiny -tiny",
  cos: "0 1|-0 1|inf nan|-inf nan|tiny 1",
  tan: "0 0|-0 -0|inf nan|-inf nan|tiny tiny|-tiny -tiny",
  asin: "0 0|-0 -0|1 half|-1 -half|1.0000001 nan|-1.0000001 nan|inf nan|-inf nan|-tiny -tiny",
  acos: "0 half|-0 half|1 0|-1 pi|1.0000001 nan|-1.0000001 nan|inf nan|-inf nan",
  atan: "0 0|-0 -0|1 quarter|-1 -quarter|inf half|-inf -half|3e38 half|-tiny -tiny",
  sinh: "0 0|-0 -0|inf inf|-inf -inf|90 inf|-90 -inf|-tiny -tiny",
  cosh: "0 1|-0 1|inf inf|-inf inf|90 inf|-90 inf",
  tanh: "0 0|-0 -0|inf 1|-inf -1|100 1|-100 -1|-tiny -tiny",
  asinh: "0 0|-0 -0|inf inf|-inf -inf|-tiny -tiny",
  acosh: "1 0|0 nan|-0 nan|0.5 nan|-2 nan|-3e38 nan|inf inf|-inf nan",
  atanh: "0 0|-0 -0|1 inf|-1 -inf|2 nan|-2 nan|inf nan|-inf nan|-tiny -tiny",
  erf: "0 0|-0 -0|inf 1|-inf -1|10 1|-10 -1|-tiny -tiny",
  pow:
    "1 nan 1|1 inf 1|1 -inf 1|nan 0 1|nan -0 1|inf 0 1|0 0 1|-0 -0 1|-3 0 1|-inf -0 1|nan 1 nan|2 nan nan|0 nan nan|-1 nan nan|inf nan nan|" +
    "-1 inf 1|-1 -inf 1|0 3 0|-0 3 -0|-0 2 0|-0 2.5 0|0 -1 inf|-0 -1 -inf|-0 -2 inf|-0 -0.5 inf|-0 -0.99999994 inf|0 inf 0|0 -inf inf|" +
    "2 inf inf|2 -inf 0|0.5 inf 0|0.5 -inf inf|-2 inf inf|-0.5 inf 0|inf 2 inf|inf -2 0|inf 1e-30 inf|inf inf inf|inf -inf 0|" +
    "-inf 3 -inf|-inf 2 inf|-inf 0.5 inf|-inf -3 -0|-inf -2 0|-inf inf inf|-2 3 -8|-2 2 4|-2 -3 -0.125|-8 0.33333334 nan|-2 0.5 nan|" +
    "-1 16777215 -1|-1 16777216 1|2 128 inf|2 -149 tiny|2 -150 0|-2 129 -inf|-2 -151 -0|3 2 9|10 5 1e5|5 -1 0.2|9 0.5 3|" +
    "tiny 1 tiny|tiny -1 inf|1.0000001 1e30 inf|0.9999999 1e30 0",
  atan2:
    "0 0 0|-0 0 -0|0 -0 pi|-0 -0 -pi|0 1 0|-0 1 -0|0 -1 pi|-0 -1 -pi|1 0 half|1 -0 half|-1 0 -half|1 1 quarter|-1 1 -quarter|1 -1 obtuse|" +
    "-1 -1 -obtuse|inf inf quarter|inf -inf obtuse|-inf inf -quarter|-inf -inf -obtuse|inf 1 half|-inf 1 -half|1 inf 0|-1 inf -0|1 -inf pi|" +
    "-1 -inf -pi|3e38 -inf pi|nan 1 nan|1 nan nan|nan inf nan|inf nan nan|nan nan nan|tiny tiny quarter|tiny 1 tiny",
};
const named: { readonly [name: string]: number } = {
  inf: Number.POSITIVE_INFINITY,
  nan: Number.NaN,
  tiny: 2 ** -149,
  pi: Math.PI,
  half: Math.PI / 2,
  quarter: Math.PI / 4,
  obtuse: (3 * Math.PI) / 4,
};
function parse(word: string): number {
  const magnitude = word.replace("-", "");
  const v = named[magnitude];
  return Math.fround(v === undefined ? Number(word) : word.startsWith("-") ? -v : v);
}

describe.each(Object.entries(targets))("special values, multiply-add %s", (_, target) => {
  const build = e as unknown as { readonly [name: string]: (...a: e.Expr[]) => e.Expr };
  const text = (numbers: readonly number[]): string => numbers.map((v) => (Object.is(v, -0) ? "-0" : v)).join(" ");

  it.each(Object.entries(specials))("%s", (name, table) => {
    const rows = `${table}|nan nan${name === "pow" || name === "atan2" ? " nan" : ""}`.split("|").map((row) => row.split(" ").map(parse));
    const columns = rows[0]!.slice(1).map((_, k) => Float32Array.from(rows, (row) => row[k]!));
    const actual = evaluate(lower(build[name]!(x, y)), columns, target);
    expect(rows.map((row, i) => text([...row.slice(0, -1), actual[i]!]))).toEqual(rows.map(text));
  });
  it("sigmoid", () => {
    const args = [0, -0, Infinity, -Infinity, 100, -100, NaN];
    const actual = evaluate(lower(e.div(1, e.add(e.exp(e.neg(x)), 1))), [Float32Array.from(args)], target);
    expect([...actual]).toEqual([0.5, 0.5, 1, 0, 1, 0, NaN]);
  });
  it("normal distribution", () => {
    const error = e.erf(e.mul(x, Math.SQRT1_2));
    const args = [0, -0, Infinity, -Infinity, 10, -10, 3e38, -3e38, NaN];
    const special = evaluate(lower(e.mul(0.5, e.add(1, error))), [Float32Array.from(args)], target);
    expect([...special]).toEqual([0.5, 0.5, 1, 0, 1, 0, 1, 0, NaN]);
    const tail = Float32Array.from({ length: 20_000 }, (_, i) => -i / 1400);
    const actual = evaluate(lower(e.mul(e.add(error, 1), 0.5)), [tail], target);
    // erf itself, in double precision, is 1 to 1e-16.
    expect(Math.max(...tail.map((v, i) => Math.abs(actual[i]! - (1 + erf(v * Math.SQRT1_2)) / 2)))).toBeLessThan(5e-8);
    expect(actual.every((v, i) => v >= 0 && (i === 0 || v <= actual[i - 1]! + 2 ** -25))).toBe(true);
  });
  it("the slope of x times the normal distribution", () => {
    const slope = lower(normalSlope(x));
    const special = evaluate(slope, [Float32Array.from([0, -0, 14, -14, 3e38, -3e38, NaN, Infinity, -Infinity])], target);
    expect([...special]).toEqual([0.5, 0.5, 1, 0, 1, 0, NaN, NaN, NaN]);
    const args = Float32Array.from({ length: 40_001 }, (_, i) => (i - 20_000) / 1400);
    const exact = (v: number): number => (1 + erf(v * Math.SQRT1_2)) / 2 + (v * Math.exp((-v * v) / 2)) / Math.sqrt(2 * Math.PI);
    const actual = evaluate(slope, [args], target);
    expect(Math.max(...args.map((v, i) => Math.abs(actual[i]! - exact(v))))).toBeLessThan(2e-7);
  });
  describe.each([2, 3, 0.5, -0.5, -1, -2, 1])("x ** %s by a few operations", (exponent) => {
    const power = lower(e.pow(x, exponent));
    it("is within 2 ulp", () => {
      const args = elementaryCases.find((c) => c.name === "exp2")!.arguments(20_000)[0]!;
      const actual = evaluate(power, [Float32Array.from(args)], target);
      const errors = args.map((v, i) => ulpError(actual[i]!, Math.fround(v) ** exponent));
      const worst = errors.indexOf(Math.max(...errors));
      expect(errors[worst], `at ${args[worst]}`).toBeLessThanOrEqual(2);
    });
    it("has pow's special values", () => {
      const args = [0, -0, Infinity, -Infinity, NaN, -1, 2 ** -149, -(2 ** -149), 3e38, -3e38].map(Math.fround);
      const actual = evaluate(power, [Float32Array.from(args)], target);
      expect(text([...actual])).toBe(text(args.map((v) => Math.fround(v ** exponent))));
    });
  });
  it.each(["sin", "cos"] as const)("%s loses digits slowly beyond 10,000", (name) => {
    const error = (last: number): number => {
      const args = Float32Array.from({ length: 20_000 }, (_, i) => 1e4 + ((last - 1e4) * i) / 20_000);
      const actual = evaluate(lower(build[name]!(x)), [args], target);
      return args.reduce((most, v, i) => Math.max(most, Math.abs(actual[i]! - Math[name](v))), 0);
    };
    expect(error(1e5)).toBeLessThan(1e-6);
    expect(error(1e6)).toBeLessThan(target.fused ? 2e-6 : 0.04);
  });
  // No digits are left there, but sums and means stay usable.
  it.each(["sin", "cos"])("%s of huge arguments stays within -1 and 1", (name) => {
    const args = Float32Array.from({ length: 2000 }, (_, i) => 1e5 * 1.039 ** i).filter(Number.isFinite);
    const actual = evaluate(lower(build[name]!(x)), [args], target);
    expect(actual.every((v) => Math.abs(v) <= 1)).toBe(true);
  });
});

describe("lower", () => {
  const elementary = new Set<string>(Object.keys(specials));
  const names = (root: e.Expr, seen: Set<e.Expr> = new Set()): Set<string> => {
    seen.add(root);
    for (const s of root.src) if (!seen.has(s)) names(s, seen);
    return new Set([...seen].map((s) => s.prim));
  };

  test("leaves basic primitives only", () => {
    const all = elementaryCases.reduce((sum, c) => e.add(sum, c.value), x);
    expect([...names(lower(all))].filter((name) => elementary.has(name))).toEqual([]);
  });
  test("leaves f64 and everything that is not elementary alone", () => {
    const a = e.arg(0, "f64");
    const b = e.arg(0, "i32");
    for (const same of [
      e.exp(a),
      e.pow(a, e.sin(a)),
      e.add(x, y),
      e.div(1, e.add(x, 1)),
      e.select(e.lt(x, 0), x, e.sqrt(x)),
      e.pow(b, b),
    ]) {
      expect(lower(same)).toBe(same);
    }
  });
  test("reaches into every part of an expression", () => {
    expect(lower(e.add(e.exp(x), e.mul(y, e.exp(x))))).toBe(e.add(lower(e.exp(x)), e.mul(y, lower(e.exp(x)))));
    expect(lower(e.exp(e.exp(x)))).toBe(e.substitute(lower(e.exp(x)), new Map([[x, lower(e.exp(x))]])));
  });
  test("gives the same object again, and itself for what is lowered", () => {
    const once = lower(e.tanh(e.mul(x, 3)));
    expect(lower(e.tanh(e.mul(x, 3)))).toBe(once);
    expect(lower(once)).toBe(once);
  });
  test("sin and cos of one number share the reduction", () => {
    const count = (root: e.Expr, seen: Set<e.Expr> = new Set()): number => {
      if (seen.has(root)) return 0;
      seen.add(root);
      return 1 + root.src.reduce((sum, s) => sum + count(s, seen), 0);
    };
    const apart = count(lower(e.sin(x))) + count(lower(e.cos(x)));
    expect(count(lower(e.mul(e.sin(x), e.cos(x))))).toBeLessThan(apart - 15);
  });
});
