/** What is the same, what looks at the same memory, and what is a copy. */
import { describe, expect, test } from "vitest";
import * as torch from "../../src/index.ts";

const sharesMemory = (a: torch.Tensor, b: torch.Tensor): boolean => a.untypedStorage() === b.untypedStorage();
const grid = (): torch.Tensor => torch.arange(6).to(torch.float32).view(2, 3);

describe("identity and equality", () => {
  test("are two questions", () => {
    const a = torch.tensor([1, 2]);
    const [same, view, copy, other] = [a, a.view(2), a.clone(), torch.tensor([1, 3])];
    for (const x of [same, view, copy, other]) expect([Object.is(a, x), a === x]).toEqual([x === same, x === same]);
    expect([same, view, copy, other].map((x) => torch.equal(a, x))).toEqual([true, true, true, false]);
    expect([same, view, copy, other].map((x) => sharesMemory(a, x))).toEqual([true, true, false, false]);
  });
  test("NaN equals nothing, not even in the same tensor", () => {
    const a = torch.tensor([Number.NaN]);
    expect([Object.is(a, a), torch.equal(a, a)]).toEqual([true, false]);
  });
});

describe("shallow: another tensor on the same memory", () => {
  test.each<[string, (x: torch.Tensor) => torch.Tensor]>([
    ["at(0)", (x) => x.at(0)],
    ["at of slices", (x) => x.at(":", "1:")],
    ["at(null)", (x) => x.at(null)],
    ["view", (x) => x.view(3, 2)],
    ["t", (x) => x.t()],
    ["T", (x) => x.T],
    ["permute", (x) => x.permute(1, 0)],
    ["narrow", (x) => x.narrow(1, 0, 2)],
    ["squeeze", (x) => x.unsqueeze(0).squeeze(0)],
    ["diagonal", (x) => x.diagonal()],
    ["detach", (x) => x.detach()],
    ["data", (x) => x.data],
    ["reshape of what is contiguous", (x) => x.reshape(-1)],
    ["contiguous of what is so", (x) => x.contiguous()],
    ["to the same dtype", (x) => x.to(torch.float32)],
    ["asTensor", (x) => torch.asTensor(x)],
    ["fromNdarray of numpy()", (x) => torch.fromNdarray(x.numpy())],
    ["a Parameter of it", (x) => new torch.nn.Parameter(x)],
  ])("%s", (_, f) => {
    const x = grid();
    const y = f(x);
    expect(sharesMemory(x, y)).toBe(true);
    torch.noGrad(() => y.fill_(9));
    expect(x.at(0, 0).itemSync() === 9 || x.at(0, 1).itemSync() === 9).toBe(true);
    x.fill_(4);
    expect(y.eq(4).all().itemSync()).toBe(true);
  });
});

test("expand shows one memory several times, so it cannot be written to", () => {
  const x = grid();
  const y = x.at(0).expand(4, 3);
  x.fill_(4);
  expect([sharesMemory(x, y), y.eq(4).all().itemSync()]).toEqual([true, true]);
  expect(() => y.fill_(9)).toThrow("more than one element of the written-to tensor refers to a single memory location");
});

describe("deep: memory of its own", () => {
  test.each<[string, (x: torch.Tensor) => torch.Tensor]>([
    ["clone", (x) => x.clone()],
    ["deepcopy", (x) => torch.deepcopy(x)],
    ["tensor", (x) => torch.tensor(x)],
    ["a mask", (x) => x.at(x.ge(0))],
    ["an index tensor", (x) => x.at(torch.tensor([0n, 1n]))],
    ["arithmetic", (x) => x.mul(1)],
    ["reshape of a transposed one", (x) => x.t().reshape(-1)],
    ["contiguous of a transposed one", (x) => x.t().contiguous()],
    ["to another dtype", (x) => x.to(torch.float64)],
    ["emptyLike and copy_", (x) => torch.emptyLike(x).copy_(x)],
    ["fromNdarray of a copy", (x) => torch.fromNdarray(x.numpy(), { copy: true })],
  ])("%s", (_, f) => {
    const x = grid();
    const y = f(x);
    const values = y.tolistSync();
    expect(sharesMemory(x, y)).toBe(false);
    x.fill_(4);
    expect(y.tolistSync()).toEqual(values);
  });

  test("toTypedArray, slice of a shared array", async () => {
    const x = grid();
    for (const copy of [await x.toTypedArray(), x.toTypedArraySync(), x.numpy().data.slice()]) {
      copy[0] = 5;
      expect(x.at(0, 0).itemSync()).toBe(0);
    }
  });
  test("clone keeps the order in memory", () => {
    expect(grid().t().clone().stride()).toEqual([1, 3]);
  });
});

describe("copy_ and data", () => {
  test("copy_ writes values into what is there: identity and memory stay", () => {
    const [x, y] = [torch.zeros(2), torch.tensor([1, 2])];
    const view = x.at("1:");
    expect(x.copy_(y)).toBe(x);
    expect([sharesMemory(x, y), view.tolistSync(), x.version]).toEqual([false, [2], 1]);
  });
  test("detach is watched by autograd, the .data alias is not", () => {
    const write = (alias: (y: torch.Tensor) => torch.Tensor): torch.Tensor => {
      const x = torch.ones(2, { requiresGrad: true });
      const y = x.mul(3);
      const z = y.square().sum();
      alias(y).fill_(10);
      z.backward();
      return x.grad!;
    };
    expect(() => write((y) => y.detach())).toThrow("has been modified by an inplace operation");
    expect(write((y) => y.data).tolistSync()).toEqual([60, 60]);
  });
  test("assigning to .data exchanges the memory under the same tensor", () => {
    const [x, y] = [torch.zeros(2), torch.ones(2)];
    const before = x;
    x.data = y;
    expect([x === before, sharesMemory(x, y), x.tolistSync()]).toEqual([true, true, [1, 1]]);
  });
  test("detach keeps no history, clone does", () => {
    const x = torch.ones(2, { requiresGrad: true });
    expect([x.detach().requiresGrad, x.clone().gradFn?.name]).toEqual([false, "CloneBackward0"]);
  });
});

describe("what cannot change", () => {
  test("a list that a tensor was made with is not its shape", () => {
    const shape = [2, 3];
    const x = torch.zeros(shape);
    const n = x.numpy();
    shape[0] = 5;
    n.shape[0] = 7;
    n.stride[0] = 7;
    expect([x.shape, x.stride()]).toEqual([
      [2, 3],
      [3, 1],
    ]);
    const a = { data: new Float32Array(6), shape: [2, 3], stride: [3, 1], offset: 0 };
    const [copy, ours] = [torch.fromNdarray(a), torch.fromNdarray({ ...a, data: x.numpy().data })];
    a.shape[0] = 9;
    a.stride[0] = 9;
    for (const y of [copy, ours]) expect([y.shape, y.stride()]).toEqual([x.shape, x.stride()]);
  });
  test("operations that give other shapes leave views as they are", () => {
    const x = grid();
    const view = x.t();
    x.view(6);
    expect([x.shape, view.shape]).toEqual([
      [2, 3],
      [3, 2],
    ]);
  });
});
