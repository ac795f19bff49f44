/** The transforms of random numbers against float64, on targets that compute as WGSL lets them: multiply-add fused or not, quotients inexact. */
import { describe, expect, test } from "vitest";
import { philoxNormals, philoxUniform } from "../../src/core/random/philox.ts";
import { arg } from "../../src/kernel/expr.ts";
import { cauchy, negativeLog, normalPair } from "../../src/kernel/random-transforms.ts";
import { generator, ulpError } from "../support/f32.ts";
import { evaluate, type Target } from "../support/f32-interpreter.ts";

const targets: readonly (readonly [string, Target])[] = [
  ["fused", { fused: true }],
  ["unfused", { fused: false }],
  ["unfused, coarse division and root", { fused: false, coarse: true }],
  ["fused, coarse division and root", { fused: true, coarse: true }],
];

/** Outputs at random, and those next to the ends and to the quarters of their range. */
function outputs(n: number, seed: number): Uint32Array {
  const random = generator(seed);
  const quarters = [0, 2 ** 30, 2 ** 31, 3 * 2 ** 30, 2 ** 32];
  const near = quarters.flatMap((q) => [-65536, -300, -130, -64, -3, -1, 0, 1, 2, 65, 129, 255, 4097].map((d) => q + d));
  const edges = near.filter((x) => x >= 0 && x < 2 ** 32);
  return Uint32Array.from({ length: n }, (_, i) =>
    i < edges.length ** 2 ? edges[(i * (seed % 2 === 0 ? 1 : 37)) % edges.length]! : random() * 2 ** 32,
  );
}

const n = 200_000;
const [x, y] = [outputs(n, 1), outputs(n, 2)];
const [u, v] = [x, y].map((words) => Float32Array.from(words, philoxUniform)) as [Float32Array, Float32Array];
const [a, b] = [arg(0, "f32"), arg(1, "f32")];

/** The largest error in units in the last place; of zeros only that they are zero. */
function worst(got: ArrayLike<number>, exact: (i: number) => number): number {
  let most = 0;
  for (let i = 0; i < n; i++) {
    const want = exact(i);
    most = Math.max(most, want === 0 ? Math.abs(got[i]!) * 1e9 : ulpError(got[i]!, want));
  }
  return most;
}

describe.each(targets)("%s", (_, target) => {
  test("normal numbers are within 4 ulp of those of the CPU", () => {
    const [sine, cosine] = normalPair(a, b);
    const pair = new Float32Array(2);
    const exact = (k: 0 | 1) => (i: number) => {
      philoxNormals(x[i]!, y[i]!, pair);
      return pair[k]!;
    };
    expect(worst(evaluate(sine, [u, v], target), exact(0))).toBeLessThan(4);
    expect(worst(evaluate(cosine, [u, v], target), exact(1))).toBeLessThan(4);
  });

  test("logarithms are within 2 ulp, and below 0", () => {
    const got = evaluate(negativeLog(a), [u], target);
    expect(worst(got, (i) => (u[i]! >= 1 - 2 ** -24 ? -(2 ** -24) : Math.log(u[i]!)))).toBeLessThan(2);
    expect(got.every((l) => l < 0)).toBe(true);
  });

  test("Cauchy numbers are within 5 ulp, and finite", () => {
    const got = evaluate(cauchy(a), [u], target);
    const clamped = (i: number): number => Math.max(Math.min(u[i]!, 1 - 2 ** -23), 2 ** -23);
    expect(worst(got, (i) => Math.tan(Math.PI * (clamped(i) - 0.5)))).toBeLessThan(5);
    expect(got.every((c) => Math.abs(c) < 3e6)).toBe(true);
  });
});
