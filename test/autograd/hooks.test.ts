import { describe, expect, test } from "vitest";
import type { Tensor } from "../../src/index.ts";
import * as torch from "../../src/index.ts";
import { caught } from "../support/caught.ts";

const leaf = (...values: number[]): Tensor => torch.tensor(values, { requiresGrad: true });
const list = (x: Tensor | null): unknown => x?.tolistSync() ?? null;

describe("hooks", () => {
  test("see the gradient, in the order of registration, from the result back", () => {
    const x = leaf(1, 2);
    const seen: unknown[] = [];
    const y = x.mul(2);
    y.registerHook((g) => void seen.push(["first", list(g)]));
    y.registerHook((g) => void seen.push(["second", list(g)]));
    x.registerHook((g) => void seen.push(["leaf", list(g)]));
    y.sum().backward();
    expect(seen).toEqual([
      ["first", [1, 1]],
      ["second", [1, 1]],
      ["leaf", [2, 2]],
    ]);
  });

  test("may give another gradient, which the next one sees; what is retained comes after them", () => {
    const x = leaf(1, 2);
    const y = x.mul(2);
    y.registerHook((g) => g.mul(2));
    y.registerHook((g) => g.add(1));
    y.retainGrad();
    y.sum().backward();
    expect([list(y.grad), list(x.grad)]).toEqual([
      [3, 3],
      [6, 6],
    ]);
  });

  test("on a leaf run before the gradient is added", () => {
    const x = leaf(1);
    x.registerHook((g) => g.mul(2));
    x.sum().backward();
    x.mul(3).sum().backward();
    expect(list(x.grad)).toEqual([8]);
  });

  test("see the whole gradient of a tensor used several times, once", () => {
    const x = leaf(1);
    const y = x.mul(1);
    const seen: unknown[] = [];
    y.registerHook((g) => void seen.push(list(g)));
    y.mul(2).add(y.mul(3)).add(y).backward();
    expect(seen).toEqual([[6]]);
  });

  test("can be taken away, also twice", () => {
    const x = leaf(1);
    const handle = x.registerHook((g) => g.mul(100));
    const kept = x.registerHook((g) => g.mul(2));
    handle.remove();
    handle.remove();
    x.backward();
    expect(list(x.grad)).toEqual([2]);
    kept.remove();
  });

  test("keep what they are given, and user tensors made inside live on", () => {
    const x = leaf(1, 2);
    let given: Tensor | null = null;
    let made: Tensor | null = null;
    x.mul(3).registerHook((g) => {
      given = g;
      made = g.mul(10);
    });
    const y = x.mul(3);
    y.registerHook((g) => {
      given = g;
      made = g.mul(10);
    });
    y.pow(2).sum().backward();
    expect([list(given), list(made)]).toEqual([
      [6, 12],
      [60, 120],
    ]);
  });

  test("are part of the graph when it is recorded", () => {
    const x = leaf(2);
    const y = x.mul(1);
    y.registerHook((g) => g.mul(x));
    const [g] = torch.autograd.grad(y.pow(2), x, { createGraph: true }); // 2y times x
    const [h] = torch.autograd.grad(g!, x); // 2y, and 2x times x, by the hook again
    expect([list(g!), list(h!)]).toEqual([[8], [12]]);
  });

  test("run for gradients asked by grad", () => {
    const x = leaf(1);
    const y = x.mul(2);
    y.registerHook((g) => g.mul(5));
    expect(list(torch.autograd.grad(y, x)[0]!)).toEqual([10]);
    expect(list(torch.autograd.grad(y, y)[0]!)).toEqual([5]);
  });

  test("a hook that throws ends backward with its error", () => {
    const x = leaf(1);
    const y = x.mul(2);
    y.registerHook(() => {
      throw new RangeError("from the hook");
    });
    expect(() => y.backward()).toThrow(RangeError);
    expect(x.grad).toBeNull();
  });

  test("raise in PyTorch's words", () => {
    expect(caught(() => torch.ones(2).registerHook((g) => g))).toBe(
      "RuntimeError: cannot register a hook on a tensor that doesn't require gradient",
    );
    const shape = leaf(1, 2);
    shape.registerHook((g) => g.at(0));
    expect(caught(() => shape.sum().backward())).toBe("RuntimeError: hook '<lambda>' has changed the size of value");
    const dtype = leaf(1, 2);
    dtype.registerHook(function widen(g) {
      return g.double();
    });
    expect(caught(() => dtype.sum().backward())).toBe("RuntimeError: hook 'widen' has changed the type of value");
  });
});
