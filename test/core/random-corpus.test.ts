/** The recorded random numbers of PyTorch 1.13.1 on a machine with AVX2, bit for bit. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { numberFromFloat16 } from "../../src/core/half.ts";
import {
  type FloatArray,
  fillBernoulli,
  fillBernoulliTensor,
  fillCauchy,
  fillExponential,
  fillGeometric,
  fillLogNormal,
  fillNormal,
  fillPoisson,
  fillRandint,
  fillRandom,
  fillUniform,
  multinomial,
  type RandomArray,
  randperm,
} from "../../src/core/random/distributions.ts";
import { Generator } from "../../src/core/random/generator.ts";

const corpus = new URL("../golden/rng/", import.meta.url);
const arrays = {
  f16: Uint16Array,
  f32: Float32Array,
  f64: Float64Array,
  i32: Int32Array,
  i64: BigInt64Array,
  u8: Uint8Array,
  bool: Uint8Array,
};

interface Case {
  readonly id: string;
  readonly seed: string;
  readonly call: string;
  readonly tensors: readonly { readonly d: keyof typeof arrays; readonly s: readonly number[]; readonly o: number }[];
  readonly out: unknown;
}

/** The cases of a group, each with the values of its results. `out_scalar`, of builds without AVX2, comes after `out`. */
function group(name: string): { id: string; call: string; g: Generator; seed: bigint; outs: RandomArray[]; dtype: string }[] {
  const index = JSON.parse(readFileSync(new URL(`${name}.json`, corpus), "utf8")) as { cases: Case[] };
  const blob = new Uint8Array(readFileSync(new URL(`${name}.bin`, corpus))).buffer;
  return index.cases.map(({ id, call, seed, tensors, out }) => ({
    id,
    call,
    seed: BigInt(seed),
    g: new Generator(BigInt(seed)),
    dtype: tensors[0]!.d,
    outs: [out].flat(2).map((ref) => {
      const { d, s, o } = tensors[(ref as { $t: number }).$t]!;
      const values = new arrays[d](
        blob,
        o,
        s.reduce((n, size) => n * size, 1),
      );
      return values instanceof Uint16Array ? Float32Array.from(values, numberFromFloat16) : values;
    }),
  }));
}

const like = <A extends RandomArray>(a: A, values?: ArrayLike<number>): A =>
  new (a.constructor as new (from: number | ArrayLike<number>) => A)(values ?? a.length);

/** Fills an array of the kind and size of `a`. */
function filled<A extends RandomArray>(a: A, fill: (out: A) => void): A {
  const out = like(a);
  fill(out);
  return out;
}

const bits = (a: RandomArray): Uint8Array => new Uint8Array(a.buffer, a.byteOffset, a.byteLength);

/** Same bits, but float64 may differ by `ulps` units in the last place. */
function expectSame(got: RandomArray, want: RandomArray, ulps: number = 0): void {
  expect(got.constructor).toBe(want.constructor);
  if (got instanceof Float64Array && want instanceof Float64Array && ulps > 0) {
    const [a, b] = [got, want].map((x) => new BigInt64Array(x.buffer, x.byteOffset, x.length)) as [BigInt64Array, BigInt64Array];
    expect(a.length).toBe(b.length);
    for (const [i, x] of a.entries()) expect(Math.abs(Number(x - b[i]!)), `element ${i}`).toBeLessThanOrEqual(ulps);
  } else {
    expect(bits(got)).toEqual(bits(want));
  }
}

type Rule = readonly [pattern: RegExp, draw: (g: Generator, want: RandomArray, groups: string[], dtype: string) => RandomArray];
const float = (want: RandomArray): FloatArray => {
  if (want instanceof Float32Array || want instanceof Float64Array) return want;
  throw new Error("a float was expected");
};
const floatRule = (pattern: RegExp, fill: (g: Generator, out: FloatArray, ...numbers: number[]) => void): Rule => [
  pattern,
  (g, want, groups) => filled(float(want), (out) => fill(g, out, ...groups.filter((x) => x !== undefined).map(Number))),
];
const arange = (start: number, end: number): Float32Array => Float32Array.from({ length: end - start }, (_, i) => start + i);
/** `torch.normal` of tensors: standard values, times the deviation, plus the mean. */
const scaled = (g: Generator, mean: Float32Array, std: Float32Array): Float32Array => {
  const out = filled(mean, (x) => fillNormal(g, x, 0, 1));
  return out.map((x, i) => Math.fround(x * std[i]!) + mean[i]!);
};
const same = (n: number, value: number): Float32Array => new Float32Array(n).fill(value);
const weights1 = Float32Array.of(0.1, 2, 0.5, 0, 3, 1);
const weights2 = Float32Array.of(1, 2, 3, 4, 4, 3, 2, 1, 0, 0, 1, 1);
/** `torch.linspace(0, 1, 30)`, which counts from both ends. */
const step = Math.fround(1 / 29);
const linspace = Float32Array.from({ length: 30 }, (_, i) => (i < 15 ? Math.fround(step * i) : 1 - Math.fround(step * (29 - i))));

const rules: readonly Rule[] = [
  floatRule(/^torch\.rand\([^a-z]*(?:, dtype=torch\.float64)?\)$/, (g, out) => fillUniform(g, out, 0, 1)),
  [/^torch\.rand\(\d+, dtype=torch\.float16\)$/, (g, want) => filled(float(want), (out) => fillUniform(g, out, 0, 1, "float16"))],
  floatRule(/^torch\.randn\([^a-z]*(?:, dtype=torch\.float64)?\)$/, (g, out) => fillNormal(g, out, 0, 1)),
  [/^torch\.randperm\((\d+)\)$/, (g, _, [n]) => randperm(g, Number(n))],
  [/^torch\.randperm\((\d+), dtype=torch\.int32\)$/, (g, _, [n]) => Int32Array.from(randperm(g, Number(n)), Number)],
  [/^torch\.randint\((-?\d+), (-?\d+), \(\d+,\)/, (g, want, [a, b]) => filled(want, (out) => fillRandint(g, out, BigInt(a!), BigInt(b!)))],
  [/^torch\.randint_like\(torch\.zeros\(2, 3\), 3, 12\)$/, (g, want) => filled(want, (out) => fillRandint(g, out, 3n, 12n))],
  [
    /^torch\.empty\(\d+(?:, dtype=torch\.\w+)?\)\.random_\(\)$/,
    (g, want, _, dtype) => filled(want, (out) => fillRandom(g, out, dtype === "bool" ? dtype : undefined)),
  ],
  [/\.bernoulli_\(([\d.]+)\)$/, (g, want, [p]) => filled(want, (out) => fillBernoulli(g, out, Number(p)))],
  [/p=([\d.]+)\)$/, (g, want, [p]) => filled(want, (out) => fillBernoulli(g, out, Number(p)))],
  [/bernoulli_?\(torch\.linspace\(0, 1, 30\)\)$/, (g, want) => filled(want, (out) => fillBernoulliTensor(g, out, linspace))],
  floatRule(/\.normal_\((\d+), (\d+)\)$/, (g, out, mean, std) => fillNormal(g, out, mean!, std!)),
  floatRule(/^torch\.normal\(1\.0, 2\.0, \(2, 3\)\)$/, (g, out) => fillNormal(g, out, 1, 2)),
  [
    /^torch\.normal\(torch\.arange\((\d+)\.\), torch\.arange\(1\., (\d+)\.\)\)$/,
    (g, _, [n]) => scaled(g, arange(0, Number(n)), arange(1, Number(n) + 1)),
  ],
  [/^torch\.normal\(1\.5, torch\.arange\(1\., 6\.\)\)$/, (g) => scaled(g, same(5, 1.5), arange(1, 6))],
  [
    /^torch\.normal\(torch\.arange\(5\.\), 0\.5\)$/,
    (g) => filled(new Float32Array(5), (out) => fillNormal(g, out, 0, 0.5)).map((x, i) => x + i),
  ],
  floatRule(/\.uniform_\((-?\d+), (\d+)\)$/, (g, out, from, to) => fillUniform(g, out, from!, to!)),
  floatRule(/\.exponential_\(([\d.]+)\)$/, (g, out, lambda) => fillExponential(g, out, lambda)),
  floatRule(/\.geometric_\(([\d.]+)\)$/, (g, out, p) => fillGeometric(g, out, p!)),
  floatRule(/\.cauchy_\(\)$/, (g, out) => fillCauchy(g, out)),
  floatRule(/\.log_normal_\(([\d.]+), ([\d.]+)\)$/, (g, out, mean, std) => fillLogNormal(g, out, mean, std)),
  floatRule(/^torch\.poisson\(/, (g, out) => fillPoisson(g, out, Float32Array.of(0, 0.5, 2, 9, 12, 50))),
  [
    /^torch\.multinomial\(torch\.tensor\(\[\..*\]\), (\d+), (True|False)\)$/,
    (g, _, [n, replacement]) => multinomial(g, weights1, 1, 6, Number(n), replacement === "True"),
  ],
  [
    /^torch\.multinomial\(torch\.tensor\(\[\[.*\]\]\), (\d+), (True|False)\)$/,
    (g, _, [n, replacement]) => multinomial(g, weights2, 3, 4, Number(n), replacement === "True"),
  ],
];

describe.each(["rand", "randn", "randint", "randperm", "bernoulli", "distributions", "multinomial"])("%s", (name) => {
  test.each(group(name))("$id", ({ call, g, outs: [want], dtype }) => {
    const found = rules.flatMap(([pattern, draw]) => {
      const match = pattern.exec(call);
      return match === null ? [] : [draw(g, want!, match.slice(1), dtype)];
    });
    expect(found, `rules for ${call}`).toHaveLength(1);
    expectSame(found[0]!, want!, name === "randn" ? 1 : 0);
  });
});

const rand = (g: Generator, n: number): Float32Array => filled(new Float32Array(n), (out) => fillUniform(g, out, 0, 1));
const randn = (g: Generator, n: number, contiguous: boolean = true): Float32Array =>
  filled(new Float32Array(n), (out) => fillNormal(g, out, 0, 1, contiguous));

const transposed = (x: Float32Array, rows: number, cols: number): Float32Array =>
  x.map((_, i) => x[(i % rows) * cols + Math.floor(i / rows)]!);

const sequences: Record<string, (g: Generator, seed: bigint) => RandomArray[]> = {
  randn3_randn4_rand2_randn1: (g) => [randn(g, 3), randn(g, 4), rand(g, 2), randn(g, 1)],
  randn1_x5: (g) => Array.from({ length: 5 }, () => randn(g, 1)),
  randn3_randn16_randn1: (g) => [randn(g, 3), randn(g, 16), randn(g, 1)],
  randn3_reseed_randn2: (g, seed) => [randn(g, 3), randn(g.manualSeed(seed), 2)],
  randn17_rand3_randn17: (g) => [randn(g, 17), rand(g, 3), randn(g, 17)],
  randperm5_rand2_randint_rand1: (g) => [
    randperm(g, 5),
    rand(g, 2),
    filled(new BigInt64Array(3), (out) => fillRandint(g, out, 0n, 10n)),
    rand(g, 1),
  ],
  rand_700_rand_3: (g) => [rand(g, 700), rand(g, 3)],
  // Filled in the order of memory: row by row of the transposed tensors.
  rand2x3_transposed_normal_: (g) => [
    transposed(randn(g, 6, false), 3, 2),
    transposed(randn(g, 20, false), 5, 4),
    transposed(rand(g, 20), 5, 4),
  ],
};

describe("sequences", () => {
  test.each(group("sequences"))("$id", ({ call, g, seed, outs }) => {
    const draw = sequences[call];
    if (draw === undefined) throw new Error(call);
    const got = draw(g, seed);
    expect(got).toHaveLength(outs.length);
    for (const [i, x] of got.entries()) expectSame(x, outs[i]!);
  });
});

describe("state", () => {
  test.each(group("state"))("$id", ({ call, g, outs }) => {
    if (call === "torch.get_rng_state()") return expectSame(g.getState(), outs[0]!);
    if (call.startsWith("torch.rand(700)")) {
      expectSame(rand(g, 700), outs[0]!);
      expectSame(g.getState(), outs[1]!);
      for (const from of [g, new Generator().setState(outs[1] as Uint8Array)]) expectSame(rand(from, 3), outs[2]!);
      return;
    }
    expect(call).toMatch(/^torch\.rand\(3\); torch\.randn\(3\)/);
    expectSame(rand(g, 3), outs[0]!);
    expectSame(randn(g, 3), outs[1]!);
    expectSame(g.getState(), outs[2]!);
    for (const from of [g, new Generator().setState(outs[2] as Uint8Array)]) {
      expectSame(randn(from, 2), outs[3]!);
      expectSame(rand(from, 2), outs[4]!);
    }
  });
});

describe("masks of dropout", () => {
  const x = arange(1, 25);
  const drop = (g: Generator, p: number, channel: number): Float32Array => {
    const keep = Math.fround(1 - p);
    const mask = new Float32Array(x.length / channel);
    fillBernoulli(g, mask, 1 - p);
    return x.map((value, i) => value * Math.fround(mask[Math.floor(i / channel)]! / keep));
  };
  const cases = group("dropout").filter(({ call }) => /^dropout(\dd)?_|^rrelu/.test(call) && !/^dropout_[01];/.test(call));
  test.each(cases)("$id", ({ call, g, outs }) => {
    const [name, p] = call.split(/_(?=\.)|;/) as [string, string];
    if (name === "dropout_module_twice") {
      for (const want of outs) expectSame(drop(g, 0.3, 1), want);
    } else if (name === "rrelu") {
      const inputs = x.map((value) => value - 12);
      const slopes = filled(new Float64Array(inputs.filter((v) => v <= 0).length), (out) =>
        fillUniform(g, out, Math.fround(0.1), Math.fround(0.4)),
      );
      let used = 0;
      expectSame(
        inputs.map((v) => (v <= 0 ? v * Math.fround(slopes[used++]!) : v)),
        outs[0]!,
      );
    } else expectSame(drop(g, Number(p), { dropout: 1, dropout1d: 3, dropout2d: 6 }[name]!), outs[0]!);
  });
});
