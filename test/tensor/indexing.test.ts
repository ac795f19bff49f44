import { describe, expect, test } from "vitest";
import type { Index, Tensor } from "../../src/index.ts";
import * as torch from "../../src/index.ts";
import { reads } from "./indexing-reads.ts";
import { writes } from "./indexing-writes.ts";

const { int64 } = torch;
const count = (...shape: number[]): Tensor =>
  torch
    .arange(shape.reduce((a, b) => a * b, 1))
    .to(torch.float32)
    .view(shape);
const flat = (x: Tensor): number[] => Array.from(x.detach().contiguous().toTypedArraySync() as Float32Array);
const weighted = (x: Tensor): Tensor => x.mul(count(...x.shape).add(1)).sum();

describe("reading", () => {
  test.each(reads)("x[$name]", ({ at, shape, values, grad }) => {
    const x = count(2, 3, 4).requiresGrad_();
    const y = x.at(...at);
    expect(y.shape).toEqual(shape);
    expect(flat(y)).toEqual(values);
    weighted(y).backward();
    expect(flat(x.grad!)).toEqual(grad);
  });

  test("numbers, slices and null give views, masks and index tensors copies", () => {
    const x = count(2, 3, 4);
    const long = torch.tensor([0n]);
    const views: Index[][] = [[0], ["1:", null], ["...", "::2"], [":"], ["..."], []];
    for (const at of views) expect(x.at(...at).untypedStorage(), String(at)).toBe(x.untypedStorage());
    for (const at of [[long], [[0]], [x.gt(3)], [true]] as Index[][])
      expect(x.at(...at).untypedStorage(), String(at)).not.toBe(x.untypedStorage());
    x.at(0).add_(100);
    expect(flat(x).slice(10, 14)).toEqual([110, 111, 12, 13]);
    x.at("...", "1:3").at(1, "::2").zero_();
    expect(flat(x).slice(12)).toEqual([12, 0, 0, 15, 16, 17, 18, 19, 20, 0, 0, 23]);
  });

  test("a byte tensor is a mask", () => {
    expect(flat(count(4).at(torch.tensor([1, 0, 0, 2], { dtype: torch.uint8 })))).toEqual([0, 3]);
  });

  test("an index of the same dtype as small integers", () => {
    expect(flat(count(4).at(torch.tensor([3, 1], { dtype: torch.int32 })))).toEqual([3, 1]);
  });
});

describe("writing", () => {
  test.each(writes)("x[$name] = $value", ({ at, value, result, grad, valueGrad }) => {
    const x = count(2, 3, 4).requiresGrad_();
    const v =
      value === -5
        ? null
        : count(...value)
            .add(1)
            .neg()
            .requiresGrad_();
    const y = x.mul(1);
    y.setAt(at, v ?? -5);
    expect(flat(y)).toEqual(result);
    weighted(y).backward();
    expect(flat(x.grad!)).toEqual(grad);
    if (v !== null) expect(flat(v.grad!)).toEqual(valueGrad);
  });

  test("one index needs no list", () => {
    const x = count(2, 2);
    x.setAt(1, 5);
    x.setAt(x.eq(0), 9);
    expect(flat(x)).toEqual([9, 1, 5, 5]);
  });

  test("of another dtype converts plain assignment and numbers", () => {
    const x = torch.zeros(3, { dtype: int64 });
    x.setAt("1:", torch.tensor([1.9, -1.9]));
    x.setAt(torch.tensor([0n]), 7.9);
    expect(x.tolistSync()).toEqual([7, 1, -1]);
  });

  test("where places repeat, the last value stays", () => {
    const x = torch.zeros(2);
    x.setAt([[0, 0, 1]], torch.tensor([1, 2, 3]));
    expect(flat(x)).toEqual([2, 3]);
  });

  test("from itself, shifted", () => {
    const x = count(6);
    x.setAt("1:", x.at(":-1"));
    expect(flat(x)).toEqual([0, 0, 1, 2, 3, 4]);
  });
});

describe("errors, in PyTorch's words", () => {
  const x = count(2, 3, 4);
  const mask = (values: boolean[] | boolean[][]): Tensor => torch.tensor(values);
  const long = (values: number[]): Tensor => torch.tensor(values, { dtype: int64 });
  test.each<[string, () => unknown, string, string]>([
    ["a negative step", () => x.at("::-1"), "ValueError", "step must be greater than zero"],
    ["a step of zero", () => x.at("::0"), "ValueError", "slice step cannot be zero"],
    ["beyond the end", () => x.at(2), "IndexError", "index 2 is out of bounds for dimension 0 with size 2"],
    ["before the start", () => x.at(0, -4), "IndexError", "index -4 is out of bounds for dimension 1 with size 3"],
    ["too many", () => x.at(0, 0, 0, 0), "IndexError", "too many indices for tensor of dimension 3"],
    [
      "into a number",
      () => torch.tensor(1).at(0),
      "IndexError",
      "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert a 0-dim tensor to a number",
    ],
    ["by floats", () => x.at(torch.tensor([0.5])), "IndexError", "tensors used as indices must be long, byte or bool tensors"],
    [
      "by a float",
      () => x.at(1.5),
      "IndexError",
      "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got float)",
    ],
    [
      "a mask of another size",
      () => x.at(mask([true, false, true])),
      "IndexError",
      "The shape of the mask [3] at index 0 does not match the shape of the indexed tensor [2, 3, 4] at index 0",
    ],
    [
      "a mask further in",
      () =>
        x.at(
          ":",
          mask([
            [true, false],
            [true, false],
          ]),
        ),
      "IndexError",
      "The shape of the mask [2, 2] at index 0 does not match the shape of the indexed tensor [2, 3, 4] at index 1",
    ],
    [
      "index shapes",
      () => x.at(long([0, 1]), long([0, 1, 2])),
      "IndexError",
      "shape mismatch: indexing tensors could not be broadcast together with shapes [2], [3]",
    ],
    ["a looked-up index", () => x.at(long([0, 2])), "IndexError", "index 2 is out of bounds for dimension 0 with size 2"],
    ["a word", () => x.at("a"), "TypeError", "new(): invalid data type 'str'"],
    [
      "values that do not fit",
      () => x.setAt(0, torch.zeros(5)),
      "RuntimeError",
      "The expanded size of the tensor (4) must match the existing size (5) at non-singleton dimension 1.  Target sizes: [3, 4].  Tensor sizes: [5]",
    ],
    [
      "too many dimensions",
      () => x.setAt(0, torch.zeros(2, 3, 4)),
      "RuntimeError",
      "expand(torch.FloatTensor{[2, 3, 4]}, size=[3, 4]): the number of sizes provided (2) must be greater or equal to the number of dimensions in the tensor (3)",
    ],
    [
      "values at places",
      () => x.setAt([long([0, 1])], torch.zeros(5)),
      "RuntimeError",
      "shape mismatch: value tensor of shape [5] cannot be broadcast to indexing result of shape [2, 3, 4]",
    ],
    [
      "values at a mask",
      () =>
        x.setAt(
          [
            mask([
              [true, false, true],
              [false, true, false],
            ]),
          ],
          torch.zeros(2, 4),
        ),
      "RuntimeError",
      "shape mismatch: value tensor of shape [2, 4] cannot be broadcast to indexing result of shape [3, 4]",
    ],
    [
      "another dtype at places",
      () => x.setAt([long([0, 1])], torch.zeros(2, 3, 4, { dtype: int64 })),
      "RuntimeError",
      "Index put requires the source and destination dtypes match, got Float for the destination and Long for the source.",
    ],
    [
      "a leaf",
      () => torch.zeros(3, { requiresGrad: true }).setAt(0, 1),
      "RuntimeError",
      "a view of a leaf Variable that requires grad is being used in an in-place operation.",
    ],
    ["gather", () => x.gather(0, torch.full([1, 3, 4], 2n)), "RuntimeError", "index 2 is out of bounds for dimension 0 with size 2"],
    [
      "a mask that is none",
      () => x.maskedSelect(torch.zeros(2, 3, 4)),
      "RuntimeError",
      "masked_select: expected BoolTensor or ByteTensor for mask",
    ],
  ])("%s", (_, f, type, message) => {
    let caught: unknown;
    try {
      f();
    } catch (e) {
      caught = e;
    }
    expect(caught).toBeInstanceOf(torch.TorchletError);
    expect((caught as Error).message).toBe(message);
    expect((caught as torch.TorchletError).pythonType).toBe(type);
  });
});

describe("values by mask", () => {
  test("nonzero, maskedSelect, torch.where", () => {
    const x = torch.tensor([
      [0, 2],
      [3, 0],
    ]);
    expect(x.nonzero().tolistSync()).toEqual([
      [0, 1],
      [1, 0],
    ]);
    expect(torch.tensor(1).nonzero().shape).toEqual([1, 0]);
    expect(x.maskedSelect(torch.tensor([true, false])).tolistSync()).toEqual([0, 3]);
    expect(torch.where(x).map((t) => t.tolistSync())).toEqual([
      [0, 1],
      [1, 0],
    ]);
    expect(torch.where(x.gt(2), x, -1).tolistSync()).toEqual([
      [-1, -1],
      [3, -1],
    ]);
  });
});

describe("iteration", () => {
  test("gives views of the first dimension", () => {
    const x = count(2, 3);
    const rows = [...x];
    expect(rows.map(flat)).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ]);
    for (const row of x) row.mul_(2);
    expect(flat(x)).toEqual([0, 2, 4, 6, 8, 10]);
    const [a, b] = x;
    expect([a!.at(0).itemSync(), b!.at(2).itemSync()]).toEqual([0, 10]);
    expect([...torch.zeros(0, 3)]).toEqual([]);
  });
  test("not of a number", () => {
    expect(() => [...torch.tensor(1)]).toThrow("iteration over a 0-d tensor");
  });
  test("carries gradients", () => {
    const x = count(3).requiresGrad_();
    let sum = torch.tensor(0);
    for (const [i, e] of [...x].entries()) sum = sum.add(e.mul(i));
    sum.backward();
    expect(flat(x.grad!)).toEqual([0, 1, 2]);
  });
});
