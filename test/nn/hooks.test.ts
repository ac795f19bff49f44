/** Hooks: what they see, what they may replace, and how they go away. */
import { describe, expect, it } from "vitest";
import * as torch from "../../src/index.ts";

const { nn } = torch;

/** Two inputs, of which the second may be anything. */
class Scaled extends nn.Module {
  forward(x: torch.Tensor, factor: number): torch.Tensor {
    return x.mul(factor);
  }
}
class Pair extends nn.Module {
  forward(x: torch.Tensor, y: torch.Tensor): [torch.Tensor, torch.Tensor] {
    return [x.mul(y), x.add(y)];
  }
}

describe("forward hooks", () => {
  it("see the arguments and the result, in order of registration", () => {
    const m = new Scaled();
    const seen: unknown[] = [];
    m.registerForwardPreHook((module, input) => void seen.push(["pre", module === m, input.length, input[1]]));
    m.registerForwardHook((_, input, output) => void seen.push(["first", input[1], output.itemSync()]));
    m.registerForwardHook((_, __, output) => void seen.push(["second", output.itemSync()]));
    m(torch.tensor(3), 2);
    expect(seen).toEqual([
      ["pre", true, 2, 2],
      ["first", 2, 6],
      ["second", 6],
    ]);
  });

  it("replace arguments (a list, or one value for the only argument) and the result", () => {
    const m = new Scaled();
    m.registerForwardPreHook((_, [x]) => [x, 10]);
    expect(m(torch.tensor(3), 2).itemSync()).toBe(30);
    m.registerForwardHook((_, __, output) => output.add(1));
    m.registerForwardHook((_, __, output) => output.mul(2));
    expect(m(torch.tensor(3), 2).itemSync()).toBe(62);
    const relu = new nn.ReLU();
    relu.registerForwardPreHook((_, [x]) => x.neg());
    expect(relu(torch.tensor([-1, 2])).tolistSync()).toEqual([1, 0]);
  });

  it("go away, also while others stay, and twice over", () => {
    const m = new nn.Identity();
    let calls = 0;
    const handles = [1, 10].map((n) => m.registerForwardHook(() => void (calls += n)));
    m(torch.ones(1));
    handles[0]!.remove();
    handles[0]!.remove();
    m(torch.ones(1));
    handles[1]!.remove();
    m(torch.ones(1));
    expect(calls).toBe(21);
  });
});

describe("full backward hooks", () => {
  it("see the gradients of inputs and outputs", () => {
    const m = new nn.Linear(2, 1, { bias: false });
    torch.noGrad(() => m.weight.copy_(torch.tensor([[2, 3]])));
    const seen: unknown[] = [];
    m.registerFullBackwardHook((module, gradInput, gradOutput) => {
      seen.push([module === m, gradInput.map((g) => g?.tolistSync()), gradOutput.map((g) => g?.tolistSync())]);
    });
    const x = torch.ones(1, 2, { requiresGrad: true });
    m(x).mul(5).sum().backward();
    expect(seen).toEqual([[true, [[[10, 15]]], [[[5]]]]]);
    expect(x.grad!.tolistSync()).toEqual([[10, 15]]);
    expect(m.weight.grad!.tolistSync()).toEqual([[5, 5]]);
  });

  it("replace the gradients of inputs, one after the other", () => {
    const m = new Pair();
    m.registerFullBackwardHook((_, [gx]) => [gx!.mul(2), null]);
    m.registerFullBackwardHook((_, [gx, gy]) => {
      expect(gy).toBeNull();
      return [gx!.add(1), null];
    });
    const x = torch.tensor(3, { requiresGrad: true });
    const y = torch.tensor(4, { requiresGrad: true });
    const [product, sum] = m(x, y);
    product.add(sum).backward();
    expect([x.grad!.itemSync(), y.grad]).toEqual([(4 + 1) * 2 + 1, null]);
  });

  it("pass over inputs that are no tensors or want no gradient", () => {
    const m = new Scaled();
    const seen: unknown[] = [];
    m.registerFullBackwardHook((_, gradInput) => void seen.push(gradInput.map((g) => (g === null ? null : g.itemSync()))));
    m(torch.tensor(3, { requiresGrad: true }), 2).backward();
    const pair = new Pair();
    pair.registerFullBackwardHook((_, gradInput) => void seen.push(gradInput.map((g) => (g === null ? null : g.itemSync()))));
    pair(torch.tensor(3), torch.tensor(4, { requiresGrad: true }))[0].backward();
    expect(seen).toEqual([
      [2, null],
      [null, 3],
    ]);
  });

  it("run where only parameters want gradients, and may replace nothing there", () => {
    const m = new nn.Linear(1, 1);
    const seen: unknown[] = [];
    const handle = m.registerFullBackwardHook((_, gradInput, gradOutput) => void seen.push(gradInput, gradOutput[0]!.itemSync()));
    m(torch.ones(1, 1)).sum().backward();
    expect(seen).toEqual([[null], 1]);
    handle.remove();
    m.registerFullBackwardHook(() => [torch.ones(1, 1)]);
    expect(() => m(torch.ones(1, 1)).sum().backward()).toThrow(
      "Backward hook for Modules where no input requires gradient should always return None",
    );
  });

  it("must give as many gradients as there are inputs", () => {
    const m = new nn.ReLU();
    m.registerFullBackwardHook((_, [g]) => [g!, g!]);
    expect(() => m(torch.ones(1, { requiresGrad: true })).backward()).toThrow(
      "Backward hook returned an invalid number of grad_input, got 2, but expected 1",
    );
  });

  it("do nothing where nothing is recorded, and forbid writing over a watched input", () => {
    const m = new nn.ReLU();
    let calls = 0;
    m.registerFullBackwardHook(() => void calls++);
    torch.noGrad(() => m(torch.ones(1, { requiresGrad: true })));
    m(torch.ones(1));
    expect(calls).toBe(0);
    const inplace = new nn.ReLU({ inplace: true });
    inplace.registerFullBackwardHook(() => void calls++);
    expect(() => inplace(torch.ones(1, { requiresGrad: true }).mul(1))).toThrow("is a view and is being modified inplace");
  });

  it("let second derivatives through", () => {
    const m = new nn.Sigmoid();
    m.registerFullBackwardHook(() => undefined);
    const x = torch.tensor(0.5, { requiresGrad: true });
    const [dx] = torch.autograd.grad(m(x), x, { createGraph: true });
    const [ddx] = torch.autograd.grad(dx!, x);
    const s = 1 / (1 + Math.exp(-0.5));
    expect(dx!.itemSync()).toBeCloseTo(s * (1 - s), 6);
    expect(ddx!.itemSync()).toBeCloseTo(s * (1 - s) * (1 - 2 * s), 6);
  });
});
