import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import type { Tensor } from "../../src/index.ts";
import * as torch from "../../src/index.ts";

const { scope } = torch;
const { Container } = torch.memory;
const leaf = (): Tensor => torch.ones([3], { requiresGrad: true });
const blocks = (): number => torch.memory.stats()["allocation.all.current"];

describe("gradients are nobody else's memory", () => {
  test("a gradient given stays the caller's when the gradients of leaves are recorded", () => {
    const [a, b] = [leaf(), leaf()];
    const g = torch.full([3], 5);
    torch.autograd.backward(a.add(b), g, { createGraph: true });
    a.mul(2).backward(torch.ones(3));
    expect([g.tolistSync(), a.grad!.tolistSync(), b.grad!.tolistSync()]).toEqual([
      [5, 5, 5],
      [7, 7, 7],
      [5, 5, 5],
    ]);
  });

  test("a stretched gradient that is recorded can be added to", () => {
    const a = leaf();
    a.sum().backward({ createGraph: true });
    a.mul(2).sum().backward();
    expect(a.grad!.tolistSync()).toEqual([3, 3, 3]);
  });

  test("with inputs named, later gradients are added in place, too", () => {
    const a = leaf();
    a.mul(2)
      .sum()
      .backward({ inputs: [a] });
    const first = a.grad!;
    a.mul(3)
      .sum()
      .backward({ inputs: [a] });
    expect(a.grad).toBe(first);
    expect(first.tolistSync()).toEqual([5, 5, 5]);
  });

  test("one found for a named input is not the gradient given", () => {
    const [a, b] = [leaf(), leaf()];
    const g = torch.full([3], 5);
    torch.autograd.backward(a.add(b), g, { inputs: [a] });
    a.mul(2)
      .sum()
      .backward({ inputs: [a] });
    expect([g.tolistSync(), a.grad!.tolistSync()]).toEqual([
      [5, 5, 5],
      [7, 7, 7],
    ]);
  });
});

describe("what only a holder has left", () => {
  test("can be returned from a scope: a gradient of an inner scope", () => {
    const g = scope(() => {
      const w = leaf();
      scope(() => w.mul(2).sum().backward());
      return w.grad!;
    });
    expect(g.tolistSync()).toEqual([2, 2, 2]);
  });

  test("can be returned from a scope: a tensor of a container", () => {
    const c = new Container();
    const x = scope(() => {
      const held = scope(() => {
        const made = torch.ones(300);
        c.hold(made);
        return [made];
      });
      return held[0]!;
    });
    c.dispose();
    expect(x.sum().itemSync()).toBe(300);
  });

  test("keeps its graph when the holder lets go", () => {
    const w = leaf();
    const c = new Container();
    let y!: Tensor;
    scope(() => {
      y = w.mul(w).mul(w);
      c.hold(y);
    });
    c.drop(y);
    y.sum().backward();
    expect(w.grad!.tolistSync()).toEqual([3, 3, 3]);
  });

  test("keeps its graph when it ceases to be a gradient", () => {
    scope(() => {
      const w = leaf();
      scope(() => w.pow(3).sum().backward({ createGraph: true }));
      const g = w.grad!;
      w.grad = null;
      g.sum().backward();
      expect(w.grad!.tolistSync()).toEqual([6, 6, 6]);
    });
  });

  test("is user code's like any other when the holder lets go outside of scopes", () => {
    const w = leaf();
    const c = new Container();
    let y!: Tensor;
    scope(() => {
      y = w.mul(2);
      c.hold(y);
    });
    c.drop(y);
    y.retainGrad();
    let g!: Tensor;
    scope(() => {
      y.sum().backward();
      g = y.grad!;
      y.grad = null;
    });
    expect(g.tolistSync()).toEqual([1, 1, 1]);
  });
});

test("a gradient retained by a tensor that is gone is made anew", () => {
  const w = leaf();
  scope(() => {
    const loss = scope(() => {
      const h = w.mul(2);
      h.retainGrad();
      const sum = h.sum();
      sum.backward({ retainGraph: true });
      return sum;
    });
    loss.backward();
  });
  expect(w.grad!.tolistSync()).toEqual([4, 4, 4]);
});

test("a scope that is disposed of by what runs in it gives back what is made afterwards, too", () => {
  const before = blocks();
  const s = new torch.Scope();
  s.run(() => {
    s.dispose();
    torch.ones(300);
  });
  expect(blocks()).toBe(before);
});

test("a call that ends where the stack does leaves nothing open", () => {
  // In a process of its own: memory that was on its way then may be lost.
  const program = `
    import * as torch from ${JSON.stringify(new URL("../../src/index.ts", import.meta.url).href)};
    const x = torch.ones(4);
    const f = () => x.sum();
    const deep = (n, f) => (n === 0 ? f() : deep(n - 1, f));
    const works = (n) => {
      try {
        deep(n, f);
        return true;
      } catch (e) {
        return !(e instanceof RangeError);
      }
    };
    for (let i = 0; i < 300; i++) f();
    let [most, fails] = [100, 200_000];
    while (fails - most > 1) {
      const n = (most + fails) >> 1;
      if (works(n)) most = n;
      else fails = n;
    }
    // Were a scope still open, it would own what is made from now on, and nobody would give that back.
    for (let n = most - 30; n < most + 120; n++) if (!works(n) && !(x.detach().sharesToken && torch.isGradEnabled())) console.log(n - most);
    console.log("done");`;
  // Unoptimized code has a frame for each call.
  const args = ["--no-opt", "--no-maglev", "--no-sparkplug", "--import", "tsx", "--input-type=module", "-e", program];
  expect(execFileSync(process.execPath, args, { encoding: "utf8" })).toBe("done\n");
});
