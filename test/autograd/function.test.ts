import { describe, expect, test } from "vitest";
import type { Tensor } from "../../src/index.ts";
import * as torch from "../../src/index.ts";
import { caught } from "../support/caught.ts";

const { Function, gradcheck, gradgradcheck } = torch.autograd;
type Context = torch.autograd.FunctionContext;
const leaf = (...values: number[]): Tensor => torch.tensor(values, { requiresGrad: true });
const double = (...values: number[]): Tensor => torch.tensor(values, { dtype: torch.float64, requiresGrad: true });
const list = (x: Tensor | null | undefined): unknown => x?.tolistSync() ?? null;

class Square extends Function {
  static forward(ctx: Context, x: Tensor): Tensor {
    ctx.saveForBackward(x);
    return x.mul(x);
  }
  static backward(ctx: Context, g: Tensor): Tensor {
    const [x] = ctx.savedTensors;
    return g.mul(x!).mul(2);
  }
}

describe("a function of one's own", () => {
  test("has the gradient that it states, and a node of its name", () => {
    const x = leaf(1, 2, 3);
    const y = Square.apply(x);
    expect([list(y), String(y.gradFn), y.requiresGrad]).toEqual([[1, 4, 9], "<SquareBackward>", true]);
    y.sum().backward();
    expect(list(x.grad)).toEqual([2, 4, 6]);
    expect(gradcheck((v) => Square.apply(v!), double(1, 2))).toBe(true);
    expect(gradgradcheck((v) => Square.apply(v!), double(1, 2))).toBe(true);
  });

  test("is not recorded where nothing requires gradients", () => {
    expect(Square.apply(torch.ones(2)).requiresGrad).toBe(false);
    expect(torch.noGrad(() => Square.apply(leaf(1))).requiresGrad).toBe(false);
  });

  test("knows which arguments want gradients, and takes others as they are", () => {
    let needs: readonly boolean[] = [];
    class Scale extends Function {
      static forward(ctx: Context, x: Tensor, by: Tensor, n: number): Tensor {
        needs = ctx.needsInputGrad;
        ctx["n"] = n;
        ctx.saveForBackward(x, by);
        return x.mul(by).mul(n);
      }
      static backward(ctx: Context, g: Tensor): (Tensor | null)[] {
        const [x, by] = ctx.savedTensors;
        const n = ctx["n"] as number;
        return [ctx.needsInputGrad[0] ? g.mul(by!).mul(n) : null, ctx.needsInputGrad[1] ? g.mul(x!).mul(n) : null, null];
      }
    }
    const x = leaf(1, 2);
    Scale.apply(x, torch.tensor([3, 4]), 10)
      .sum()
      .backward();
    expect([needs, list(x.grad)]).toEqual([
      [true, false, false],
      [30, 40],
    ]);
  });

  test("saves results without keeping itself alive, with versions checked", () => {
    class Exp extends Function {
      static forward(ctx: Context, x: Tensor): Tensor {
        const y = x.exp();
        ctx.saveForBackward(y);
        return y;
      }
      static backward(ctx: Context, g: Tensor): Tensor {
        return g.mul(ctx.savedTensors[0]!);
      }
    }
    expect(gradcheck((x) => Exp.apply(x!), double(0.5, 1))).toBe(true);
    expect(gradgradcheck((x) => Exp.apply(x!), double(0.5, 1))).toBe(true);
    const y = Exp.apply(leaf(1, 2));
    y.add_(1);
    expect(caught(() => y.sum().backward())).toContain(
      "[torch.FloatTensor [2]], which is output 0 of ExpBackward, is at version 1; expected version 0 instead",
    );
  });

  test("saved inputs are checked too, and freed by backward", () => {
    const x = leaf(1, 2).add(0);
    const y = Square.apply(x);
    x.add_(1);
    expect(caught(() => y.sum().backward())).toContain(
      "[torch.FloatTensor [2]], which is output 0 of AddBackward0, is at version 1; expected version 0 instead",
    );
    const z = Square.apply(leaf(1));
    z.backward();
    expect(caught(() => z.backward())).toContain("Trying to backward through the graph a second time");
  });

  test("of several results gets zeros for those not used", () => {
    const seen: unknown[] = [];
    class Two extends Function {
      static forward(_: Context, x: Tensor, y: Tensor): Tensor[] {
        return [x.mul(3), y.mul(2)];
      }
      static backward(_: Context, g: Tensor, h: Tensor): Tensor[] {
        seen.push(list(g), list(h));
        return [g.mul(3), h.mul(2)];
      }
    }
    const [x, y] = [leaf(1, 2), leaf(3)];
    const [p] = Two.apply(x, y);
    p!.sum().backward();
    expect([seen, list(x.grad), list(y.grad)]).toEqual([[[1, 1], [0]], [3, 3], [0]]);
  });

  test("or null, if it says so", () => {
    const seen: unknown[] = [];
    class Two extends Function {
      static forward(ctx: Context, x: Tensor): Tensor[] {
        ctx.setMaterializeGrads(false);
        return [x.mul(1), x.mul(2)];
      }
      static backward(_: Context, g: Tensor | null, h: Tensor | null): Tensor | null {
        seen.push(list(g), list(h));
        return g;
      }
    }
    const x = leaf(1, 2);
    Two.apply(x)[0]!.sum().backward();
    expect([seen, list(x.grad)]).toEqual([
      [[1, 1], null],
      [1, 1],
    ]);
  });

  test("may mark results without gradients", () => {
    class Sorted extends Function {
      static forward(ctx: Context, x: Tensor): Tensor[] {
        const at = x.argmax();
        const copy = x.mul(1);
        ctx.markNonDifferentiable(at, copy);
        return [x.mul(2), at, copy];
      }
      static backward(_: Context, g: Tensor): Tensor {
        return g.mul(2);
      }
    }
    const x = leaf(1, 5);
    const [y, at, copy] = Sorted.apply(x);
    expect([y!.requiresGrad, at!.requiresGrad, copy!.requiresGrad]).toEqual([true, false, false]);
    y!.sum().backward();
    expect(list(x.grad)).toEqual([2, 2]);
  });

  test("may write to its input", () => {
    class Twice extends Function {
      static forward(ctx: Context, x: Tensor): Tensor {
        ctx.markDirty(x);
        return x.mul_(2);
      }
      static backward(_: Context, g: Tensor): Tensor {
        return g.mul(2);
      }
    }
    const a = leaf(1, 2);
    const x = a.mul(1);
    const y = Twice.apply(x);
    expect([y === x, list(x), String(x.gradFn)]).toEqual([true, [2, 4], "<TwiceBackward>"]);
    y.sum().backward();
    expect(list(a.grad)).toEqual([2, 2]);
    const b = torch.ones(2, 2, { requiresGrad: true });
    const base = b.mul(1);
    Twice.apply(base.at(0));
    base.sum().backward();
    expect(list(b.grad)).toEqual([
      [2, 2],
      [1, 1],
    ]);
    expect(caught(() => Twice.apply(leaf(1)))).toBe(
      "RuntimeError: a leaf Variable that requires grad has been used in an in-place operation.",
    );
  });

  test("that hands its input through gives a result of its own", () => {
    class Triple extends Function {
      static forward(_: Context, x: Tensor): Tensor {
        return x;
      }
      static backward(_: Context, g: Tensor): Tensor {
        return g.mul(3);
      }
    }
    const x = leaf(1, 2);
    const y = Triple.apply(x);
    expect([y === x, y.untypedStorage() === x.untypedStorage(), String(y.gradFn)]).toEqual([false, true, "<TripleBackward>"]);
    y.sum().backward();
    expect(list(x.grad)).toEqual([3, 3]);
  });

  test("may give back the gradient that it got", () => {
    class Same extends Function {
      static forward(_: Context, x: Tensor, y: Tensor): Tensor {
        return x.add(y);
      }
      static backward(_: Context, g: Tensor): Tensor[] {
        return [g, g];
      }
    }
    const [x, y] = [leaf(1, 2), leaf(3, 4)];
    Same.apply(x, y).sum().backward();
    x.grad!.mul_(7);
    expect([list(x.grad), list(y.grad)]).toEqual([
      [7, 7],
      [1, 1],
    ]);
  });

  const wrong = (backward: (g: Tensor) => unknown) =>
    class Wrong extends Function {
      static forward(_: Context, x: Tensor): Tensor {
        return x.mul(2);
      }
      static backward(_: Context, g: Tensor): Tensor {
        return backward(g) as Tensor; // whatever JavaScript lets through
      }
    };
  test.each<[string, (g: Tensor) => unknown, string]>([
    [
      "too many gradients",
      (g) => [g, g],
      "RuntimeError: function WrongBackward returned an incorrect number of gradients (expected 1, got 2)",
    ],
    ["too few gradients", () => [], "RuntimeError: function WrongBackward returned an incorrect number of gradients (expected 1, got 0)"],
    ["more nulls", (g) => [g, null, null], "no error"],
    [
      "another shape",
      () => torch.ones(3, 4),
      "RuntimeError: Function WrongBackward returned an invalid gradient at index 0 - got [3, 4] but expected shape compatible with [2]",
    ],
    [
      "a smaller shape",
      (g) => g.sum(),
      "RuntimeError: Function WrongBackward returned an invalid gradient at index 0 - got [] but expected shape compatible with [2]",
    ],
    ["a larger shape that sums", () => torch.ones(3, 2), "no error"],
    ["no tensor", () => 5, "RuntimeError: expected Variable or None (got int)"],
  ])("%s", (_, backward, message) => expect(caught(() => wrong(backward).apply(leaf(1, 2)).sum().backward())).toBe(message));
});

describe("gradcheck", () => {
  class Wrong extends Function {
    static forward(_: Context, x: Tensor): Tensor {
      return x.mul(1);
    }
    static backward(_: Context, g: Tensor): Tensor {
      return g.mul(3);
    }
  }
  test("finds a wrong gradient, and says where", () => {
    expect(caught(() => gradcheck((x) => Wrong.apply(x!), double(1, 2)))).toMatch(
      /^RuntimeError: Jacobian mismatch for output 0 with respect to input 0,\nnumerical:/,
    );
    expect(gradcheck((x) => Wrong.apply(x!), double(1, 2), { raiseException: false })).toBe(false);
    expect(gradcheck((x, y) => x!.mul(Wrong.apply(y!)), [double(1), torch.tensor([2], { dtype: torch.float64 })])).toBe(true);
  });
  test("finds a wrong second derivative", () => {
    class HalfRight extends Function {
      static forward(ctx: Context, x: Tensor): Tensor {
        ctx.saveForBackward(x);
        return x.pow(2);
      }
      static backward(ctx: Context, g: Tensor): Tensor {
        return g.mul(ctx.savedTensors[0]!.detach()).mul(2); // right, but cut off
      }
    }
    expect(gradcheck((x) => HalfRight.apply(x!), double(1, 2))).toBe(true);
    expect(gradgradcheck((x) => HalfRight.apply(x!), double(1, 2), { raiseException: false })).toBe(false);
  });
  test("needs something to check", () => {
    expect(caught(() => gradcheck((x) => x!.mul(1), torch.ones(2)))).toBe(
      "ValueError: gradcheck expects at least one input tensor to require gradient, but none of the them have requires_grad=True.",
    );
  });
  test("leaves gradients and values alone", () => {
    const x = double(1, 2);
    gradcheck((v) => v!.exp(), x);
    expect([x.grad, list(x)]).toEqual([null, [1, 2]]);
  });
});
