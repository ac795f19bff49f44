import { expect, test } from "vitest";
import { pickle } from "../../src/core/pickle.ts";
import { plain, unpickle } from "../memory/unpickle.ts";
import { caught } from "../support/caught.ts";

const hex = (x: unknown): string => Buffer.from(pickle(x)).toString("hex");

test("the bytes that Python's pickle.dumps(x, 2) writes", () => {
  expect(hex(null)).toBe("80024e2e");
  expect(hex([true, false])).toBe("80025d7100288889652e");
  expect(hex([1, 255, 256, 65_535, 65_536, -1])).toBe("80025d7100284b014bff4d00014dffff4a000001004affffffff652e");
  expect(hex({ a: 0.5, b: 1 })).toBe("80027d7100285801000000617101473fe000000000000058010000006271024b01752e");
  expect(hex("é")).toBe("80025802000000c3a971002e");
});

test("numbers keep their value and whether they are whole", () => {
  const numbers = [
    0,
    -0,
    1,
    2 ** 31 - 1,
    2 ** 31,
    -(2 ** 31),
    -(2 ** 31) - 1,
    2 ** 53 - 1,
    -(2 ** 53) + 1,
    2 ** 60,
    1.5,
    1e300,
    Number.POSITIVE_INFINITY,
  ];
  const back = unpickle(pickle(numbers)) as number[];
  expect(back.length).toBe(numbers.length);
  for (const [k, x] of numbers.entries()) expect(back[k]).toBe(x);
  expect(unpickle(pickle(Number.NaN))).toBeNaN();
  expect(hex(-0)).toBe("80024780000000000000002e");
});

test("long lists and dicts, and more strings than a byte counts", () => {
  const list = Array.from({ length: 2500 }, (_, k) => `entry ${k}`);
  const dict = Object.fromEntries(list.map((name, k) => [name, { k, again: list[k % 300] }]));
  expect(plain(unpickle(pickle({ list, dict, empty: [[], {}] })))).toEqual({ list, dict, empty: [[], {}] });
});

test("what occurs twice is written once", () => {
  const frames = [{ filename: "train.ts", line: 3 }];
  const [a, b] = unpickle(pickle([frames, frames])) as [unknown[], unknown[]];
  expect(a).toBe(b);
  expect(plain(a)).toEqual(frames);
  expect(pickle(Array.from({ length: 1000 }, () => frames)).length).toBeLessThan(3000);
});

test("what is not plain data is refused", () => {
  for (const x of [undefined, () => 0, Symbol.iterator, 1n])
    expect(caught(() => pickle([x]))).toBe(`TypeError: cannot pickle '${typeof x}' object`);
});
