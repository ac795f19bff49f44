/** Modules, optimizers, files and second derivatives on the GPU, against the CPU. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as torch from "../../src/index.ts";

const { io, nn, optim } = torch;
const F = nn.functional;
type Tensor = torch.Tensor;

beforeAll(() => torch.webgpu.start());

/** How far results of float32 may be apart, in parts of the greatest of them. */
const TOLERANCE = 2e-5;

async function expectClose(actual: Tensor, expected: Tensor, what: string, tolerance: number = TOLERANCE): Promise<void> {
  expect([what, actual.shape, actual.dtype.name]).toEqual([what, expected.shape, expected.dtype.name]);
  const [a, e] = [(await actual.cpu()).detach().double(), expected.detach().double()];
  if (e.numel() === 0) return;
  const scale = Math.max(Number(e.abs().amax().itemSync()), 1e-3);
  expect(Number(a.sub(e).abs().amax().itemSync()) / scale, what).toBeLessThanOrEqual(tolerance);
}

interface Case {
  readonly module: () => torch.nn.Module;
  readonly inputs: () => Tensor[];
}
/** Numbers that differ by far more than rounding, so that the CPU and the GPU find the same greatest. */
const distinct = (...shape: number[]): Tensor =>
  torch
    .randperm(shape.reduce((a, b) => a * b, 1))
    .float()
    .div(10)
    .reshape(shape);
const classes = (...shape: number[]): Tensor => torch.randint(0, 5, shape);
const x3 = (): Tensor[] => [torch.randn(4, 6, 5)];

const cases: Readonly<Record<string, readonly Case[]>> = {
  Linear: [
    { module: () => new nn.Linear(6, 3), inputs: () => [torch.randn(5, 6)] },
    { module: () => new nn.Linear(6, 3, { bias: false }), inputs: () => [torch.randn(2, 3, 6)] },
  ],
  Identity: [{ module: () => new nn.Identity(), inputs: x3 }],
  Flatten: [{ module: () => new nn.Flatten(), inputs: x3 }],
  Unflatten: [{ module: () => new nn.Unflatten(1, [2, 3]), inputs: x3 }],
  ReLU: [{ module: () => new nn.ReLU(), inputs: x3 }],
  SiLU: [{ module: () => new nn.SiLU(), inputs: x3 }],
  LeakyReLU: [{ module: () => new nn.LeakyReLU(0.1), inputs: x3 }],
  GELU: [
    { module: () => new nn.GELU(), inputs: x3 },
    { module: () => new nn.GELU({ approximate: "tanh" }), inputs: x3 },
  ],
  Sigmoid: [{ module: () => new nn.Sigmoid(), inputs: x3 }],
  Tanh: [{ module: () => new nn.Tanh(), inputs: x3 }],
  Softmax: [{ module: () => new nn.Softmax(1), inputs: x3 }],
  LogSoftmax: [{ module: () => new nn.LogSoftmax(-1), inputs: x3 }],
  BatchNorm1d: [
    { module: () => new nn.BatchNorm1d(6), inputs: x3 },
    { module: () => new nn.BatchNorm1d(6).eval(), inputs: () => [torch.randn(7, 6)] },
  ],
  BatchNorm2d: [{ module: () => new nn.BatchNorm2d(3), inputs: () => [torch.randn(4, 3, 5, 5)] }],
  BatchNorm3d: [{ module: () => new nn.BatchNorm3d(2, { affine: false }), inputs: () => [torch.randn(2, 2, 3, 3, 3)] }],
  LayerNorm: [
    { module: () => new nn.LayerNorm(5), inputs: x3 },
    { module: () => new nn.LayerNorm([6, 5], { elementwiseAffine: false }), inputs: x3 },
  ],
  Conv1d: [{ module: () => new nn.Conv1d(4, 6, 3, { stride: 2, padding: 1, groups: 2 }), inputs: () => [torch.randn(2, 4, 11)] }],
  Conv2d: [
    { module: () => new nn.Conv2d(3, 5, 3, { padding: "same" }), inputs: () => [torch.randn(2, 3, 7, 6)] },
    { module: () => new nn.Conv2d(2, 4, 3, { dilation: 2, bias: false, padding: 2 }), inputs: () => [torch.randn(2, 2, 8, 8)] },
    { module: () => new nn.Conv2d(2, 4, 3, { padding: 1, paddingMode: "reflect" }), inputs: () => [torch.randn(2, 2, 6, 6)] },
  ],
  Conv3d: [{ module: () => new nn.Conv3d(2, 3, 2), inputs: () => [torch.randn(2, 2, 4, 4, 4)] }],
  MaxPool1d: [{ module: () => new nn.MaxPool1d(3, { stride: 2, padding: 1 }), inputs: () => [distinct(2, 3, 9)] }],
  MaxPool2d: [
    { module: () => new nn.MaxPool2d(2), inputs: () => [distinct(2, 3, 6, 6)] },
    { module: () => new nn.MaxPool2d(3, { stride: 2, padding: 1, ceilMode: true }), inputs: () => [distinct(1, 2, 7, 8)] },
  ],
  MaxPool3d: [{ module: () => new nn.MaxPool3d(2), inputs: () => [distinct(1, 2, 4, 4, 4)] }],
  Embedding: [
    {
      module: () => new nn.Embedding(9, 4, { paddingIdx: 2 }),
      inputs: () => [
        torch.tensor([
          [0n, 2n, 8n],
          [8n, 8n, 1n],
        ]),
      ],
    },
  ],
  Dropout: [{ module: () => new nn.Dropout(0.5).eval(), inputs: x3 }],
  Dropout1d: [{ module: () => new nn.Dropout1d(0.5).eval(), inputs: x3 }],
  Dropout2d: [{ module: () => new nn.Dropout2d(0.5).eval(), inputs: () => [torch.randn(2, 3, 4, 4)] }],
  Dropout3d: [{ module: () => new nn.Dropout3d(0.5).eval(), inputs: () => [torch.randn(1, 2, 3, 3, 3)] }],
  MSELoss: [{ module: () => new nn.MSELoss(), inputs: () => [torch.randn(4, 5), torch.randn(4, 5)] }],
  L1Loss: [{ module: () => new nn.L1Loss({ reduction: "sum" }), inputs: () => [torch.randn(4, 5), torch.randn(4, 5)] }],
  NLLLoss: [
    { module: () => new nn.NLLLoss(), inputs: () => [torch.randn(6, 5), classes(6)] },
    { module: () => new nn.NLLLoss({ weight: torch.rand(5), reduction: "sum" }), inputs: () => [torch.randn(2, 5, 3), classes(2, 3)] },
    { module: () => new nn.NLLLoss({ reduction: "none" }), inputs: () => [torch.randn(5), torch.tensor(3n)] },
  ],
  CrossEntropyLoss: [
    { module: () => new nn.CrossEntropyLoss(), inputs: () => [torch.randn(6, 5), classes(6)] },
    {
      module: () => new nn.CrossEntropyLoss({ weight: torch.rand(5), ignoreIndex: 1, labelSmoothing: 0.1 }),
      inputs: () => [torch.randn(8, 5), classes(8)],
    },
    { module: () => new nn.CrossEntropyLoss(), inputs: () => [torch.randn(3, 5, 2, 2), classes(3, 2, 2)] },
    { module: () => new nn.CrossEntropyLoss(), inputs: () => [torch.randn(4, 5), torch.rand(4, 5)] },
  ],
  BCEWithLogitsLoss: [{ module: () => new nn.BCEWithLogitsLoss(), inputs: () => [torch.randn(4, 5), torch.rand(4, 5)] }],
  Sequential: [
    {
      module: () => new nn.Sequential(new nn.Linear(6, 8), new nn.Tanh(), new nn.BatchNorm1d(8), new nn.Linear(8, 2)),
      inputs: () => [torch.randn(5, 6)],
    },
  ],
};
const containers = ["Module", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList"];

/** All that a module has computed: results, gradients of inputs and parameters, and buffers. */
async function results({ module, inputs }: Case, device: string): Promise<Map<string, Tensor>> {
  torch.manualSeed(7);
  const m = module();
  const xs = inputs();
  const weights = torch.rand(2000);
  await m.to(device);
  const here: Tensor[] = [];
  for (const x of xs) here.push((await x.to(device)).detach().requiresGrad_(x.isFloatingPoint() && here.length === 0));
  const y = m(...here) as Tensor;
  const found = new Map([["result", y]]);
  if (y.requiresGrad)
    y.mul((await weights.to(device)).narrow(0, 0, y.numel()).reshape(y.shape))
      .sum()
      .backward();
  const [x] = here;
  if (x!.requiresGrad) found.set("gradient of the input", x!.grad!);
  for (const [name, p] of m.namedParameters()) found.set(`gradient of ${name}`, p.grad!);
  for (const [name, b] of m.namedBuffers()) found.set(`buffer ${name}`, b);
  return found;
}

describe("modules", () => {
  test("are all in the table", () => {
    const modules = Object.entries(nn).filter(([, value]) => typeof value === "function" && value.prototype instanceof nn.Module);
    const names = modules.map(([name]) => name).filter((name) => !containers.includes(name));
    expect(Object.keys(cases).sort()).toEqual(names.sort());
  });

  const rows = Object.entries(cases).flatMap(([name, list]) => list.map((c, i) => ({ name, i, c })));
  test.each(rows)("$name, case $i", async ({ c }) => {
    const [expected, actual] = [await results(c, "cpu"), await results(c, "webgpu")];
    expect([...actual.keys()]).toEqual([...expected.keys()]);
    for (const [what, value] of expected) {
      expect([what, actual.get(what)!.device.type]).toEqual([what, "webgpu"]);
      await expectClose(actual.get(what)!, value, what);
    }
  });

  test("drop what dropout drops, and its gradient with it", async () => {
    const x = torch.ones([10_000], { device: "webgpu", requiresGrad: true });
    const y = new nn.Dropout(0.25)(x);
    y.sum().backward();
    expect(await x.grad!.equalAsync(y)).toBe(true);
    const values = (await y.tolist()) as number[];
    const kept = values.filter((v) => v !== 0);
    expect(kept.every((v) => Math.abs(v - 4 / 3) < 1e-6)).toBe(true);
    expect(Math.abs(kept.length / values.length - 0.75)).toBeLessThan(0.02); // 4.6 standard deviations
  });
});

describe("optimizers", () => {
  const makers: Readonly<Record<string, (p: Tensor[]) => { step(): unknown; zeroGrad(): void }>> = {
    SGD: (p) => new optim.SGD(p, 0.1),
    "SGD with momentum": (p) => new optim.SGD(p, 0.1, { momentum: 0.9, dampening: 0.2, weightDecay: 0.01 }),
    "SGD with Nesterov's momentum, climbing": (p) => new optim.SGD(p, 0.1, { momentum: 0.9, nesterov: true, maximize: true }),
    Adam: (p) => new optim.Adam(p, { lr: 0.05 }),
    "Adam with amsgrad and weight decay": (p) => new optim.Adam(p, { lr: 0.05, amsgrad: true, weightDecay: 0.1 }),
    "Adam, climbing": (p) => new optim.Adam(p, { lr: 0.05, maximize: true, betas: [0.8, 0.9] }),
    AdamW: (p) => new optim.AdamW(p, { lr: 0.05, weightDecay: 0.2 }),
    "AdamW with amsgrad": (p) => new optim.AdamW(p, { lr: 0.05, amsgrad: true }),
  };
  async function walked(make: (p: Tensor[]) => { step(): unknown; zeroGrad(): void }, device: string): Promise<Tensor[]> {
    torch.manualSeed(3);
    const starts = [torch.randn(5, 3), torch.randn(7)];
    const goals = [torch.randn(5, 3), torch.randn(7)];
    const params: Tensor[] = [];
    const targets: Tensor[] = [];
    for (const x of starts) params.push((await x.to(device)).detach().requiresGrad_());
    for (const x of goals) targets.push(await x.to(device));
    const optimizer = make(params);
    for (let i = 0; i < 5; i++) {
      optimizer.zeroGrad();
      params.reduce((sum, p, k) => sum.add(p.sub(targets[k]!).pow(2).sum()), torch.zeros([], { device })).backward();
      optimizer.step();
    }
    return params;
  }
  test.each(Object.entries(makers))("%s: five steps", async (_, make) => {
    const [expected, actual] = [await walked(make, "cpu"), await walked(make, "webgpu")];
    for (const [i, p] of expected.entries()) await expectClose(actual[i]!, p, `parameter ${i}`);
  });
});

describe("files", () => {
  const folder = mkdtempSync(join(tmpdir(), "webgpu-nn-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const net = (): torch.nn.Module =>
    new nn.Sequential(new nn.Conv2d(1, 2, 3), new nn.BatchNorm2d(2), new nn.Flatten(), new nn.Linear(8, 3));

  test("take a state from the GPU and bring it back to it, bit by bit", async () => {
    const path = join(folder, "net.safetensors");
    const saved = net();
    await saved.to("webgpu");
    await io.saveSafetensors(path, saved.stateDict());
    const { tensors } = await io.readSafetensors(path);
    const loaded = net();
    await loaded.to("webgpu");
    const state: Record<string, Tensor> = {};
    for (const [name, x] of Object.entries(tensors)) state[name] = await x.to("webgpu");
    loaded.loadStateDict(state);
    const now = loaded.stateDict();
    for (const [name, x] of Object.entries(saved.stateDict())) {
      expect([name, now[name]!.device.type]).toEqual([name, "webgpu"]);
      expect(await now[name]!.tolist()).toEqual(await x.tolist());
    }
  });
});

describe("second derivatives", () => {
  const functions: Readonly<Record<string, (x: Tensor, w: Tensor) => Tensor>> = {
    "exp and mul": (x, w) => x.exp().mul(w),
    "tanh of a product": (x, w) => x.matmul(w.t()).tanh(),
    "log softmax": (x) => x.logSoftmax(1),
    "cross entropy": (x) => F.crossEntropy(x, torch.tensor([0n, 3n, 1n], { device: x.device })),
    "a convolution": (x, w) => F.conv1d(x.unsqueeze(1), w.narrow(0, 0, 2).unsqueeze(1).narrow(2, 0, 3)).pow(2),
    "a norm of rows": (x, w) => x.mul(x).mul(w).sum(1).sqrt(),
    "max pooling": (x, w) => F.maxPool1d(x.mul(w).unsqueeze(0), 2).pow(3),
  };
  async function second(f: (x: Tensor, w: Tensor) => Tensor, device: string): Promise<Tensor[]> {
    torch.manualSeed(5);
    const [x0, w0] = [torch.rand(3, 4), torch.rand(3, 4)];
    const [x, w] = [(await x0.to(device)).detach().requiresGrad_(), (await w0.to(device)).detach().requiresGrad_()];
    const [g] = torch.autograd.grad(f(x, w).sum(), [x], { createGraph: true });
    g!.pow(2).sum().backward();
    return [g!, x.grad!, ...(w.grad === null ? [] : [w.grad])];
  }
  test.each(Object.entries(functions))("%s", async (_, f) => {
    const [expected, actual] = [await second(f, "cpu"), await second(f, "webgpu")];
    expect(actual.length).toBe(expected.length);
    for (const [i, value] of expected.entries()) await expectClose(actual[i]!, value, `result ${i}`, 1e-4);
  });
});
