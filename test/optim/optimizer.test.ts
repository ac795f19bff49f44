import { describe, expect, it, vi } from "vitest";
import * as torch from "../../src/index.ts";
import { optim, type Tensor, TorchletError } from "../../src/index.ts";

const parameter = (...values: number[]): Tensor => torch.tensor(values).requiresGrad_();

/** What a call raises: PyTorch's class and sentence. */
function raised(f: () => unknown): [string, string] {
  try {
    f();
  } catch (e) {
    if (e instanceof TorchletError) return [e.pythonType, e.message];
    throw e;
  }
  throw new Error("nothing was raised");
}

describe("text", () => {
  it("prints options as PyTorch does", () => {
    expect(String(new optim.Adam([parameter(1)]))).toBe(
      "Adam (\nParameter Group 0\n    amsgrad: False\n    betas: (0.9, 0.999)\n    capturable: False\n    differentiable: False\n    eps: 1e-08\n" +
        "    foreach: None\n    fused: False\n    lr: 0.001\n    maximize: False\n    weight_decay: 0\n)",
    );
  });
  it("prints each group", () => {
    const text = String(new optim.SGD([{ params: [parameter(1)] }, { params: [parameter(2)], lr: 0.5 }], { lr: 0.1, momentum: 0.9 }));
    expect(text).toBe(
      "SGD (\nParameter Group 0\n    dampening: 0\n    differentiable: False\n    foreach: None\n    lr: 0.1\n    maximize: False\n    momentum: 0.9\n" +
        "    nesterov: False\n    weight_decay: 0\n\nParameter Group 1\n    dampening: 0\n    differentiable: False\n    foreach: None\n    lr: 0.5\n" +
        "    maximize: False\n    momentum: 0.9\n    nesterov: False\n    weight_decay: 0\n)",
    );
  });
});

describe("errors are PyTorch's", () => {
  const p = () => [parameter(1)];
  const cases: [() => unknown, string, string][] = [
    [() => new optim.SGD(p()), "ValueError", "parameter group didn't specify a value of required optimization parameter lr"],
    [() => new optim.SGD([], { lr: 0.1 }), "ValueError", "optimizer got an empty parameter list"],
    [
      () => new optim.SGD(torch.ones(2), { lr: 0.1 }),
      "TypeError",
      "params argument given to the optimizer should be an iterable of Tensors or dicts, but got torch.FloatTensor",
    ],
    [() => new optim.SGD(5 as never, { lr: 0.1 }), "TypeError", "'int' object is not iterable"],
    [() => new optim.SGD([parameter(1).mul(2)], { lr: 0.1 }), "ValueError", "can't optimize a non-leaf Tensor"],
    [
      () => new optim.SGD([...p(), 1 as never], { lr: 0.1 }),
      "TypeError",
      "optimizer can only optimize Tensors, but one of the params is int",
    ],
    [() => new optim.SGD(p(), { lr: -1 }), "ValueError", "Invalid learning rate: -1"],
    [() => new optim.SGD(p(), { lr: 0.1, momentum: -1 }), "ValueError", "Invalid momentum value: -1"],
    [() => new optim.SGD(p(), { lr: 0.1, nesterov: true }), "ValueError", "Nesterov momentum requires a momentum and zero dampening"],
    [() => new optim.SGD(p(), { lr: 0.1, weightDecay: -1 }), "ValueError", "Invalid weight_decay value: -1"],
    [() => new optim.SGD(p(), { lr: 0.1, foo: 2 } as never), "TypeError", "SGD.__init__() got an unexpected keyword argument 'foo'"],
    [() => new optim.Adam(p(), { betas: [1, 0.9] }), "ValueError", "Invalid beta parameter at index 0: 1.0"],
    [() => new optim.Adam(p(), { betas: [0.9, 1.5] }), "ValueError", "Invalid beta parameter at index 1: 1.5"],
    [() => new optim.AdamW(p(), { eps: -1 }), "ValueError", "Invalid epsilon value: -1"],
    [() => new optim.SGD(p(), 0.1).addParamGroup(p() as never), "AssertionError", "param group must be a dict"],
  ];
  it.each(cases)("%s", (f, type, message) => expect(raised(f)).toEqual([type, message]));

  it("refuses a parameter in two groups, and warns of one twice in a group", () => {
    const w = parameter(1);
    expect(raised(() => new optim.SGD([{ params: w }, { params: [w] }], 0.1))).toEqual([
      "ValueError",
      "some parameters appear in more than one parameter group",
    ]);
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    new optim.SGD([w, w], 0.1);
    expect(warn).toHaveBeenCalledOnce();
    warn.mockRestore();
  });

  it("refuses states of other groups", () => {
    const one = new optim.SGD(p(), 0.1);
    const two = new optim.SGD([{ params: p() }, { params: p() }], 0.1);
    const wide = new optim.SGD([parameter(1), parameter(2)], 0.1);
    expect(raised(() => one.loadStateDict(two.stateDict()))[1]).toBe("loaded state dict has a different number of parameter groups");
    expect(raised(() => one.loadStateDict(wide.stateDict()))[1]).toBe(
      "loaded state dict contains a parameter group that doesn't match the size of optimizer's group",
    );
  });
});

describe("step", () => {
  it("leaves parameters without gradient alone", () => {
    const [a, b] = [parameter(1), parameter(1)];
    const optimizer = new optim.SGD([a, b], { lr: 0.5 });
    a.sum().backward();
    optimizer.step();
    expect([a.itemSync(), b.itemSync()]).toEqual([0.5, 1]);
    expect(optimizer.state.size).toBe(1);
  });

  it("calls a closure with gradients on and gives its loss, also from within noGrad", () => {
    const w = parameter(3);
    const optimizer = new optim.SGD([w], { lr: 0.5 });
    const loss = torch.noGrad(() =>
      optimizer.step(() => {
        optimizer.zeroGrad();
        const l = w.mul(w).sum();
        l.backward();
        return l;
      }),
    );
    expect(loss.itemSync()).toBe(9);
    expect(w.itemSync()).toBe(0);
    expect(optimizer.step() === null).toBe(true);
  });

  it("waits for an asynchronous closure", async () => {
    const w = parameter(3);
    const optimizer = new optim.SGD([w], { lr: 0.5 });
    const loss = await optimizer.step(async () => {
      await Promise.resolve();
      const l = w.mul(w).sum();
      l.backward();
      return await l.item();
    });
    expect([loss, w.itemSync()]).toEqual([9, 0]);
  });

  it("takes changed options at once", () => {
    const w = parameter(0);
    const optimizer = new optim.SGD([w], { lr: 1 });
    w.grad = torch.ones(1);
    optimizer.step();
    optimizer.paramGroups[0]!.lr = 0.25;
    optimizer.step();
    expect(w.itemSync()).toBe(-1.25);
  });

  it("can itself be differentiated", () => {
    const start = parameter(2);
    const w = start.clone();
    w.retainGrad();
    w.grad = start.detach().mul(3).requiresGrad_();
    const g = w.grad;
    new optim.SGD([w], { lr: 0.5, differentiable: true }).step();
    w.sum().backward();
    expect(g.grad!.itemSync()).toBe(-0.5);
  });

  it("leaves no garbage: only parameters, gradients and state stay allocated", () => {
    const { pool } = torch.device("cpu");
    const w = torch.zeros(1000).requiresGrad_();
    w.grad = torch.ones(1000);
    const optimizer = new optim.Adam([w], { weightDecay: 0.1, amsgrad: true, maximize: true });
    optimizer.step();
    const blocks = pool.all.allocation.current;
    for (let i = 0; i < 10; i++) optimizer.step();
    expect(pool.all.allocation.current).toBe(blocks);
  });
});

describe("zeroGrad", () => {
  it("writes zeros, and takes gradients away where asked", () => {
    const w = parameter(3);
    const optimizer = new optim.SGD([w], { lr: 0.5 });
    w.mul(w).sum().backward({ createGraph: true });
    const { grad } = w;
    expect(grad!.requiresGrad).toBe(true);
    optimizer.zeroGrad();
    expect(w.grad === grad).toBe(true);
    expect([grad!.itemSync(), grad!.requiresGrad]).toEqual([0, false]);
    optimizer.zeroGrad({ setToNone: true });
    expect(w.grad === null).toBe(true);
  });
});

describe("state", () => {
  it("is loaded as copies in the parameter's dtype, from maps as files of PyTorch's give them, with the step as number or tensor", () => {
    const w = torch.ones([2], { dtype: torch.float64 }).requiresGrad_();
    const optimizer = new optim.Adam([w]);
    const average = torch.tensor([1, 2]);
    const state = new Map<string, unknown>([
      [
        "state",
        new Map([
          [
            0,
            new Map<string, unknown>([
              ["step", torch.tensor(3)],
              ["exp_avg", average],
              ["exp_avg_sq", torch.tensor([1, 4])],
            ]),
          ],
        ]),
      ],
      [
        "param_groups",
        [
          new Map<string, unknown>([
            ["lr", 0.5],
            ["betas", [0.9, 0.99]],
            ["weight_decay", 0.1],
            ["initial_lr", 7],
            ["params", [0]],
          ]),
        ],
      ],
    ]);
    optimizer.loadStateDict(state);
    const mine = optimizer.state.get(w)!;
    expect(mine.step).toBe(3);
    expect(mine.expAvg!.dtype.name).toBe("float64");
    average.fill_(9);
    expect(mine.expAvg!.tolistSync()).toEqual([1, 2]);
    const { params, ...options } = optimizer.paramGroups[0]!;
    expect(params.length === 1 && params[0] === w).toBe(true);
    expect(options).toMatchObject({ lr: 0.5, betas: [0.9, 0.99], weightDecay: 0.1, initialLr: 7, eps: 1e-8 });
    const packed = optimizer.stateDict();
    expect((packed.state[0]!.step as Tensor).dtype.name).toBe("float32");
    expect(packed.param_groups[0]).toMatchObject({ weight_decay: 0.1, params: [0] });
  });

  it("numbers parameters through all groups", () => {
    const [a, b, c] = [parameter(1), parameter(2), parameter(3)];
    const optimizer = new optim.SGD([{ params: [a, b] }], { lr: 0.1 });
    optimizer.addParamGroup({ params: c, lr: 0.01 });
    expect(optimizer.stateDict().param_groups.map((g) => [g.params, g.lr])).toEqual([
      [[0, 1], 0.1],
      [[2], 0.01],
    ]);
  });

  it("can be written by a class of the user's own", () => {
    class SignSGD extends optim.Optimizer<{ lr?: number }, { signs: Tensor }> {
      constructor(params: optim.Params<{ lr?: number }>, lr: number) {
        super(params, { lr });
      }
      protected update(p: Tensor, g: Tensor, { lr }: { lr?: number }, state: { signs?: Tensor }): void {
        state.signs = g.sign();
        p.sub_(state.signs, { alpha: lr! });
      }
    }
    const w = parameter(1, 1);
    w.grad = torch.tensor([5, -0.1]);
    const optimizer = new SignSGD([w], 0.5);
    optimizer.step();
    expect(w.tolistSync()).toEqual([0.5, 1.5]);
    expect(optimizer.state.get(w)!.signs!.tolistSync()).toEqual([1, -1]);
    expect(String(optimizer)).toBe("SignSGD (\nParameter Group 0\n    lr: 0.5\n)");
  });

  it("whose update fails can go on with the state it had", () => {
    class Momentum extends optim.Optimizer<object, { sum: Tensor; last: Tensor }> {
      failing = true;
      protected update(p: Tensor, g: Tensor, _: object, state: { sum?: Tensor; last?: Tensor }): void {
        if (state.sum === undefined) {
          state.sum = torch.zerosLike(p);
          if (this.failing) throw new Error("out of something");
          state.last = torch.zerosLike(p);
        }
        state.sum.add_(g);
        state.last!.copy_(state.sum);
        state.sum = state.sum.clone();
        if (this.failing) throw new Error("out of something later");
        p.sub_(state.sum);
      }
    }
    const w = parameter(1, 1);
    w.grad = torch.tensor([5, -1]);
    const optimizer = new Momentum([w], {});
    const step = (failing: boolean): void => {
      optimizer.failing = failing;
      optimizer.step();
    };
    expect(() => step(true)).toThrow("out of something");
    expect(optimizer.state.size).toBe(0);
    step(false);
    expect(() => step(true)).toThrow("out of something later");
    step(false);
    expect(w.tolistSync()).toEqual([1 - 5 - 15, 1 + 1 + 3]);
  });
});
