/** Random numbers beyond the recorded corpus: more seeds, sizes and dtypes by the hash of PyTorch's values, exact arithmetic, errors. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as dtypes from "../../src/core/dtype.ts";
import { TorchletError } from "../../src/core/errors.ts";
import {
  fillBernoulli, fillBernoulliTensor, fillExponential, fillGeometric, fillLogNormal, fillNormal, fillPoisson, fillRandint, fillUniform,
  multinomial, type RandomArray, randperm,
} from "../../src/core/random/distributions.ts";
import { type Distribution, fill } from "../../src/core/random/fill.ts";
import { fma32, fma64 } from "../../src/core/random/fma.ts";
import { Generator } from "../../src/core/random/generator.ts";
import { log, sinCos } from "../../src/core/random/precise.ts";

/** FNV-1a of the bytes. */
function hash(a: ArrayBufferView): number {
  let h = 0x811c9dc5;
  for (const byte of new Uint8Array(a.buffer, a.byteOffset, a.byteLength)) h = Math.imul(h ^ byte, 0x01000193);
  return h >>> 0;
}

type Row = readonly [Distribution, dtypes.DTypeName, n: number, seed: bigint, parameters: readonly (number | bigint)[], hash: number];
/** From PyTorch 1.13.1: manual_seed(seed); empty(n, dtype).distribution_(...parameters). */
// prettier-ignore
const recorded: readonly Row[] = [
  ["uniform", "float32", 1, -1n, [0, 1], 0xb163f736],
  ["uniform", "float32", 40, -9223372036854775808n, [-0.2, 0.7], 0x8fe53e14],
  ["uniform", "float32", 1000, 18446744073709551615n, [1000, 1000.25], 0x264e0a55],
  ["uniform", "float32", 1001, 12345678901234567n, [-0.3, 0.3], 0x4017a26e],
  ["uniform", "float64", 1, -9223372036854775808n, [0, 1], 0x0fc32ab9],
  ["uniform", "float64", 40, 18446744073709551615n, [-0.2, 0.7], 0xcae36e23],
  ["uniform", "float64", 1000, 12345678901234567n, [1000, 1000.25], 0xd71bbd28],
  ["uniform", "float64", 1001, -1n, [-0.3, 0.3], 0x377291ae],
  ["uniform", "float16", 1, 18446744073709551615n, [0, 1], 0x9643309b],
  ["uniform", "float16", 40, 12345678901234567n, [-0.2, 0.7], 0x1dae8ba3],
  ["uniform", "float16", 1000, -1n, [1000, 1000.25], 0xd627e6e5],
  ["uniform", "float16", 1001, -9223372036854775808n, [-0.3, 0.3], 0x4b8cc4a9],
  ["uniform", "bfloat16", 1, 12345678901234567n, [0, 1], 0x1265503f],
  ["uniform", "bfloat16", 40, -1n, [-0.2, 0.7], 0xdc12fa7f],
  ["uniform", "bfloat16", 1000, -9223372036854775808n, [1000, 1000.25], 0xaf0ec245],
  ["uniform", "bfloat16", 1001, 18446744073709551615n, [-0.3, 0.3], 0x5623a5b7],
  ["normal", "float32", 7, -1n, [0, 1], 0x096c79bf],
  ["normal", "float32", 15, -9223372036854775808n, [2, 0.02], 0x5f3ab73b],
  ["normal", "float32", 16, 18446744073709551615n, [0, 1], 0xe855858a],
  ["normal", "float32", 39, 12345678901234567n, [0.25, 3], 0xce0a9dae],
  ["normal", "float32", 1000, -1n, [-1.5, 0.1], 0x8954f981],
  ["normal", "float32", 5000, -9223372036854775808n, [0, 1], 0xf65c1faf],
  ["normal", "float16", 7, -9223372036854775808n, [0, 1], 0xb61e5811],
  ["normal", "float16", 15, 18446744073709551615n, [2, 0.02], 0x79e1492c],
  ["normal", "float16", 16, 12345678901234567n, [0, 1], 0xb4998ea8],
  ["normal", "float16", 39, -1n, [0.25, 3], 0xb35f0963],
  ["normal", "float16", 1000, -9223372036854775808n, [-1.5, 0.1], 0xfeea6f14],
  ["normal", "float16", 5000, 18446744073709551615n, [0, 1], 0x37c90952],
  ["normal", "bfloat16", 7, 18446744073709551615n, [0, 1], 0x8b24c845],
  ["normal", "bfloat16", 15, 12345678901234567n, [2, 0.02], 0x286b784e],
  ["normal", "bfloat16", 16, -1n, [0, 1], 0xa86efe73],
  ["normal", "bfloat16", 39, -9223372036854775808n, [0.25, 3], 0x53ced4e2],
  ["normal", "bfloat16", 1000, 18446744073709551615n, [-1.5, 0.1], 0x7269ae20],
  ["normal", "bfloat16", 5000, 12345678901234567n, [0, 1], 0xae4af71c],
  ["bernoulli", "float32", 1000, -1n, [0.5], 0x98f1f818],
  ["random", "float32", 333, -9223372036854775808n, [], 0x71b79e2b],
  ["geometric", "float32", 100, 18446744073709551615n, [0.2], 0x8645942d],
  ["bernoulli", "float64", 1000, -9223372036854775808n, [0.1], 0x3539f885],
  ["random", "float64", 333, 18446744073709551615n, [], 0x009762c5],
  ["geometric", "float64", 100, 12345678901234567n, [0.2], 0x6d7fbae4],
  ["bernoulli", "bfloat16", 1000, 18446744073709551615n, [0.9], 0x5d4a5eb0],
  ["random", "bfloat16", 333, 12345678901234567n, [], 0xddc605bd],
  ["geometric", "bfloat16", 100, -1n, [0.2], 0x80146535],
  ["bernoulli", "int64", 1000, 12345678901234567n, [0.25], 0x284ada84],
  ["random", "int64", 333, -1n, [], 0xab23de0e],
  ["geometric", "int64", 100, -9223372036854775808n, [0.2], 0x04f52c8c],
  ["bernoulli", "int32", 1000, -1n, [0.5], 0x86325cc4],
  ["random", "int32", 333, -9223372036854775808n, [], 0x7f31b7a2],
  ["geometric", "int32", 100, 18446744073709551615n, [0.2], 0x6dcb6091],
  ["bernoulli", "int16", 1000, -9223372036854775808n, [0.1], 0xe65b6975],
  ["random", "int16", 333, 18446744073709551615n, [], 0x8cd298e9],
  ["geometric", "int16", 100, 12345678901234567n, [0.2], 0xc9640f8e],
  ["bernoulli", "int8", 1000, 18446744073709551615n, [0.9], 0x66725dd0],
  ["random", "int8", 333, 12345678901234567n, [], 0x4fed1c78],
  ["geometric", "int8", 100, -1n, [0.2], 0x6769b9b7],
  ["bernoulli", "uint8", 1000, 12345678901234567n, [0.25], 0x25a7d1c8],
  ["random", "uint8", 333, -1n, [], 0x9ea56a60],
  ["geometric", "uint8", 100, -9223372036854775808n, [0.2], 0x50a0f130],
  ["bernoulli", "bool", 1000, -1n, [0.5], 0x401c10d0],
  ["random", "bool", 333, -9223372036854775808n, [], 0x5d0c9bda],
  ["exponential", "float32", 100, -1n, [1.5], 0x8b62f432],
  ["cauchy", "float32", 100, -1n, [0.5, 2.0], 0xea2c9b87],
  ["logNormal", "float32", 100, -1n, [0.5, 0.8], 0x9afd8a34],
  ["exponential", "float16", 100, -9223372036854775808n, [1.5], 0x02c77656],
  ["cauchy", "float16", 100, -9223372036854775808n, [0.5, 2.0], 0x5363dd86],
  ["logNormal", "float16", 100, -9223372036854775808n, [0.5, 0.8], 0x069eec2e],
  ["exponential", "bfloat16", 100, 18446744073709551615n, [1.5], 0x1f4ac4cb],
  ["cauchy", "bfloat16", 100, 18446744073709551615n, [0.5, 2.0], 0x4756aba1],
  ["logNormal", "bfloat16", 100, 18446744073709551615n, [0.5, 0.8], 0x3515e26d],
  ["randint", "int64", 100, -1n, [0n, 10n], 0x784e352a],
  ["randint", "int64", 100, -9223372036854775808n, [-5n, 2147483648n], 0x9440be7d],
  ["randint", "int64", 100, 18446744073709551615n, [0n, 4294967296n], 0x0d31193c],
  ["randint", "int64", 100, 12345678901234567n, [1152921504606846976n, 1152921504606847976n], 0xfd8109ab],
  ["randint", "int64", 100, -1n, [-9223372036854775808n, 9223372036854775807n], 0x44e5504e],
  ["randint", "int32", 100, -9223372036854775808n, [-2147483648n, 2147483648n], 0xdf4ed361],
  ["randint", "int32", 100, 18446744073709551615n, [-7n, 90n], 0x58866028],
  ["randint", "int16", 100, 12345678901234567n, [-300n, 300n], 0xc5287a06],
  ["randint", "int8", 100, -1n, [-128n, 128n], 0x355670ee],
  ["randint", "uint8", 100, -9223372036854775808n, [0n, 256n], 0x4379fa61],
  ["randint", "bool", 100, 18446744073709551615n, [0n, 2n], 0x18bca32a],
  ["randint", "float32", 100, 12345678901234567n, [0n, 100n], 0xbb98abf5],
  ["randint", "float32", 100, -1n, [16777221n, 16777233n], 0x7a2438f3],
  ["randint", "float32", 100, -9223372036854775808n, [-1099511627779n, 1125899906842629n], 0xc8cb7cf4],
  ["randint", "float32", 100, 18446744073709551615n, [-9223372036854775808n, 9223372036854775807n], 0x6d97532c],
  ["randint", "float64", 100, 12345678901234567n, [9007199254740995n, 9007199254741009n], 0x2475d3da],
  ["randint", "float64", 100, -1n, [-9223372036854775808n, 9223372036854775807n], 0xcb73df14],
  ["randint", "float16", 100, -9223372036854775808n, [0n, 65504n], 0x3046fd15],
  ["randint", "bfloat16", 100, 18446744073709551615n, [0n, 70000n], 0xc2115a8f],
];

describe("values of PyTorch, by hash", () => {
  test.each(recorded)("%s %s %i seed %s %s", (distribution, name, n, seed, parameters, want) => {
    const dtype = dtypes[name];
    const out = dtype.view(new ArrayBuffer(n * dtype.itemsize), 0, n);
    fill(distribution, new Generator(seed), out, dtype, parameters);
    expect(hash(out)).toBe(want);
  });

  test("randperm", () => {
    expect([2, 17, 1000].map((n) => hash(randperm(new Generator(-3), n)))).toEqual([0x350d96c4, 0xee150b55, 0x426eef71]);
  });

  test("poisson", () => {
    const rates = Float32Array.from({ length: 200 }, (_, i) => i / 3);
    const out = new Float32Array(200);
    fillPoisson(new Generator(9), out, rates);
    expect(hash(out)).toBe(0x707cedb8);
  });

  test("multinomial", () => {
    const weights = Float32Array.from({ length: 200 }, (_, i) => ((i * 37) % 101) + 1);
    expect(hash(multinomial(new Generator(9), weights, 1, 200, 50, false))).toBe(0xb24eaa93);
    expect(hash(multinomial(new Generator(9), weights, 4, 50, 70, true))).toBe(0x65a02c02);
    expect(hash(multinomial(new Generator(9), Float64Array.from(weights), 4, 50, 1, false))).toBe(0x6760ac9f);
  });
});

describe("Generator", () => {
  test("starts from PyTorch's default seed", () => {
    const g = new Generator();
    expect(g.initialSeed()).toBe(67280421310721n);
    expect([g.u24(), g.u24(), g.u24()]).toEqual([0.267295241355896, 0.8725283145904541, 0.3352888226509094]);
    expect(hash(g.getState())).toBe(3435493482);
  });

  test("takes every seed of 64 bits", () => {
    expect(new Generator(-1).initialSeed()).toBe(2n ** 64n - 1n);
    expect(new Generator(-(2n ** 63n)).initialSeed()).toBe(2n ** 63n);
    expect(new Generator(2 ** 60).initialSeed()).toBe(2n ** 60n);
    expect(new Generator(5).u32()).toBe(new Generator(5n + 2n ** 32n).u32());
  });

  test("refuses other seeds in PyTorch's words", () => {
    for (const seed of [2n ** 64n, -(2n ** 63n) - 1n, 2 ** 64]) {
      expect(() => new Generator().manualSeed(seed)).toThrow("Overflow when unpacking long");
    }
    expect(() => new Generator(1.5)).toThrow("manual_seed expected a long, but got float");
    expect(() => new Generator(Number.NaN)).toThrow(TorchletError);
  });

  test("seed() starts a sequence that can be repeated", () => {
    const g = new Generator();
    const seed = g.seed();
    expect(g.initialSeed()).toBe(seed);
    expect(new Generator().seed()).not.toBe(seed);
    expect(g.u64()).toBe(new Generator(seed).u64());
  });

  test("single draws are those of the filling functions", () => {
    const [a, b] = [new Generator(3), new Generator(3)];
    const words = a.words(1024).slice();
    expect(words.every((word) => word === b.u32())).toBe(true);
    expect(a.words(3).slice(0, 3)).toEqual(Uint32Array.of(b.u32(), b.u32(), b.u32()));
    const f32 = new Float32Array(1);
    fillUniform(a, f32, 0, 1);
    expect(f32[0]).toBe(b.u24());
    const f64 = new Float64Array(3);
    fillUniform(a, f64.subarray(0, 1), 0, 1);
    expect(f64[0]).toBe(b.u53());
    fillNormal(a, f64, 0, 1);
    expect([...f64]).toEqual([b.normal(), b.normal(), b.normal()]);
    const high = BigInt(a.u32());
    expect((high << 32n) | BigInt(a.u32())).toBe(b.u64());
  });

  test("a state brings back the position, the spare normal value and the seed", () => {
    const g = new Generator(2n ** 64n - 1n);
    const five = new Float32Array(5);
    fillNormal(g, five, 0, 1);
    const state = g.getState();
    expect(hash(state)).toBe(0xa07a1d6d);
    const other = new Generator().setState(state);
    expect(other.getState()).toEqual(state);
    expect(other.initialSeed()).toBe(2n ** 64n - 1n);
    expect([other.normal(), other.u32(), other.normal()]).toEqual([g.normal(), g.u32(), g.normal()]);
  });

  test("a state may lie anywhere in a buffer", () => {
    const state = new Generator(4).getState();
    const shifted = new Uint8Array(6000).subarray(3, 3 + state.length);
    shifted.set(state);
    expect(new Generator().setState(shifted).u64()).toBe(new Generator(4).u64());
  });

  test("reads states from before PyTorch 1.3, which keep angle and radius of the spare value", () => {
    const state = new Generator(8).getState().slice(0, 5048);
    const view = new DataView(state.buffer);
    view.setFloat64(5016, 0.125, true);
    view.setFloat64(5032, 2, true);
    view.setInt32(5040, 1, true);
    const g = new Generator().setState(state);
    expect(g.normal()).toBeCloseTo(Math.SQRT2, 15);
    expect(g.u32()).toBe(new Generator(8).u32());
  });

  test("refuses what is no state", () => {
    expect(() => new Generator().setState(new Uint8Array(10))).toThrow(
      "Expected either a CPUGeneratorImplStateLegacy of size 5048 or a CPUGeneratorImplState of size 5056 but found the input RNG state size to be 10",
    );
    expect(() => new Generator().setState(new Uint8Array(5056))).toThrow("Invalid mt19937 state");
    for (const [at, value] of [[8, 0], [8, 625], [12, 0], [16, 625], [16, 624]] as const) {
      const state = new Generator().getState();
      new DataView(state.buffer).setInt32(8, 624, true);
      new DataView(state.buffer).setInt32(at, value, true);
      expect(() => new Generator().setState(state), `${value} at ${at}`).toThrow("Invalid mt19937 state");
    }
  });
});

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
    fc.tuple(fc.double({ min: 1, max: 2, noNaN: true }), fc.boolean(), fc.integer({ min: -scale, max: scale })).map(([m, s, e]) => (s ? -m : m) * 2 ** e);

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
    for (const [x, y, z] of [[a, b, c], [d, e, 1], [-a, b, 1 + 2 ** -22], [a * 2 ** -60, b, c * 2 ** -60], [2 ** -24, 1, 1], [2 ** -24, 1, c]] as const) {
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
    [1, 0], [0.5, -0.6931471805599453], [2 ** -53, -36.7368005696771], [1 - 2 ** -53, -1.1102230246251565e-16],
    [0.23604808973743452, -1.4437197246409534], [0.1031660342307158, -2.271415605779774], [0.396058242610681, -0.9261940012427626],
    [0.15497227080241027, -1.8645090761160212], [0.06651509567958991, -2.710326354380943], [0.40159101448507484, -0.912321085145078],
  ])("log(%s)", (x, want) => expect(log(x)).toBe(want));

  test.each([
    [0, 0, 1], [5.76768163938016, -0.49297312496444506, 0.8700445379765277], [5.029390454015814, -0.950174385435005, 0.3117188432918527],
    [4.807658421665465, -0.9954652981829226, 0.095125391529207], [1.3944158527465738, 0.9844852489149568, 0.1754673606938213],
    [3.372059942021009, -0.22843248167046756, -0.9735597574457726], [1.7384483200229284, 0.9859792910157765, -0.16686772512390396],
    [Math.PI / 2, 1, 6.123233995736766e-17], [Math.PI, 1.2246467991473532e-16, -1], [1.5 * Math.PI, -1, -1.8369701987210297e-16],
  ])("sin and cos of %s", (x, sine, cosine) => {
    const out = new Float64Array(2);
    sinCos(x, out);
    expect([...out]).toEqual([sine, cosine]);
  });
});

describe("draws", () => {
  test("randperm holds every number once", () => {
    const n = 3000;
    const seen = new Set(randperm(new Generator(2), n));
    expect(seen.size).toBe(n);
    expect([...seen].every((x) => x >= 0n && x < BigInt(n))).toBe(true);
    expect(randperm(new Generator(2), 0)).toHaveLength(0);
  });

  test("multinomial leaves out what has no weight and draws nothing twice without replacement", () => {
    const weights = Float32Array.of(0, 3, 0, 1, 2, 0);
    expect([...multinomial(new Generator(1), weights, 1, 6, 3, false)].sort()).toEqual([1n, 3n, 4n]);
    expect(multinomial(new Generator(1), weights, 1, 6, 500, true).every((x) => weights[Number(x)]! > 0)).toBe(true);
    expect(multinomial(new Generator(1), new Float32Array(0), 0, 3, 2, true)).toHaveLength(0);
  });

  test("bernoulli is certain at 0 and 1", () => {
    const arrays: RandomArray[] = [
      new Float32Array(700), new Float64Array(700), new BigInt64Array(700), new Int32Array(700), new Int16Array(700), new Int8Array(700),
      new Uint8Array(700),
    ];
    for (const out of arrays) {
      fillBernoulli(new Generator(1), out, 1);
      expect(Array.from(out as ArrayLike<number | bigint>).every((x) => Number(x) === 1)).toBe(true);
      fillBernoulli(new Generator(1), out, 0);
      expect(Array.from(out as ArrayLike<number | bigint>).every((x) => Number(x) === 0)).toBe(true);
    }
  });

  test("a geometric value that no integer holds becomes the smallest one", () => {
    const [long, int, byte] = [new BigInt64Array(1), new Int32Array(1), new Int8Array(1)];
    for (const out of [long, int, byte]) fillGeometric(new Generator(1), out, 1e-300 ** 0.5 / 1e30);
    expect([long[0], int[0], byte[0]]).toEqual([-(2n ** 63n), -(2 ** 31), 0]);
  });

  test("empty arrays draw nothing", () => {
    const g = new Generator(1);
    const none = new Float32Array(0);
    fillUniform(g, none, 0, 1);
    fillNormal(g, none, 0, 1);
    fillBernoulli(g, none, 0.5);
    fillRandint(g, none, 0n, 5n);
    expect(g.u32()).toBe(new Generator(1).u32());
  });
});

describe("arguments out of range", () => {
  const g = new Generator(1);
  const f32 = new Float32Array(2);
  const f64 = new Float64Array(2);
  const u8 = new Uint8Array(2);
  const limit = 2n ** 63n - 1n;
  const calls: readonly (readonly [sentence: string, call: () => void])[] = [
    ["uniform_ expects to return a [from, to) range, but found from=3 > to=-1", () => fillUniform(g, f32, 3, -1)],
    ["uniform_ expects to return a [from, to) range, but found from=1.23457e+06 > to=1e-05", () => fillUniform(g, f32, 1234567, 1e-5)],
    ["to is out of bounds for float", () => fillUniform(g, f32, 0, Number.POSITIVE_INFINITY)],
    ["from is out of bounds for float", () => fillUniform(g, f32, Number.NaN, 1)],
    ["to is out of bounds for c10::Half", () => fillUniform(g, f32, 0, 1e6, "float16")],
    [
      "uniform_ expects to-from <= std::numeric_limits<Float>::max(), but found to=3e+38 and from=-3e+38 which result in to-from to exceed " +
        "the limit",
      () => fillUniform(g, f32, -3e38, 3e38),
    ],
    ["normal expects std >= 0.0, but found std -1", () => fillNormal(g, f32, 0, -1)],
    ["normal expects std >= 0.0, but found std nan", () => fillNormal(g, f32, 0, Number.NaN)],
    ["bernoulli_ expects p to be in [0, 1], but got p=1.5", () => fillBernoulli(g, f32, 1.5)],
    ["Expected p_in >= 0 && p_in <= 1 to be true, but got false.", () => fillBernoulliTensor(g, f32, Float32Array.of(0.5, 1.5))],
    ["exponential_ expects lambda >= 0.0, but found lambda=-1", () => fillExponential(g, f32, -1)],
    ["geometric_ expects p to be in (0, 1), but got p=1", () => fillGeometric(g, f32, 1)],
    ["log_normal_ expects std > 0.0, but found std=0", () => fillLogNormal(g, f32, 0, 0)],
    ["invalid Poisson rate, expected rate to be non-negative", () => fillPoisson(g, f32, Float32Array.of(1, -1))],
    ["random_ expects 'from' to be less than 'to', but got from=5 >= to=3", () => fillRandint(g, u8, 5n, 3n)],
    ["to - 1 is out of bounds for unsigned char", () => fillRandint(g, u8, 0n, 300n)],
    ["from is out of bounds for unsigned char", () => fillRandint(g, u8, -1n, 200n)],
    ["to - 1 is out of bounds for bool", () => fillRandint(g, u8, 0n, 3n, "bool")],
    ["to - 1 is out of bounds for c10::Half", () => fillRandint(g, f32, 0n, 70000n, "float16")],
    [
      "random_ expects 'from' casted to dtype to be less than 'to' casted to dtype, but got from=16777219 >= to=16777218",
      () => fillRandint(g, f32, 2n ** 24n + 3n, 2n ** 24n + 4n),
    ],
    [
      "random_ expects 'from' casted to dtype to be less than 'to' casted to dtype, but got from=9007199254740995 >= to=9007199254740994",
      () => fillRandint(g, f64, 2n ** 53n + 3n, 2n ** 53n + 4n),
    ],
    [
      "random_ expects 'from' casted to dtype to be less than or equal to 'to_inc' casted to dtype, but got from=1099511627776 > to_inc=16777216",
      () => fillRandint(g, f32, 2n ** 40n, null),
    ],
    ["random_full_64_bits_range_kernel_cpu handles only int64, double, float and bfloat16", () => fillRandint(g, u8, -limit - 1n, null)],
    ["cannot sample n_sample <= 0 samples", () => multinomial(g, f32, 1, 2, 0, true)],
    ["cannot sample n_sample > prob_dist.size(-1) samples without replacement", () => multinomial(g, f32, 1, 2, 3, false)],
    ["invalid multinomial distribution (sum of probabilities <= 0)", () => multinomial(g, new Float32Array(2), 1, 2, 1, false)],
    ["invalid multinomial distribution (sum of probabilities <= 0)", () => multinomial(g, new Float32Array(2), 1, 2, 1, true)],
    ["probability tensor contains either `inf`, `nan` or element < 0", () => multinomial(g, Float32Array.of(1, -2), 1, 2, 1, false)],
    ["invalid multinomial distribution (encountering probability entry < 0)", () => multinomial(g, Float32Array.of(1, -2), 1, 2, 1, true)],
    [
      "invalid multinomial distribution (encountering probability entry = infinity or NaN)",
      () => multinomial(g, Float32Array.of(1, Number.POSITIVE_INFINITY), 1, 2, 2, true),
    ],
    ["number of categories cannot exceed 2^24", () => multinomial(g, f32, 1, 2 ** 24 + 1, 1, false)],
    ["\"check_uniform_bounds\" not implemented for 'Byte'", () => fill("uniform", g, u8, dtypes.uint8, [0, 1])],
    ["\"normal_kernel_cpu\" not implemented for 'Bool'", () => fill("normal", g, u8, dtypes.bool, [0, 1])],
    ["Expected a 'cpu' device type for generator", () => fill("uniform", {}, f32, dtypes.float32, [0, 1])],
  ];
  test.each(calls)("%s", (sentence, call) => {
    expect(call).toThrow(TorchletError);
    expect(call).toThrow(sentence);
  });
});
