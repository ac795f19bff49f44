/** Initialisation and utilities beyond the recorded draws: distributions, in-place behaviour, errors. */
import { describe, expect, it } from "vitest";
import * as torch from "../../src/index.ts";
import { erf32, erfinv32 } from "../../src/nn/init/erfinv.ts";

const { nn } = torch;
const { init } = nn;

describe("nn.init", () => {
  it("fills parameters in place, without recording, and gives them back", () => {
    const p = new nn.Parameter(torch.zeros(3, 4));
    expect(init.normal_(p, 1, 0.5)).toBe(p);
    for (const fill of [
      init.uniform_,
      init.ones_,
      init.zeros_,
      init.eye_,
      init.xavierUniform_,
      init.xavierNormal_,
      init.kaimingUniform_,
      init.kaimingNormal_,
      init.truncNormal_,
      init.orthogonal_,
    ]) {
      expect(fill(p)).toBe(p);
      expect([p.isLeaf, p.requiresGrad, p.gradFn]).toEqual([true, true, null]);
    }
    expect(p.version).toBeGreaterThan(0);
  });

  it("keeps the standard deviations that its sources state", () => {
    torch.manualSeed(0);
    const w = torch.empty(200, 300);
    const std = (x: torch.Tensor): number => x.std().itemSync() as number;
    expect(std(init.xavierUniform_(w))).toBeCloseTo(Math.sqrt(2 / 500), 3);
    expect(std(init.xavierNormal_(w, { gain: 2 }))).toBeCloseTo(2 * Math.sqrt(2 / 500), 3);
    expect(std(init.kaimingUniform_(w, { nonlinearity: "relu" }))).toBeCloseTo(Math.sqrt(2 / 300), 3);
    expect(std(init.kaimingNormal_(w, 0, "fan_out", "relu"))).toBeCloseTo(Math.sqrt(2 / 200), 3);
  });

  it("truncates normal numbers in both float types", () => {
    torch.manualSeed(0);
    for (const dtype of [torch.float32, torch.float64]) {
      const x = init.truncNormal_(torch.empty(20_000, { dtype }), { mean: 1, std: 2, a: 0, b: 4 });
      expect([(x.amin().itemSync() as number) >= 0, (x.amax().itemSync() as number) <= 4]).toEqual([true, true]);
      // The mean of a normal distribution between two bounds: DLMF 7.1 and integration by parts.
      const [phi, Phi] = [
        (z: number): number => Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI),
        (z: number): number => (1 + erf32(z / Math.SQRT2)) / 2,
      ];
      expect(x.mean().itemSync()).toBeCloseTo(1 + (2 * (phi(-0.5) - phi(1.5))) / (Phi(1.5) - Phi(-0.5)), 1);
    }
  });

  it("inverts the error function", () => {
    for (let y = -0.99; y < 1; y += 0.013) expect(erf32(erfinv32(Math.fround(y)))).toBeCloseTo(y, 6);
    expect([erfinv32(1), erfinv32(-1), erfinv32(1.5), erfinv32(0)]).toEqual([
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.NaN,
      0,
    ]);
    expect([erf32(0), erf32(1), erf32(-7)]).toEqual([0, Math.fround(0.8427007929497149), -1]);
  });

  it("makes orthonormal rows or columns", () => {
    const wide = init.orthogonal_(torch.empty(3, 2, 4), 2).view(3, 8);
    expect(torch.allclose(wide.matmul(wide.t()), torch.eye(3).mul(4), 1e-5, 1e-5)).toBe(true);
    const tall = init.orthogonal_(torch.empty(6, 3));
    expect(torch.allclose(tall.t().matmul(tall), torch.eye(3), 1e-5, 1e-5)).toBe(true);
  });

  it("passes channels through with a dirac weight", () => {
    const w = init.dirac_(torch.empty(4, 2, 3), { groups: 2 });
    const x = torch.randn(1, 4, 5);
    expect(torch.equal(nn.functional.conv1d(x, w, { padding: 1, groups: 2 }), x)).toBe(true);
  });

  it("leaves a part of every column at zero", () => {
    const w = init.sparse_(torch.empty(10, 5), 0.25);
    expect(w.eq(0).sum(0).tolistSync()).toEqual([3, 3, 3, 3, 3]);
  });

  it("knows gains", () => {
    expect([
      init.calculateGain("linear"),
      init.calculateGain("tanh"),
      init.calculateGain("leaky_relu", 1),
      init.calculateGain("selu"),
    ]).toEqual([1, 5 / 3, 1, 0.75]);
  });

  it.each([
    [() => init.xavierUniform_(torch.ones(3)), "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions"],
    [() => init.kaimingNormal_(torch.ones(3, 3), { nonlinearity: "gelu" as "relu" }), "Unsupported nonlinearity gelu"],
    [
      () => init.kaimingNormal_(torch.ones(3, 3), { mode: "fan" as "fan_in" }),
      "Mode fan not supported, please use one of ['fan_in', 'fan_out']",
    ],
    [() => init.eye_(torch.ones(3)), "Only tensors with 2 dimensions are supported"],
    [() => init.dirac_(torch.ones(3)), "Only tensors with 3, 4, or 5 dimensions are supported"],
    [() => init.dirac_(torch.ones(3, 1, 1), 2), "dim 0 must be divisible by groups"],
    [() => init.orthogonal_(torch.ones(3)), "Only tensors with 2 or more dimensions are supported"],
    [() => init.calculateGain("leaky_relu", "x" as never), "negative_slope x not a valid number"],
  ])("raises PyTorch's error %#", (f, message) => {
    expect(f).toThrow(expect.objectContaining({ message, pythonType: "ValueError" }) as Error);
  });
});

describe("nn.utils", () => {
  const withGrads = (): torch.nn.Parameter[] =>
    [
      [3, 0],
      [0, 4],
    ].map((g) => {
      const p = new nn.Parameter(torch.zeros(2));
      p.grad = torch.tensor(g);
      return p;
    });

  it("clips gradients by their common norm", () => {
    const parameters = withGrads();
    const grads = parameters.map((p) => p.grad);
    expect(nn.utils.clipGradNorm_(parameters, 1).itemSync()).toBe(5);
    expect(parameters[1]!.grad).toBe(grads[1]);
    expect(parameters[1]!.grad!.tolistSync()[1 as never]).toBeCloseTo(0.8, 5);
    expect(nn.utils.clipGradNorm_(parameters, { maxNorm: 10, normType: Number.POSITIVE_INFINITY }).itemSync()).toBeCloseTo(0.8, 5);
    expect(nn.utils.clipGradNorm_([new nn.Parameter(torch.zeros(1))], 1).itemSync()).toBe(0);
    parameters[0]!.grad!.fill_(Number.NaN);
    expect(() => nn.utils.clipGradNorm_(parameters, 1, { errorIfNonfinite: true })).toThrow(
      "The total norm of order 2.0 for gradients from `parameters` is non-finite",
    );
  });

  it("clips gradients by value", () => {
    const parameters = withGrads();
    nn.utils.clipGradValue_(parameters, 3.5);
    expect(parameters.map((p) => p.grad!.tolistSync())).toEqual([
      [3, 0],
      [0, 3.5],
    ]);
  });

  it("turns parameters into a vector and back", () => {
    const from = new nn.Linear(2, 3);
    const to = new nn.Linear(2, 3);
    const vector = nn.utils.parametersToVector(from.parameters());
    expect([vector.shape, vector.requiresGrad]).toEqual([[9], true]);
    nn.utils.vectorToParameters(vector, to.parameters());
    expect(torch.equal(to.weight, from.weight)).toBe(true);
    expect([to.weight.requiresGrad, to.weight.isLeaf]).toEqual([true, true]);
    expect(() => nn.utils.vectorToParameters([1] as never, to.parameters())).toThrow("expected torch.Tensor, but got: list");
  });
});
