/** What layers do beyond their recorded answers: state, modes, corner cases, and the sentences of their errors. */
import { afterEach, describe, expect, it, vi } from "vitest";
import * as torch from "../../src/index.ts";

const { nn } = torch;
const F = nn.functional;
const close = (a: torch.Tensor, b: torch.Tensor): boolean => torch.allclose(a, b, 1e-5, 1e-6);

describe("batch normalisation", () => {
  const x = torch.tensor([
    [1, 10],
    [2, 20],
    [6, 60],
  ]);

  it("keeps running statistics by momentum, the variance unbiased", () => {
    const m = new nn.BatchNorm1d(2, { momentum: 0.5 });
    m(x);
    expect(m.runningMean!.tolistSync()).toEqual([1.5, 15]);
    expect(m.runningVar!.tolistSync()).toEqual([0.5 + 7 / 2, 0.5 + 700 / 2]);
    expect(m.numBatchesTracked!.itemSync()).toBe(1);
    m.eval();
    m(x);
    expect(m.numBatchesTracked!.itemSync()).toBe(1);
    const expected = x.sub(m.runningMean!).div(m.runningVar!.add(1e-5).sqrt());
    expect(close(m(x), expected)).toBe(true);
    m.resetRunningStats();
    expect([m.runningMean!.tolistSync(), m.runningVar!.tolistSync(), m.numBatchesTracked!.itemSync()]).toEqual([[0, 0], [1, 1], 0]);
  });

  it("averages all batches alike where momentum is null", () => {
    const m = new nn.BatchNorm1d(2, { momentum: null });
    m(x);
    m(x.mul(3));
    expect(close(m.runningMean!, torch.tensor([6, 60]))).toBe(true);
  });

  it("uses the batch's own statistics where none are kept", () => {
    const m = new nn.BatchNorm1d(2, { trackRunningStats: false, affine: false }).eval();
    expect(close(m(x).mean(0), torch.zeros(2))).toBe(true);
    expect(Object.keys(m.stateDict())).toEqual([]);
    expect([m.weight, m.runningMean]).toEqual([null, null]);
  });

  it("updates statistics without recording them", () => {
    const m = new nn.BatchNorm1d(2);
    const y = m(x.clone().requiresGrad_());
    expect([m.runningMean!.requiresGrad, m.runningVar!.requiresGrad, y.requiresGrad]).toEqual([false, false, true]);
    expect(String(y.gradFn)).toBe("<NativeBatchNormBackward0>");
    torch.noGrad(() => m(x));
    expect(m.numBatchesTracked!.itemSync()).toBe(2);
  });

  it.each([
    [
      () => new nn.BatchNorm1d(2)(torch.ones(1, 2)),
      "ValueError",
      "Expected more than 1 value per channel when training, got input size torch.Size([1, 2])",
    ],
    [() => new nn.BatchNorm2d(2)(torch.ones(2, 2)), "ValueError", "expected 4D input (got 2D input)"],
    [() => new nn.BatchNorm1d(2)(torch.ones(2)), "ValueError", "expected 2D or 3D input (got 1D input)"],
    [() => new nn.BatchNorm3d(2)(torch.ones(2)), "ValueError", "expected 5D input (got 1D input)"],
    [() => new nn.BatchNorm1d(4)(torch.ones(2, 3)), "RuntimeError", "running_mean should contain 3 elements not 4"],
    [() => F.batchNorm(torch.ones(2, 3), null, null), "RuntimeError", "running_mean must be defined in evaluation mode"],
    [() => F.batchNorm(torch.ones(2, 3), torch.ones(3), null), "RuntimeError", "running_var must be defined in evaluation mode"],
  ])("raises PyTorch's error %#", (f, pythonType, message) => {
    expect(f).toThrow(expect.objectContaining({ message, pythonType }) as Error);
  });
});

describe("max pooling", () => {
  it("finds places inside the image where a window is minus infinity throughout", () => {
    const low = torch.full([1, 1, 4, 4], Number.NEGATIVE_INFINITY);
    expect(F.maxPool2d(low, 3, 2, 1, 1, false, true)[1].tolistSync()).toEqual([
      [
        [
          [0, 1],
          [4, 5],
        ],
      ],
    ]);
    expect(F.maxPool2d(low, 2, 2, 1, 2, false, true)[1].tolistSync()).toEqual([
      [
        [
          [5, 5],
          [5, 5],
        ],
      ],
    ]);
    low.requiresGrad_();
    F.maxPool2d(low, 3, 2, 1).sum().backward();
    expect(low.grad!.sum().itemSync()).toBe(4);
  });

  it("gives NaN, and the place of the last one, as PyTorch does", () => {
    const [values, indices] = F.maxPool1d(torch.tensor([[[1, Number.NaN, Number.NaN, 5]]]), 4, { returnIndices: true });
    expect([values.itemSync(), indices.itemSync()]).toEqual([Number.NaN, 2]);
  });

  it("takes the first of equals, and adds up gradients where windows meet", () => {
    const x = torch.tensor([[[2, 2, 1, 2]]], { requiresGrad: true });
    const [values, indices] = F.maxPool1d(x, 2, 1, 0, 1, false, true);
    expect(indices.tolistSync()).toEqual([[[0, 1, 3]]]);
    values.sum().backward();
    expect(x.grad!.tolistSync()).toEqual([[[1, 1, 0, 1]]]);
  });

  it("keeps channels last in memory", () => {
    const x = torch.randn(2, 3, 4, 4).permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);
    const y = F.maxPool2d(x, 2);
    expect(y.stride()).toEqual([12, 1, 6, 3]);
    expect(torch.equal(y, F.maxPool2d(x.contiguous(), 2))).toBe(true);
  });

  // Where nothing needs the places another kernel runs.
  const special = [1, Number.NaN, -0, 0, 0, -0, Number.NEGATIVE_INFINITY, 5, 5, Number.POSITIVE_INFINITY, -3, -2, -1, 4, 2, Number.NaN];
  const pools: readonly [string, number[], (x: torch.Tensor) => torch.Tensor][] = [
    ["1d with a border", [1, 2, 8], (x) => F.maxPool1d(x, 3, 2, 1)],
    ["2d", [1, 1, 4, 4], (x) => F.maxPool2d(x, 2)],
    ["2d, one image, dilated, rounding up", [2, 2, 4], (x) => F.maxPool2d(x, [1, 2], { stride: 2, dilation: [1, 2], ceilMode: true })],
    ["2d, channels last", [1, 4, 2, 2], (x) => F.maxPool2d(x.permute(0, 3, 1, 2), 2, 1)],
    ["3d", [1, 1, 4, 2, 2], (x) => F.maxPool3d(x, 2, 1, 1)],
  ];
  describe.each([torch.float32, torch.float64, torch.float16])("of %s", (dtype) => {
    it.each(pools)("gives the same without a gradient: %s", (_, shape, pool) => {
      const x = torch.tensor(special, { dtype }).reshape(shape);
      const [plain, recorded] = [pool(x), pool(x.clone().requiresGrad_()).detach()];
      expect([plain.shape, plain.stride()]).toEqual([recorded.shape, recorded.stride()]);
      expect(plain.reshape(-1).tolistSync()).toEqual(recorded.reshape(-1).tolistSync());
    });
  });

  const image = torch.ones(1, 1, 4, 4);
  it.each([
    [() => F.maxPool2d(image, 2, 0), "stride should not be zero"],
    [() => F.maxPool2d(image, 1, -1), "stride should be greater than zero, but got dH: -1 dW: -1"],
    [() => F.maxPool2d(image, [0, 1], 1), "kernel size should be greater than zero, but got kH: 0 kW: 1"],
    [() => F.maxPool2d(image, 2, 2, 2), "pad should be at most half of kernel size, but got pad=2 and kernel_size=2"],
    [() => F.maxPool2d(image, 2, 2, -1), "pad must be non-negative, but got pad: -1"],
    [() => F.maxPool2d(image, 2, 2, 0, 0), "dilation should be greater than zero, but got dilationH: 0 dilationW: 0"],
    [() => F.maxPool2d(image, 8), "Given input size: (1x4x4). Calculated output size: (1x0x0). Output size is too small"],
    [() => F.maxPool2d(image, [2, 2, 2]), "max_pool2d: kernel_size must either be a single int, or a tuple of two ints"],
    [() => F.maxPool2d(torch.ones(4, 4), 2), "non-empty 3D or 4D (batch mode) tensor expected for input"],
    [() => F.maxPool2d(image.long(), 2), "\"max_pool2d\" not implemented for 'Long'"],
    [
      () => F.maxPool1d(torch.ones(4), 2),
      "max_pool1d: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for input, but got:[4]",
    ],
  ])("raises PyTorch's error %#", (f, message) => {
    expect(f).toThrow(expect.objectContaining({ message, pythonType: "RuntimeError" }) as Error);
  });
});

describe("convolution", () => {
  it("does the same with a batch of one and without", () => {
    const m = new nn.Conv2d(2, 3, 3);
    const x = torch.randn(2, 5, 5);
    expect(torch.equal(m(x), m(x.unsqueeze(0)).squeeze(0))).toBe(true);
    expect(m(torch.zeros(0, 2, 5, 5)).shape).toEqual([0, 3, 3, 3]);
  });

  it.each(["reflect", "replicate", "circular"] as const)("pads by %s before it convolves", (paddingMode) => {
    torch.manualSeed(0);
    const m = new nn.Conv2d(1, 1, 3, { padding: [1, 2], paddingMode });
    const x = torch.randn(1, 1, 4, 5);
    expect(close(m(x), F.conv2d(F.pad(x, [2, 2, 1, 1], paddingMode), m.weight, m.bias))).toBe(true);
    const same = new nn.Conv1d(1, 1, 4, { padding: "same", paddingMode });
    expect(same(torch.randn(1, 7)).shape).toEqual([1, 7]);
  });

  const x = torch.ones(1, 2, 5, 5);
  const w = torch.ones(2, 2, 3, 3);
  it.each([
    [
      () => F.conv2d(x, w, null, [1, 1, 1]),
      "expected stride to be a single integer value or a list of 2 values to match the convolution dimensions, but got stride=[1, 1, 1]",
    ],
    [() => F.conv2d(x, w, null, 0), "non-positive stride is not supported"],
    [() => F.conv2d(x, w, null, 1, -1), "negative padding is not supported"],
    [() => F.conv2d(x, w, null, 1, 0, 0), "dilation should be greater than zero, but got [0, 0]"],
    [() => F.conv2d(x, w, null, 1, 0, 1, 0), "non-positive groups is not supported"],
    [() => F.conv2d(x, w.double()), "expected scalar type Float but found Double"],
    [() => F.conv2d(x, w, torch.ones(2).double()), "Input type (float) and bias type (double) should be the same"],
    [
      () => F.conv2d(x, w, torch.ones(3)),
      "Given weight of size [2, 2, 3, 3], expected bias to be 1-dimensional with 2 elements, but got bias of size [3] instead",
    ],
    [() => F.conv2d(x, w, { padding: "all" as "same" }), "Invalid padding string: 'all'"],
    [
      () => F.conv2d(torch.ones(1, 3, 5, 5), w),
      "Given groups=1, weight of size [2, 2, 3, 3], expected input[1, 3, 5, 5] to have 2 channels, but got 3 channels instead",
    ],
    [() => F.conv2d(torch.ones(5, 5), w), "Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [5, 5]"],
    [
      () => F.conv2d(torch.ones(1, 2, 2, 2), w),
      "Calculated padded input size per channel: (2 x 2). Kernel size: (3 x 3). Kernel size can't be greater than actual input size",
    ],
    [() => new nn.Conv2d(3, 4, 3, { groups: 2 }), "in_channels must be divisible by groups"],
    [
      () => new nn.Conv2d(2, 2, 3, { paddingMode: "bad" as "zeros" }),
      "padding_mode must be one of {'zeros', 'reflect', 'replicate', 'circular'}, but got padding_mode='bad'",
    ],
  ])("raises PyTorch's error %#", (f, message) => {
    expect(f).toThrow(message);
  });
});

describe("dropout", () => {
  it("draws the same mask from the same seed and scales what stays", () => {
    const m = new nn.Dropout(0.25);
    const x = torch.ones(1000);
    torch.manualSeed(7);
    const first = m(x);
    torch.manualSeed(7);
    expect(torch.equal(m(x), first)).toBe(true);
    expect(new Set(first.tolistSync() as number[])).toEqual(new Set([0, Math.fround(1 / 0.75)]));
    expect(first.eq(0).sum().itemSync()).toBeGreaterThan(200);
    expect(first.eq(0).sum().itemSync()).toBeLessThan(300);
  });

  it("drops whole channels", () => {
    torch.manualSeed(0);
    const y = F.dropout2d(torch.ones(4, 8, 3, 3), 0.5);
    const perChannel = y.flatten(2);
    expect(torch.equal(perChannel.amin(2), perChannel.amax(2))).toBe(true);
    expect(F.dropout1d(torch.ones(3, 5), 0.5).shape).toEqual([3, 5]);
    expect(() => F.dropout1d(torch.ones(3))).toThrow("dropout1d: Expected 2D or 3D input, but received a 1D input.");
    expect(() => F.dropout2d(torch.ones(3))).toThrow("Feature dropout requires at least 2 dimensions in the input");
  });

  it("gives its input in evaluation, works in place, and differentiates", () => {
    const x = torch.ones(10);
    expect(new nn.Dropout().eval()(x)).toBe(x);
    expect(F.dropout(x, 0)).toBe(x);
    expect(F.dropout(x, { p: 1 }).tolistSync()).toEqual(new Array(10).fill(0));
    const z = torch.ones(10);
    expect(F.dropout(z, 0.5, true, true)).toBe(z);
    const volume = torch.ones(2, 3, 4, 5);
    expect(F.dropout3d(volume, 1, true, true)).toBe(volume);
    expect(volume.sum().itemSync()).toBe(0);
    const leaf = torch.ones(100, { requiresGrad: true });
    const y = F.dropout(leaf, 0.5);
    y.sum().backward();
    expect(torch.equal(leaf.grad!, y.detach())).toBe(true);
    expect(() => F.dropout(x, 1.5)).toThrow(
      expect.objectContaining({ message: "dropout probability has to be between 0 and 1, but got 1.5", pythonType: "ValueError" }) as Error,
    );
  });
});

describe("embedding", () => {
  it("gives no gradient to the padding row, and divides by frequency", () => {
    const m = new nn.Embedding(3, 2, { paddingIdx: -1, scaleGradByFreq: true });
    expect(m.paddingIdx).toBe(2);
    expect(m.weight.at(2).tolistSync()).toEqual([0, 0]);
    m(torch.tensor([0n, 0n, 1n, 2n]))
      .sum()
      .backward();
    expect(m.weight.grad!.tolistSync()).toEqual([
      [1, 1],
      [1, 1],
      [0, 0],
    ]);
  });

  it("scales long rows down, but only those looked up", () => {
    const table = torch.tensor([
      [3, 4],
      [6, 8],
      [0.3, 0.4],
    ]);
    F.embedding(torch.tensor([0n, 2n]), table, { maxNorm: 1 });
    expect(
      close(
        table,
        torch.tensor([
          [0.6, 0.8],
          [6, 8],
          [0.3, 0.4],
        ]),
      ),
    ).toBe(true);
  });

  it("is made from a table", () => {
    const table = torch.randn(4, 2);
    const frozen = nn.Embedding.fromPretrained(table);
    expect([frozen.weight.requiresGrad, torch.equal(frozen(torch.tensor(1n)), table.at(1))]).toEqual([false, true]);
    expect(nn.Embedding.fromPretrained(table, { freeze: false }).weight.requiresGrad).toBe(true);
  });

  it.each([
    [
      () => F.embedding(torch.ones(2), torch.ones(2, 3)),
      "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got torch.FloatTensor instead (while checking arguments for embedding)",
    ],
    [() => F.embedding(torch.tensor([3n]), torch.ones(2, 3)), "index out of range in self"],
    [() => F.embedding(torch.tensor([1n]), torch.ones(2)), "'weight' must be 2-D"],
    [() => new nn.Embedding(3, 2, { paddingIdx: 3 }), "Padding_idx must be within num_embeddings"],
    [() => F.oneHot(torch.tensor([3n]), 2), "Class values must be smaller than num_classes."],
    [() => F.oneHot(torch.tensor([-1n])), "Class values must be non-negative."],
  ])("raises PyTorch's error %#", (f, message) => {
    expect(f).toThrow(message);
  });

  it("turns classes into vectors", () => {
    expect(F.oneHot(torch.tensor([[0n, 2n]])).tolistSync()).toEqual([
      [
        [1, 0, 0],
        [0, 0, 1],
      ],
    ]);
    expect(F.oneHot(torch.tensor([1n]), { numClasses: 4 }).tolistSync()).toEqual([[0, 1, 0, 0]]);
  });
});

describe("losses", () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it("understand PyTorch's older options", () => {
    const [x, y] = [torch.tensor([1, 2]), torch.tensor([0, 0])];
    expect(new nn.MSELoss({ sizeAverage: false })(x, y).itemSync()).toBe(5);
    expect(new nn.L1Loss({ reduce: false })(x, y).tolistSync()).toEqual([1, 2]);
    expect(F.mseLoss(x, y, true, true).itemSync()).toBe(2.5);
    expect(new nn.CrossEntropyLoss({ sizeAverage: false }).reduction).toBe("sum");
  });

  it("warn once of sizes that broadcast", () => {
    const warned = vi.spyOn(console, "warn").mockImplementation(() => {});
    for (let i = 0; i < 2; i++) F.mseLoss(torch.ones(5, 1), torch.ones(5));
    expect(warned.mock.calls).toEqual([
      [
        "Using a target size (torch.Size([5])) that is different to the input size (torch.Size([5, 1])). This will likely lead to incorrect results " +
          "due to broadcasting. Please ensure they have the same size.",
      ],
    ]);
  });

  it("keep class weights as state that moves with the module", () => {
    const m = new nn.CrossEntropyLoss({ weight: torch.ones(3) });
    expect(Object.keys(m.stateDict())).toEqual(["weight"]);
    expect(m.double().weight!.dtype).toBe(torch.float64);
    expect(Object.keys(new nn.BCEWithLogitsLoss({ posWeight: torch.ones(3) }).stateDict())).toEqual(["pos_weight"]);
  });

  it("hint at int64 for float classes and name wrong ones", () => {
    expect(() => F.nllLoss(torch.ones(2, 3), torch.tensor([0n, 3n]))).toThrow("Target 3 is out of bounds.");
    expect(() => F.crossEntropy(torch.ones(2, 3), torch.tensor([0, 1]))).toThrow("expected scalar type Long but found Float");
    expect(() => F.mseLoss(torch.ones(1), torch.ones(1), { reduction: "avg" as "mean" })).toThrow("avg is not a valid value for reduction");
    expect(() => F.binaryCrossEntropyWithLogits(torch.ones(2), torch.ones(3))).toThrow(
      "Target size (torch.Size([3])) must be the same as input size (torch.Size([2]))",
    );
  });

  it("do not overflow on large logits", () => {
    const x = torch.tensor([-200, 200], { requiresGrad: true });
    const loss = F.binaryCrossEntropyWithLogits(x, torch.tensor([1, 1]), { reduction: "none" });
    expect(loss.tolistSync()).toEqual([200, 0]);
    loss.sum().backward();
    expect(x.grad!.tolistSync()).toEqual([-1, 0]);
  });
});

describe("padding", () => {
  it.each([
    [() => F.pad(torch.ones(4, 4), [1, 1], "bad" as "reflect"), "Unrecognised padding mode bad"],
    [() => F.pad(torch.ones(4, 4), [1], "reflect"), "Padding length must be divisible by 2"],
    [() => F.pad(torch.ones(4, 4), [1, 1], "replicate", 3), 'Padding mode "replicate" doesn\'t take in value argument'],
    [
      () => F.pad(torch.ones(4, 4), [4, 0], "reflect"),
      "Argument #4: Padding size should be less than the corresponding input dimension, but got: padding (4, 0) at dimension 1 of input [4, 4]",
    ],
    [() => F.pad(torch.ones(4, 4), [5, 0], "circular"), "Padding value causes wrapping around more than once."],
    [() => F.pad(torch.ones(4), [1, 1], "reflect"), "Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now"],
    [() => F.pad(torch.ones(2, 2), [-3, 0]), "Dimension out of range (expected to be in range of [-2, 1], but got 3)"],
  ])("raises PyTorch's error %#", (f, message) => {
    expect(f).toThrow(message);
  });
});

describe("small layers", () => {
  it("write over their input where told to", () => {
    for (const layer of [new nn.ReLU({ inplace: true }), new nn.LeakyReLU(0.5, true), new nn.SiLU({ inplace: true })]) {
      const x = torch.tensor([-2, 2]);
      expect(layer(x)).toBe(x);
    }
    expect(String(new nn.LeakyReLU(0.5, true))).toBe("LeakyReLU(negative_slope=0.5, inplace=True)");
    expect(String(new nn.ReLU({ inplace: true }))).toBe("ReLU(inplace=True)");
  });

  it("flatten, unflatten and pass through", () => {
    const x = torch.arange(24).view(2, 3, 4);
    expect(new nn.Flatten()(x).shape).toEqual([2, 12]);
    expect(new nn.Unflatten(1, [3, -1])(new nn.Flatten()(x)).shape).toEqual([2, 3, 4]);
    expect(F.flatten(x, { startDim: 1 }).shape).toEqual([2, 12]);
    expect(new nn.Identity(54, { anything: true })(x)).toBe(x);
  });

  it("choose PyTorch's dimension for a softmax without one", () => {
    expect(close(new nn.Softmax()(torch.ones(2, 4)).sum(1), torch.ones(2))).toBe(true);
    expect(close(F.softmax(torch.ones(2, 4, 3)).sum(0), torch.ones(4, 3))).toBe(true);
    expect(F.softmax(torch.ones(2).half(), 0, torch.float64).dtype).toBe(torch.float64);
    expect(F.logSoftmax(torch.ones(2), { dim: 0 }).shape).toEqual([2]);
  });

  it("say which argument is no tensor", () => {
    expect(() => F.linear(3 as never, torch.ones(1, 1))).toThrow("linear(): argument 'input' (position 1) must be Tensor, not int");
    expect(() => F.crossEntropy(torch.ones(1, 2), [0] as never)).toThrow(
      "cross_entropy(): argument 'target' (position 2) must be Tensor, not list",
    );
  });
});
