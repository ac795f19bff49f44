import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Tensor } from "../../src/index.ts";
import * as torch from "../../src/index.ts";
import { nextToken } from "../../src/memory/ownership.ts";
import { devices } from "../support/devices.ts";

const { gc, stats } = torch.memory;
const live = (device = "cpu"): number => stats(device)["allocation.all.current"]!;
const defaults = gc.getThreshold();

beforeEach(() => void gc.collect());
afterEach(() => {
  gc.setThreshold(...defaults);
  gc.enable();
  gc.callbacks.length = 0;
  gc.unfreeze();
});

/** A parameter whose gradient's graph leads back to it: no count in it ever gets to 0 by itself. */
function ring(device = "cpu"): void {
  torch.scope(() => {
    const w = torch.ones(300, { requiresGrad: true, device });
    w.pow(3).sum().backward({ createGraph: true });
    expect(w.grad!.gradFn).not.toBeNull();
  });
}

describe.each(devices)("graphs made in a scope, on %s", (device) => {
  test("go with their last handle, without any collector", () => {
    const before = live(device);
    torch.scope(() => {
      const x = torch.ones(300, { requiresGrad: true, device });
      x.mul(2).exp().pow(2).sigmoid().sum();
      x.sin().cos().sum().backward();
    });
    expect(live(device)).toBe(before);
    expect(gc.getObjects()).toEqual([]);
  });

  test("go as soon as the last handle is given up, within the scope", () => {
    torch.scope(() => {
      const x = torch.ones(300, { requiresGrad: true, device });
      const before = live(device);
      const y = x.exp(); // saves its result
      const z = y.sin(); // saves its operand
      y.dispose();
      expect(live(device)).toBe(before + 2);
      z.dispose();
      expect(live(device)).toBe(before);
    });
  });

  test("a chain of 50,000 nodes goes without deep recursion", () => {
    const before = live(device);
    torch.scope(() => {
      const x = torch.ones(4, { requiresGrad: true, device });
      let y: Tensor = x;
      for (let i = 0; i < (device === "cpu" ? 50_000 : 3000); i++) {
        const next = y.neg();
        if (y !== x) y.dispose();
        y = next;
      }
    });
    expect(live(device)).toBe(before);
    expect(gc.getObjects()).toEqual([]);
  });

  test("cycles stay until the collector finds them", () => {
    const before = live(device);
    ring(device);
    expect(live(device)).toBeGreaterThan(before);
    expect(gc.collect()).toBeGreaterThan(3);
    expect(live(device)).toBe(before);
    expect(gc.getObjects()).toEqual([]);
    expect(gc.collect()).toBe(0);
  });

  test("a result keeps what its own graph needs, and only that", () => {
    const w = torch.full([300], 2, { requiresGrad: true, device });
    const y = torch.scope(() => {
      w.exp().sum(); // not needed
      return w.pow(3).sum();
    });
    gc.collect();
    y.backward();
    expect(w.grad!.device.type).toBe(device);
    expect(gc.getObjects()).toEqual([]);
  });

  test("what leaves a scope with createGraph can be differentiated again, also after a collection", async () => {
    const w = torch.full([300], 2, { requiresGrad: true, device });
    torch.scope(() => w.pow(3).sum().backward({ createGraph: true }));
    gc.collect();
    const g = w.grad!;
    w.grad = null;
    g.sum().backward();
    expect(((await w.grad!.tolist()) as number[])[0]).toBe(12);
  });
});

describe("a gradient belongs to its leaf", () => {
  test("of a leaf from outside it outlives the scope", () => {
    const w = torch.ones(3, { requiresGrad: true });
    torch.scope(() => w.mul(2).sum().backward());
    expect(w.grad!.tolistSync()).toEqual([2, 2, 2]);
  });

  test("also when it is assigned", () => {
    const w = torch.ones(3, { requiresGrad: true });
    torch.scope(() => {
      w.grad = torch.full([3], 5);
    });
    expect(w.grad!.tolistSync()).toEqual([5, 5, 5]);
  });

  test("of a leaf of an outer scope it outlives the inner one, and goes with the leaf", () => {
    const before = live();
    torch.scope(() => {
      const w = torch.ones(300, { requiresGrad: true });
      torch.scope(() => w.mul(2).sum().backward());
      expect(w.grad!.at(0).itemSync()).toBe(2);
      torch.scope(() => w.mul(3).sum().backward());
      const g = w.grad!;
      w.grad = null;
      expect(g.at(0).itemSync()).toBe(5); // still ours
    });
    expect(live()).toBe(before);
  });

  test("a leaf that leaves the scope takes it along", async () => {
    const w = torch.scope(() => {
      const made = torch.ones(300, { requiresGrad: true });
      made.mul(2).sum().backward();
      return made;
    });
    gc.collect();
    await torch.memory.collect();
    expect(w.grad!.at(5).itemSync()).toBe(2);
  });
});

describe("nothing that can still be reached is freed", () => {
  test("a view of a base that went, whose history goes through the base", () => {
    const w = torch.full([4], 3, { requiresGrad: true });
    const view = torch.scope(() => {
      const base = w.mul(1);
      const part = base.at("1:3");
      base.mul_(2);
      return part;
    });
    gc.collect();
    view.sum().backward();
    expect(w.grad!.tolistSync()).toEqual([0, 2, 2, 0]);
  });

  test("what an outer tensor was made to refer to in place", () => {
    const w = torch.full([4], 3, { requiresGrad: true });
    const sum = torch.zeros(4);
    torch.scope(() => sum.add_(w.exp()));
    gc.collect();
    sum.sum().backward();
    expect(w.grad!.at(0).itemSync()).toBeCloseTo(Math.exp(3), 4);
  });

  test("what a hook gets and makes within a scope belongs to that scope; kept, it lives on", () => {
    const w = torch.ones(3, { requiresGrad: true });
    const seen: Tensor[] = [];
    torch.scope(() => {
      const y = w.mul(2);
      y.registerHook((g) => {
        seen.push(torch.keep(g.mul(7)), g);
      });
      y.sum().backward();
    });
    expect(seen[0]!.tolistSync()).toEqual([7, 7, 7]);
    expect(seen[1]!.isDisposed).toBe(true);
  });

  test("a graph whose last handle a hook gives up is run to its end", () => {
    torch.scope(() => {
      const w = torch.ones(3, { requiresGrad: true });
      const loss = w.exp().sum();
      const top = loss.mul(1);
      loss.dispose();
      top.registerHook(() => top.dispose());
      top.backward();
      expect(w.grad!.at(0).itemSync()).toBeCloseTo(Math.E, 5);
    });
  });

  test("tensors of a scope object are usable between its runs, and their graphs from outside", () => {
    const before = live();
    const w = torch.full([300], 2, { requiresGrad: true });
    const s = new torch.Scope();
    const y = s.run(() => w.pow(2));
    const z = y.mul(3).sum(); // outside: the user's own
    s.dispose();
    expect(() => y.add(1)).toThrow(torch.DisposedError);
    gc.collect();
    z.backward();
    expect(w.grad!.at(0).itemSync()).toBe(12);
    for (const t of [z, w.grad!, w]) t.dispose();
    expect(live() - before).toBeLessThanOrEqual(2); // y.mul(3) and the view of the gradient: until the collector finds their handles dead
  });

  test("a function of one's own that saves what is no input", () => {
    const w = torch.full([3], 2, { requiresGrad: true });
    class Scale extends torch.autograd.Function {
      static forward(ctx: torch.autograd.FunctionContext, x: Tensor, factor: { by: Tensor }): Tensor {
        ctx.saveForBackward(factor.by);
        return x.mul(factor.by);
      }
      static backward(ctx: torch.autograd.FunctionContext, g: Tensor): (Tensor | null)[] {
        return [g.mul(ctx.savedTensors[0]!), null];
      }
    }
    const x = torch.ones(3, { requiresGrad: true });
    const [dx] = torch.scope(() => torch.autograd.grad(Scale.apply(x, { by: w.pow(2) }).sum(), x, { createGraph: true }));
    gc.collect();
    dx!.sum().backward();
    expect(w.grad!.tolistSync()).toEqual([4, 4, 4]);
  });
});

describe("torch.memory.gc, as Python's gc", () => {
  test("the thresholds", () => {
    expect(defaults).toEqual([700, 10, 10]);
    gc.setThreshold(5);
    expect(gc.getThreshold()).toEqual([5, 10, 10]);
    gc.setThreshold(5, 6, 7);
    expect(gc.getThreshold()).toEqual([5, 6, 7]);
  });

  test("containers made beyond those that went are counted, and the threshold starts a collection", () => {
    const collections = (): number[] => gc.getStats().map((s) => s.collections);
    gc.setThreshold(30, 3, 2);
    const before = live();
    const [young, middle] = collections();
    for (let i = 0; i < 40; i++) ring();
    const [youngNow, middleNow] = collections();
    // Four containers a ring, with more on the way.
    expect(youngNow! - young!).toBeGreaterThan(1);
    expect(middleNow! - middle!).toBeGreaterThan(0);
    expect(live() - before).toBeLessThan(50);
    gc.disable();
    const at = collections();
    for (let i = 0; i < 40; i++) ring();
    expect(collections()).toEqual(at);
    expect(gc.isEnabled()).toBe(false);
    expect(gc.getCount()[0]).toBeGreaterThanOrEqual(160);
    gc.collect();
    expect([gc.getCount(), live()]).toEqual([[0, 0, 0], before]);
  });

  test("a collection may come with every container that is made", () => {
    gc.setThreshold(1, 1, 1);
    const before = live();
    const { collections } = gc.getStats()[0]!;
    const outer = torch.ones(300, { requiresGrad: true });
    torch.scope(() => {
      const w = torch.full([300], 2, { requiresGrad: true });
      for (let i = 0; i < 3; i++) torch.scope(() => w.pow(3).mul(outer).sum().backward({ createGraph: true }));
      expect(w.grad!.at(0).itemSync()).toBe(36);
      w.grad = torch.zeros(300);
      torch.scope(() => w.exp().sum().backward());
      const view = w.mul(1).at("1:");
      view.mul_(w.at("1:"));
      view.sum().backward();
      expect(w.grad!.at(5).itemSync()).toBeCloseTo(Math.exp(2) + 4, 4);
    });
    expect(outer.grad!.at(0).itemSync()).toBe(24);
    expect(gc.getStats()[0]!.collections).toBeGreaterThan(collections + 10);
    gc.collect();
    expect(live() - before).toBeGreaterThan(0); // what leads back to the outer parameter, until JavaScript's collector comes
  });

  test("what survives moves on, generation by generation", () => {
    gc.disable();
    const outer = new torch.Scope();
    outer.run(() => torch.ones(3, { requiresGrad: true }).exp());
    const sizes = (): number[] => [0, 1, 2].map((g) => gc.getObjects(g).length);
    const n = sizes()[0]!;
    expect([n > 2, sizes()]).toEqual([true, [n, 0, 0]]);
    gc.collect(0);
    expect([sizes(), gc.getCount()[1]]).toEqual([[0, n, 0], 1]);
    gc.collect(1);
    expect([sizes(), gc.getCount()]).toEqual([
      [0, 0, n],
      [0, 0, 1],
    ]);
    outer.dispose();
    expect(sizes()).toEqual([0, 0, 0]);
  });

  test("a young collection leaves old garbage alone", () => {
    gc.disable();
    const before = live();
    const s = new torch.Scope();
    s.run(() => {
      const w = torch.ones(300, { requiresGrad: true });
      w.pow(3).sum().backward({ createGraph: true });
    });
    gc.collect(1);
    s.dispose();
    expect([gc.collect(0), gc.collect(1)]).toEqual([0, 0]);
    expect(live()).toBeGreaterThan(before);
    expect(gc.collect(2)).toBeGreaterThan(0);
    expect(live()).toBe(before);
  });

  test("freeze takes what lives out of sight", () => {
    gc.disable();
    const s = new torch.Scope();
    s.run(() => torch.ones(3, { requiresGrad: true }).exp());
    const n = gc.getObjects().length;
    gc.freeze();
    expect([gc.getObjects().length, gc.getFreezeCount()]).toEqual([0, n]);
    gc.unfreeze();
    expect([gc.getObjects(2).length, gc.getFreezeCount()]).toEqual([n, 0]);
    s.dispose();
  });

  test("callbacks, statistics, errors", () => {
    const seen: unknown[] = [];
    gc.callbacks.push((phase, { generation, collected }) => seen.push([phase, generation, collected > 0]));
    const { collected } = gc.getStats()[2]!;
    ring();
    const n = gc.collect();
    expect(seen).toEqual([
      ["start", 2, false],
      ["stop", 2, true],
    ]);
    expect(gc.getStats()[2]!.collected - collected).toBe(n);
    expect(() => gc.collect(3)).toThrow(new torch.ValueError("invalid generation"));
    expect(() => gc.getObjects(-1)).toThrow(torch.ValueError);
  });
});

describe("containers of the user's", () => {
  test("hold tensors beyond their scope, and give them up with the last reference", () => {
    const before = live();
    const list = new torch.memory.Container();
    const other = new torch.memory.Container();
    const x = torch.scope(() => {
      const made = torch.full([300], 4);
      list.hold(made);
      return [made.mul(2)];
    });
    other.hold(list);
    x[0]!.dispose();
    expect([live() - before, list.refs]).toEqual([1, 2]);
    list.dispose();
    list.dispose();
    expect([live() - before, list.refs]).toEqual([1, 1]);
    other.dispose();
    expect([live() - before, list.refs]).toEqual([0, 0]);
    expect(() => list.hold()).toThrow("disposed");
  });

  test("what is dropped is the scope's that is open", () => {
    const list = new torch.memory.Container();
    let x!: Tensor;
    torch.scope(() => {
      x = torch.full([3], 4);
      list.hold(x);
    });
    expect(x.tolistSync()).toEqual([4, 4, 4]);
    torch.scope(() => {
      expect([list.drop(x), list.drop(x)]).toEqual([true, false]);
      expect(x.tolistSync()).toEqual([4, 4, 4]);
    });
    expect(x.isDisposed).toBe(true);
    list.dispose();
  });

  test("rings are found by the collector, with what they hold", () => {
    const before = live();
    const [a, b] = [new torch.memory.Container(), new torch.memory.Container()];
    torch.scope(() => {
      a.hold(b, torch.ones(300));
      b.hold(a, torch.ones(300, { requiresGrad: true }).exp());
    });
    gc.collect();
    expect(live() - before).toBe(2);
    a.dispose();
    gc.collect();
    expect(live() - before).toBe(2);
    b.dispose();
    expect(live() - before).toBe(2);
    expect(gc.collect()).toBeGreaterThanOrEqual(2);
    expect(live() - before).toBe(0);
  });

  test("are found dead by JavaScript's collector, too", async () => {
    nextToken();
    await torch.memory.collect();
    const before = live();
    (() => {
      const a = new torch.memory.Container();
      torch.scope(() => a.hold(a, torch.ones(300)));
    })();
    await torch.memory.collect();
    await torch.memory.collect();
    expect(live()).toBe(before);
  });
});
