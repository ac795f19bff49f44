import { describe, expect, test } from "vitest";
import type { DType, Tensor } from "../../src/index.ts";
import * as torch from "../../src/index.ts";
import { caught, rejected } from "../support/caught.ts";
import { devices, isNarrow } from "../support/devices.ts";

const { bool, float32, float64, int8, int32, int64, uint8 } = torch;
const wide = 2n ** 63n;

// Values and sentences are PyTorch 1.13.1's.
describe.each(devices)("on %s", (device) => {
  const of = (values: readonly (number | bigint | boolean)[], dtype: DType = int64): Tensor => torch.tensor(values, { dtype, device });
  const bools = (...values: boolean[]): Tensor => of(values, bool);
  const [p, q] = [of([7, -7, 7, -7]), of([2, 2, -2, -2])];

  test.each<[string, () => Tensor, DType, (number | bigint | boolean)[]]>([
    ["division rounded down", () => p.div(q, { roundingMode: "floor" }), int64, [3, -4, -4, 3]],
    ["floorDivide", () => p.floorDivide(q), int64, [3, -4, -4, 3]],
    ["division toward zero", () => p.div(q, { roundingMode: "trunc" }), int64, [3, -3, -3, 3]],
    ["remainder: the divisor's sign", () => p.remainder(q), int64, [1, 1, -1, -1]],
    ["fmod: the dividend's sign", () => p.fmod(q), int64, [1, -1, 1, -1]],
    [
      "true division by zero",
      () => of([1, -1, 0]).div(of([0, 0, 0])),
      float32,
      [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN],
    ],
    ["powers", () => of([2, -3, 0, 7]).pow(of([10, 3, 0, 2])), int64, [1024, -27, 1, 49]],
    ["powers below 0 of tensors", () => of([2, 1, -1, -1]).pow(of([-1, -5, -3, -2])), int64, [0, 1, -1, 1]],
    ["powers wrap", () => of([2, 3]).pow(of([63, 41])), int64, [-wide, -420491770248316829n]],
    ["bytes wrap", () => of([200, 250], uint8).add(of([100, 10], uint8)), uint8, [44, 4]],
    ["negative bytes", () => of([1, 0, 255], uint8).neg(), uint8, [255, 0, 1]],
    ["int8 wraps", () => of([127, -128, 100], int8).mul(of([2, 2, 3], int8)), int8, [-2, 0, 44]],
    ["the least int8 has no negative", () => of([-128], int8).neg(), int8, [-128]],
    ["int32 wraps", () => of([2 ** 31 - 1, -(2 ** 31)], int32).add(of([1, -1], int32)), int32, [-(2 ** 31), 2 ** 31 - 1]],
    ["int64 wraps", () => of([wide - 1n, -wide]).add(of([1, -1])), int64, [-wide, wide - 1n]],
    ["int64 products wrap", () => of([2n ** 62n + 1n]).mul(3), int64, [-4611686018427387901n]],
    ["int64 sums wrap", () => of([2n ** 62n, 2n ** 62n, 2n ** 62n]).sum(), int64, [-4611686018427387904n]],
    ["int64 compares with all its bits", () => of([2n ** 53n + 1n, 2n ** 53n]).gt(of([2n ** 53n, 2n ** 53n + 1n])), bool, [true, false]],
    ["int64 has a greatest, with all its bits", () => of([2n ** 53n + 1n, 2n ** 53n]).max(), int64, [2n ** 53n + 1n]],
    ["and its place", () => of([2n ** 53n, 2n ** 53n + 1n]).argmax(), int64, [1]],
    ["shifts to the left", () => of([1, -1, 3]).bitwiseLeftShift(of([62, 3, 0])), int64, [2n ** 62n, -8, 3]],
    ["shifts to the right keep the sign", () => of([-8, 8, -1]).bitwiseRightShift(of([1, 2, 5])), int64, [-4, 2, -1]],
    ["bits in common", () => of([-2, 6]).bitwiseAnd(of([7, 3])), int64, [6, 2]],
    ["all bits turned", () => of([0, 5, -1]).bitwiseNot(), int64, [-1, -6, 0]],
    ["rounding leaves integers", () => of([5]).round(), int64, [5]],
    ["clamped", () => of([-5, 0, 5]).clamp(-1, 2), int64, [-1, 0, 2]],
    ["products in int64", () => of([2, 3, 4], int32).prod(), int64, [24]],
    ["sums of bytes", () => of([255, 255], uint8).sum(), int64, [510]],
    ["any of bytes is a byte", () => of([0, 2], uint8).any(), uint8, [1]],
    ["true and true is true", () => bools(true, false).add(bools(true, true)), bool, [true, true]],
    ["times is and", () => bools(true, false).mul(bools(true, true)), bool, [true, false]],
    ["not", () => bools(true, false).bitwiseNot(), bool, [false, true]],
    ["counting", () => bools(true, false).sum(), int64, [1]],
    ["counting up", () => bools(true, false).cumsum(0), int64, [1, 1]],
    ["false is less", () => bools(true, false).lt(bools(true, true)), bool, [false, true]],
    ["halves of truth", () => bools(true, false).div(2), float32, [0.5, 0]],
    ["a greatest truth", () => bools(true, false).max(), bool, [true]],
    ["NaN is true", () => of([0, 1, Number.NaN], float32).logicalAnd(of([1, 1, 1], float32)), bool, [false, true, true]],
    ["floats cut off", () => of([1.9, -1.9, 0.5, -0.5], float32).to(int64), int64, [1, -1, 0, 0]],
    ["floats as bytes", () => of([1.9, 255.5, 256, -1], float32).to(uint8), uint8, [1, 255, 0, 255]],
    ["floats as bools", () => of([0, -0, 0.1, Number.NaN], float32).to(bool), bool, [false, false, true, true]],
    ["int64 as float64", () => of([2n ** 53n + 1n]).to(float64), float64, [2 ** 53]],
    ["int64 as float32", () => of([2n ** 24n + 1n]).to(float32), float32, [2 ** 24]],
    ["sums of nothing", () => torch.zeros(0, { device }).sum(), float32, [0]],
    ["products of nothing", () => torch.zeros(0, { device }).prod(), float32, [1]],
    ["means of nothing", () => torch.zeros(0, { device }).mean(), float32, [Number.NaN]],
    ["any of nothing", () => torch.zeros(0, { device }).any(), bool, [false]],
    ["all of nothing", () => torch.zeros(0, { device }).all(), bool, [true]],
  ])("%s", async (_, f, dtype, expected) => {
    const refused = isNarrow(device) ? caught(f) : "no error";
    if (/holds int64 in 32 bits|has no torch.float64/.test(refused)) return;
    const y = f();
    const plain = (v: number | bigint | boolean): number | bigint => (typeof v === "bigint" ? v : Number(v));
    const data = Array.from((await y.toTypedArray()) as ArrayLike<number | bigint>, (v) => (dtype === int64 ? BigInt(v) : v));
    expect([y.dtype, data]).toEqual([
      dtype,
      expected.map((v) => (dtype === int64 ? BigInt.asIntN(isNarrow(device) ? 32 : 64, BigInt(plain(v))) : plain(v))),
    ]);
  });

  test.each<[string, () => unknown, string]>([
    ["floor division by zero", () => of([1]).div(of([0]), { roundingMode: "floor" }), "RuntimeError: ZeroDivisionError"],
    ["floor division by the number zero", () => of([1]).floorDivide(0), "RuntimeError: ZeroDivisionError"],
    ["remainder by zero", () => of([1]).remainder(of([0])), "RuntimeError: ZeroDivisionError"],
    ["fmod by zero", () => of([1]).fmod(of([0])), "RuntimeError: ZeroDivisionError"],
    ["powers below 0", () => of([2]).pow(-1), "RuntimeError: Integers to negative integer powers are not allowed."],
    [
      "bools apart",
      () => bools(true).sub(bools(true)),
      "RuntimeError: Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` operator instead.",
    ],
    [
      "bool less a number",
      () => bools(true).sub(1),
      "RuntimeError: Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, use the `~` or `logical_not()` operator instead.",
    ],
    [
      "negative bools",
      () => bools(true).neg(),
      "RuntimeError: Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use the `~` or `logical_not()` operator instead.",
    ],
    ["powers of bools", () => bools(true).pow(bools(true)), "RuntimeError: \"pow\" not implemented for 'Bool'"],
    ["sizes of bools", () => bools(true).abs(), "RuntimeError: \"abs_cpu\" not implemented for 'Bool'"],
    [
      "means of bools",
      () => bools(true).mean(),
      "RuntimeError: mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: Bool",
    ],
    [
      "means of integers",
      () => of([1]).mean(),
      "RuntimeError: mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: Long",
    ],
    ["places of bools", () => bools(true).argmax(), "RuntimeError: \"argmax_cpu\" not implemented for 'Bool'"],
    ["floors of bools", () => bools(true).floor(), "RuntimeError: \"floor_vml_cpu\" not implemented for 'Bool'"],
    ["fractions into integers", () => of([1]).add_(0.5), "RuntimeError: result type Float can't be cast to the desired output type Long"],
    ["quotients into integers", () => of([1]).div_(2), "RuntimeError: result type Float can't be cast to the desired output type Long"],
    ["integers into bools", () => bools(true).add_(1), "RuntimeError: result type Long can't be cast to the desired output type Bool"],
    [
      "a fraction as alpha",
      () => of([1]).add(of([2]), { alpha: 0.5 }),
      "RuntimeError: For integral input tensors, argument alpha must not be a floating point number.",
    ],
    [
      "a condition of integers",
      () => torch.where(of([1]), of([1]), of([2])),
      "RuntimeError: where expected condition to be a boolean tensor, but got a tensor with dtype Long",
    ],
    [
      "matrices of bools",
      () => torch.ones(2, 2, { dtype: bool, device }).mm(torch.ones(2, 2, { dtype: bool, device })),
      "RuntimeError: \"addmm_impl_cpu_\" not implemented for 'Bool'",
    ],
    ["integers mixed", () => of([1]).lerp(of([1]), 0.5), "RuntimeError: \"lerp_kernel_scalar\" not implemented for 'Long'"],
    [
      "the greatest of nothing",
      () => torch.zeros(0, { device }).max(),
      "RuntimeError: max(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument.",
    ],
    [
      "the place of the greatest of nothing",
      () => torch.zeros(0, { device }).argmax(),
      "IndexError: argmax(): Expected reduction dim to be specified for input.numel() == 0.",
    ],
    [
      "the greatest along nothing",
      () => torch.zeros(2, 0, { device }).amax(1),
      "IndexError: amax(): Expected reduction dim 1 to have non-zero size.",
    ],
    [
      "the greatest with places along nothing",
      () => torch.zeros(2, 0, { device }).max(1),
      "IndexError: max(): Expected reduction dim 1 to have non-zero size.",
    ],
  ])("%s", async (_, f, message) => {
    // What depends on values is raised by the next awaited read, on a device that cannot be read at once.
    const waited = async (): Promise<unknown> => await (f() as Partial<Tensor> | undefined)?.toTypedArray?.();
    expect(await rejected(waited())).toBe(message);
  });

  test("addcdiv of integers", () => {
    expect(caught(() => of([1]).addcdiv(of([1]), of([2])))).toMatch(/^RuntimeError: Integer division with addcdiv is no longer supported/);
  });
});
