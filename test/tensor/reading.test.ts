import { describe, expect, test } from "vitest";
import * as torch from "../../src/index.ts";
import { devices, isNarrow } from "../support/devices.ts";

describe.each(devices)("on %s", (device) => {
  test("item, tolist and toTypedArray", async () => {
    const x = torch.tensor(
      [
        [1, 2.5],
        [3, 4],
      ],
      { device },
    );
    expect(await x.tolist()).toEqual([
      [1, 2.5],
      [3, 4],
    ]);
    expect(await x.t().toTypedArray()).toEqual(Float32Array.of(1, 3, 2.5, 4));
    expect(await x.at(0, 1).item()).toBe(2.5);
    expect(await torch.tensor([[true]], { device }).item()).toBe(true);
    expect(await torch.tensor([], { device }).tolist()).toEqual([]);
    expect(await torch.zeros(2, 0, { device }).tolist()).toEqual([[], []]);
    await expect(x.item()).rejects.toThrow("only one element tensors can be converted to Python scalars");
  });

  test.skipIf(isNarrow(device))("integers beyond 2^53 say how to read them", async () => {
    const x = torch.tensor([2n ** 60n + 1n], { device });
    await expect(x.item()).rejects.toThrow("itemBigInt()");
    expect(await x.itemBigInt()).toBe(2n ** 60n + 1n);
    expect(await x.toTypedArray()).toEqual(BigInt64Array.of(2n ** 60n + 1n));
    expect(await torch.tensor([-(2n ** 53n) + 1n], { device }).item()).toBe(-Number.MAX_SAFE_INTEGER);
  });

  test("what is read is a copy in an ordinary ArrayBuffer", async () => {
    const x = torch.zeros(3, { device });
    const data = (await x.toTypedArray()) as Float32Array;
    data.fill(7);
    expect(data.buffer).toBeInstanceOf(ArrayBuffer);
    expect(await x.tolist()).toEqual([0, 0, 0]);
  });

  test("repr has the values on every device", async () => {
    expect(await torch.tensor([1, 2], { device }).repr()).toMatch(/^tensor\(\[1\., 2\.\]/);
  });

  test("a read in flight keeps what it reads", async () => {
    const x = torch.full([1000], 5, { device });
    const pending = x.toTypedArray();
    x.dispose();
    torch.zeros(1000, { device });
    expect((await pending)[999]).toBe(5);
  });
});

test("format follows Python's specifications", () => {
  expect(torch.tensor(2.71875).format(".2f")).toBe("2.72");
  expect(torch.tensor(42n).format("05d")).toBe("00042");
  expect(() => torch.zeros(2).format(".2f")).toThrow("unsupported format string passed to Tensor.__format__");
});

test("values read on the CPU at once", () => {
  const x = torch.tensor([[1, 2]]);
  expect([x.tolistSync(), x.at(0, 0).itemSync(), x.toTypedArraySync()]).toEqual([[[1, 2]], 1, Float32Array.of(1, 2)]);
});

function gone(): torch.Tensor {
  const x = torch.zeros(1);
  x.dispose();
  return x;
}

// Texts are PyTorch 1.13.1's.
describe("printing", () => {
  test.each<[string, () => unknown, string]>([
    ["whole floats", () => torch.tensor([1, 2]), "tensor([1., 2.])"],
    [
      "fractions",
      () =>
        torch.tensor([
          [1, 2.5],
          [-3, 4],
        ]),
      "tensor([[ 1.0000,  2.5000],\n        [-3.0000,  4.0000]])",
    ],
    ["a number", () => torch.tensor(2.5), "tensor(2.5000)"],
    ["other dtypes", () => torch.tensor([1, 2], { dtype: torch.int32 }), "tensor([1, 2], dtype=torch.int32)"],
    ["a view", () => torch.arange(6).view(2, 3).t(), "tensor([[0, 3],\n        [1, 4],\n        [2, 5]])"],
    ["nothing", () => torch.zeros(2, 0), "tensor([], size=(2, 0))"],
    ["a leaf", () => torch.ones(1, { requiresGrad: true }), "tensor([1.], requires_grad=True)"],
    ["a result", () => torch.ones(1, { requiresGrad: true }).exp(), "tensor([2.7183], grad_fn=<ExpBackward0>)"],
    [
      "a tuple",
      () =>
        torch
          .tensor([
            [1, 3],
            [2, 0],
          ])
          .max(1),
      "torch.return_types.max(\nvalues=tensor([3., 2.]),\nindices=tensor([1, 0]))",
    ],
    ["NaN and infinities", () => torch.tensor([Number.NaN, Number.NEGATIVE_INFINITY, 1]), "tensor([nan, -inf, 1.])"],
    ["a device", () => torch.tensor([1], { device: "reference" }), "tensor([1.], device='reference')"],
    ["what is gone", gone, "tensor(<disposed>)"],
  ])("%s", (_, make, expected) => expect(String(make())).toBe(expected));
});
