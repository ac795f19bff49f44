import { describe, expect, test } from "vitest";
import type { Tensor } from "../../src/index.ts";
import * as torch from "../../src/index.ts";
import { caught } from "../support/caught.ts";

const { grad } = torch.autograd;
const leaf = (...values: number[]): Tensor => torch.tensor(values, { requiresGrad: true });
const list = (x: Tensor | null | undefined): unknown => x?.tolistSync() ?? null;

describe("the order of work", () => {
  test("a chain of 100,000 operations", () => {
    const x = leaf(1);
    let y: Tensor = x;
    for (let i = 0; i < 100_000; i++) y = y.neg();
    y.backward();
    expect(list(x.grad)).toEqual([1]);
  });

  test("sums of a tensor with itself: forty nodes, not 2 to the fortieth", () => {
    const x = leaf(1);
    let y: Tensor = x;
    let nodes = 0;
    for (let i = 0; i < 40; i++) {
      y = y.add(y);
      y.registerHook(() => void nodes++);
    }
    y.backward();
    expect([nodes, list(x.grad)]).toEqual([40, [2 ** 40]]);
  });

  test("another run over the same nodes, inside of a hook", () => {
    const x = leaf(2);
    const shared = x.mul(3);
    const [a, b, sine] = [shared.exp(), shared.mul(shared), shared.sin()];
    let inner = 0;
    b.registerHook(() => {
      const [g] = grad(a, x, { retainGraph: true });
      inner = g!.itemSync() as number;
      sine.backward();
    });
    a.add(b).backward();
    expect(inner).toBeCloseTo(3 * Math.exp(6), 3);
    expect(x.grad!.itemSync()).toBeCloseTo(3 * Math.exp(6) + 36 + 3 * Math.cos(6), 3);
  });

  test("a node runs after all that leads to it, however long the ways", () => {
    const x = leaf(2);
    const early = x.mul(3);
    let late = early;
    for (let i = 0; i < 5; i++) late = late.mul(2);
    const seen: number[] = [];
    early.registerHook((g) => void seen.push(g.itemSync() as number));
    late.add(early).backward();
    expect([seen, list(x.grad)]).toEqual([[33], [99]]);
  });

  test("several outputs share their graph", () => {
    const [a, b] = [leaf(1, 2), leaf(3, 4)];
    const y = a.mul(b);
    const [ga, gb] = grad([y.sum(), y.pow(2).sum()], [a, b]);
    expect([list(ga), list(gb)]).toEqual([
      [21, 68],
      [7, 34],
    ]);
  });

  test("results that nothing uses", () => {
    const x = torch.tensor(
      [
        [1, 5],
        [4, 2],
      ],
      { requiresGrad: true },
    );
    const [first, second] = x.unbind(0);
    second!.sum().backward();
    expect([list(x.grad), first!.requiresGrad]).toEqual([
      [
        [0, 0],
        [1, 1],
      ],
      true,
    ]);
  });
});

describe("backward", () => {
  test("adds to what is there, in the same tensor", () => {
    const x = leaf(1, 2);
    x.sum().backward();
    const first = x.grad;
    x.mul(3).sum().backward();
    expect(x.grad).toBe(first);
    expect(list(x.grad)).toEqual([4, 4]);
    x.grad = null;
    expect(x.grad).toBeNull();
  });

  test("gradients of several leaves do not share memory", () => {
    const [a, b] = [leaf(1), leaf(2)];
    a.add(b).backward();
    expect(a.grad!.untypedStorage()).not.toBe(b.grad!.untypedStorage());
    a.grad!.mul_(5);
    expect([list(a.grad), list(b.grad)]).toEqual([[5], [1]]);
  });

  test("a gradient given stays the caller's", () => {
    const x = leaf(1, 2);
    const seed = torch.tensor([3, 4]);
    x.add(0).backward(seed);
    expect(x.grad!.untypedStorage()).not.toBe(seed.untypedStorage());
    x.grad!.zero_();
    expect(list(seed)).toEqual([3, 4]);
  });

  test("of a tensor with a gradient given, broadcast operands summed", () => {
    const a = torch.ones(2, 3, { requiresGrad: true });
    const b = leaf(2, 3, 4);
    a.mul(b).backward(torch.arange(6).to(torch.float32).view(2, 3));
    expect([list(a.grad), list(b.grad)]).toEqual([
      [
        [0, 3, 8],
        [6, 12, 20],
      ],
      [3, 5, 7],
    ]);
  });

  test("again only with the graph kept", () => {
    const x = leaf(3);
    const y = x.pow(2);
    y.backward({ retainGraph: true });
    y.backward(null, true);
    y.backward();
    expect(list(x.grad)).toEqual([18]);
    expect(caught(() => y.backward())).toMatch(
      /^RuntimeError: Trying to backward through the graph a second time .* Specify retain_graph=True/,
    );
  });

  test("with inputs named touches only those", () => {
    const [a, b] = [leaf(1, 2), leaf(3, 4)];
    a.mul(b)
      .sum()
      .backward({ inputs: [b] });
    expect([list(a.grad), list(b.grad)]).toEqual([null, [1, 2]]);
    const middle = a.mul(2);
    middle.pow(2).sum().backward({ inputs: middle });
    expect([list(middle.grad), list(a.grad)]).toEqual([[4, 8], null]);
  });

  test("of several tensors at once", () => {
    const x = leaf(1, 2);
    torch.autograd.backward([x.sum(), x.mul(x)], [null, torch.tensor([1, 10])]);
    expect(list(x.grad)).toEqual([3, 41]);
  });

  test("of a leaf itself", () => {
    const x = leaf(1);
    x.backward();
    x.backward();
    expect(list(x.grad)).toEqual([2]);
  });

  test("keeps dtypes apart: each leaf gets its own", () => {
    const a = torch.tensor([1, 2], { dtype: torch.float64, requiresGrad: true });
    const b = leaf(3, 4);
    a.mul(b).sum().backward();
    expect([a.grad!.dtype, b.grad!.dtype]).toEqual([torch.float64, torch.float32]);
  });

  test("retainGrad keeps the gradient of a result", () => {
    const x = leaf(1, 2);
    const y = x.mul(2);
    y.retainGrad();
    y.retainGrad();
    y.pow(2).sum().backward();
    expect([y.retainsGrad, list(y.grad), list(x.grad)]).toEqual([true, [4, 8], [8, 16]]);
    x.retainGrad();
    expect(x.retainsGrad).toBe(false);
  });

  test("retainGrad follows the tensor through in-place operations", () => {
    const x = leaf(1, 2);
    const y = x.mul(1);
    y.retainGrad();
    y.mul_(3);
    y.sum().backward();
    expect([list(y.grad), list(x.grad)]).toEqual([
      [1, 1],
      [3, 3],
    ]);
  });
});

describe("createGraph", () => {
  test("makes gradients differentiable", () => {
    const x = leaf(1, 2);
    const [g] = grad(x.pow(3).sum(), x, { createGraph: true });
    const [h] = grad(g!.sum(), x, { createGraph: true });
    const [third] = grad(h!.sum(), x);
    expect([list(g), list(h), list(third)]).toEqual([
      [3, 12],
      [6, 12],
      [6, 6],
    ]);
  });

  test("keeps the graph, and adds out of place", () => {
    const x = leaf(2);
    const y = x.pow(2);
    y.backward({ createGraph: true });
    const first = x.grad!;
    expect(first.requiresGrad).toBe(true);
    y.backward();
    expect([x.grad === first, list(x.grad)]).toEqual([true, [8]]);
    x.grad = null;
    x.pow(3).backward({ createGraph: true });
    const second = x.grad!;
    x.pow(3).backward({ createGraph: true });
    expect([x.grad === second, list(second), list(x.grad)]).toEqual([false, [12], [24]]);
  });

  test("a gradient penalty", () => {
    const w = leaf(2, 3);
    const x = torch.tensor([1, 1], { requiresGrad: true });
    const [g] = grad(w.mul(x).pow(2).sum(), x, { createGraph: true }); // 2 w^2 x
    g!.pow(2).sum().backward(); // d/dw 4 w^4 x^2 = 16 w^3 x^2
    expect(list(w.grad)).toEqual([128, 432]);
  });
});

describe("grad", () => {
  test("gives gradients and leaves those of leaves alone", () => {
    const x = leaf(1, 2);
    const y = x.mul(2);
    expect([grad(x.mul(3).sum(), x), grad(y.sum(), y)].map((g) => list(g[0]))).toEqual([
      [3, 3],
      [1, 1],
    ]);
    expect(x.grad).toBeNull();
  });
  test("with gradients of the outputs, by position and by name", () => {
    const x = leaf(1, 2);
    const seed = torch.tensor([10, 20]);
    expect(list(grad(x.mul(2), x, seed)[0])).toEqual([20, 40]);
    expect(list(grad([x.mul(2)], [x], { gradOutputs: [seed] })[0])).toEqual([20, 40]);
  });
  test("unused inputs raise, or are null", () => {
    const [a, b] = [leaf(1), leaf(2)];
    expect(caught(() => grad(a.sum(), b))).toBe(
      "RuntimeError: One of the differentiated Tensors appears to not have been used in the graph. Set allow_unused=True if this is the desired behavior.",
    );
    expect(grad(a.sum(), [a, b], { allowUnused: true }).map(list)).toEqual([[1], null]);
  });
  test("an input twice", () => {
    const x = leaf(3);
    expect(grad(x.pow(2), [x, x]).map(list)).toEqual([[6], [6]]);
  });
  test("an input that leads to another input", () => {
    const x = leaf(3);
    const y = x.pow(2);
    expect(grad(y.mul(2), [x, y]).map(list)).toEqual([[12], [2]]);
  });
});

describe("what is asked wrongly, in PyTorch's words", () => {
  const x = leaf(1, 2);
  test.each<[string, () => unknown, string]>([
    ["no scalar", () => x.mul(1).backward(), "RuntimeError: grad can be implicitly created only for scalar outputs"],
    [
      "no graph",
      () => torch.ones(2).sum().backward(),
      "RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn",
    ],
    [
      "one without a graph",
      () => torch.autograd.backward([x.sum(), torch.ones(1)]),
      "RuntimeError: element 1 of tensors does not require grad and does not have a grad_fn",
    ],
    [
      "shape",
      () => x.sum().backward(torch.ones(2)),
      "RuntimeError: Mismatch in shape: grad_output[0] has a shape of torch.Size([2]) and output[0] has a shape of torch.Size([]).",
    ],
    ["input", () => grad(x.sum(), torch.ones(2)), "RuntimeError: One of the differentiated Tensors does not require grad"],
    [
      "flag",
      () => (x.mul(1).requiresGrad = false),
      "RuntimeError: you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a subgraph that doesn't require differentiation use var_no_grad = var.detach().",
    ],
    [
      "integers",
      () => torch.ones(2, { dtype: torch.int64 }).requiresGrad_(),
      "RuntimeError: only Tensors of floating point dtype can require gradients",
    ],
    ["retain", () => torch.ones(2).retainGrad(), "RuntimeError: can't retain_grad on Tensor that has requires_grad=False"],
    ["grad of another shape", () => (leaf(1).grad = torch.ones(3)), "RuntimeError: assigned grad has data of a different size"],
    [
      "grad of another dtype",
      () => (leaf(1).grad = torch.ones(1, { dtype: torch.float64 })),
      "RuntimeError: assigned grad has data of a different type",
    ],
    [
      "grad of another kind",
      () => (leaf(1).grad = "x" as never),
      "TypeError: assigned grad expected to be a Tensor or None but got grad of typestr",
    ],
    ["its own grad", () => (x.grad = x), "RuntimeError: can't assign Variable as its own grad"],
    ["no inputs", () => grad(x.sum(), []), "ValueError: grad requires non-empty inputs."],
  ])("%s", (_, f, message) => expect(caught(f)).toBe(message));
});

describe("detach, data, leaves", () => {
  test("detach shares memory and versions, not history", () => {
    const x = leaf(1, 2).mul(1);
    const d = x.detach();
    d.zero_();
    expect([d.requiresGrad, d.gradFn, list(x), x.version, d.untypedStorage() === x.untypedStorage()]).toEqual([
      false,
      null,
      [0, 0],
      1,
      true,
    ]);
  });
  test("detach_ forgets", () => {
    const x = leaf(1).mul(2);
    expect(x.detach_()).toBe(x);
    expect([x.requiresGrad, x.gradFn, x.isLeaf]).toEqual([false, null, true]);
  });
  test("writes through data are not counted", () => {
    const x = leaf(1, 2);
    const y = x.pow(2);
    x.data.mul_(10);
    y.sum().backward();
    expect([x.version, list(x.grad)]).toEqual([0, [20, 40]]);
  });
  test("data can be replaced, in another shape", () => {
    const x = leaf(1, 2);
    x.sum().backward();
    x.data = torch.zeros(3);
    x.grad = null;
    x.mul(2).sum().backward();
    expect([x.shape, x.requiresGrad, list(x.grad)]).toEqual([[3], true, [2, 2, 2]]);
  });
  test("a detached leaf of its own", () => {
    const x = leaf(1);
    const y = x.detach().requiresGrad_();
    y.mul(2).backward();
    expect([list(x.grad), list(y.grad)]).toEqual([null, [2]]);
  });
  test("requiresGrad_ gives back the tensor", () => {
    const x = torch.ones(1);
    expect(x.requiresGrad_()).toBe(x);
    expect(x.requiresGrad_(false).requiresGrad).toBe(false);
    const y = leaf(1).mul(1);
    expect(y.requiresGrad_(true)).toBe(y);
  });
});
