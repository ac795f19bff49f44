import { afterEach, describe, expect, test } from "vitest";
import type { Tensor } from "../../src/index.ts";
import * as torch from "../../src/index.ts";
import { nextToken } from "../../src/memory/ownership.ts";

const { collect, getHighWaterMark, setHighWaterMark, stats } = torch.memory;
const blocks = (): number => stats()["allocation.all.current"];
/** Large enough for a finalizer of its own. */
const large = (value = 0): Tensor => torch.full([5000], value);
const mark = getHighWaterMark();
afterEach(() => setHighWaterMark(mark));

async function settled(): Promise<number> {
  nextToken();
  await collect();
  return blocks();
}

describe("handles that nobody refers to", () => {
  test("give their memory back when the collector finds them", async () => {
    const before = await settled();
    (() => {
      for (let i = 0; i < 100; i++) large().add(1);
    })();
    expect(blocks()).toBe(before + 200);
    expect((await collect()).exact).toBe(true);
    expect(blocks()).toBe(before);
  });

  test("a loss kept after backward keeps none of the graph's memory, not of the bases of views either", async () => {
    const x = torch.ones([5000], { requiresGrad: true });
    const before = await settled();
    const loss = (() => {
      const view = x.mul(2).view(500, 10);
      return view.mul(view.t().t()).sum();
    })();
    loss.backward();
    x.grad = null;
    // The loss, whose token may have held a constant.
    expect((await settled()) - before).toBeLessThanOrEqual(2);
    expect(loss.itemSync()).toBe(20_000);
  });

  test("small ones share a token: a kept one pins at most its neighbours", async () => {
    const before = await settled();
    const kept = (() => {
      const all = Array.from({ length: 1000 }, (_, i) => torch.tensor([i]));
      return all[500]!;
    })();
    nextToken();
    await collect();
    expect(blocks() - before).toBeLessThanOrEqual(64);
    expect(kept.tolistSync()).toEqual([500]);
  });

  test("views that live keep the storage of bases that do not", async () => {
    const before = await settled();
    const view = (() => large(7).mul(2).at("10:20"))();
    await collect();
    expect([blocks() - before, view.tolistSync()]).toEqual([1, new Array(10).fill(14)]);
  });

  test("a graph that dies without backward gives back what it kept", async () => {
    const x = torch.ones(300, { requiresGrad: true });
    const before = await settled();
    (() => {
      const y = x.mul(2).exp();
      y.pow(2).sigmoid().sum();
    })();
    expect(blocks()).toBeGreaterThan(before);
    await collect();
    nextToken();
    await collect();
    expect(blocks() - before).toBeLessThanOrEqual(1); // the sum is small: its token may still be open
  });

  test("a graph that lives keeps what it needs although the handles die", async () => {
    const x = torch.ones(300, { requiresGrad: true });
    const loss = (() => {
      let y: Tensor = x;
      for (let i = 0; i < 5; i++) y = y.mul(2).sin();
      return y.sum();
    })();
    await collect();
    Array.from({ length: 50 }, () => large(Number.NaN)); // would overwrite what was given back too early
    loss.backward();
    let [value, slope] = [1, 1];
    for (let i = 0; i < 5; i++) [value, slope] = [Math.sin(value * 2), slope * 2 * Math.cos(value * 2)];
    expect(x.grad!.at(0).itemSync()).toBeCloseTo(slope, 4);
  });

  test("leaves with gradients, hooks and retained gradients die as cycles do", async () => {
    const before = await settled();
    (() => {
      const x = torch.ones(300, { requiresGrad: true });
      const y = x.mul(2);
      y.retainGrad();
      y.registerHook(() => void y.shape);
      y.pow(2).backward(torch.ones(300));
      x.pow(2).sum().backward({ createGraph: true });
    })();
    await collect();
    expect(blocks() - before).toBeLessThanOrEqual(2);
  });
});

describe("a loop as in a tutorial", () => {
  test("2000 steps with an awaited read stay flat", async () => {
    await settled();
    setHighWaterMark(2 * 1024 * 1024);
    const w = torch.zeros(50, 40, { requiresGrad: true });
    const x = torch.ones(8, 50);
    const kept: Tensor[] = [];
    const before = stats()["allocated_bytes.all.current"];
    let highest = 0;
    let last = 0;
    for (let step = 0; step < 2000; step++) {
      const loss = x.matmul(w).sub(1).pow(2).mean();
      loss.backward();
      torch.noGrad(() => {
        w.sub_(w.grad!, { alpha: 0.5 });
      });
      w.grad = null;
      last = (await loss.item()) as number;
      if (step % 100 === 0) kept.push(loss);
      highest = Math.max(highest, stats()["allocated_bytes.all.current"] - before);
    }
    // Each step makes some 30 KB: without a collector this would be 60 MB.
    expect(highest).toBeLessThan(4 * 1024 * 1024);
    expect(last).toBeLessThan(1e-6);
    expect(kept[0]!.itemSync()).toBe(1);
    expect(kept.every((t) => (t.itemSync() as number) >= 0)).toBe(true);
  });

  test("below the mark nothing is collected", async () => {
    const before = await settled();
    (() => {
      for (let i = 0; i < 10; i++) large();
    })();
    await torch.zeros(1).item();
    expect(blocks() - before).toBeGreaterThanOrEqual(10);
  });
});
