import { describe, expect, test } from "vitest";
import type { Tensor } from "../../src/index.ts";
import * as torch from "../../src/index.ts";
import { nextToken } from "../../src/memory/ownership.ts";

const blocks = (): number => torch.memory.stats()["allocation.all.current"];
const float64 = torch.float64;
const x = torch.arange(12).to(torch.float32).view(3, 4);
const mask = x.gt(5);
const rows = torch.tensor([2n, 0n]);

/** What a call holds when it has returned: the blocks of its result, which the caller disposes of. */
const calls: readonly (readonly [name: string, f: () => Tensor | readonly Tensor[] | unknown, held: number])[] = [
  ["at of numbers and slices", () => x.at(0, "1:3"), 0],
  ["at of everything", () => x.at("..."), 0],
  ["at of a mask", () => x.at(mask), 1],
  ["at of an index tensor", () => x.at(rows, "1:3"), 1],
  ["at of a list", () => x.at([0, 2]), 1],
  ["at of a 0-d index", () => x.at(torch.tensor(1n)), 1], // the index itself is the caller's
  ["setAt of a number", () => x.clone().setAt([0, 1], 5), 1],
  ["nonzero", () => mask.nonzero(), 1],
  ["maskedSelect", () => x.maskedSelect(mask), 1],
  ["where of a condition", () => torch.where(mask), 1],
  ["where of three", () => torch.where(mask, x, 0), 1],
  ["equal", () => torch.equal(x, x), 0],
  ["allclose", () => torch.allclose(x, x), 0],
  ["tensor of a tensor", () => torch.tensor(x), 1],
  ["tensor of a tensor, converted", () => torch.tensor(x, { dtype: float64 }), 1],
  ["to another dtype", () => x.to(float64), 1],
  ["to another order in memory", () => x.view(1, 3, 2, 2).to(torch.float32, { memoryFormat: "channels_last" }), 1],
  ["onesLike", () => torch.onesLike(x.t()), 1],
  ["arange of fractions", () => torch.arange(0, 1, 0.25), 1],
  ["linspace", () => torch.linspace(0, 1, 5), 1],
  ["bernoulli of probabilities", () => torch.bernoulli(torch.full([3], 0.5)), 2],
  ["normal around a tensor", () => torch.normal(x, 1), 1],
  ["randperm", () => torch.randperm(5), 1],
  ["item, tolist, printing", () => [x.at(0, 0).itemSync(), x.t().tolistSync(), String(x.t())].length, 0],
  ["iteration", () => [...x], 0],
  [
    "grad",
    () => {
      const y = torch.ones(3, { requiresGrad: true });
      return [...torch.autograd.grad(y.pow(2).sum(), y), y];
    },
    2,
  ],
];

describe("temporaries are given back at once", () => {
  test.each(calls)("%s", (_, f, held) => {
    const before = blocks();
    // The scope takes what the test itself makes on the way.
    const result = torch.scope(f);
    expect(blocks() - before).toBeLessThanOrEqual(held);
    for (const y of Array.isArray(result) ? result : [result]) if (y instanceof torch.Tensor && y !== x) y.dispose();
    expect(blocks() - before).toBe(0);
  });

  test.each(
    calls.filter(
      ([name]) =>
        ![
          "at of a 0-d index",
          "setAt of a number",
          "to another order in memory",
          "onesLike",
          "bernoulli of probabilities",
          "grad",
          "item, tolist, printing",
        ].includes(name),
    ),
  )("%s, without a scope around", (_, f, held) => {
    const before = blocks();
    const result = f();
    expect(blocks() - before).toBe(held);
    for (const y of Array.isArray(result) ? result : [result]) if (y instanceof torch.Tensor) y.dispose();
    expect(blocks() - before).toBe(0);
  });

  test("awaited reads, transfers, ndarrays", async () => {
    const before = blocks();
    await x.t().tolist();
    await x.at(0, 0).item();
    await torch.toNdarray(x);
    const there = await x.to("reference");
    expect([torch.memory.stats("reference")["allocation.all.current"], blocks() - before]).toEqual([1, 0]);
    there.dispose();
    expect(torch.memory.stats("reference")["allocation.all.current"]).toBe(0);
  });

  test("assignment through every kind of index", () => {
    const y = torch.zeros(3, 4);
    const value = torch.ones(4);
    const before = blocks();
    y.setAt([0, "1:3"], 5);
    y.setAt(1, value);
    y.setAt([mask], 7);
    y.setAt([rows], value);
    y.setAt([[0, 2]], 1);
    y.setAt(["...", 1], 2);
    expect(blocks() - before).toBe(0);
  });
});

describe("autograd holds gradients of leaves and nothing else after backward", () => {
  // Large enough that a handle is found dead by itself: see Note [Shared tokens].
  const a = torch.ones(300, { requiresGrad: true });
  const b = torch.linspace(1, 2, 300).requiresGrad_();
  /** `later`: blocks that user code could still hold, until the collector finds that it does not. */
  test.each<[string, () => void, number]>([
    ["a chain", () => a.mul(b).exp().sum().backward(), 0],
    ["accumulation over several ways", () => a.mul(b).add(a).mul(a).sum().backward(), 0],
    [
      "writes to views",
      () => {
        const y = a.mul(1);
        y.at("1:").mul_(b.at(":-1"));
        y.add_(1);
        y.pow(2).sum().backward();
      },
      0,
    ],
    [
      "indexing",
      () =>
        a
          .at(torch.tensor([0n, 0n, 2n]))
          .mul(b.at(":3"))
          .sum()
          .backward(),
      0,
    ],
    [
      "a graph kept and run twice",
      () => {
        const y = a.mul(b).sum();
        y.backward({ retainGraph: true });
        y.backward();
      },
      0,
    ],
    [
      "some inputs only",
      () =>
        a
          .mul(b)
          .sum()
          .backward({ inputs: [a] }),
      0,
    ],
    [
      "a retained gradient",
      () => {
        const y = a.mul(b);
        y.retainGrad();
        y.sum().backward();
      },
      1,
    ],
    [
      "what a hook was given, and made",
      () => {
        const y = a.mul(b);
        y.registerHook((g) => g.mul(2));
        y.sum().backward();
      },
      2,
    ],
    [
      "second derivatives: what only the first needed",
      () => {
        const [g] = torch.autograd.grad(a.pow(3).mul(b).sum(), a, { createGraph: true });
        g!.pow(2).sum().backward();
      },
      2,
    ],
    [
      "an error in a hook",
      () => {
        const y = a.mul(b);
        y.registerHook(() => {
          throw new RangeError();
        });
        expect(() => y.exp().sum().backward()).toThrow(RangeError);
      },
      2,
    ],
  ])("%s", async (_, program, later) => {
    a.grad = null;
    b.grad = null;
    await torch.memory.collect();
    nextToken();
    const before = blocks();
    torch.scope(program);
    const grads = [a, b].flatMap((x) => x.grad ?? []);
    expect(blocks() - before - grads.length).toBeLessThanOrEqual(later);
    for (const g of grads) g.dispose();
    nextToken();
    await torch.memory.collect();
    expect(blocks() - before).toBe(0);
  });
});
