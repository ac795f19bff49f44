/** The generator: seeds, single draws and saved states. */
import { describe, expect, test } from "vitest";
import { TorchletError } from "../../src/core/errors.ts";
import { fillNormal, fillUniform } from "../../src/core/random/distributions.ts";
import { Generator } from "../../src/core/random/generator.ts";

/** FNV-1a of the bytes. */
function hash(a: ArrayBufferView): number {
  let h = 0x811c9dc5;
  for (const byte of new Uint8Array(a.buffer, a.byteOffset, a.byteLength)) h = Math.imul(h ^ byte, 0x01000193);
  return h >>> 0;
}

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
    for (const [at, value] of [
      [8, 0],
      [8, 625],
      [12, 0],
      [16, 625],
      [16, 624],
    ] as const) {
      const state = new Generator().getState();
      new DataView(state.buffer).setInt32(8, 624, true);
      new DataView(state.buffer).setInt32(at, value, true);
      expect(() => new Generator().setState(state), `${value} at ${at}`).toThrow("Invalid mt19937 state");
    }
  });
});
