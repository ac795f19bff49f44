/** What the CPU's Philox makes of its outputs, in every distribution, and the generator that hands out their places. */
import { describe, expect, test } from "vitest";
import { bfloat16, bool, type DataArray, type DType, float16, float32, int8, int16, int32, int64, uint8 } from "../../src/core/dtype.ts";
import type { Distribution } from "../../src/core/random/fill.ts";
import { fillPhiloxNormal, fillPhiloxUniform, fillPhiloxWords, philoxNormals } from "../../src/core/random/philox.ts";
import { fillPhilox } from "../../src/core/random/philox-fill.ts";
import { PhiloxGenerator } from "../../src/core/random/philox-generator.ts";

function drawn(distribution: Distribution, dtype: DType, parameters: readonly (number | bigint)[], n: number = 20_000): DataArray {
  const out = dtype.view(new ArrayBuffer(n * dtype.itemsize), 0, n);
  fillPhilox(distribution, out, dtype, parameters, 11n, 8n);
  return out;
}
const numbers = (x: DataArray): number[] => Array.from(x as ArrayLike<number | bigint>, Number);
const mean = (x: readonly number[]): number => x.reduce((sum, y) => sum + y, 0) / x.length;
const words = (n: number): Uint32Array => {
  const out = new Uint32Array(n);
  fillPhiloxWords(out, 11n, 8n);
  return out;
};

describe("distributions", () => {
  test("uniform and normal are those of the single functions", () => {
    const want = new Float32Array(1001);
    fillPhiloxUniform(want, 11n, 8n, -2, 3);
    expect(drawn("uniform", float32, [-2, 3], 1001)).toEqual(want);
    fillPhiloxNormal(want, 11n, 8n, 3, 0.5);
    expect(drawn("normal", float32, [3, 0.5], 1001)).toEqual(want);
  });

  test("halves stay below the end of the interval", () => {
    const one = { float16: 0x3c00, bfloat16: 0x3f80 };
    for (const dtype of [float16, bfloat16]) {
      const values = numbers(drawn("uniform", dtype, [0, 1]));
      expect(Math.max(...values)).toBeLessThan(one[dtype.name as keyof typeof one]);
      expect(values.filter((x) => x === 0).length).toBeGreaterThan(0); // what rounds to 1 becomes 0
    }
  });

  test("a quarter of a turn has a sine of exactly 1 or 0", () => {
    const pair = new Float32Array(2);
    const radius = Math.fround(Math.sqrt(-2 * Math.log(2 ** -33)));
    const at = (y: number): number[] => {
      philoxNormals(0, y, pair);
      return [...pair].map((x) => x / radius + 0);
    };
    expect(at(2 ** 30)).toEqual([1, 0]);
    expect(at(2 ** 31)).toEqual([0, -1]);
    expect(at(3 * 2 ** 30)).toEqual([-1, 0]);
    expect(at(2 ** 32 - 1)).toEqual([0, 1]);
  });

  test("bernoulli counts outputs below p 2^32", () => {
    for (const dtype of [float32, bool, int64, uint8]) {
      expect(numbers(drawn("bernoulli", dtype, [0.3]))).toEqual(Array.from(words(20_000), (w) => Number(w < 0.3 * 2 ** 32)));
    }
    expect(new Set(numbers(drawn("bernoulli", float32, [0])))).toEqual(new Set([0]));
    expect(new Set(numbers(drawn("bernoulli", float32, [1])))).toEqual(new Set([1]));
  });

  test("whole numbers are outputs modulo the range", () => {
    expect(numbers(drawn("randint", int64, [-3n, 10n]))).toEqual(Array.from(words(20_000), (w) => (w % 13) - 3));
    expect(numbers(drawn("random", int32, []))).toEqual(Array.from(words(20_000), (w) => w % 2 ** 31));
    expect(numbers(drawn("random", int64, []))).toEqual(Array.from(words(20_000), (w) => w % 2 ** 31));
    expect(numbers(drawn("random", float32, []))).toEqual(Array.from(words(20_000), (w) => w % (2 ** 24 + 1)));
    expect(numbers(drawn("random", uint8, []))).toEqual(Array.from(words(20_000), (w) => w % 256));
    expect(numbers(drawn("random", int8, []))).toEqual(Array.from(words(20_000), (w) => w % 128));
    expect(numbers(drawn("random", int16, []))).toEqual(Array.from(words(20_000), (w) => w % 32768));
    expect(numbers(drawn("random", bool, []))).toEqual(Array.from(words(20_000), (w) => w % 2));
    expect(numbers(drawn("randint", int32, [-(1n << 31n), 1n << 31n]))).toEqual(Array.from(words(20_000), (w) => w - 2 ** 31));
  });

  test("a range beyond 32 bits takes two outputs, the high one first", () => {
    const pairs = words(2000);
    const range = (3n << 40n) - (1n << 18n); // up to the float32 before the end
    const value = (i: number): bigint => (BigInt(pairs[2 * i]!) << 32n) | BigInt(pairs[2 * i + 1]!);
    const want = Array.from({ length: 1000 }, (_, i) => Math.fround(Number(value(i) % range)));
    expect(numbers(drawn("randint", float32, [0n, 3n << 40n], 1000))).toEqual(want);
  });

  test("moments are those of the distribution", () => {
    expect(mean(numbers(drawn("exponential", float32, [4])))).toBeCloseTo(0.25, 2);
    expect(Math.min(...numbers(drawn("exponential", float32, [4])))).toBeGreaterThan(0);
    expect(mean(numbers(drawn("geometric", int64, [0.25])))).toBeCloseTo(4, 0);
    expect(Math.min(...numbers(drawn("geometric", float32, [0.99])))).toBe(1);
    expect(Math.max(...numbers(drawn("geometric", int8, [0.001])))).toBe(127);
    expect(mean(numbers(drawn("cauchy", float32, [5, 2])).map((x) => Number(x < 7)))).toBeCloseTo(0.75, 2);
    expect(mean(numbers(drawn("logNormal", float32, [1, 0.5])).map(Math.log))).toBeCloseTo(1, 2);
  });

  test("parameters out of range raise PyTorch's sentences", () => {
    const fails: readonly (readonly [string, Distribution, DType, readonly (number | bigint)[]])[] = [
      ["uniform_ expects to return a [from, to) range, but found from=1 > to=0", "uniform", float32, [1, 0]],
      ["normal expects std >= 0.0, but found std -1", "normal", float32, [0, -1]],
      ["log_normal_ expects std > 0.0, but found std=0", "logNormal", float32, [0, 0]],
      ["geometric_ expects p to be in (0, 1), but got p=1", "geometric", float32, [1]],
      ["\"exponential_cpu\" not implemented for 'Int'", "exponential", int32, [1]],
      ["to - 1 is out of bounds for signed char", "randint", int8, [0n, 1000n]],
    ];
    for (const [sentence, distribution, dtype, parameters] of fails) expect(() => drawn(distribution, dtype, parameters)).toThrow(sentence);
  });
});

describe("PhiloxGenerator", () => {
  const taken = (g: PhiloxGenerator): number[] => {
    const out = new Uint32Array(5);
    g.reserve(out, 1);
    return [...out.subarray(1)];
  };

  test("gives key and counter, a block further each time", () => {
    const g = new PhiloxGenerator("webgpu", 0x1122334455667788n);
    expect(taken(g)).toEqual([0x55667788, 0x11223344, 0, 0]);
    expect(taken(g)).toEqual([0x55667788, 0x11223344, 1, 0]);
    expect(g.offset).toBe(8n);
    g.manualSeed(-1);
    expect([g.initialSeed(), g.offset]).toEqual([2n ** 64n - 1n, 0n]);
    expect(taken(g)).toEqual([0xffffffff, 0xffffffff, 0, 0]);
  });

  test("offsets carry into the high word", () => {
    const g = new PhiloxGenerator("webgpu", 1);
    const state = g.getState();
    const view = new DataView(state.buffer);
    view.setBigUint64(8, 2n ** 32n - 4n, true);
    g.setState(state);
    expect(taken(g)).toEqual([1, 0, 0x3fffffff, 0]);
    expect(g.offset).toBe(2n ** 32n);
    expect(taken(g)).toEqual([1, 0, 0x40000000, 0]);
    view.setBigUint64(8, 2n ** 34n - 4n, true);
    g.setState(state);
    expect([taken(g), taken(g)]).toEqual([
      [1, 0, 0xffffffff, 0],
      [1, 0, 0, 1],
    ]);
  });

  test("a state is seed and offset", () => {
    const g = new PhiloxGenerator("webgpu", 5);
    taken(g);
    expect([...g.getState()]).toEqual([5, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0]);
    const other = new PhiloxGenerator("webgpu").setState(g.getState());
    expect(other.getState()).toEqual(g.getState());
    expect(taken(other)).toEqual(taken(g));
    expect(() => g.setState(new Uint8Array(5056))).toThrow("RNG state is wrong size");
    expect(() => g.setState(Uint8Array.of(...new Array(8).fill(0), 3, 0, 0, 0, 0, 0, 0, 0))).toThrow("offset must be a multiple of 4");
  });

  test("an unforeseen seed is given", () => {
    const g = new PhiloxGenerator("webgpu", 5);
    taken(g);
    const seed = g.seed();
    expect([g.initialSeed(), g.offset]).toEqual([seed, 0n]);
    expect(() => g.manualSeed(0.5)).toThrow();
  });
});
