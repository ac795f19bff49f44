import { describe, expect, test } from "vitest";
import type { Tensor } from "../../src/index.ts";
import * as torch from "../../src/index.ts";
import { caught } from "../support/caught.ts";

const { noGrad, inferenceMode } = torch;
const leaf = (): Tensor => torch.ones(2, 3, { requiresGrad: true });
const list = (x: Tensor | null): unknown => x?.tolistSync() ?? null;
const modified = (shape: string, output: string, version: number, expected: number): string =>
  `RuntimeError: one of the variables needed for gradient computation has been modified by an inplace operation: [torch.FloatTensor ${shape}], which is ` +
  `${output}, is at version ${version}; expected version ${expected} instead. Hint: enable anomaly detection to find the operation that failed to compute ` +
  "its gradient, with torch.autograd.set_detect_anomaly(True).";
const multiple = (output: number, name: string, how: string): string =>
  `RuntimeError: Output ${output} of ${name} is a view and ${how}. This view is the output of a function that returns multiple views. Such functions do not ` +
  "allow the output views to be modified inplace. You should replace the inplace operation by an out-of-place one.";
const inMode = (mode: string, how: string, block: string): string =>
  `RuntimeError: A view was created in ${mode} mode and ${how}. Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify your ` +
  `code by moving both the view and the inplace either both inside the ${block} block (if you don't want the inplace to be tracked) or both outside (if you ` +
  "want the inplace to be tracked).";

// Every sentence is PyTorch 1.13.1's for the same program.
describe("what may not be written to", () => {
  test.each<[string, () => unknown, string]>([
    ["a leaf", () => leaf().mul_(2), "RuntimeError: a leaf Variable that requires grad is being used in an in-place operation."],
    [
      "a view of a leaf",
      () => leaf().at(0).mul_(2),
      "RuntimeError: a view of a leaf Variable that requires grad is being used in an in-place operation.",
    ],
    [
      "a view that was made a leaf",
      () => torch.ones(6).view(2, 3).requiresGrad_().mul_(2),
      "RuntimeError: a view of a leaf Variable that requires grad is being used in an in-place operation.",
    ],
    [
      "a leaf by assignment",
      () => leaf().setAt(0, 1),
      "RuntimeError: a view of a leaf Variable that requires grad is being used in an in-place operation.",
    ],
    ["a piece of unbind", () => leaf().mul(1).unbind(0)[0]!.mul_(2), multiple(0, "UnbindBackward0", "is being modified inplace")],
    ["a piece of split", () => leaf().mul(1).split(1)[1]!.add_(2), multiple(1, "SplitBackward0", "is being modified inplace")],
    ["a view made without recording", () => noGrad(() => leaf().mul(1).at(0)).mul_(2), "no error"],
    [
      "a view of a leaf made without recording",
      () => {
        const x = leaf();
        noGrad(() => x.at(0)).mul_(2);
      },
      inMode("no_grad", "is being modified inplace with grad mode enabled", "no_grad"),
    ],
    [
      "a view of a result made without recording",
      () => {
        const x = leaf().mul(1);
        noGrad(() => x.at(0)).mul_(2);
      },
      inMode("no_grad", "is being modified inplace with grad mode enabled", "no_grad"),
    ],
    [
      "a view made without recording, what has a gradient",
      () => {
        const x = torch.zeros(2, 3);
        noGrad(() => x.at(0)).add_(leaf().at(0));
      },
      inMode("no_grad", "is being modified inplace with grad mode enabled", "no_grad"),
    ],
    [
      "a view made in inference mode",
      () => {
        const x = leaf();
        inferenceMode(() => x.at(0)).mul_(2);
      },
      inMode("inference", "is being modified inplace in normal mode", "inference_mode"),
    ],
    [
      "a stretched tensor",
      () => leaf().mul(1).expand(2, 2, 3).mul_(2),
      "RuntimeError: unsupported operation: more than one element of the written-to tensor refers to a single memory location. Please clone() the tensor before performing the operation.",
    ],
    [
      "integers, what has a gradient",
      () => torch.ones(3, { dtype: torch.int64 }).mul_(leaf().at(0)),
      "RuntimeError: result type Float can't be cast to the desired output type Long",
    ],
    [
      "an inference tensor",
      () => inferenceMode(() => torch.ones(2)).add_(1),
      "RuntimeError: Inplace update to inference tensor outside InferenceMode is not allowed.You can make a clone to get a normal tensor before doing inplace update.See https://github.com/pytorch/rfcs/pull/17 for more details.",
    ],
    [
      "a view, detached in place",
      () => void leaf().mul(1).at(0).detach_(),
      "RuntimeError: Can't detach views in-place. Use detach() instead. If you are using DistributedDataParallel (DDP) for training, and gradient_as_bucket_view is set as True, gradients are views of DDP buckets, and hence detach_() cannot be called on these gradients. To fix this error, please refer to the Optimizer.zero_grad() function in torch/optim/optimizer.py as the solution.",
    ],
  ])("%s", (_, f, message) => expect(caught(f)).toBe(message));

  test("refused writes change nothing", () => {
    const x = torch.zeros(2, 3);
    const v = noGrad(() => x.at(0));
    expect(() => v.add_(leaf().at(0))).toThrow();
    const y = leaf();
    expect(() => y.mul_(2)).toThrow();
    expect([list(x), y.version, x.version]).toEqual([
      [
        [0, 0, 0],
        [0, 0, 0],
      ],
      0,
      0,
    ]);
  });

  test("without recording a leaf may", () => {
    const x = leaf();
    noGrad(() => x.mul_(2));
    x.sum().backward();
    expect([x.isLeaf, x.version, list(x.grad)]).toEqual([
      true,
      1,
      [
        [1, 1, 1],
        [1, 1, 1],
      ],
    ]);
  });
});

describe("what was needed and written to since", () => {
  test.each<[string, () => unknown, string]>([
    [
      "an input",
      () => {
        const x = leaf().mul(1).add(0);
        const y = x.pow(2);
        x.add_(1);
        y.sum().backward();
      },
      modified("[2, 3]", "output 0 of AddBackward0", 1, 0),
    ],
    [
      "a result",
      () => {
        const y = leaf().exp();
        y.add_(1);
        y.sum().backward();
      },
      modified("[2, 3]", "output 0 of ExpBackward0", 1, 0),
    ],
    [
      "a row times itself",
      () => {
        const x = leaf().mul(1);
        x.at(0).mul_(x.at(0));
        x.sum().backward();
      },
      modified("[3]", "output 0 of AsStridedBackward0", 1, 0),
    ],
    [
      "through a detached alias",
      () => {
        const x = leaf().mul(1);
        const d = x.detach();
        const y = x.pow(2);
        d.zero_();
        y.sum().backward();
      },
      modified("[2, 3]", "output 0 of MulBackward0", 1, 0),
    ],
    [
      "the result of an op in place",
      () => {
        const x = leaf().sub(3);
        const v = x.at(1);
        v.relu_();
        v.mul_(leaf().at(0));
        x.sum().backward();
      },
      modified("[3]", "output 0 of ReluBackward0", 2, 1),
    ],
    [
      "another row of the same storage",
      () => {
        const x = leaf().mul(1);
        const y = x.at(0).pow(2);
        x.at(1).add_(1);
        y.sum().backward();
      },
      modified("[3]", "output 0 of AsStridedBackward0", 1, 0),
    ],
    [
      "nothing that is needed",
      () => {
        const x = leaf().mul(1);
        const y = x.mul(2);
        const z = x.sigmoid();
        x.add_(1);
        y.add(z).sum().backward();
      },
      "no error",
    ],
    [
      "a factor, through data",
      () => {
        const [x, b] = [leaf(), leaf()];
        const y = x.mul(b);
        b.data.zero_();
        y.sum().backward();
      },
      "no error",
    ],
  ])("%s", (_, f, message) => expect(caught(f)).toBe(message));
});

describe("views whose base was written to", () => {
  test("a piece of unbind may no longer be used", () => {
    const x = leaf().mul(1);
    const [p] = x.unbind(0);
    x.mul_(2);
    expect(caught(() => p!.sum())).toBe(multiple(0, "UnbindBackward0", "its base or another view of its base has been modified inplace"));
    expect(list(noGrad(() => p!.sum()))).toBe(6);
  });
  test("nor a view made without recording", () => {
    const x = leaf().mul(1);
    const v = noGrad(() => x.at(0));
    x.mul_(2);
    expect(caught(() => v.mul(2))).toBe(
      inMode("no_grad", "its base or another view of its base has been modified inplace with grad mode enabled", "no_grad"),
    );
    expect(String(v)).toContain("[2., 2., 2.]");
  });
  test("a base that becomes part of a graph takes its views along", () => {
    const x = torch.ones(2, 3);
    const row = x.at(1);
    const factor = leaf();
    x.mul_(factor);
    expect([row.requiresGrad, row.isLeaf, String(row.gradFn)]).toEqual([true, false, "<AsStridedBackward0>"]);
    row.sum().backward();
    expect(list(factor.grad)).toEqual([
      [0, 0, 0],
      [1, 1, 1],
    ]);
  });
  test("a view is that of the base that owns the memory", () => {
    const x = leaf().mul(1);
    expect(x.at(0).at(1).base).toBe(x);
    expect([x.base, x.detach().base]).toEqual([null, null]);
  });
});

describe("in place, what is overwritten", () => {
  test("is copied where the gradient needs it", () => {
    const [a, b] = [torch.tensor([1, 2, 3], { requiresGrad: true }), torch.tensor([2, 3, 4], { requiresGrad: true })];
    const x = a.mul(1);
    x.mul_(b);
    x.pow_(2);
    x.sum().backward(); // (ab)^2
    expect([list(a.grad), list(b.grad)]).toEqual([
      [8, 36, 96],
      [4, 24, 72],
    ]);
  });
  test("in rules too", () => {
    const a = torch.tensor([1, 2, 3], { requiresGrad: true });
    const x = a.mul(2);
    x.cumprod_(0);
    x.sum().backward();
    expect(list(a.grad)).toEqual([2 * (1 + 4 + 24), 2 * (2 + 12), 2 * 8]);
  });
  test("twice, in both orders of derivatives", () => {
    const a = torch.tensor([0.5, 1.5], { dtype: torch.float64, requiresGrad: true });
    const f = (x: Tensor | undefined): Tensor => x!.mul(1).pow_(3).mul_(x!).exp_();
    expect(torch.autograd.gradcheck(f, a)).toBe(true);
    expect(torch.autograd.gradgradcheck(f, a)).toBe(true);
  });
  test("a tensor that required nothing takes part from then on", () => {
    const x = torch.ones(3);
    x.mul_(torch.tensor([1, 2, 3], { requiresGrad: true }));
    expect([x.requiresGrad, x.isLeaf, String(x.gradFn)]).toEqual([true, false, "<MulBackward0>"]);
    const y = torch.ones(3);
    noGrad(() => y.mul_(torch.ones(3, { requiresGrad: true })));
    expect(y.requiresGrad).toBe(false);
  });
  test.each<[string, (x: Tensor) => Tensor]>([
    ["NormalBackward0", (x) => x.normal_()],
    ["UniformBackward0", (x) => x.uniform_()],
    ["BernoulliBackward2", (x) => x.bernoulli_(0.5)],
    ["BernoulliBackward1", (x) => x.bernoulli_(torch.full([3], 0.5))],
    ["ExponentialBackward0", (x) => x.exponential_()],
    ["RandomBackward2", (x) => x.random_()],
    ["GeometricBackward0", (x) => x.geometric_(0.5)],
    ["CauchyBackward0", (x) => x.cauchy_()],
    ["LogNormalBackward0", (x) => x.logNormal_()],
    ["ZeroBackward0", (x) => x.zero_()],
    ["FillBackward0", (x) => x.fill_(3)],
  ])("%s: nothing of what was there is left", (node, f) => {
    const a = torch.tensor([1, 2, 3], { requiresGrad: true });
    const x = f(a.mul(2));
    x.sum().backward();
    expect([String(x.gradFn), list(a.grad)]).toEqual([`<${node}>`, [0, 0, 0]]);
    const y = a.mul(2);
    f(y.view(3));
    a.grad = null;
    y.sum().backward();
    expect(list(a.grad)).toEqual([0, 0, 0]);
  });

  test("what gives back the tensor itself has its history", () => {
    for (const f of [
      (x: Tensor) => x.contiguous(),
      (x: Tensor) => x.flatten(0, 0),
      (x: Tensor) => x.sumToSize(3),
      (x: Tensor) => x.to(torch.float32),
    ]) {
      const a = torch.tensor([1, 2, 3], { requiresGrad: true });
      const x = a.mul(1);
      expect(f(x)).toBe(x);
    }
    for (const f of [
      (x: Tensor) => x.ravel(),
      (x: Tensor) => x.at("..."),
      (x: Tensor) => x.at(":"),
      (x: Tensor) => x.expandAs(x),
      (x: Tensor) => x.squeeze(),
    ]) {
      const a = torch.tensor([1, 2, 3], { requiresGrad: true });
      const x = a.mul(1);
      f(x).mul_(3);
      x.sum().backward();
      expect(list(a.grad)).toEqual([3, 3, 3]);
    }
  });
});
