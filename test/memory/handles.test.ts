import { describe, expect, test } from "vitest";
import type { Tensor } from "../../src/index.ts";
import * as torch from "../../src/index.ts";

const { keep, nn, scope } = torch;
const blocks = (): number => torch.memory.stats()["allocation.all.current"];

describe("dispose", () => {
  test("gives memory back at once, and may be repeated", () => {
    const before = blocks();
    const x = torch.zeros(10);
    expect(blocks()).toBe(before + 1);
    x.dispose();
    x.dispose();
    expect([blocks(), x.isDisposed]).toEqual([before, true]);
  });

  test("views share: the last one to go gives the memory back", () => {
    const before = blocks();
    const x = torch.arange(6);
    const v = x.view(2, 3);
    const d = x.detach();
    x.dispose();
    d.dispose();
    expect([blocks() - before, v.tolistSync()]).toEqual([
      1,
      [
        [0, 1, 2],
        [3, 4, 5],
      ],
    ]);
    v.dispose();
    expect(blocks()).toBe(before);
  });

  test("what is gone raises DisposedError, and prints as gone", async () => {
    const x = torch.ones(2);
    x.dispose();
    const uses: (() => unknown)[] = [
      () => x.add(1),
      () => x.add_(1),
      () => x.at(0),
      () => x.view(2),
      () => x.tolistSync(),
      () => torch.cat([x]),
      () => x.detach(),
      () => x.fill_(0),
      () => x.sum(),
      () => x.untypedStorage(),
    ];
    for (const use of uses) expect(use).toThrow(torch.DisposedError);
    await expect(x.tolist()).rejects.toThrow(torch.DisposedError);
    expect([String(x), x.shape, x.dtype]).toEqual(["tensor(<disposed>)", [2], torch.float32]);
  });

  test("what backward needs stays although its handle is gone", () => {
    const before = blocks();
    const x = torch.tensor([1, 2], { requiresGrad: true });
    const y = x.mul(3);
    const z = y.pow(2);
    y.dispose();
    expect(blocks() - before).toBe(3);
    z.sum().backward();
    expect(x.grad!.tolistSync()).toEqual([18, 36]);
  });

  test("an intermediate that no gradient mentions dies with its handle", () => {
    const x = torch.tensor([1, 2], { requiresGrad: true });
    const y = x.add(1);
    const z = y.add(1);
    const before = blocks();
    y.dispose();
    expect(blocks() - before).toBe(-1);
    z.sum().backward();
    expect(x.grad!.tolistSync()).toEqual([1, 1]);
  });

  test("what backward needed goes with backward", () => {
    const x = torch.ones(4, { requiresGrad: true });
    const before = blocks();
    const z = scope(() => {
      const y = x.mul(2);
      return y.exp().mul(y);
    });
    expect(blocks() - before).toBe(3); // z, and the factors that the product keeps
    z.sum().backward();
    expect(blocks() - before).toBe(3); // z, its sum, the gradient
  });
});

describe("a gradient", () => {
  const leaf = (): Tensor => torch.tensor([1, 2], { requiresGrad: true });
  const backward = (x: Tensor): void => scope(() => x.mul(x).sum().backward());

  test("that nobody has seen goes when another or null takes its place", () => {
    const x = leaf();
    const before = blocks();
    backward(x);
    expect(blocks()).toBe(before + 1);
    x.grad = null;
    expect(blocks()).toBe(before);
    const optimizer = new torch.optim.Adam([x], { lr: 0.1 });
    backward(x);
    optimizer.step(); // makes two tensors of state
    nn.utils.clipGradNorm_([x], 1).dispose();
    optimizer.zeroGrad(true);
    expect(blocks()).toBe(before + 2);
  });

  test("that user code has read stays its own", () => {
    const x = leaf();
    backward(x);
    const seen = x.grad!;
    x.grad = null;
    backward(x);
    expect([seen.tolistSync(), x.grad!.tolistSync()]).toEqual([
      [2, 4],
      [2, 4],
    ]);
  });

  test("that an optimizer of the user's has kept stays its own", () => {
    class Kept extends torch.optim.SGD {
      readonly seen: Tensor[] = [];
      protected override update(...args: Parameters<torch.optim.SGD["update"]>): void {
        this.seen.push(args[1]);
        super.update(...args);
      }
    }
    const x = leaf();
    const optimizer = new Kept([x], { lr: 1 });
    for (let i = 0; i < 2; i++) {
      optimizer.zeroGrad(true);
      backward(x);
      optimizer.step();
    }
    expect(optimizer.seen.map((g) => g.tolistSync())).toEqual([
      [2, 4],
      [-2, -4],
    ]);
  });
});

describe("using", () => {
  test("disposes at the end of the block, also after an error", () => {
    const before = blocks();
    {
      using x = torch.zeros(3);
      using y = x.add(1);
      expect([blocks() - before, y.tolistSync()]).toEqual([2, [1, 1, 1]]);
    }
    expect(blocks()).toBe(before);
    expect(() => {
      using _ = torch.zeros(3);
      throw new RangeError("x");
    }).toThrow(RangeError);
    expect(blocks()).toBe(before);
  });
});

describe("scope", () => {
  test("keeps its result: a tensor, an array, an object, or nothing", () => {
    const before = blocks();
    const x = scope(() => torch.ones(2).mul(3).add(1));
    const [a, [b]] = scope((): [Tensor, Tensor[]] => [torch.ones(2).mul(2), [torch.ones(2).mul(4)]]);
    const { c, n } = scope(() => ({ c: torch.zeros(1).add(5), n: 7 }));
    expect([x, a, b!, c].map((t) => t.tolistSync())).toEqual([[4, 4], [2, 2], [4, 4], [5]]);
    expect([blocks() - before, n, scope(() => void torch.ones(2)), blocks() - before]).toEqual([4, 7, undefined, 4]);
    for (const t of [x, a, b!, c]) t.dispose();
    expect(blocks()).toBe(before);
  });

  test("what it did not keep is gone", () => {
    let leaked: Tensor | null = null;
    scope(() => {
      leaked = torch.ones(2);
    });
    expect(() => leaked!.add(1)).toThrow(torch.DisposedError);
  });

  test("does not touch what was there before, and keeps what keep names", () => {
    const outside = torch.zeros(2);
    let kept: Tensor | null = null;
    scope(() => {
      outside.add_(1);
      kept = keep(outside.mul(5));
      outside.mul(7);
    });
    expect([outside.tolistSync(), kept!.tolistSync()]).toEqual([
      [1, 1],
      [5, 5],
    ]);
  });

  test("nests: results go to the scope around", () => {
    const before = blocks();
    const y = scope(() => {
      const inner = scope(() => torch.ones(2).add(1));
      expect(blocks() - before).toBe(1);
      return inner.mul(2);
    });
    expect([blocks() - before, y.tolistSync()]).toEqual([1, [4, 4]]);
    y.dispose();
  });

  test("gives back after an error too", () => {
    const before = blocks();
    expect(() =>
      scope(() => {
        torch.ones(2).add(1);
        throw new RangeError("x");
      }),
    ).toThrow(RangeError);
    expect(blocks()).toBe(before);
  });

  test("keeps gradients of leaves, and gradients that are asked for", () => {
    const x = torch.tensor([1, 2], { requiresGrad: true });
    scope(() => x.mul(x).sum().backward());
    scope(() => x.mul(3).sum().backward());
    expect(x.grad!.tolistSync()).toEqual([5, 7]);
    const [g] = scope(() => torch.autograd.grad(x.pow(3).sum(), x));
    expect(g!.tolistSync()).toEqual([3, 12]);
  });

  test("a result can be differentiated afterwards", () => {
    const x = torch.tensor([1, 2], { requiresGrad: true });
    const loss = scope(() => x.exp().mul(x).view(2, 1).pow(2).sum());
    loss.backward();
    const e = (v: number): number => 2 * Math.exp(2 * v) * (v + v * v);
    expect(x.grad!.tolistSync()).toEqual([expect.closeTo(e(1), 3), expect.closeTo(e(2), 3)]);
  });

  test("views that it gives back keep their storage, and can be written to", () => {
    const x = torch.tensor([1, 2, 3, 4], { requiresGrad: true });
    const v = scope(() => x.mul(2).view(2, 2).at(0));
    v.mul_(10);
    v.sum().backward();
    expect([v.tolistSync(), x.grad!.tolistSync()]).toEqual([
      [20, 40],
      [20, 20, 0, 0],
    ]);
  });

  test("refuses a promise", () => {
    expect(() => scope(async () => torch.ones(2))).toThrow("scope() takes a synchronous function");
  });

  test("a loop in scopes stays flat without any collector", () => {
    const w = torch.ones(100, 10, { requiresGrad: true });
    const before = blocks();
    for (let i = 0; i < 200; i++) {
      scope(() => w.mul(0.01).exp().sum().backward());
      torch.noGrad(() => scope(() => void w.sub_(w.grad!, { alpha: 0.1 })));
      w.grad!.dispose();
      w.grad = null;
      expect(blocks()).toBe(before);
    }
  });
});

describe("stats", () => {
  test("count blocks, bytes, allocations and reuse", () => {
    const start = torch.memory.stats();
    const x = torch.zeros(1000);
    const one = torch.memory.stats();
    expect(one["allocation.all.current"] - start["allocation.all.current"]).toBe(1);
    expect(one["allocated_bytes.all.current"] - start["allocated_bytes.all.current"]).toBeGreaterThanOrEqual(4000);
    expect(one["allocated_bytes.all.current"] - start["allocated_bytes.all.current"]).toBeLessThanOrEqual(4500);
    expect(one["allocated_bytes.all.peak"]).toBeGreaterThanOrEqual(one["allocated_bytes.all.current"]);
    x.dispose();
    const y = torch.zeros(1000);
    const two = torch.memory.stats();
    expect([
      two["allocation.all.allocated"] - start["allocation.all.allocated"],
      two["reserved_bytes.all.current"] - one["reserved_bytes.all.current"],
    ]).toEqual([2, 0]);
    expect(two.num_reused).toBeGreaterThan(start.num_reused);
    y.dispose();
    expect(torch.memory.memoryAllocated()).toBe(start["allocated_bytes.all.current"]);
  });
});
