import ndarray from "ndarray";
import { describe, expect, test } from "vitest";
import * as torch from "../../src/index.ts";

const values = async (x: torch.Tensor): Promise<unknown> => x.tolist();

describe("fromNdarray", () => {
  const a = ndarray(
    Float32Array.from({ length: 12 }, (_, i) => i),
    [3, 4],
  );
  test.each([
    [
      "whole",
      a,
      [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9, 10, 11],
      ],
    ],
    [
      "transposed",
      a.transpose(1, 0),
      [
        [0, 4, 8],
        [1, 5, 9],
        [2, 6, 10],
        [3, 7, 11],
      ],
    ],
    [
      "part",
      a.lo(1, 1).hi(2, 2),
      [
        [5, 6],
        [9, 10],
      ],
    ],
    [
      "stepped",
      a.step(2, 3),
      [
        [0, 3],
        [8, 11],
      ],
    ],
    [
      "backwards",
      a.step(-1, 1),
      [
        [8, 9, 10, 11],
        [4, 5, 6, 7],
        [0, 1, 2, 3],
      ],
    ],
    ["row", a.pick(1, null), [4, 5, 6, 7]],
    ["number", a.pick(1, 2), 6],
  ])("%s", async (_, array, expected) => {
    expect(await values(torch.fromNdarray(array))).toEqual(expected);
  });

  test("keeps the dtype, or converts", () => {
    expect(torch.fromNdarray(ndarray(new Int32Array(2))).dtype).toBe(torch.int32);
    expect(torch.fromNdarray(ndarray(new BigInt64Array(2))).dtype).toBe(torch.int64);
    expect(torch.fromNdarray(ndarray(new Uint8ClampedArray(2))).dtype).toBe(torch.uint8);
    expect(torch.fromNdarray(ndarray(new Float64Array(2)), { dtype: torch.float32 }).dtype).toBe(torch.float32);
    expect(() => torch.fromNdarray(ndarray([1, 2, 3]))).toThrow("the data of the ndarray must be a typed array");
  });

  test("copies", () => {
    const data = new Float32Array(2);
    const x = torch.fromNdarray(ndarray(data));
    data[0] = 5;
    x.at(1).fill_(7);
    expect([x.tolistSync(), Array.from(data)]).toEqual([
      [0, 7],
      [5, 0],
    ]);
  });
});

describe("toNdarray", () => {
  test("of a tensor in any layout", async () => {
    const x = torch.arange(6).to(torch.float32).view(2, 3).t();
    const { data, shape, stride, offset } = await torch.toNdarray(x);
    const a = ndarray(data as Float32Array, shape, stride, offset);
    expect([a.shape, a.get(2, 0), a.get(0, 1), a.dtype]).toEqual([[3, 2], 2, 3, "float32"]);
    a.set(0, 0, 9);
    expect(x.at(0, 0).itemSync()).toBe(0);
    expect(torch.equal(torch.fromNdarray(await torch.toNdarray(x)), x)).toBe(true);
  });
  test("of other dtypes, numbers and nothing", async () => {
    expect((await torch.toNdarray(torch.tensor([1n, 2n]))).data).toEqual(BigInt64Array.of(1n, 2n));
    expect((await torch.toNdarray(torch.tensor([true, false]))).data).toEqual(Uint8Array.of(1, 0));
    expect((await torch.toNdarray(torch.tensor([1.5], { dtype: torch.bfloat16 }))).data).toEqual(Float32Array.of(1.5));
    expect(await torch.toNdarray(torch.tensor(2))).toEqual({ data: Float32Array.of(2), shape: [], stride: [], offset: 0 });
    expect((await torch.toNdarray(torch.zeros(0, 3))).shape).toEqual([0, 3]);
  });
});
