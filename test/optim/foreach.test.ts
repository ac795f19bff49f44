import { describe, expect, it } from "vitest";
import type { Tensor } from "../../src/index.ts";
import * as torch from "../../src/index.ts";
import { optim } from "../../src/index.ts";

type Make = (params: Tensor[], options: object) => optim.SGD | optim.Adam | optim.AdamW;
const makers: Record<string, [Make, object]> = {
  SGD: [(p, o) => new optim.SGD(p, o), { lr: 0.1 }],
  "SGD, all of it": [(p, o) => new optim.SGD(p, o), { lr: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.3, maximize: true }],
  "SGD, damped": [(p, o) => new optim.SGD(p, o), { lr: 0.1, momentum: 0.9, dampening: 0.2 }],
  Adam: [(p, o) => new optim.Adam(p, o), { lr: 0.1 }],
  "Adam, all of it": [(p, o) => new optim.Adam(p, o), { lr: 0.1, weightDecay: 0.3, amsgrad: true, maximize: true }],
  AdamW: [(p, o) => new optim.AdamW(p, o), { lr: 0.1, weightDecay: 0.3 }],
};

/** Parameters that one kernel takes and others: of other shapes and dtypes, transposed, empty. */
function parameters(device: string): Tensor[] {
  torch.manualSeed(0);
  const options = { device: "cpu" };
  const made = [
    torch.randn(5, options),
    torch.randn(3, 4, options),
    torch.randn(4, 3, options).t(),
    torch.randn(7, options).to(torch.float64),
    torch.randn(0, options),
    torch.randn([], options),
  ];
  return made.map((x) => (device === "cpu" ? x : torch.tensor(x.tolistSync() as number[], { dtype: x.dtype, device }).view(x.shape)));
}

/** The values after some steps with other gradients each, one parameter having none at first, and the state. */
function run(device: string, [make, options]: [Make, object], more: object, extra: (device: string) => Tensor[] = () => []): unknown[] {
  const params = [...parameters(device), ...extra(device)];
  const optimizer = make(params, { ...options, ...more });
  for (let step = 1; step <= 3; step++) {
    for (const [i, p] of params.entries()) if (i !== 1 || step > 1) p.grad = p.detach().mul(step).sin();
    optimizer.step();
  }
  const state = params.map((p) => Object.entries(optimizer.state.get(p)!).map(([k, v]) => [k, (v as Tensor)?.tolistSync?.() ?? v]));
  return [params.map((p) => p.tolistSync()), state];
}

describe.each(["cpu", "reference"])("on %s", (device) => {
  describe.each(Object.keys(makers))("%s", (name) => {
    const maker = makers[name]!;
    it("gives the same bits together, one by one and by single operations", () => {
      const together = run(device, maker, { foreach: true });
      expect(run(device, maker, {})).toEqual(together);
      expect(run(device, maker, { foreach: false })).toEqual(together);
      // What is recorded is made of single operations. In between, the reference rounds nothing.
      if (device === "cpu" && name !== "AdamW") expect(run(device, maker, { differentiable: true })).toEqual(together);
    });

    it("also where one parameter keeps the others from it", () => {
      const half = (d: string): Tensor[] => [torch.full([3], 0.7, { dtype: torch.float16, device: d })];
      expect(run(device, maker, { foreach: true }, half)).toEqual(run(device, maker, { foreach: false }, half));
    });
  });
});

describe("a group that is updated together", () => {
  it("is updated as a whole or not at all", () => {
    const { pool } = torch.device("cpu");
    const [a, b] = [torch.ones(3), torch.ones(3_000_000)];
    for (const p of [a, b]) p.grad = torch.onesLike(p);
    const optimizer = new optim.Adam([a, b], { lr: 0.5 });
    torch.memory.emptyCache();
    pool.limit = pool.all.reservedBytes.current + 1_000_000;
    try {
      expect(() => optimizer.step()).toThrow(torch.OutOfMemoryError);
      expect([a.tolistSync(), optimizer.state.size]).toEqual([[1, 1, 1], 0]);
    } finally {
      pool.limit = Number.POSITIVE_INFINITY;
    }
    optimizer.step();
    for (const x of [a.at(0), b.at(-1)]) expect(x.itemSync()).toBeCloseTo(0.5, 6);
    expect(optimizer.state.size).toBe(2);
  });

  it("takes a parameter that is there twice one after the other", () => {
    const twice = (foreach: boolean): unknown => {
      const p = torch.ones(2);
      p.grad = torch.ones(2);
      const optimizer = new optim.SGD([p], { lr: 0.1, momentum: 0.9, foreach });
      optimizer.paramGroups[0]!.params.push(p);
      optimizer.step();
      return p.tolistSync();
    };
    expect(twice(true)).toEqual(twice(false));
  });

  it("lets a class of the user's own keep the gradients that `updateEach` is given", () => {
    const kept: Tensor[] = [];
    type Given = readonly { readonly p: Tensor; readonly g: Tensor; readonly state: object }[];
    const keeps = (updates: Given): Given => {
      for (const { g } of updates) kept.push(g);
      return updates;
    };
    class KeepsSGD extends optim.SGD {
      protected override updateEach(updates: Given, group: optim.SGDOptions): boolean {
        return super.updateEach(keeps(updates), group);
      }
    }
    class KeepsAdam extends optim.Adam {
      protected override updateEach(updates: Given, group: optim.AdamOptions): boolean {
        return super.updateEach(keeps(updates), group);
      }
    }
    class KeepsAdamW extends optim.AdamW {
      protected override updateEach(updates: Given, group: optim.AdamWOptions): boolean {
        return super.updateEach(keeps(updates), group);
      }
    }
    for (const Class of [KeepsSGD, KeepsAdam, KeepsAdamW]) {
      const p = torch.ones(2, { requiresGrad: true });
      const optimizer = new Class([p], { lr: 0.1 });
      p.mul(3).sum().backward();
      optimizer.step();
      optimizer.zeroGrad(true);
    }
    expect(kept.map((g) => g.tolistSync())).toEqual([
      [3, 3],
      [3, 3],
      [3, 3],
    ]);
  });

  it("leaves it to `update` where a class of the user's own has one", () => {
    const seen: Tensor[] = [];
    class Watched extends optim.SGD {
      protected override update(p: Tensor, g: Tensor, group: optim.SGDOptions, state: { momentumBuffer?: Tensor | null }): void {
        seen.push(p);
        super.update(p, g, group, state);
      }
    }
    const params = [torch.ones(2), torch.ones(1)];
    for (const p of params) p.grad = torch.onesLike(p);
    new Watched(params, { lr: 0.5, foreach: true }).step();
    expect(seen.length === 2 && seen[0] === params[0] && seen[1] === params[1]).toBe(true);
    expect(params.map((p) => p.tolistSync())).toEqual([[0.5, 0.5], [0.5]]);
  });
});
