/** First and second derivatives of the functional forms against finite differences, in float64. */
import { expect, it } from "vitest";
import * as torch from "../../src/index.ts";

const { nn } = torch;
const F = nn.functional;
const { gradcheck, gradgradcheck } = torch.autograd;
type Tensor = torch.Tensor;

const leaf = (...shape: number[]): Tensor => torch.randn(shape, { dtype: torch.float64, requiresGrad: true });
/** Distinct values, far enough apart that a step of the check changes no maximum. */
const distinct = (...shape: number[]): Tensor => {
  const n = shape.reduce((a, b) => a * b, 1);
  return torch
    .randperm(n)
    .double()
    .div(n / 4)
    .sub(2)
    .view(shape)
    .requiresGrad_();
};

interface Check {
  readonly name: string;
  readonly f: (...x: Tensor[]) => Tensor;
  readonly inputs: () => Tensor[];
}
const running = (): Tensor[] => [
  torch.tensor([0.1, -0.2, 0.3], { dtype: torch.float64 }),
  torch.tensor([0.5, 1.5, 2], { dtype: torch.float64 }),
];

const checks: readonly Check[] = [
  { name: "linear", f: (x, w, b) => F.linear(x!, w!, b!), inputs: () => [leaf(2, 3, 4), leaf(5, 4), leaf(5)] },
  {
    name: "conv1d, strided and dilated",
    f: (x, w, b) => F.conv1d(x!, w!, b!, 2, 1, 2),
    inputs: () => [leaf(2, 2, 9), leaf(3, 2, 3), leaf(3)],
  },
  {
    name: "conv2d in groups",
    f: (x, w) => F.conv2d(x!, w!, { groups: 2, padding: [1, 0] }),
    inputs: () => [leaf(1, 4, 4, 3), leaf(4, 2, 2, 2)],
  },
  {
    name: "conv2d keeping an even size",
    f: (x, w) => F.conv2d(x!, w!, { padding: "same" }),
    inputs: () => [leaf(1, 1, 4, 4), leaf(1, 1, 2, 3)],
  },
  { name: "conv3d without a batch", f: (x, w) => F.conv3d(x!, w!, null, 2, 1), inputs: () => [leaf(1, 3, 3, 2), leaf(2, 1, 2, 2, 2)] },
  { name: "maxPool1d with padding", f: (x) => F.maxPool1d(x!, 3, 2, 1), inputs: () => [distinct(2, 2, 7)] },
  {
    name: "maxPool2d, overlapping, rounding up",
    f: (x) => F.maxPool2d(x!, 3, 2, { ceilMode: true }),
    inputs: () => [distinct(1, 1, 6, 6)],
  },
  { name: "maxPool2d, dilated, with padding", f: (x) => F.maxPool2d(x!, [2, 3], 1, 1, 2), inputs: () => [distinct(1, 1, 5, 6)] },
  { name: "maxPool3d without a batch", f: (x) => F.maxPool3d(x!, 2, 1, 1, 1, true), inputs: () => [distinct(1, 2, 3, 3)] },
  {
    name: "batchNorm in training",
    f: (x, w, b) => F.batchNorm(x!, null, null, w!, b!, true),
    inputs: () => [leaf(4, 3, 2), leaf(3), leaf(3)],
  },
  {
    name: "batchNorm in training without parameters",
    f: (x) => F.batchNorm(x!, null, null, { training: true, eps: 0.1 }),
    inputs: () => [leaf(5, 3)],
  },
  {
    name: "batchNorm in training with a bias only",
    f: (x, b) => F.batchNorm(x!, null, null, { training: true, bias: b! }),
    inputs: () => [leaf(3, 3, 2, 2), leaf(3)],
  },
  {
    name: "batchNorm in evaluation",
    f: (x, w, b) => F.batchNorm(x!, running()[0]!, running()[1]!, w!, b!),
    inputs: () => [leaf(2, 3, 2), leaf(3), leaf(3)],
  },
  { name: "softmax", f: (x) => F.softmax(x!, 1), inputs: () => [leaf(3, 4)] },
  { name: "logSoftmax", f: (x) => F.logSoftmax(x!, 0), inputs: () => [leaf(3, 4)] },
  {
    name: "layerNorm in training",
    f: (x, w, b) => F.layerNorm(x!, [2, 3], w!, b!),
    inputs: () => [leaf(4, 2, 3), leaf(2, 3), leaf(2, 3)],
  },
  { name: "layerNorm without parameters", f: (x) => F.layerNorm(x!, [4], { eps: 0.1 }), inputs: () => [leaf(3, 4)] },
  { name: "layerNorm with a bias only", f: (x, b) => F.layerNorm(x!, [4], { bias: b! }), inputs: () => [leaf(2, 2, 4), leaf(4)] },
  { name: "layerNorm of one row", f: (x, w, b) => F.layerNorm(x!, [5], w!, b!), inputs: () => [leaf(5), leaf(5), leaf(5)] },
  { name: "gelu", f: (x) => F.gelu(x!), inputs: () => [leaf(6)] },
  { name: "gelu by tanh", f: (x) => F.gelu(x!, "tanh"), inputs: () => [leaf(6)] },
  {
    name: "scaledDotProductAttention",
    f: (q, k, v) => F.scaledDotProductAttention(q!, k!, v!),
    inputs: () => [leaf(2, 3, 4), leaf(2, 5, 4), leaf(2, 5, 2)],
  },
  {
    name: "scaledDotProductAttention under a mask to be added",
    f: (q, k, v, mask) => F.scaledDotProductAttention(q!, k!, v!, mask!, { scale: 0.7 }),
    inputs: () => [leaf(2, 3, 2), leaf(2, 4, 2), leaf(2, 4, 2), leaf(3, 4)],
  },
  {
    name: "scaledDotProductAttention, causal",
    f: (q, k, v) => F.scaledDotProductAttention(q!, k!, v!, { isCausal: true }),
    inputs: () => [leaf(3, 2), leaf(3, 2), leaf(3, 2)],
  },
  { name: "silu", f: (x) => F.silu(x!), inputs: () => [leaf(6)] },
  {
    name: "crossEntropy with weights",
    f: (x) => F.crossEntropy(x!, torch.tensor([0n, 2n, 1n, -100n]), { weight: torch.tensor([1, 2, 3], { dtype: torch.float64 }) }),
    inputs: () => [leaf(4, 3)],
  },
  {
    name: "crossEntropy of each element",
    f: (x) => F.crossEntropy(x!, torch.tensor([0n, 2n]), { reduction: "none" }),
    inputs: () => [leaf(2, 3)],
  },
  { name: "crossEntropy of a single sample", f: (x) => F.crossEntropy(x!, torch.tensor(1n)), inputs: () => [leaf(4)] },
  {
    name: "crossEntropy with weights and smoothing",
    f: (x) =>
      F.crossEntropy(x!, torch.tensor([0n, 2n, 1n]), { weight: torch.tensor([1, 2, 3], { dtype: torch.float64 }), labelSmoothing: 0.2 }),
    inputs: () => [leaf(3, 3)],
  },
  { name: "crossEntropy with probabilities", f: (x, p) => F.crossEntropy(x!, p!), inputs: () => [leaf(3, 3), leaf(3, 3)] },
  {
    name: "crossEntropy of images",
    f: (x) =>
      F.crossEntropy(
        x!,
        torch.tensor([
          [
            [0n, 1n],
            [1n, -100n],
          ],
        ]),
        { reduction: "sum" },
      ),
    inputs: () => [leaf(1, 2, 2, 2)],
  },
  { name: "nllLoss of each element", f: (x) => F.nllLoss(x!, torch.tensor([0n, 2n]), { reduction: "none" }), inputs: () => [leaf(2, 3)] },
  { name: "mseLoss", f: (x, y) => F.mseLoss(x!, y!), inputs: () => [leaf(2, 3), leaf(2, 3)] },
  { name: "l1Loss", f: (x, y) => F.l1Loss(x!, y!, { reduction: "sum" }), inputs: () => [leaf(2, 3), leaf(2, 3)] },
  {
    name: "binaryCrossEntropyWithLogits",
    f: (x, y, p) => F.binaryCrossEntropyWithLogits(x!, y!, { posWeight: p! }),
    inputs: () => [leaf(2, 3), leaf(2, 3), leaf(3)],
  },
  { name: "normalize", f: (x) => F.normalize(x!), inputs: () => [leaf(3, 4)] },
  { name: "normalize by the third norm", f: (x) => F.normalize(x!, 3, 0), inputs: () => [leaf(3, 4)] },
  { name: "normalize by the 1.5th norm", f: (x) => F.normalize(x!, { p: 1.5 }), inputs: () => [leaf(3, 4)] },
  { name: "pad", f: (x) => F.pad(x!, [1, -1, 0, 2]), inputs: () => [leaf(2, 3)] },
  { name: "pad by reflection", f: (x) => F.pad(x!, [2, 1, 1, 0], "reflect"), inputs: () => [leaf(1, 3, 3)] },
  { name: "pad by replication", f: (x) => F.pad(x!, [2, 3], "replicate"), inputs: () => [leaf(2, 3)] },
  { name: "pad in a circle", f: (x) => F.pad(x!, [1, 2], { mode: "circular" }), inputs: () => [leaf(1, 2, 3)] },
  {
    name: "embedding",
    f: (w) =>
      F.embedding(
        torch.tensor([
          [1n, 0n],
          [1n, 3n],
        ]),
        w!,
      ),
    inputs: () => [leaf(4, 2)],
  },
];

it.each(checks)("$name", ({ f, inputs }) => {
  torch.manualSeed(3);
  const x = inputs();
  expect(gradcheck(f, x)).toBe(true);
  expect(gradgradcheck(f, x)).toBe(true);
});

it.each(checks)("the result of $name can be written to", ({ f, inputs }) => {
  const xs = inputs();
  const [plain] = torch.autograd.grad(f(...xs).sum(), xs[0]!);
  const written = f(...xs)
    .mul_(2)
    .sum();
  try {
    expect(torch.equal(torch.autograd.grad(written, xs[0]!)[0]!, plain!.mul(2))).toBe(true);
  } catch (e) {
    // What backward keeps may not be written to: the result of softmax.
    expect((e as Error).message).toContain("has been modified by an inplace operation");
  }
});

it.each(checks.filter(({ name }) => /conv1d|maxPool1d|in training$|evaluation/.test(name)))(
  "$name on the reference device",
  async ({ f, inputs }) => {
    torch.manualSeed(3);
    const there = await Promise.all(inputs().map(async (x) => (await x.detach().to("reference")).requiresGrad_()));
    const previous = torch.getDefaultDevice();
    torch.setDefaultDevice("reference"); // for what the functions make themselves
    try {
      expect(gradcheck(f, there)).toBe(true);
    } finally {
      torch.setDefaultDevice(previous);
    }
  },
);

it.each([
  ["batch normalisation", (y: Tensor) => F.batchNorm(y, null, null, { training: true }).pow(3)],
  ["layer normalisation", (y: Tensor) => F.layerNorm(y, [2]).pow(3).mul(y)],
  ["cross entropy", (y: Tensor) => F.crossEntropy(y, torch.tensor([1n, 0n, 1n, 0n]), { reduction: "none" }).pow(2)],
])("differentiates %s three times", (_, loss) => {
  torch.manualSeed(1);
  const x = leaf(4, 2);
  const f = (y: Tensor): Tensor => loss(y).sum();
  const second = (y: Tensor): Tensor => {
    const [g] = torch.autograd.grad(f(y), y, { createGraph: true });
    return torch.autograd.grad(g!.square().sum(), y, { createGraph: true })[0]!;
  };
  expect(gradcheck(second, x, { atol: 1e-4, rtol: 1e-3 })).toBe(true);
});
