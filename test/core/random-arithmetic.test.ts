/** The exact arithmetic under the random numbers: multiply-add with one rounding, and logarithm, sine and cosine. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fma32, fma64 } from "../../src/core/random/fma.ts";
import { Generator } from "../../src/core/random/generator.ts";
import { log, sinCos } from "../../src/core/random/precise.ts";

/** A float64 as a whole number times 2^-1100. */
function scaledUp(x: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, x);
  const bits = view.getBigUint64(0);
  const exponent = (bits >> 52n) & 0x7ffn;
  const significand = (bits & ((1n << 52n) - 1n)) | (exponent === 0n ? 0n : 1n << 52n);
  const size = significand << (exponent === 0n ? 26n : exponent + 25n);
  return bits >> 63n === 0n ? size : -size;
}

/** Whether `result` is the float nearest to `a * b + c`, one with an even significand where two are. */
function isNearest(result: number, a: number, b: number, c: number, neighbours: readonly [number, number], odd: boolean): boolean {
  const exact = scaledUp(a) * scaledUp(b) + (scaledUp(c) << 1100n);
  const distance = (x: number): bigint => {
    const d = (scaledUp(x) << 1100n) - exact;
    return d < 0n ? -d : d;
  };
  const mine = distance(result);
  return neighbours.every((x) => mine < distance(x) || (mine === distance(x) && !odd));
}

describe("multiply-add with one rounding", () => {
  const f32 = new Float32Array(1);
  const u32 = new Int32Array(f32.buffer);
  const f64 = new Float64Array(1);
  const i64 = new BigInt64Array(f64.buffer);
  const check32 = (a: number, b: number, c: number): void => {
    const result = fma32(a, b, c);
    f32[0] = result;
    const word = u32[0]!;
    const near = [word - 1, word + 1].map((w) => {
      u32[0] = w;
      return f32[0]!;
    }) as [number, number];
    expect(isNearest(result, a, b, c, near, (word & 1) === 1), `${a} * ${b} + ${c} = ${result}`).toBe(true);
  };
  const check64 = (a: number, b: number, c: number): void => {
    const result = fma64(a, b, c);
    f64[0] = result;
    const word = i64[0]!;
    const near = [word - 1n, word + 1n].map((w) => {
      i64[0] = w;
      return f64[0]!;
    }) as [number, number];
    expect(isNearest(result, a, b, c, near, (word & 1n) === 1n), `${a} * ${b} + ${c} = ${result}`).toBe(true);
  };
  const part = (scale: number): fc.Arbitrary<number> =>
    fc.tuple(fc.integer({ min: -(2 ** 24) + 1, max: 2 ** 24 - 1 }), fc.integer({ min: -scale, max: scale })).map(([m, e]) => m * 2 ** e);
  const wide = (scale: number): fc.Arbitrary<number> =>
    fc
      .tuple(fc.double({ min: 1, max: 2, noNaN: true }), fc.boolean(), fc.integer({ min: -scale, max: scale }))
      .map(([m, s, e]) => (s ? -m : m) * 2 ** e);

  test("in float32", () => {
    fc.assert(
      fc.property(part(20), part(20), part(40), (a, b, c) => {
        if (a * b + c !== 0) check32(a, b, c);
      }),
      { numRuns: 3000, seed: 1 },
    );
  });

  test("in float32 where rounding twice goes wrong", () => {
    // The product is just short of half a step of c; in float64 the sum is halfway, and goes to the even neighbour above.
    const [a, b, c] = [2 ** -24 * (1 + 2 ** -23), 1 - 2 ** -23, 1 + 2 ** -23];
    expect(Math.fround(a * b + c)).toBe(1 + 2 ** -22);
    expect(fma32(a, b, c)).toBe(1 + 2 ** -23);
    expect(fma32(-a, b, -c)).toBe(-1 - 2 ** -23);
    // Just beyond half a step, from an even neighbour.
    const [d, e] = [2 ** -24 * (1 + 2 ** -20), 1 - 2 ** -20 + 2 ** -23];
    for (const [x, y, z] of [
      [a, b, c],
      [d, e, 1],
      [-a, b, 1 + 2 ** -22],
      [a * 2 ** -60, b, c * 2 ** -60],
      [2 ** -24, 1, 1],
      [2 ** -24, 1, c],
    ] as const) {
      check32(x, y, z);
      check32(-x, y, -z);
    }
  });

  test("in float64", () => {
    fc.assert(fc.property(wide(30), wide(30), wide(90), check64), { numRuns: 3000, seed: 2 });
    check64(2 ** -53, 1 + 2 ** -52, 1);
    check64(2 ** -53, 1 - 2 ** -53, 1 + 2 ** -52);
  });

  test("in float64 keeps infinities, NaN and signed zeros", () => {
    expect(fma64(2, 3, Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY);
    expect(fma64(Number.NEGATIVE_INFINITY, 3, 5)).toBe(Number.NEGATIVE_INFINITY);
    expect(fma64(Number.NaN, 3, 5)).toBeNaN();
    expect(fma64(-1, 0, -0)).toBe(-0);
    expect(fma64(1, 0, -0)).toBe(0);
  });
});

describe("log, sin and cos", () => {
  const apart = (a: number, b: number): number => Math.abs(a - b) / (Math.abs(b) * 2 ** -52);

  test("are within an ulp or two of the engine's", () => {
    const out = new Float64Array(2);
    const g = new Generator(6);
    for (let i = 0; i < 5000; i++) {
      const u = 1 - g.u53();
      expect(apart(log(u), Math.log(u))).toBeLessThanOrEqual(2);
      sinCos(2 * Math.PI * u, out);
      expect(apart(out[0]!, Math.sin(2 * Math.PI * u))).toBeLessThanOrEqual(2);
      expect(apart(out[1]!, Math.cos(2 * Math.PI * u))).toBeLessThanOrEqual(2);
    }
  });

  // Correctly rounded, by 300-bit arithmetic.
  test.each([
    [1, 0],
    [0.5, -Math.LN2],
    [2 ** -53, -36.7368005696771],
    [1 - 2 ** -53, -1.1102230246251565e-16],
    [0.23604808973743452, -1.4437197246409534],
    [0.1031660342307158, -2.271415605779774],
    [0.396058242610681, -0.9261940012427626],
    [0.15497227080241027, -1.8645090761160212],
    [0.06651509567958991, -2.710326354380943],
    [0.40159101448507484, -0.912321085145078],
  ])("log(%s)", (x, want) => expect(log(x)).toBe(want));

  test.each([
    [0, 0, 1],
    [5.76768163938016, -0.49297312496444506, 0.8700445379765277],
    [5.029390454015814, -0.950174385435005, 0.3117188432918527],
    [4.807658421665465, -0.9954652981829226, 0.095125391529207],
    [1.3944158527465738, 0.9844852489149568, 0.1754673606938213],
    [3.372059942021009, -0.22843248167046756, -0.9735597574457726],
    [1.7384483200229284, 0.9859792910157765, -0.16686772512390396],
    [Math.PI / 2, 1, 6.123233995736766e-17],
    [Math.PI, 1.2246467991473532e-16, -1],
    [1.5 * Math.PI, -1, -1.8369701987210297e-16],
  ])("sin and cos of %s", (x, sine, cosine) => {
    const out = new Float64Array(2);
    sinCos(x, out);
    expect([...out]).toEqual([sine, cosine]);
  });
});
