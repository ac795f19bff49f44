/** Arguments out of range raise PyTorch's sentences. */
import { describe, expect, test } from "vitest";
import { bool, float32, uint8 } from "../../src/core/dtype.ts";
import { TorchletError } from "../../src/core/errors.ts";
import {
  fillBernoulli,
  fillBernoulliTensor,
  fillExponential,
  fillGeometric,
  fillLogNormal,
  fillNormal,
  fillPoisson,
  fillRandint,
  fillUniform,
  multinomial,
} from "../../src/core/random/distributions.ts";
import { fill } from "../../src/core/random/fill.ts";
import { Generator } from "../../src/core/random/generator.ts";

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
    ["\"check_uniform_bounds\" not implemented for 'Byte'", () => fill("uniform", g, u8, uint8, [0, 1])],
    ["\"normal_kernel_cpu\" not implemented for 'Bool'", () => fill("normal", g, u8, bool, [0, 1])],
    ["Expected a 'cpu' device type for generator", () => fill("uniform", {}, f32, float32, [0, 1])],
  ];
  test.each(calls)("%s", (sentence, call) => {
    expect(call).toThrow(TorchletError);
    expect(call).toThrow(sentence);
  });
});
