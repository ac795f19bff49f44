import { describe, expect, test } from "vitest";
import type { Tensor } from "../../src/index.ts";
import * as torch from "../../src/index.ts";
import { devices } from "../support/devices.ts";

const { bool, float32, float64, int8, int32, int64, uint8 } = torch;
/** dtype and values, as PyTorch prints them. */
const text = (x: Tensor): string => String(x);

// Expected texts are PyTorch 1.13.1's.
describe("sequences", () => {
  test.each<[string, () => Tensor, string]>([
    ["arange(5)", () => torch.arange(5), "tensor([0, 1, 2, 3, 4])"],
    ["arange(1, 2.5, 0.5)", () => torch.arange(1, 2.5, 0.5), "tensor([1.0000, 1.5000, 2.0000])"],
    ["arange(0, 1, 0.3)", () => torch.arange(0, 1, 0.3), "tensor([0.0000, 0.3000, 0.6000, 0.9000])"],
    ["arange(5, 0, -2)", () => torch.arange(5, 0, -2), "tensor([5, 3, 1])"],
    ["arange(3.)", () => torch.arange(torch.float(3)), "tensor([0., 1., 2.])"],
    ["arange(0, 0)", () => torch.arange(0, 0), "tensor([], dtype=torch.int64)"],
    ["arange by name", () => torch.arange({ start: 0, end: 6, step: 2, dtype: float32 }), "tensor([0., 2., 4.])"],
    ["arange of fractions as integers", () => torch.arange(0.5, 3, { dtype: int64 }), "tensor([0, 1, 2])"],
    ["arange of bytes", () => torch.arange(-2, 2, { dtype: int8 }), "tensor([-2, -1,  0,  1], dtype=torch.int8)"],
    ["linspace(0, 1, 5)", () => torch.linspace(0, 1, 5), "tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])"],
    ["linspace of one", () => torch.linspace(0, 1, 1), "tensor([0.])"],
    ["linspace(3, -3, 4)", () => torch.linspace(3, -3, 4), "tensor([ 3.,  1., -1., -3.])"],
    ["linspace of integers", () => torch.linspace(0, 10, 4, { dtype: int64 }), "tensor([ 0,  3,  6, 10])"],
    ["linspace of none", () => torch.linspace(0, 1, 0), "tensor([])"],
    ["linspace in float64", () => torch.linspace(0, 1, 3, { dtype: float64 }), "tensor([0.0000, 0.5000, 1.0000], dtype=torch.float64)"],
    ["eye(2, 3)", () => torch.eye(2, 3), "tensor([[1., 0., 0.],\n        [0., 1., 0.]])"],
    ["eye of bools", () => torch.eye(2, { dtype: bool }), "tensor([[ True, False],\n        [False,  True]])"],
    ["full", () => torch.full([2], 3.7, { dtype: int64 }), "tensor([3, 3])"],
    ["full of true", () => torch.full([2, 2], true), "tensor([[True, True],\n        [True, True]])"],
    ["full of an int", () => torch.full([2], 7n), "tensor([7, 7])"],
    ["zeros and ones", () => torch.cat([torch.zeros(2), torch.ones([1])]), "tensor([0., 0., 1.])"],
  ])("%s", (_, make, expected) => expect(text(make())).toBe(expected));

  test("the length of a range counts what fits", () => expect(torch.arange(1, 2, 0.1).shape).toEqual([10]));
});

describe("tensor", () => {
  test.each<[string, () => Tensor, torch.DType, number[], unknown]>([
    [
      "numbers",
      () =>
        torch.tensor([
          [1, 2],
          [3, 4],
        ]),
      float32,
      [2, 2],
      [
        [1, 2],
        [3, 4],
      ],
    ],
    ["a number", () => torch.tensor(3), float32, [], 3],
    ["bigints", () => torch.tensor([1n, -(2n ** 40n)]), int64, [2], [1, -(2 ** 40)]],
    ["booleans", () => torch.tensor([true, false]), bool, [2], [true, false]],
    ["booleans among numbers", () => torch.tensor([true, 1.5]), float32, [2], [1, 1.5]],
    ["booleans among bigints", () => torch.tensor([true, 2n]), int64, [2], [1, 2]],
    ["bigints among numbers", () => torch.tensor([2n, 0.5]), float32, [2], [2, 0.5]],
    ["nothing", () => torch.tensor([]), float32, [0], []],
    ["lists of nothing", () => torch.tensor([[], []]), float32, [2, 0], [[], []]],
    ["typed numbers", () => torch.tensor([torch.int32(1), torch.int32(2)]), int32, [2], [1, 2]],
    ["tensors", () => torch.tensor([torch.tensor(1), torch.tensor(2)]), float32, [2], [1, 2]],
    ["a Float64Array", () => torch.tensor(new Float64Array([1, 2])), float64, [2], [1, 2]],
    ["a Uint8ClampedArray", () => torch.tensor(new Uint8ClampedArray([300, 2])), uint8, [2], [255, 2]],
    ["part of a typed array", () => torch.tensor(new Float32Array([1, 2, 3]).subarray(1)), float32, [2], [2, 3]],
    ["fractions as integers", () => torch.tensor([-1.7, 1.7], { dtype: int32 }), int32, [2], [-1, 1]],
    ["numbers as bools", () => torch.tensor([0, Number.NaN, 2], { dtype: bool }), bool, [3], [false, true, true]],
    ["too large for float32", () => torch.tensor([1e40]), float32, [1], [Number.POSITIVE_INFINITY]],
  ])("of %s", (_, make, dtype, shape, values) => {
    const x = make();
    expect([x.dtype, x.shape, x.tolistSync()]).toEqual([dtype, shape, values]);
  });

  test("copies: of an array, and of a tensor without its history", () => {
    const data = new Float32Array([1, 2]);
    const x = torch.tensor(data);
    data[0] = 9;
    expect(x.tolistSync()).toEqual([1, 2]);
    const y = torch.tensor(x.requiresGrad_().mul(2));
    expect([y.requiresGrad, y.tolistSync()]).toEqual([false, [2, 4]]);
  });

  test("asTensor gives back what needs no change", () => {
    const x = torch.ones(2);
    expect(torch.asTensor(x)).toBe(x);
    expect(torch.asTensor(x, { dtype: float64 }).dtype).toBe(float64);
    expect(torch.asTensor([1, 2]).tolistSync()).toEqual([1, 2]);
  });
});

describe("like another", () => {
  test("dtype, shape, and order in memory", () => {
    expect(torch.zerosLike(torch.ones(2, 3).t()).stride()).toEqual([1, 3]);
    expect(torch.emptyLike(torch.ones(2, 3, 4).permute(2, 0, 1)).stride()).toEqual([1, 12, 4]);
    expect(torch.onesLike(torch.ones(3, 1).expand(3, 4)).stride()).toEqual([4, 1]);
    expect(torch.fullLike(torch.zeros(2, { dtype: int32 }), 7.9).tolistSync()).toEqual([7, 7]);
    expect(torch.zerosLike(torch.ones(2), { dtype: int64, requiresGrad: false }).dtype).toBe(int64);
    expect(torch.onesLike(torch.ones(2, { requiresGrad: true })).requiresGrad).toBe(false);
  });
});

describe("options", () => {
  test("requiresGrad, dtype, size as a list", () => {
    expect(torch.zeros([2, 3], { dtype: float64, requiresGrad: true })).toMatchObject({
      shape: [2, 3],
      dtype: float64,
      requiresGrad: true,
      isLeaf: true,
    });
    expect(torch.empty(2, 3).shape).toEqual([2, 3]);
    expect(torch.zeros({ size: [2] } as never).shape).toEqual([2]);
    expect(torch.zeros([]).shape).toEqual([]);
  });
  test.each(devices)("device %s", async (device) => {
    const x = torch.tensor([[1, 2]], { device });
    expect([x.device.type, torch.zerosLike(x).device.type, x.newOnes([2]).device.type]).toEqual([device, device, device]);
    const home = await x.cpu();
    expect([home.device.type, await home.tolist()]).toEqual(["cpu", [[1, 2]]]);
    const back = await home.to(device);
    expect([back.device.type, await back.tolist()]).toEqual([device, [[1, 2]]]);
    expect(await home.to("cpu")).toBe(home);
  });
});

describe("errors, in PyTorch's words", () => {
  test.each<[string, () => unknown, string]>([
    ["a step away", () => torch.arange(0, 5, -1), "upper bound and larger bound inconsistent with step sign"],
    ["no step", () => torch.arange(0, 5, 0), "step must be nonzero"],
    ["no end", () => torch.arange(Number.POSITIVE_INFINITY), "unsupported range: 0 -> inf"],
    ["a negative size", () => torch.zeros(-1), "Trying to create tensor with negative dimension -1: [-1]"],
    ["a negative size among others", () => torch.zeros(2, -3), "Trying to create tensor with negative dimension -3: [2, -3]"],
    ["a size that is not whole", () => torch.zeros(2.5), "zeros(): argument 'size' (position 1) must be tuple of SymInts, not float"],
    ["a word as size", () => torch.zeros("a" as never), "zeros(): argument 'size' (position 1) must be tuple of SymInts, not str"],
    ["ragged lists", () => torch.tensor([[1, 2], [3]]), "expected sequence of length 2 at dim 1 (got 1)"],
    ["a number among lists", () => torch.tensor([[1, 2], 3]), "not a sequence"],
    ["a list among numbers", () => torch.tensor([1, [2]]), "'list' object cannot be interpreted as an integer"],
    ["too few steps", () => torch.linspace(0, 1, -1), "number of steps must be non-negative"],
    ["too few rows", () => torch.eye(-1), "n must be greater or equal to 0, got -1"],
    [
      "integers with gradients",
      () => torch.tensor([1n], { requiresGrad: true }),
      "Only Tensors of floating point and complex dtype can require gradients",
    ],
    [
      "integer zeros with gradients",
      () => torch.zeros(2, { requiresGrad: true, dtype: int64 }),
      "Only Tensors of floating point and complex dtype can require gradients",
    ],
    [
      "an integer range with gradients",
      () => torch.arange(3, { requiresGrad: true }),
      "Only Tensors of floating point and complex dtype can require gradients",
    ],
    ["null", () => torch.tensor(null as never), "Could not infer dtype of NoneType"],
    ["an option that does not exist", () => torch.zeros(2, { dtyp: int64 } as never), "zeros() got an unexpected keyword argument 'dtyp'"],
    ["a device that does not exist", () => torch.zeros(2, { device: "tpu" }), "device type at start of device string: tpu"],
  ])("%s", (_, make, message) => {
    expect(make).toThrow(torch.TorchletError);
    expect(make).toThrow(message);
  });
});
