import { describe, expect, test, vi } from "vitest";
import * as torch from "../../src/index.ts";
import { nn, optim, type Tensor } from "../../src/index.ts";

const { deepcopy } = torch;
const sharesMemory = (a: Tensor, b: Tensor): boolean => a.untypedStorage() === b.untypedStorage();

class Net extends nn.Module {
  readonly hidden: nn.Linear = new nn.Linear(3, 4);
  readonly norm: nn.BatchNorm1d = new nn.BatchNorm1d(4);
  readonly out: nn.Linear = new nn.Linear(4, 2);
  readonly settings: { rate: number; sizes: number[] } = { rate: 0.5, sizes: [3, 4, 2] };
  calls: number = 0;
  forward(x: Tensor): Tensor {
    this.calls++;
    return this.out(this.norm(this.hidden(x)).relu());
  }
}

describe("modules", () => {
  test("have parameters and buffers of their own, of the same values", () => {
    const net = new Net();
    const x = torch.randn(5, 3);
    net(x);
    const copy = deepcopy(net);
    expect([copy === net, copy instanceof Net, typeof copy, String(copy)]).toEqual([false, true, "function", String(net)]);
    const [mine, theirs] = [net.stateDict(), copy.stateDict()];
    expect(Object.keys(theirs)).toEqual(Object.keys(mine));
    for (const [name, value] of Object.entries(mine)) {
      expect([name, torch.equal(value, theirs[name]!), sharesMemory(value, theirs[name]!)]).toEqual([name, true, false]);
    }
    expect(torch.equal(copy.eval()(x), net.eval()(x))).toBe(true);
    torch.noGrad(() => copy.out.weight.fill_(0));
    expect(net.out.weight.eq(0).any().itemSync()).toBe(false);
    expect(copy.parameters().every((p) => p instanceof nn.Parameter && p.requiresGrad && p.isLeaf)).toBe(true);
  });

  test("have fields of their own", () => {
    const net = new Net();
    const copy = deepcopy(net);
    copy.settings.sizes.push(1);
    copy(torch.randn(2, 3));
    expect([net.settings, net.calls, copy.calls]).toEqual([{ rate: 0.5, sizes: [3, 4, 2] }, 0, 1]);
  });

  test("keep modes, frozen parameters and what is in the state dict", () => {
    const net = new Net();
    net.registerBuffer("scratch", torch.ones(1), false);
    net.registerBuffer("none", null);
    net.hidden.requiresGrad_(false);
    net.norm.eval();
    const copy = deepcopy(net);
    expect([copy.training, copy.norm.training, copy.hidden.weight.requiresGrad, copy.out.weight.requiresGrad]).toEqual([
      true,
      false,
      false,
      true,
    ]);
    expect(copy.namedBuffers().map(([name]) => name)).toContain("scratch");
    expect(Object.keys(copy.stateDict())).not.toContain("scratch");
    copy.registerBuffer("none", torch.ones(1)); // known as a buffer: no error
    expect(Object.keys(net.stateDict())).not.toContain("none");
  });

  test("share inside the copy what the original shares", () => {
    const [a, b] = [new nn.Linear(2, 2), new nn.Linear(2, 2)];
    (b as { weight: nn.Parameter }).weight = a.weight;
    const copy = deepcopy(new nn.Sequential(a, b, a));
    const [c, d, e] = [...copy] as [nn.Linear, nn.Linear, nn.Linear];
    expect([c === e, c.weight === d.weight, c.weight === a.weight, copy.parameters().length]).toEqual([true, true, false, 3]);
  });

  test("that contain themselves come to an end", () => {
    class Loop extends nn.Module {
      readonly parts: { all: nn.Module[] } = { all: [this] };
      forward(x: Tensor): Tensor {
        return x;
      }
    }
    const loop = new Loop();
    const copy = deepcopy(loop);
    expect([copy.parts.all[0] === copy, copy.parts === loop.parts]).toEqual([true, false]);
  });

  test("have the same hooks, of their own from then on", () => {
    const seen: unknown[] = [];
    const net = new nn.Linear(2, 2);
    const pre = net.registerForwardPreHook((m) => void seen.push(["pre", m]));
    net.registerForwardHook((m) => void seen.push(["forward", m]));
    net.registerFullBackwardHook((m) => void seen.push(["backward", m]));
    const copy = deepcopy(net);
    pre.remove();
    copy(torch.ones(1, 2)).sum().backward();
    expect(seen.map((entry) => (entry as unknown[])[0])).toEqual(["pre", "forward", "backward"]);
    expect(seen.every((entry) => (entry as unknown[])[1] === copy)).toBe(true);
  });

  test("start without gradients; tensor hooks stay behind", () => {
    const net = new nn.Linear(2, 1);
    const hook = vi.fn();
    net.weight.registerHook(() => hook());
    net(torch.ones(1, 2)).sum().backward();
    const copy = deepcopy(net);
    expect([copy.weight.grad, hook.mock.calls.length]).toEqual([null, 1]);
    copy(torch.ones(1, 2)).sum().backward();
    expect(hook.mock.calls.length).toBe(1);
  });

  test("that hold a tensor with a history are refused", () => {
    const net = new Net() as Net & { last?: Tensor };
    net.last = net(torch.randn(2, 3));
    expect(() => deepcopy(net)).toThrow(
      "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment",
    );
  });

  test("of every kind of the library can be copied and used", () => {
    const x = torch.randn(2, 4);
    const list = deepcopy(new nn.ModuleList([new nn.Linear(4, 4), new nn.ReLU()]));
    list.insert(0, new nn.Identity());
    expect(list.pop().toString()).toBe("ReLU()");
    const named = deepcopy(new nn.ModuleDict({ first: new nn.Linear(4, 1) }));
    expect((named.get("first")(x) as Tensor).shape).toEqual([2, 1]);
    expect(
      deepcopy(new nn.ParameterList([torch.ones(2)]))
        .at(0)
        .tolistSync(),
    ).toEqual([1, 1]);
    const conv = new nn.Conv2d(1, 2, 3, { padding: 1 });
    const image = torch.randn(1, 1, 5, 5);
    expect(torch.equal(deepcopy(conv)(image), conv(image))).toBe(true);
    const embedding = new nn.Embedding(5, 2, { paddingIdx: 0 });
    expect(torch.equal(deepcopy(embedding).weight, embedding.weight)).toBe(true);
  });

  test("draw no random numbers and call no constructor", () => {
    const made = vi.fn();
    class Counted extends nn.Module {
      readonly layer: nn.Linear;
      constructor(size: number) {
        super();
        made(size);
        this.layer = new nn.Linear(size, size);
      }
      forward(x: Tensor): Tensor {
        return this.layer(x);
      }
    }
    const net = new Counted(2);
    torch.manualSeed(1);
    deepcopy(net);
    const [after] = torch.rand(1).tolistSync() as number[];
    torch.manualSeed(1);
    expect([torch.rand(1).tolistSync(), made.mock.calls]).toEqual([[after], [[2]]]);
  });

  test("with private members copy themselves", () => {
    class Secret extends nn.Module {
      #n = 0;
      readonly weight: nn.Parameter = new nn.Parameter(torch.ones(1));
      forward(x: Tensor): Tensor {
        return x.mul(this.weight).add(++this.#n);
      }
      override __deepcopy__(memo: torch.Memo): this {
        const made = new Secret();
        memo.set(this, made);
        made.#n = this.#n;
        (made as { weight: nn.Parameter }).weight = deepcopy(this.weight, memo);
        return made as this;
      }
    }
    const net = new Secret();
    net(torch.ones(1));
    const copy = deepcopy([net, net.weight] as const);
    expect([copy[0](torch.ones(1)).tolistSync(), copy[0].weight === copy[1]]).toEqual([[3], true]);
  });

  test("outlive the scope that they are copied in, a tensor alone does not", async () => {
    const net = new Net();
    const made: { net?: Net; tensor?: Tensor; list?: Tensor[] } = {};
    torch.scope(() => {
      made.net = deepcopy(net);
      made.tensor = deepcopy(torch.ones(2));
      made.list = deepcopy([torch.ones(2)]);
    });
    await torch.memory.collect();
    expect(made.net!(torch.randn(2, 3)).shape).toEqual([2, 2]);
    expect([made.tensor!.isDisposed, made.list![0]!.tolistSync()]).toEqual([true, [1, 1]]);
  });

  test.runIf(process.env["TORCHLET_NO_WEBGPU"] !== "1")("stay on their device", async () => {
    await torch.webgpu.start();
    const net = await new nn.Linear(2, 2).to("webgpu");
    const copy = deepcopy(net);
    expect([copy.weight.device.type, sharesMemory(copy.weight, net.weight)]).toEqual(["webgpu", false]);
    expect(await torch.equalAsync(copy.weight, net.weight)).toBe(true);
    const [a, b] = deepcopy([net.weight.detach(), net.weight.detach().at(1)]) as [Tensor, Tensor];
    expect([a.device.type, sharesMemory(a, b), await b.tolist()]).toEqual(["webgpu", true, await net.weight.at(1).tolist()]);
  });
});

describe("tensors", () => {
  test("keep flags, strides and offset; gradients are copied with them", () => {
    const x = torch.arange(6).to(torch.float32).view(2, 3).t().requiresGrad_();
    x.sum().backward();
    const y = deepcopy(x);
    expect([y === x, y.requiresGrad, y.isLeaf, y.stride(), torch.equal(x, y)]).toEqual([false, true, true, [1, 3], true]);
    expect([y.grad === x.grad, sharesMemory(x.grad!, y.grad!), torch.equal(x.grad!, y.grad!)]).toEqual([false, false, true]);
    const [p, g] = deepcopy([x, x.grad!]) as [Tensor, Tensor];
    expect(p.grad).toBe(g);
  });

  test("views share in the copy what they share in the original", () => {
    const x = torch.arange(6).to(torch.float32).view(2, 3);
    const [a, b, c, d] = deepcopy([x, x.t(), x.at(1), x]) as [Tensor, Tensor, Tensor, Tensor];
    expect([a === d, sharesMemory(a, b), sharesMemory(a, c), sharesMemory(a, x)]).toEqual([true, true, true, false]);
    expect([b.stride(), c.storageOffset(), c.base]).toEqual([[1, 3], 3, null]);
    a.setAt([1, 0], 77);
    expect([b.tolistSync(), c.tolistSync(), x.at(1, 0).itemSync()]).toEqual([
      [
        [0, 77],
        [1, 4],
        [2, 5],
      ],
      [77, 4, 5],
      3,
    ]);
    expect(deepcopy(x.at(1)).untypedStorage().nbytes).toBe(x.untypedStorage().nbytes);
  });

  test("parameters get storages of their own", () => {
    const base = torch.arange(6).to(torch.float32);
    const [p, q] = deepcopy([new nn.Parameter(base.at(":3")), base]) as [Tensor, Tensor];
    expect([sharesMemory(p, q), p.untypedStorage().nbytes]).toEqual([false, 12]);
    expect(deepcopy(new nn.Parameter(torch.ones(2, 3).t())).stride()).toEqual([1, 3]);
  });

  test("of every dtype, of no elements, overlapping themselves", () => {
    for (const type of [torch.bool, torch.uint8, torch.int64, torch.float16, torch.bfloat16, torch.float64]) {
      const x = torch.tensor([1, 0, 1], { dtype: type });
      expect(torch.equal(deepcopy(x), x)).toBe(true);
    }
    expect(deepcopy(torch.zeros(0, 3)).shape).toEqual([0, 3]);
    expect(deepcopy(torch.ones(1).expand(3)).stride()).toEqual([0]);
  });

  test("with a history are refused", () => {
    const x = torch.ones(2, { requiresGrad: true });
    const words = "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment";
    for (const y of [x.mul(2), x.view(2)]) expect(() => deepcopy(y)).toThrow(words);
    expect(deepcopy(x.mul(2).detach()).tolistSync()).toEqual([2, 2]);
  });

  test("give back all that they held", async () => {
    const x = torch.ones(1000);
    await torch.memory.collect();
    const before = torch.memory.memoryAllocated();
    const y = deepcopy(x);
    expect(torch.memory.memoryAllocated()).toBeGreaterThan(before);
    y.dispose();
    expect(torch.memory.memoryAllocated()).toBe(before);
    torch.scope(() => void deepcopy(x));
    expect(torch.memory.memoryAllocated()).toBe(before);
  });
});

describe("optimizers", () => {
  test("are copied with their state, and with the model they go on training the copy", () => {
    const train = (net: nn.Linear, optimizer: optim.Adam): void => {
      net(torch.ones(1, 2)).square().sum().backward();
      optimizer.step();
      optimizer.zeroGrad(true);
    };
    const net = new nn.Linear(2, 1);
    const optimizer = new optim.Adam(net.parameters(), { lr: 0.1 });
    train(net, optimizer);
    const [net2, optimizer2] = deepcopy([net, optimizer] as const);
    expect(optimizer2.paramGroups[0]!.params[0]).toBe(net2.weight);
    expect(optimizer2).toBeInstanceOf(optim.Adam);
    const before = net.weight.tolistSync();
    train(net2, optimizer2);
    expect(net.weight.tolistSync()).toEqual(before);
    train(net, optimizer);
    expect(net2.weight.tolistSync()).toEqual(net.weight.tolistSync());
    expect(optimizer2.state.get(net2.weight)!.step).toBe(2);
  });
  test("alone, they train parameters of their own", () => {
    const net = new nn.Linear(2, 1);
    const { params } = deepcopy(new optim.SGD(net.parameters(), { lr: 1 })).paramGroups[0]!;
    expect([params[0] === net.weight, torch.equal(params[0]!, net.weight)]).toEqual([false, true]);
  });
});

describe("other values", () => {
  test("plain ones are the same", () => {
    const f = (): number => 1;
    const symbol = Symbol("s");
    for (const x of [1, "a", null, undefined, true, 3n, symbol, f, torch.float32, torch.device("cpu")]) expect(deepcopy(x)).toBe(x);
  });

  test("collections and objects, with what they share", () => {
    const shared = { n: 1 };
    const x = { list: [shared, 2, shared], map: new Map<unknown, unknown>([[shared, [1]]]), set: new Set([shared]), date: new Date(5) };
    const y = deepcopy(x);
    expect(y).toEqual(x);
    const [inner] = y.list;
    expect([inner === shared, y.list[2] === inner, y.map.has(inner), y.set.has(inner as { n: number })]).toEqual([false, true, true, true]);
    expect([y.map === x.map, y.set === x.set, y.date === x.date]).toEqual([false, false, false]);
  });

  test("collections that contain themselves", () => {
    const map = new Map<string, unknown>();
    map.set("self", map).set("set", new Set([map]));
    const copy = deepcopy(map);
    expect([copy.get("self") === copy, (copy.get("set") as Set<unknown>).has(copy)]).toEqual([true, true]);
  });

  test("classes keep their prototype, accessors and symbols", () => {
    class Point {
      x: number = 1;
      get double(): number {
        return 2 * this.x;
      }
    }
    const tag = Symbol("tag");
    const point = Object.assign(new Point(), { [tag]: [1] });
    const copy = deepcopy(point);
    copy.x = 4;
    expect([copy instanceof Point, copy.double, point.double, copy[tag] === point[tag], copy[tag]]).toEqual([true, 8, 2, false, [1]]);
    expect(Object.getPrototypeOf(deepcopy(Object.create(null)))).toBe(null);
  });

  test("bytes", () => {
    const x = torch.ones(2);
    const [plain, ours] = [new Int16Array([1, 2]), x.numpy().data];
    const [a, b, c] = deepcopy([plain, ours, new DataView(plain.buffer, 2)]) as [Int16Array, Float32Array, DataView];
    a[0] = 9;
    b[0] = 9;
    c.setInt16(0, 9, true);
    expect([Array.from(plain), x.tolistSync(), Array.from(deepcopy(plain.buffer) && plain)]).toEqual([
      [1, 2],
      [1, 1],
      [1, 2],
    ]);
  });

  test("objects that copy themselves", () => {
    class Counter {
      #n = 0;
      add(): number {
        return ++this.#n;
      }
      __deepcopy__(): Counter {
        const made = new Counter();
        made.#n = this.#n;
        return made;
      }
    }
    const counter = new Counter();
    counter.add();
    const [a, b] = deepcopy([counter, counter]) as [Counter, Counter];
    expect([a === b, a.add(), counter.add()]).toEqual([true, 2, 2]);
  });

  test.each<[string, unknown]>([
    ["Promise", Promise.resolve()],
    ["WeakMap", new WeakMap()],
    ["WeakRef", new WeakRef({})],
    ["Generator", new torch.Generator()],
    ["Storage", torch.ones(1).untypedStorage()],
    ["MulBackward0", torch.ones(1, { requiresGrad: true }).mul(2).gradFn],
    [
      "generator",
      (function* () {
        yield 1;
      })(),
    ],
  ])("what nobody can copy is refused: %s", (_, x) => {
    expect(() => deepcopy({ x })).toThrow(/^cannot pickle '\w+' object$/);
  });
});
