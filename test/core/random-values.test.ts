/** Random values of more seeds, sizes and dtypes, by the hash of what PyTorch 1.13.1 gives. */
import { describe, expect, test } from "vitest";
import { type DTypeName, dtypes } from "../../src/core/dtype.ts";
import {
  fillBernoulli,
  fillGeometric,
  fillNormal,
  fillPoisson,
  fillRandint,
  fillUniform,
  multinomial,
  type RandomArray,
  randperm,
} from "../../src/core/random/distributions.ts";
import { type Distribution, fill } from "../../src/core/random/fill.ts";
import { Generator } from "../../src/core/random/generator.ts";

/** FNV-1a of the bytes. */
function hash(a: ArrayBufferView): number {
  let h = 0x811c9dc5;
  for (const byte of new Uint8Array(a.buffer, a.byteOffset, a.byteLength)) h = Math.imul(h ^ byte, 0x01000193);
  return h >>> 0;
}

type Row = readonly [Distribution, DTypeName, n: number, seed: bigint, parameters: readonly (number | bigint)[], hash: number];
/** From PyTorch 1.13.1: manual_seed(seed); empty(n, dtype).distribution_(...parameters). */
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
    const dtype = dtypes.find((d) => d.name === name)!;
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
    const g = new Generator(9);
    expect(hash(multinomial(g, weights, 1, 200, 50, false))).toBe(0xb24eaa93);
    expect(hash(multinomial(g, weights, 4, 50, 70, true))).toBe(0x65a02c02);
    expect(hash(multinomial(g, Float64Array.from(weights), 4, 50, 1, false))).toBe(0x6760ac9f);
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
      new Float32Array(700),
      new Float64Array(700),
      new BigInt64Array(700),
      new Int32Array(700),
      new Int16Array(700),
      new Int8Array(700),
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
