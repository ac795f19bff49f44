/** What every module can do: it is called, holds parameters, buffers and children, changes modes, dtypes and devices, and prints itself. */
import { describe, expect, it } from "vitest";
import * as torch from "../../src/index.ts";

const { nn } = torch;
const F = nn.functional;

/** Fields in every way that a class can have them. */
class Net extends nn.Module {
  readonly first = new nn.Linear(2, 3);
  readonly scale: torch.nn.Parameter;
  second: torch.nn.Module;
  note = "not a part";
  plain = torch.ones(2);

  constructor() {
    super();
    this.scale = new nn.Parameter(torch.ones(1));
    this.second = new nn.Sequential(new nn.ReLU(), new nn.Linear(3, 1, { bias: false }));
    this.registerBuffer("count", torch.zeros(1));
    this.registerBuffer("scratch", torch.zeros(1), { persistent: false });
  }
  forward(x: torch.Tensor): torch.Tensor {
    return this.second(this.first(x).mul(this.scale)) as torch.Tensor;
  }
}

/** Lists of the very same objects. */
const same = (a: readonly unknown[], b: readonly unknown[]): boolean => a.length === b.length && a.every((x, i) => x === b[i]);

describe("calling", () => {
  it("runs forward with this bound", () => {
    const net = new Net();
    const x = torch.randn(4, 2);
    expect(torch.equal(net(x), net.forward(x))).toBe(true);
    const call: (x: torch.Tensor) => torch.Tensor = net;
    expect(call(x).shape).toEqual([4, 1]);
  });

  it("gives instances of their classes that are functions", () => {
    const net = new Net();
    expect(typeof net).toBe("function");
    expect(net).toBeInstanceOf(Net);
    expect(net).toBeInstanceOf(nn.Module);
    expect(net.first).not.toBeInstanceOf(nn.Sequential);
    expect(net.constructor).toBe(Net);
  });

  it("lets modules have fields called name and length", () => {
    class Named extends nn.Module {
      override readonly name: string = "mine";
      override readonly length: number = 7;
      forward(x: number): number {
        return x + this.length;
      }
    }
    const named = new Named();
    expect([named.name, named.length, named(1)]).toEqual(["mine", 7, 8]);
    expect(Object.hasOwn(new Net(), "name")).toBe(false);
  });

  it("says which class has no forward", () => {
    const Bare = class M extends (nn.Module as unknown as new () => (x: number) => number) {};
    expect(() => new Bare()(1)).toThrow('Module [M] is missing the required "forward" function');
    expect(() => new nn.ModuleList()(1 as never)).toThrow('Module [ModuleList] is missing the required "forward" function');
  });

  it("takes functions that only look like modules for none", () => {
    const net = new Net();
    Object.assign(net, { activation: (x: torch.Tensor) => x.relu(), Type: nn.Linear });
    expect(same(net.children(), [net.first, net.second])).toBe(true);
  });
});

describe("what a module holds", () => {
  it("finds fields however they are assigned, in order", () => {
    const net = new Net();
    expect(net.namedParameters().map(([name]) => name)).toEqual(["scale", "first.weight", "first.bias", "second.1.weight"]);
    expect(net.parameters()[0]).toBe(net.scale);
    expect(net.namedBuffers().map(([name]) => name)).toEqual(["count", "scratch"]);
    expect(net.namedChildren().map(([name]) => name)).toEqual(["first", "second"]);
    expect(net.namedModules().map(([name]) => name)).toEqual(["", "first", "second", "second.0", "second.1"]);
    expect(net.modules()).toHaveLength(5);
  });

  it("limits to its own and prefixes, by position and by name", () => {
    const net = new Net();
    expect(net.namedParameters("net", false).map(([name]) => name)).toEqual(["net.scale"]);
    expect(net.namedParameters({ prefix: "net", recurse: false }).map(([name]) => name)).toEqual(["net.scale"]);
    expect(same(net.parameters(false), [net.scale])).toBe(true);
    expect(net.buffers({ recurse: false })).toHaveLength(2);
    expect(net.namedModules("net").map(([name]) => name)[1]).toBe("net.first");
    expect(() => net.namedParameters({ deep: true } as object)).toThrow("namedParameters() got an unexpected keyword argument 'deep'");
  });

  it("counts what is shared once, unless told otherwise", () => {
    const layer = new nn.Linear(2, 2);
    const twice = new nn.Sequential(layer, layer);
    expect(twice.parameters()).toHaveLength(2);
    expect(twice.children()).toHaveLength(1);
    expect(twice.namedParameters({ removeDuplicate: false }).map(([name]) => name)).toEqual(["0.weight", "0.bias", "1.weight", "1.bias"]);
    expect(twice.namedModules({ removeDuplicate: false }).map(([name]) => name)).toEqual(["", "0", "1"]);
    expect(Object.keys(twice.stateDict())).toEqual(["0.weight", "0.bias", "1.weight", "1.bias"]);

    const tied = new nn.Sequential(new nn.Linear(2, 2), new nn.Linear(2, 2));
    (tied[1] as torch.nn.Linear).weight = (tied[0] as torch.nn.Linear).weight;
    expect(tied.parameters()).toHaveLength(3);
  });

  it("follows later assignments and deletions", () => {
    const net = new Net();
    net.second = new nn.Identity();
    expect(net.namedParameters().map(([name]) => name)).toEqual(["scale", "first.weight", "first.bias"]);
    Reflect.deleteProperty(net, "first");
    expect(same(net.parameters(), [net.scale])).toBe(true);
  });

  it("looks up by dotted paths", () => {
    const net = new Net();
    expect(net.getSubmodule("")).toBe(net);
    expect(net.getSubmodule("second.1")).toBe((net.second as torch.nn.Sequential)[1]);
    expect(net.getParameter("first.weight")).toBe(net.first.weight);
    expect(net.getBuffer("count")).toBe(Reflect.get(net, "count"));
    const batchNorm = new nn.Sequential(new nn.BatchNorm1d(2));
    expect(batchNorm.getBuffer("0.running_mean")).toBe((batchNorm[0] as torch.nn.BatchNorm1d).runningMean);
  });

  it.each([
    ["a missing child", (net: Net) => net.getSubmodule("second.5"), "Sequential has no attribute `5`"],
    ["a child that is a parameter", (net: Net) => net.getSubmodule("first.weight"), "`weight` is not an nn.Module"],
    ["a missing parameter", (net: Net) => net.getParameter("first.w"), "Linear has no attribute `w`"],
    ["a parameter that is a buffer", (net: Net) => net.getParameter("count"), "`count` is not an nn.Parameter"],
    ["a buffer that is a parameter", (net: Net) => net.getBuffer("scale"), "`scale` is not a buffer"],
    ["a buffer that was never registered", (net: Net) => net.getBuffer("plain"), "`plain` is not a buffer"],
  ])("raises for %s", (_, look, message) => {
    expect(() => look(new Net())).toThrow(expect.objectContaining({ message, pythonType: "AttributeError" }) as Error);
  });
});

describe("registration", () => {
  it("makes fields", () => {
    const net = new Net();
    const p = new nn.Parameter(torch.ones(2));
    net.registerParameter("extra", p);
    net.addModule("tail", new nn.Tanh());
    net.registerModule("gap", null);
    net.registerParameter("none", null);
    expect(Reflect.get(net, "extra")).toBe(p);
    expect(net.parameters()).toContain(p);
    expect(Reflect.get(net, "none")).toBeNull();
    expect(net.namedChildren().at(-1)![0]).toBe("tail");
    net.registerParameter("none", p);
    net.registerBuffer("count", null);
    expect(net.namedBuffers().map(([name]) => name)).toEqual(["scratch"]);
  });

  const p = new nn.Parameter(torch.ones(1));
  it.each([
    ["parameter", (m: Net) => m.registerParameter("a.b", p), "KeyError", 'parameter name can\'t contain "."'],
    ["parameter", (m: Net) => m.registerParameter("", p), "KeyError", 'parameter name can\'t be empty string ""'],
    ["parameter", (m: Net) => m.registerParameter("forward", p), "KeyError", "attribute 'forward' already exists"],
    ["parameter", (m: Net) => m.registerParameter("first", p), "KeyError", "attribute 'first' already exists"],
    ["parameter", (m: Net) => m.registerParameter(1 as never, p), "TypeError", "parameter name should be a string. Got int"],
    [
      "parameter",
      (m: Net) => m.registerParameter("a", torch.ones(1) as never),
      "TypeError",
      "cannot assign 'torch.FloatTensor' object to parameter 'a' (torch.nn.Parameter or None required)",
    ],
    ["buffer", (m: Net) => m.registerBuffer("a.b", p), "KeyError", 'buffer name can\'t contain "."'],
    ["buffer", (m: Net) => m.registerBuffer("scale", p), "KeyError", "attribute 'scale' already exists"],
    [
      "buffer",
      (m: Net) => m.registerBuffer("a", 3 as never),
      "TypeError",
      "cannot assign 'int' object to buffer 'a' (torch Tensor or None required)",
    ],
    ["module", (m: Net) => m.addModule("a", 3 as never), "TypeError", "int is not a Module subclass"],
    ["module", (m: Net) => m.addModule("a.b", new nn.ReLU()), "KeyError", 'module name can\'t contain ".", got: a.b'],
    ["module", (m: Net) => m.addModule("scale", new nn.ReLU()), "KeyError", "attribute 'scale' already exists"],
  ])("refuses a wrong %s as PyTorch does", (_, register, pythonType, message) => {
    const net = new Net();
    const before = Object.keys(net);
    expect(() => register(net)).toThrow(expect.objectContaining({ message, pythonType }) as Error);
    expect(Object.keys(net)).toEqual(before);
  });

  it("refuses a parameter with a history", () => {
    const computed = new nn.Parameter(torch.ones(1));
    const view = torch.autograd.grad(computed.mul(2), computed, { createGraph: true })[0]!;
    expect(view.requiresGrad).toBe(false);
    const grown = new nn.Parameter(torch.ones(1));
    torch.noGrad(() => grown.mul_(2));
    new Net().registerParameter("grown", grown); // written to without recording: still a leaf
    const recorded = new nn.Parameter(torch.ones(1), false);
    recorded.mul_(grown);
    expect(() => new Net().registerParameter("a", recorded)).toThrow(
      "Cannot assign non-leaf Tensor to parameter 'a'. Model parameters must be created explicitly.",
    );
  });
});

describe("modes", () => {
  it("sets training on everything below", () => {
    const net = new Net();
    expect(net.eval()).toBe(net);
    expect(net.modules().map((m) => m.training)).toEqual([false, false, false, false, false]);
    expect(net.train().second.training).toBe(true);
    expect(() => net.train(1 as never)).toThrow("training mode is expected to be boolean");
  });

  it("applies a function to children before parents", () => {
    const seen: string[] = [];
    const net = new Net();
    expect(net.apply((m) => void seen.push(m.constructor.name))).toBe(net);
    expect(seen).toEqual(["Linear", "ReLU", "Linear", "Sequential", "Net"]);
  });

  it("freezes and thaws", () => {
    const net = new Net().requiresGrad_(false);
    expect(net.parameters().some((p) => p.requiresGrad)).toBe(false);
    expect(
      net
        .requiresGrad_()
        .parameters()
        .every((p) => p.requiresGrad),
    ).toBe(true);
  });

  it("zeroes gradients, or takes them away", () => {
    const net = new Net();
    net(torch.ones(1, 2)).sum().backward({ createGraph: true });
    const { grad } = net.scale;
    net.zeroGrad();
    expect(net.scale.grad).toBe(grad);
    expect([grad!.itemSync(), grad!.requiresGrad]).toEqual([0, false]);
    net.zeroGrad({ setToNone: true });
    expect(net.scale.grad).toBeNull();
  });
});

describe("dtypes and devices", () => {
  it("converts floating-point state and keeps the objects", () => {
    const net = new Net();
    net.registerBuffer("steps", torch.tensor(3n));
    net(torch.ones(1, 2)).sum().backward();
    const before = net.parameters();
    expect(net.double()).toBe(net);
    expect(same(net.parameters(), before)).toBe(true);
    expect(net.parameters().map((p) => [p.dtype, p.requiresGrad, p.isLeaf])).toEqual(before.map(() => [torch.float64, true, true]));
    expect(net.scale.grad!.dtype).toBe(torch.float64);
    expect(net.getBuffer("count").dtype).toBe(torch.float64);
    expect(net.getBuffer("steps").dtype).toBe(torch.int64);
    net(torch.ones(1, 2, { dtype: torch.float64 }))
      .sum()
      .backward();
    expect(net.half().first.weight.dtype).toBe(torch.float16);
    expect(net.to(torch.float32).first.weight.dtype).toBe(torch.float32);
    expect(() => net.to(torch.int64)).toThrow(
      "nn.Module.to only accepts floating point or complex dtypes, but got desired dtype=torch.int64",
    );
  });

  it("moves to another device and back, with gradients, for an optimizer made before", async () => {
    torch.manualSeed(0);
    const net = new Net();
    const optimizer = new torch.optim.SGD(net.parameters(), { lr: 0.1 });
    const x = torch.randn(3, 2);
    const expected = net(x);
    expected.sum().backward();
    const moved = net.to("reference");
    expect(moved).toBeInstanceOf(Promise);
    expect(await moved).toBe(net);
    expect(net.parameters().every((p) => p.device.type === "reference" && p.grad!.device.type === "reference")).toBe(true);
    expect(net.getBuffer("count").device.type).toBe("reference");
    const there = net(await x.to("reference"));
    expect(torch.allclose(await there.cpu(), expected)).toBe(true);
    const before = await net.scale.item();
    optimizer.step();
    expect(await net.scale.item()).not.toBe(before);
    await net.cpu();
    expect(net(x).device.type).toBe("cpu");
    await net.to(torch.zeros(1, { dtype: torch.float64 }));
    expect(net.scale.dtype).toBe(torch.float64);
  });

  it("moves while gradients are replaced", async () => {
    const net = new Net();
    const x = torch.randn(3, 2);
    const backward = (): void => net(x).sum().backward();
    backward();
    const moved = net.to("reference");
    net.zeroGrad(true);
    backward();
    await moved;
    expect(net.parameters().every((p) => p.device.type === "reference")).toBe(true);
  });

  it("makes the same parameters on every device", () => {
    const weights = ["cpu", "reference"].map((device) => {
      torch.manualSeed(5);
      return new nn.Conv2d(2, 3, 3, { device }).weight;
    });
    expect(weights[1]!.device.type).toBe("reference");
    expect(weights[1]!.tolistSync()).toEqual(weights[0]!.tolistSync());
  });

  it("gives memory back", () => {
    const allocated = torch.memory.memoryAllocated();
    const net = new nn.Sequential(new nn.Linear(100, 100), new nn.BatchNorm1d(100));
    net(torch.ones(2, 100)).sum().backward();
    net.dispose();
    expect(() => net(torch.ones(2, 100))).toThrow(torch.DisposedError);
    expect((net[0] as torch.nn.Linear).weight.grad).not.toBeNull();
    expect(torch.memory.memoryAllocated()).toBeLessThan(allocated + 100 * 100 * 4);
  });
});

describe("text", () => {
  it("prints its parts as PyTorch does", () => {
    expect(String(new Net())).toBe(
      "Net(\n  (first): Linear(in_features=2, out_features=3, bias=True)\n  (second): Sequential(\n    (0): ReLU()\n" +
        "    (1): Linear(in_features=3, out_features=1, bias=False)\n  )\n)",
    );
    expect(String(new nn.Sequential())).toBe("Sequential()");
  });

  it("prints what a subclass says of itself, before its children", () => {
    class Said extends nn.Module {
      readonly act = new nn.ReLU();
      forward(x: torch.Tensor): torch.Tensor {
        return x;
      }
      override extraRepr(): string {
        return "one\ntwo";
      }
    }
    expect(String(new Said())).toBe("Said(\n  one\n  two\n  (act): ReLU()\n)");
  });

  it("prints floats as Python does", () => {
    expect(String(new nn.Dropout(1))).toBe("Dropout(p=1.0, inplace=False)");
    expect(String(new nn.BatchNorm1d(2, { eps: 1e-5, momentum: 1 }))).toBe(
      "BatchNorm1d(2, eps=1e-05, momentum=1.0, affine=True, track_running_stats=True)",
    );
  });
});

describe("parameters", () => {
  it("share the storage they are made from", () => {
    const data = torch.zeros(2);
    const p = new nn.Parameter(data);
    torch.noGrad(() => p.add_(1));
    expect(data.tolistSync()).toEqual([1, 1]);
    expect([p.requiresGrad, p.isLeaf, p.isParameter, p instanceof torch.Tensor]).toEqual([true, true, true, true]);
    expect(new nn.Parameter(data, { requiresGrad: false }).requiresGrad).toBe(false);
    expect(() => new nn.Parameter(torch.tensor([1n]))).toThrow("Only Tensors of floating point and complex dtype can require gradients");
    expect(() => p.add_(1)).toThrow("a leaf Variable that requires grad is being used in an in-place operation.");
  });

  it("take other data and print as parameters", () => {
    const p = new nn.Parameter(torch.zeros(2));
    p.data = torch.ones(3);
    expect(p.shape).toEqual([3]);
    p.sum().backward();
    expect(p.grad!.tolistSync()).toEqual([1, 1, 1]);
    expect(String(p)).toBe("Parameter containing:\ntensor([1., 1., 1.], requires_grad=True)");
  });

  it("outlive the scope that they are made in", () => {
    const layer = torch.scope(() => new nn.BatchNorm1d(3));
    expect(layer(torch.randn(4, 3)).shape).toEqual([4, 3]);
    const made: torch.nn.Parameter[] = [];
    torch.scope(() => void made.push(new nn.Parameter(torch.ones(1))));
    expect(made[0]!.itemSync()).toBe(1);
  });
});

it("trains", () => {
  torch.manualSeed(0);
  const net = new nn.Sequential(new nn.Linear(2, 16), new nn.Tanh(), new nn.Linear(16, 2));
  const optimizer = new torch.optim.SGD(net.parameters(), { lr: 0.5 });
  const x = torch.tensor([
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ]);
  const y = torch.tensor([0n, 1n, 1n, 0n]);
  for (let step = 0; step < 200; step++) {
    optimizer.zeroGrad();
    F.crossEntropy(net(x), y).backward();
    optimizer.step();
  }
  expect(net(x).argmax(1).tolistSync()).toEqual([0, 1, 1, 0]);
});
