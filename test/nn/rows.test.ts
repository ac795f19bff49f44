/** What is made of rows kernels, at the rows on which formulas go wrong, and against formulas in float64. */
import { describe, expect, it } from "vitest";
import * as torch from "../../src/index.ts";

const { nn } = torch;
const F = nn.functional;
type Tensor = torch.Tensor;
const inf = Number.POSITIVE_INFINITY;
const nan = Number.NaN;

const farthest = (a: Tensor, b: Tensor): number => a.double().sub(b.double()).abs().max().itemSync() as number;

describe("softmax", () => {
  const rows = torch.tensor([
    [-inf, -inf, -inf],
    [0, -inf, 0],
    [1, nan, 2],
    [inf, 0, 1],
    [3e38, -3e38, 3e38],
    [-3e38, -3e38, -3e38],
    [-1e4, -1e4, -1e4],
  ]);
  const third = 1 / 3;
  it("gives NaN where a row has none but -inf, or a NaN, or inf, and no overflow elsewhere", () => {
    const got = F.softmax(rows, 1).tolistSync() as number[][];
    const expected = [
      [nan, nan, nan],
      [0.5, 0, 0.5],
      [nan, nan, nan],
      [nan, nan, nan],
      [0.5, 0, 0.5],
      [third, third, third],
      [third, third, third],
    ];
    got.forEach((row, i) => {
      row.forEach((x, j) => {
        if (Number.isNaN(expected[i]![j])) expect(x).toBeNaN();
        else expect(x).toBeCloseTo(expected[i]![j]!, 6);
      });
    });
  });
  it("has logarithms of -inf where shares are 0", () => {
    expect(F.logSoftmax(rows, 1).tolistSync()).toMatchObject({ 1: [-Math.fround(Math.LN2), -inf, -Math.fround(Math.LN2)] });
  });
  it.each([0, 1, 2])("agrees with float64 along dimension %d of a strided tensor", (dim) => {
    torch.manualSeed(4);
    const x = torch.randn([19, 40, 21]).mul(5).permute([2, 0, 1]);
    expect(farthest(F.softmax(x, dim), F.softmax(x.double(), dim))).toBeLessThan(1e-6);
    expect(farthest(F.logSoftmax(x, dim), F.logSoftmax(x.double(), dim))).toBeLessThan(4e-6);
    expect(F.softmax(x, dim).isContiguous()).toBe(true);
  });
  it.each([
    [[0, 3], 1],
    [[3, 0], 1],
    [[3, 0], 0],
    [[], 0],
  ])("takes the shape %j", (shape, dim) => {
    const x = torch.ones(shape).requiresGrad_();
    const y = F.softmax(x, dim);
    y.sum().backward();
    expect(y.shape).toEqual(shape);
    expect(x.grad!.tolistSync()).toEqual(torch.zeros(shape).tolistSync());
  });
  it("adds up a million shares without losing them", () => {
    expect(
      F.softmax(torch.zeros([1, 1 << 20]), 1)
        .at(0, 0)
        .itemSync(),
    ).toBe(2 ** -20);
  });
});

describe("layerNorm", () => {
  it("keeps the digits of small differences between large numbers", () => {
    torch.manualSeed(2);
    const x = torch.randn([5, 300]).add(3000);
    expect(farthest(F.layerNorm(x, [300]), F.layerNorm(x.double(), [300]))).toBeLessThan(3e-6 * 3000);
    const exact = torch.tensor([4096, 4096.5, 4097, 4097.5]);
    const [a, b] = [0.25 / Math.sqrt(0.3125), 0.75 / Math.sqrt(0.3125)];
    (F.layerNorm(exact, [4], { eps: 0 }).tolistSync() as number[]).forEach((y, i) => {
      expect(y).toBeCloseTo([-b, -a, a, b][i]!, 6);
    });
  });
  it("gives the bias where all are equal, and NaN where there is one", () => {
    const y = F.layerNorm(
      torch.tensor([
        [7, 7],
        [1, nan],
        [inf, 1],
      ]),
      [2],
      torch.tensor([2, 3]),
      torch.tensor([4, 5]),
    ).tolistSync();
    expect(y).toEqual([
      [4, 5],
      [nan, nan],
      [nan, nan],
    ]);
  });
  it("has gradients for empty batches", () => {
    const [w, b] = [torch.ones([3], { requiresGrad: true }), torch.ones([3], { requiresGrad: true })];
    F.layerNorm(torch.ones([0, 3]), [3], w, b)
      .sum()
      .backward();
    expect([w.grad!.tolistSync(), b.grad!.tolistSync()]).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
  });
  it("computes half floats in float32", () => {
    const x = torch.tensor([1, 2, 3, 4]).to(torch.bfloat16).requiresGrad_();
    const w = torch.ones([4], { dtype: torch.bfloat16, requiresGrad: true });
    const y = F.layerNorm(x, [4], w);
    y.square().sum().backward();
    expect([y.dtype, x.grad!.dtype, w.grad!.dtype]).toEqual([torch.bfloat16, torch.bfloat16, torch.bfloat16]);
    expect(y.float().at(0).itemSync()).toBeCloseTo(-1.34375, 5);
  });
  it.each([
    [
      () => F.layerNorm(torch.ones([2, 3]), []),
      "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got normalized_shape = []",
    ],
    [
      () => F.layerNorm(torch.ones([2, 3]), [3], torch.ones([4])),
      "Expected weight to be of same shape as normalized_shape, but got weight of shape [4] and normalized_shape = [3]",
    ],
    [
      () => F.layerNorm(torch.ones([2, 3]), [2, 3, 4]),
      "Given normalized_shape=[2, 3, 4], expected input with shape [*, 2, 3, 4], but got input of size[2, 3]",
    ],
    [() => F.layerNorm(torch.arange(3), [3]), "\"LayerNormKernelImpl\" not implemented for 'Long'"],
    [() => F.layerNorm(torch.ones([3]), [3], torch.ones([3], { dtype: torch.float64 })), "expected scalar type Float but found Double"],
    [() => F.gelu(torch.ones([3]), "sigmoid" as "tanh"), "approximate argument must be either none or tanh."],
    [() => F.gelu(torch.arange(3)), "\"GeluKernelImpl\" not implemented for 'Long'"],
  ])("refuses what PyTorch refuses (%#)", (f, sentence) => {
    expect(f).toThrow(sentence);
  });
});

describe("scaledDotProductAttention", () => {
  const qkv = (): [Tensor, Tensor, Tensor] => {
    torch.manualSeed(5);
    return [torch.randn([2, 3, 6, 4]), torch.randn([2, 3, 6, 4]), torch.randn([2, 3, 6, 5])];
  };
  it("looks at the keys up to each query's place", () => {
    const [q, k, v] = qkv();
    const scores = q.matmul(k.transpose(-2, -1)).div(2);
    const causal = torch.ones([6, 6], { dtype: torch.bool }).tril();
    const expected = scores.maskedFill(causal.logicalNot(), -inf).softmax(-1).matmul(v);
    expect(farthest(F.scaledDotProductAttention(q, k, v, { isCausal: true }), expected)).toBeLessThan(1e-6);
    expect(farthest(F.scaledDotProductAttention(q, k, v, causal), expected)).toBeLessThan(1e-6);
    const added = torch.zeros([6, 6]).maskedFill(causal.logicalNot(), -inf);
    expect(farthest(F.scaledDotProductAttention(q, k, v, { attnMask: added, scale: 0.5 }), expected)).toBeLessThan(1e-6);
  });
  it("gives NaN to a query without keys", () => {
    const [q, k, v] = qkv();
    const mask = torch.arange(6).ne(2).unsqueeze(1).expand([6, 6]);
    const y = F.scaledDotProductAttention(q, k, v, mask);
    expect(y.isnan().sum([0, 1, 3]).gt(0).tolistSync()).toEqual([false, false, true, false, false, false]);
  });
  it("drops weights", () => {
    const [q, k, v] = qkv();
    const y = F.scaledDotProductAttention(q, k, v, { dropoutP: 0.5 });
    expect(farthest(y, F.scaledDotProductAttention(q, k, v))).toBeGreaterThan(0.01);
  });
  it.each([
    [
      ([q, k, v]: Tensor[]) => F.scaledDotProductAttention(q!.at(0, 0, 0), k!, v!),
      /at least 2 dimensional, but got query\.dim: 1, key\.dim: 4/,
    ],
    [
      ([q, k, v]: Tensor[]) => F.scaledDotProductAttention(q!.double(), k!, v!),
      /same dtype, but got query\.dtype: Double key\.dtype: Float/,
    ],
    [
      ([q, k, v]: Tensor[]) => F.scaledDotProductAttention(q!, k!, v!, torch.ones([6, 6]), 0, true),
      /attn_mask should not be set when is_causal=True/,
    ],
    [
      ([q, k, v]: Tensor[]) => F.scaledDotProductAttention(q!, k!, v!, torch.arange(6)),
      /attn_mask dtype to be bool or to match query dtype/,
    ],
  ])("refuses what PyTorch refuses (%#)", (f, sentence) => {
    expect(() => f(qkv())).toThrow(sentence);
  });
});

describe("crossEntropy", () => {
  it("keeps the digits of the loss of large scores", () => {
    const x = torch.tensor([
      [1e6, 1e6 + 1],
      [3e38, -3e38],
    ]);
    const [a, b] = F.crossEntropy(x, torch.tensor([1n, 0n]), { reduction: "none" }).tolistSync() as number[];
    expect(a).toBeCloseTo(Math.log1p(Math.exp(-1)), 6);
    expect(b).toBe(0);
  });
  it("has no gradient for what is ignored, and NaN where all is", () => {
    const x = torch
      .tensor([
        [1, 2],
        [3, 4],
      ])
      .requiresGrad_();
    F.crossEntropy(x, torch.tensor([-100n, 1n])).backward();
    expect((x.grad!.tolistSync() as number[][])[0]).toEqual([0, 0]);
    expect(F.crossEntropy(x, torch.tensor([-100n, -100n])).itemSync()).toBeNaN();
    expect(F.crossEntropy(x, torch.tensor([-100n, -100n]), { reduction: "sum" }).itemSync()).toBe(0);
  });
  it("refuses classes that there are not", () => {
    expect(() => F.crossEntropy(torch.ones([2, 3]), torch.tensor([0n, 3n]))).toThrow("Target 3 is out of bounds.");
  });
});
