/** Sequential, ModuleList, ModuleDict, ParameterList and ParameterDict. */
import { describe, expect, it } from "vitest";
import * as torch from "../../src/index.ts";

const { nn } = torch;
/** Lists of the very same objects. */
const same = (a: Iterable<unknown>, b: readonly unknown[]): boolean => [...a].length === b.length && [...a].every((x, i) => x === b[i]);
const keys = (m: torch.nn.Module): string[] => m.namedChildren().map(([name]) => name);

describe("Sequential", () => {
  it("runs its modules in order", () => {
    const [a, b] = [new nn.Linear(2, 3), new nn.Linear(3, 1)];
    const model = new nn.Sequential(a, new nn.ReLU(), b);
    const x = torch.randn(4, 2);
    expect(torch.equal(model(x), b(a(x).relu()))).toBe(true);
    expect(new nn.Sequential()(x)).toBe(x);
  });

  it("takes names from an object or a Map", () => {
    expect(keys(new nn.Sequential({ a: new nn.ReLU(), b: new nn.Tanh() }))).toEqual(["a", "b"]);
    expect(keys(new nn.Sequential(new Map([["x", new nn.ReLU()]])))).toEqual(["x"]);
    expect(() => new nn.Sequential([new nn.ReLU()] as never)).toThrow("list is not a Module subclass");
    expect(() => new nn.Sequential({ a: 1 } as never)).toThrow("int is not a Module subclass");
  });

  it("is indexed, counted, iterated and sliced", () => {
    const modules = [new nn.ReLU(), new nn.Tanh(), new nn.Sigmoid()];
    const model = new nn.Sequential(...modules);
    expect(model[1]).toBe(modules[1]);
    expect(model.at(-1)).toBe(modules[2]);
    expect(model.length).toBe(3);
    expect(same(model, modules)).toBe(true);
    expect(same(model.at("1:"), modules.slice(1))).toBe(true);
    expect(keys(model.at("::2"))).toEqual(["0", "2"]);
    expect(keys(model.at("1:-1"))).toEqual(["1"]);
    expect(same(model.at("::-1"), [...modules].reverse())).toBe(true);
    expect(() => model.at(3)).toThrow(expect.objectContaining({ message: "index 3 is out of range", pythonType: "IndexError" }) as Error);
  });

  it("is changed in place", () => {
    const model = new nn.Sequential(new nn.ReLU());
    const tanh = new nn.Tanh();
    expect(model.append(tanh)).toBe(model);
    model.insert(1, new nn.Sigmoid()).extend([new nn.Identity()]);
    expect([...model].map((m) => m.constructor.name)).toEqual(["ReLU", "Sigmoid", "Tanh", "Identity"]);
    expect(model.pop(2)).toBe(tanh);
    model[0] = tanh;
    model.setAt(-1, new nn.Flatten());
    expect([...model].map((m) => m.constructor.name)).toEqual(["Tanh", "Sigmoid", "Flatten"]);
    expect(keys(model)).toEqual(["0", "1", "2"]);
    expect(() => model.append(1 as never)).toThrow("int is not a Module subclass");
  });

  it("keeps order beyond ten modules", () => {
    const model = new nn.Sequential(...Array.from({ length: 12 }, (_, i) => new nn.Flatten(i)));
    expect([...model].map((m) => (m as torch.nn.Flatten).startDim)).toEqual(Array.from({ length: 12 }, (_, i) => i));
    expect(keys(model).at(-1)).toBe("11");
  });
});

describe("ModuleList and ModuleDict", () => {
  it("register what they hold", () => {
    const list = new nn.ModuleList([new nn.Linear(1, 2), new nn.Linear(2, 1)]);
    expect(list.parameters()).toHaveLength(4);
    expect(Object.keys(list.stateDict())).toEqual(["0.weight", "0.bias", "1.weight", "1.bias"]);
    expect(same(list, [list[0], list[1]])).toBe(true);
    expect(list.at("1:")).toHaveLength(1);
    expect(() => new nn.ModuleList([1 as never])).toThrow("int is not a Module subclass");
  });

  it("work as a dictionary", () => {
    const dict = new nn.ModuleDict([
      ["b", new nn.ReLU()],
      ["a", new nn.Linear(1, 1)],
    ]);
    expect(dict.keys()).toEqual(["b", "a"]);
    expect([...dict]).toEqual(["b", "a"]);
    dict.set("c", new nn.Tanh());
    dict.update({ b: new nn.Sigmoid() });
    expect(dict.values().map((m) => m.constructor.name)).toEqual(["Sigmoid", "Linear", "Tanh"]);
    expect([dict.has("c"), dict.has("training"), dict.length]).toEqual([true, false, 3]);
    expect(dict.pop("c")).toBeInstanceOf(nn.Tanh);
    expect(dict.get("a")).toBe(dict.items()[1]![1]);
    expect(() => dict.get("zz")).toThrow("ModuleDict has no attribute `zz`");
    dict.clear();
    expect(dict.length).toBe(0);
    expect(String(new nn.ModuleDict({ a: new nn.Tanh() }))).toBe("ModuleDict(\n  (a): Tanh()\n)");
  });

  it("refuse names that the class itself uses", () => {
    expect(() => new nn.ModuleDict({ keys: new nn.ReLU() })).toThrow("attribute 'keys' already exists");
  });
});

describe("ParameterList and ParameterDict", () => {
  it("make parameters of tensors", () => {
    const p = new nn.Parameter(torch.zeros(2));
    const list = new nn.ParameterList([p, torch.ones(2, 3)]);
    expect(list[0]).toBe(p);
    expect([list.length, list.at(-1).requiresGrad]).toEqual([2, true]);
    expect(Object.keys(list.append(p).stateDict())).toEqual(["0", "1", "2"]);
    expect(list.parameters()).toHaveLength(2);
    expect(String(new nn.ParameterList([p]))).toBe("ParameterList(  (0): Parameter containing: [torch.float32 of size 2])");
    const dict = new nn.ParameterDict({ a: p, b: torch.ones(1) });
    expect([dict.get("a") === p, dict.keys(), dict.has("z"), [...dict], dict.length]).toEqual([true, ["a", "b"], false, ["a", "b"], 2]);
    expect(dict.values()[1]!.requiresGrad).toBe(true);
  });
});
