/** Philox4x32-10 against the known answers of Random123 (`tests/kat_vectors`), and what is made of its outputs. */
import { describe, expect, test } from "vitest";
import {
  fillPhiloxNormal,
  fillPhiloxUniform,
  fillPhiloxWords,
  Philox,
  philox4x32,
  philoxNormals,
  philoxUniform,
} from "../../src/core/random/philox.ts";

const words = (hex: string): Uint32Array => Uint32Array.from(hex.split(" "), (word) => Number.parseInt(word, 16));

describe("known answers", () => {
  test.each([
    ["00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"],
    ["ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"],
    ["243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"],
  ])("counter %s, key %s", (counter, key, want) => {
    const out = new Uint32Array(4);
    philox4x32(words(counter), words(key), out);
    expect(out).toEqual(words(want));
  });

  test("the counter is offset and subsequence, the key is the seed", () => {
    const [c0, c1, c2, c3] = [0x243f6a88n, 0x85a308d3n, 0x13198a2en, 0x03707344n];
    const block = (c1 << 32n) | c0;
    const p = new Philox((0x299f31d0n << 32n) | 0xa4093822n, (c3 << 32n) | c2, BigInt.asUintN(64, block));
    const direct = new Uint32Array(4);
    philox4x32([Number(BigInt.asUintN(32, block >> 2n)), Number(block >> 34n), Number(c2), Number(c3)], words("a4093822 299f31d0"), direct);
    expect([p.u32(), p.u32(), p.u32(), p.u32()]).toEqual([...direct]); // the offset is a multiple of 4
  });
});

describe("Philox", () => {
  const take = (p: Philox, n: number): number[] => Array.from({ length: n }, () => p.u32());

  test("an offset skips outputs", () => {
    const all = take(new Philox(7), 40);
    for (const offset of [1, 3, 4, 5, 18]) expect(take(new Philox(7, 0, offset), 40 - offset)).toEqual(all.slice(offset));
  });

  test("the counter carries into its next word", () => {
    const p = new Philox(7, 5, 2n ** 34n - 4n);
    const want = new Uint32Array(8);
    philox4x32([0xffffffff, 0, 5, 0], [7, 0], want);
    philox4x32([0, 1, 5, 0], [7, 0], want, 4);
    expect(take(p, 8)).toEqual([...want]);
  });
});

describe("filled arrays", () => {
  test("give each four elements a subsequence", () => {
    const out = new Uint32Array(11);
    fillPhiloxWords(out, 99n, 8n);
    const want = [0, 1, 2].flatMap((subsequence) => {
      const p = new Philox(99, subsequence, 8);
      return [p.u32(), p.u32(), p.u32(), p.u32()];
    });
    expect([...out]).toEqual(want.slice(0, 11));
  });

  test("uniform values are cuRAND's, with the interval turned round", () => {
    expect([0, 1, 2 ** 31, 2 ** 32 - 1].map(philoxUniform)).toEqual([2 ** -33, 1.5 * 2 ** -32, 0.5, 1]);
    const n = 100000;
    const [raw, unit, other] = [new Uint32Array(n), new Float32Array(n), new Float32Array(n)];
    fillPhiloxWords(raw, 1n, 0n);
    fillPhiloxUniform(unit, 1n, 0n);
    fillPhiloxUniform(other, 1n, 0n, -2, 3);
    expect(unit.every((u, i) => u === philoxUniform(raw[i]!) % 1)).toBe(true);
    expect(other.every((x, i) => x >= -2 && x < 3 && Math.abs(x - (5 * unit[i]! - 2)) < 1e-6)).toBe(true);
    expect(unit.reduce((sum, u) => sum + u, 0) / n).toBeCloseTo(0.5, 2);
  });

  test("normal values come in pairs, sine first", () => {
    const n = 100001;
    const [raw, out, scaled] = [new Uint32Array(n + 1), new Float32Array(n), new Float32Array(n)];
    fillPhiloxWords(raw, 1n, 4n);
    fillPhiloxNormal(out, 1n, 4n);
    fillPhiloxNormal(scaled, 1n, 4n, 3, 0.5);
    for (let i = 0; i < 100; i++) {
      const radius = Math.sqrt(-2 * Math.log(philoxUniform(raw[2 * i]!)));
      const angle = 2 * Math.PI * philoxUniform(raw[2 * i + 1]!);
      expect(out[2 * i]).toBe(Math.fround(radius * Math.sin(angle)));
      expect(out[2 * i + 1]).toBe(Math.fround(radius * Math.cos(angle)));
      expect(scaled[i]).toBe(Math.fround(out[i]! * 0.5 + 3));
    }
    const last = new Float32Array(2);
    philoxNormals(raw[n - 1]!, raw[n]!, last);
    expect(out[n - 1]).toBe(last[0]);
    expect(out.reduce((sum, x) => sum + x, 0) / n).toBeCloseTo(0, 2);
    expect(out.reduce((sum, x) => sum + x * x, 0) / n).toBeCloseTo(1, 1);
  });
});
