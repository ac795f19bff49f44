import { expect, test } from "vitest";
import { bfloat16FromNumber, float16FromNumber, numberFromBfloat16, numberFromFloat16 } from "../../src/core/half.ts";

const inf = Number.POSITIVE_INFINITY;
const nan = Number.NaN;

test.each([
  ["float16", float16FromNumber, numberFromFloat16],
  ["bfloat16", bfloat16FromNumber, numberFromBfloat16],
] as const)("%s: every number that bits stand for has these bits", (_, toBits, toNumber) => {
  for (let bits = 0; bits < 0x10000; bits++) {
    const x = toNumber(bits);
    if (Number.isNaN(x)) expect(toNumber(toBits(x))).toBeNaN();
    else if (toBits(x) !== bits) expect.fail(`${x} has ${toBits(x)}, not ${bits}`);
  }
});

test.each([
  ["float16", float16FromNumber, numberFromFloat16, 0x7c00],
  ["bfloat16", bfloat16FromNumber, numberFromBfloat16, 0x7f80],
] as const)("%s: between two neighbours the nearest is taken, halfway the even one", (_, toBits, toNumber, infinity) => {
  for (let bits = 0; bits < infinity - 1; bits++) {
    const low = toNumber(bits);
    const high = toNumber(bits + 1);
    const found = [0.25, 0.5, 0.75].map((part) => toBits(low + part * (high - low)));
    const even = bits % 2 === 0 ? bits : bits + 1;
    if (found[0] !== bits || found[1] !== even || found[2] !== bits + 1) expect.fail(`${bits}: ${found}`);
    if (toBits(-low) !== bits + 0x8000) expect.fail(`-${low}`);
  }
});

// What torch.tensor(x, dtype=torch.float32).half() and .bfloat16() of PyTorch 1.13.1 hold.
test("values as in PyTorch", () => {
  const xs = [65504, 65519, 65520, -65520, 2 ** -24, 2 ** -25, 2 ** -25 * 1.0001, 2 ** -14 - 2 ** -26, 1e-10, -1e-10, inf, -inf, 3.4e38];
  expect(xs.map(float16FromNumber)).toEqual([0x7bff, 0x7bff, 0x7c00, 0xfc00, 1, 0, 1, 0x400, 0, 0x8000, 0x7c00, 0xfc00, 0x7c00]);
  expect([3.4e38, 3.39e38, 1 + 2 ** -8, 1 + 3 * 2 ** -8, inf, -inf, -0].map(bfloat16FromNumber)).toEqual([
    0x7f80, 0x7f7f, 0x3f80, 0x3f82, 0x7f80, 0xff80, 0x8000,
  ]);
  expect([float16FromNumber(nan), bfloat16FromNumber(nan)]).toEqual([0x7e00, 0x7fc0]);
  // Rounded to float32 first: by itself 1 + 2^-11 + 2^-40 lies above the halfway point.
  expect(float16FromNumber(1 + 2 ** -11 + 2 ** -40)).toBe(0x3c00);
});
