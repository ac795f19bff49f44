/** State dicts: names and order, aliasing, and loading that changes everything or nothing. */
import { describe, expect, it } from "vitest";
import * as torch from "../../src/index.ts";

const { nn } = torch;

const makeNet = (): torch.nn.Sequential => new nn.Sequential(new nn.Linear(2, 2), new nn.BatchNorm1d(2), new nn.Linear(2, 1));
const valuesOf = (module: torch.nn.Module): Record<string, unknown> =>
  Object.fromEntries(Object.entries(module.stateDict()).map(([k, v]) => [k, v.tolistSync()]));

describe("stateDict", () => {
  it("lists own parameters, own buffers, then children", () => {
    class Mixed extends nn.Module {
      readonly child = new nn.Linear(1, 1);
      readonly own = new nn.Parameter(torch.ones(1));
      constructor() {
        super();
        this.registerBuffer("kept", torch.zeros(1));
        this.registerBuffer("left", torch.zeros(1), false);
        this.registerBuffer("none", null);
      }
      forward(x: torch.Tensor): torch.Tensor {
        return x;
      }
    }
    expect(Object.keys(new Mixed().stateDict())).toEqual(["own", "kept", "child.weight", "child.bias"]);
    expect(Object.keys(new Mixed().stateDict({ prefix: "m." }))[0]).toBe("m.own");
    expect(Object.keys(makeNet().stateDict())).toEqual([
      "0.weight",
      "0.bias",
      "1.weight",
      "1.bias",
      "1.running_mean",
      "1.running_var",
      "1.num_batches_tracked",
      "2.weight",
      "2.bias",
    ]);
  });

  it("gives detached aliases, or the tensors themselves", () => {
    const layer = new nn.Linear(2, 2);
    const { weight } = layer.stateDict();
    expect(weight!.requiresGrad).toBe(false);
    weight!.fill_(3);
    expect(layer.weight.tolistSync()).toEqual([
      [3, 3],
      [3, 3],
    ]);
    expect(layer.stateDict({ keepVars: true })["weight"]).toBe(layer.weight);
  });
});

describe("loadStateDict", () => {
  it("copies values and keeps the objects", () => {
    const [from, to] = [makeNet(), makeNet()];
    from(torch.randn(5, 2));
    const parameters = to.parameters();
    expect(to.loadStateDict(from.stateDict())).toEqual({ missingKeys: [], unexpectedKeys: [] });
    expect(valuesOf(to)).toEqual(valuesOf(from));
    expect(to.parameters().every((p, i) => p === parameters[i])).toBe(true);
    torch.noGrad(() => from.parameters()[0]!.fill_(9));
    expect(valuesOf(to)).not.toEqual(valuesOf(from));
    expect(to.parameters().every((p) => p.requiresGrad)).toBe(true);
  });

  it("takes Maps, other dtypes, other devices, and vectors of one element for numbers", async () => {
    const net = makeNet();
    const state = new Map(Object.entries(makeNet().double().stateDict()));
    state.set("1.num_batches_tracked", torch.tensor([7n]));
    state.set("2.bias", await state.get("2.bias")!.to("reference"));
    net.loadStateDict(state);
    expect(net.parameters()[0]!.dtype).toBe(torch.float32);
    expect((net[1] as torch.nn.BatchNorm1d).numBatchesTracked!.itemSync()).toBe(7);
    expect((net[2] as torch.nn.Linear).bias!.device.type).toBe("cpu");
  });

  it("fills in what files from before PyTorch 0.4.1 lack", () => {
    const state = makeNet().stateDict();
    delete state["1.num_batches_tracked"];
    const net = makeNet();
    net(torch.randn(5, 2));
    expect(net.loadStateDict(state).missingKeys).toEqual([]);
    expect((net[1] as torch.nn.BatchNorm1d).numBatchesTracked!.itemSync()).toBe(0);
    expect(state).not.toHaveProperty("1.num_batches_tracked");
  });

  it("reports, and without strict ignores, names that differ", () => {
    const net = new nn.Sequential(new nn.Linear(2, 2), new nn.Linear(2, 1));
    const state = { "0.weight": torch.ones(2, 2), "1.bias": torch.ones(1), "x.y": torch.ones(1), "0.weight.z": torch.ones(1) };
    expect(net.loadStateDict(state, { strict: false })).toEqual({ missingKeys: ["0.bias", "1.weight"], unexpectedKeys: ["x.y"] });
    expect(net.getParameter("0.weight").tolistSync()).toEqual([
      [1, 1],
      [1, 1],
    ]);
  });

  it.each([
    [
      "missing, unexpected and of another shape",
      { "0.weight": torch.ones(2, 2), "1.bias": torch.ones(2), "x.y": torch.ones(1) },
      'Error(s) in loading state_dict for Sequential:\n\tMissing key(s) in state_dict: "0.bias", "1.weight". \n\t' +
        'Unexpected key(s) in state_dict: "x.y". \n\tsize mismatch for 1.bias: copying a param with shape torch.Size([2]) from checkpoint, ' +
        "the shape in current model is torch.Size([1]).",
    ],
    [
      "no tensor",
      { "0.weight": torch.ones(2, 2), "0.bias": torch.ones(2), "1.weight": torch.ones(1, 2), "1.bias": 3 },
      'Error(s) in loading state_dict for Sequential:\n\tWhile copying the parameter named "1.bias", expected torch.Tensor or Tensor-like object ' +
        "from checkpoint but received <class 'int'>",
    ],
  ])("writes nothing where a value is %s", (_, state, message) => {
    const net = new nn.Sequential(new nn.Linear(2, 2), new nn.Linear(2, 1));
    const before = valuesOf(net);
    const versions = net.parameters().map((p) => p.version);
    expect(() => net.loadStateDict(state as never)).toThrow(expect.objectContaining({ message, pythonType: "RuntimeError" }) as Error);
    expect(valuesOf(net)).toEqual(before);
    expect(net.parameters().map((p) => p.version)).toEqual(versions);
  });

  it("writes nothing where the last tensor was disposed of, or does not fit though names may differ", () => {
    const net = new nn.Sequential(new nn.Linear(2, 2), new nn.Linear(2, 1));
    const before = valuesOf(net);
    const state = makeFitting();
    state["1.bias"]!.dispose();
    expect(() => net.loadStateDict(state)).toThrow('While copying the parameter named "1.bias"');
    expect(() => net.loadStateDict({ "0.weight": torch.ones(2, 2), "1.weight": torch.ones(3) }, false)).toThrow(
      "size mismatch for 1.weight",
    );
    expect(valuesOf(net)).toEqual(before);
  });
  const makeFitting = (): Record<string, torch.Tensor> => ({
    "0.weight": torch.ones(2, 2),
    "0.bias": torch.ones(2),
    "1.weight": torch.ones(1, 2),
    "1.bias": torch.ones(1),
  });

  it.each([
    [[1], "list"],
    [3, "int"],
    ["text", "str"],
    [null, "NoneType"],
    [torch.ones(1), "torch.Tensor"],
  ])("refuses %s", (value, type) => {
    expect(() => new nn.Linear(1, 1).loadStateDict(value as never)).toThrow(
      expect.objectContaining({ message: `Expected state_dict to be dict-like, got <class '${type}'>.`, pythonType: "TypeError" }) as Error,
    );
  });

  it("bumps versions, so that backward through old values is refused", () => {
    const layer = new nn.Linear(2, 2);
    const y = layer(torch.ones(1, 2, { requiresGrad: true }).mul(2)).sum();
    layer.loadStateDict(new nn.Linear(2, 2).stateDict());
    expect(() => y.backward()).toThrow("modified by an inplace operation");
  });
});
