import { describe, expect, it } from "vitest";
import type { KernelValue, Tensor } from "../../src/index.ts";
import * as torch from "../../src/index.ts";
import { devices } from "../support/devices.ts";

const { gradcheck, gradgradcheck } = torch.autograd;
const f64 = (values: readonly number[] | readonly (readonly number[])[]): Tensor =>
  torch.tensor(values as number[], { dtype: torch.float64, requiresGrad: true });
const numbers = async (x: Tensor): Promise<number[]> => Array.from((await x.detach().toTypedArray()) as Float32Array, Number);

async function near(got: Tensor, wanted: Tensor, digits = 1e-5): Promise<void> {
  expect(got.shape).toEqual(wanted.shape);
  expect(got.dtype.name).toBe(wanted.dtype.name);
  const [a, b] = [await numbers(got), await numbers(wanted)];
  a.forEach((v, i) => {
    if (Number.isNaN(b[i]!) || !Number.isFinite(b[i]!)) expect(v).toBe(b[i]);
    else expect(Math.abs(v - b[i]!)).toBeLessThanOrEqual(digits * (1 + Math.abs(b[i]!)));
  });
}

const swish = torch.kernel("swish", (x, beta) => x.mul(x.mul(beta).sigmoid()));
const mixed = (x: KernelValue, y: KernelValue): KernelValue =>
  x
    .where(x.gt(y), y.mul(2))
    .clamp(-1, 1.5)
    .add(y, { alpha: 0.5 })
    .leakyRelu(0.1)
    .square()
    .sub(x.exp().log1p().tanh())
    .div(y.abs().add(1))
    .pow(2);
const composed = (x: Tensor, y: Tensor): Tensor =>
  x
    .where(x.gt(y), y.mul(2))
    .clamp(-1, 1.5)
    .add(y, { alpha: 0.5 })
    .leakyRelu(0.1)
    .square()
    .sub(x.exp().log1p().tanh())
    .div(y.abs().add(1))
    .pow(2);
const fused = torch.kernel("fused", mixed);

describe.each(devices)("a pointwise kernel on %s", (device) => {
  const values = (shape: readonly number[], seed: number): Promise<Tensor> => {
    const generator = new torch.Generator().manualSeed(seed);
    return torch.randn(shape, { generator }).to(device);
  };

  it("gives what the ops that it is made of give, with their gradients", async () => {
    for (const [a, b] of [
      [
        [3, 4],
        [3, 4],
      ],
      [[3, 1], [4]],
      [[], [5]],
      [[0, 2], [2]],
    ] as const) {
      const [x, y] = [(await values(a, 1)).requiresGrad_(), (await values(b, 2)).requiresGrad_()];
      const [one, many] = [fused(x, y), composed(x, y)];
      await near(one, many);
      expect(one.gradFn!.name).toBe("FusedBackward0");
      const weight = await values(one.shape, 3);
      const [g1, g2] = [torch.autograd.grad(one, [x, y], weight), torch.autograd.grad(many, [x, y], weight)];
      for (const i of [0, 1]) await near(g1[i]!, g2[i]!, 2e-5);
    }
  });

  it("takes numbers, tensors without dimensions, views and mixed dtypes", async () => {
    const x = await values([4, 3], 5);
    await near(swish(x.t(), 2), x.t().mul(x.t().mul(2).sigmoid()));
    await near(swish(x, torch.tensor(2)), x.mul(x.mul(2).sigmoid()));
    await near(swish(x.narrow(1, 1, 2), 0.5), x.narrow(1, 1, 2).mul(x.narrow(1, 1, 2).mul(0.5).sigmoid()));
    const whole = await torch.tensor([1n, -2n, 3n]).to(device);
    await near(swish(whole, 2), whole.mul(whole.mul(2).sigmoid()));
    const [sum, larger] = [torch.kernel("sum3", (a, b) => a.mul(3).add(b)), torch.kernel("larger", (a, b) => a.mul(0.5).gt(b))];
    await near(sum(whole, whole), whole.mul(3).add(whole));
    await near(sum(whole, 0.5), whole.mul(3).add(0.5));
    await near(larger(whole, 1), whole.mul(0.5).gt(1));
    await near(torch.kernel("count", (a) => a.gt(0).add(a.gt(2).mul(2)))(x), x.gt(0).add(x.gt(2).mul(2)).to(torch.float32));
    const mask = await torch.tensor([true, false, true]).to(device);
    await near(torch.kernel("masked", (a, m) => a.where(m, 7))(x, mask), x.where(mask, 7));
  });

  it("reduces in one pass, and hands gradients back", async () => {
    const rms = torch.kernel("rms", { map: (x) => x.square(), reduce: "sum", finish: (s, n) => s.div(n).sqrt() });
    const x = (await values([3, 5, 2], 7)).requiresGrad_();
    for (const [dim, keepdim] of [
      [1, false],
      [[0, 2], true],
      [-1, true],
    ] as const) {
      const [one, many] = [rms(x, { dim, keepdim }), x.square().mean(dim, keepdim).sqrt()];
      await near(one, many);
      expect(one.gradFn!.name).toBe("RmsBackward0");
      await near(torch.autograd.grad(one.sum(), x)[0]!, torch.autograd.grad(many.sum(), x)[0]!);
    }
    await near(rms(x), x.square().mean().sqrt());
    await near(rms(x, 0, true), x.square().mean(0, true).sqrt());

    const distance = torch.kernel("distance", { map: (a, b) => a.sub(b).abs(), reduce: "max" });
    const y = (await values([5, 1], 8)).requiresGrad_();
    const [one, many] = [distance(x, y, { dim: 1 }), x.sub(y).abs().max(1).values];
    await near(one, many);
    const [g1, g2] = [torch.autograd.grad(one.sum(), [x, y]), torch.autograd.grad(many.sum(), [x, y])];
    for (const i of [0, 1]) await near(g1[i]!, g2[i]!);
    await near(torch.kernel("least", { reduce: "min" })(x, 2), x.amin(2));
    await near(torch.kernel("product", { map: (a, k) => a.mul(k), reduce: "prod" })(x, 2, 1), x.mul(2).prod(1));
  });

  it("reduces by a function of the user's", async () => {
    const x = await values([4, 6], 9);
    const norm = torch.kernel("hypotenuse", {
      map: (v) => v.abs(),
      reduce: { init: 0, combine: (a, b) => a.square().add(b.square()).sqrt() },
    });
    await near(norm(x, 1), x.square().sum(1).sqrt());
    const whole = await torch
      .tensor([
        [1n, 2n, 3n],
        [4n, 5n, 6n],
      ] as never)
      .to(device);
    await near(torch.kernel("ors", { reduce: { init: 0, combine: (a, b) => a.bitwiseOr(b) } })(whole, 1), torch.tensor([3n, 7n]));
    await near(torch.kernel("mean", { reduce: "sum", finish: (s, n) => s.div(n) })(whole), whole.float().mean());
    await near(torch.kernel("total", { reduce: "sum" })(whole, 0), whole.sum(0));
  });

  it("keeps for backward only what a gradient mentions", async () => {
    const x = (await values([8], 10)).requiresGrad_();
    const line = torch.kernel("line", (a, k) => a.mul(k).add(1));
    const y = line(x, 3);
    torch.noGrad(() => x.add_(1)); // would raise in backward if x had been kept
    y.sum().backward();
    await near(x.grad!, torch.full([8], 3));
  });
});

describe("gradients", () => {
  it("are right to the second derivative", () => {
    const x = f64([-2.5, -0.3, 0.7, 1.9]);
    const y = f64([0.4, -1.2, 2.1, 0.9]);
    expect(gradcheck(swish, [x, y] as never)).toBe(true);
    expect(gradgradcheck(swish, [x, y] as never)).toBe(true);
    expect(gradcheck(fused, [x, y] as never)).toBe(true);
    expect(gradgradcheck(fused, [x, y] as never)).toBe(true);
    const wrapped = torch.kernel("wrapped", (a, b) => a.remainder(b).mul(a.fmod(b)));
    expect(gradcheck(wrapped, [x, y] as never)).toBe(true);
    expect(gradgradcheck(wrapped, [x, y] as never)).toBe(true);
  });

  it.each(["sum", "prod", "max", "min"] as const)("of a %s are right to the second derivative", (reduce) => {
    const f = torch.kernel(reduce, { map: (a, b) => a.mul(b).add(1), reduce, finish: (s) => s.square() });
    const x = f64([
      [0.5, -1.5, 0.25],
      [1.25, -0.75, 2],
    ]);
    const y = f64([1.5, -0.6, 0.75]);
    for (const options of [{}, { dim: 0 }, { dim: 1, keepdim: true }]) {
      const over = (a: Tensor, b: Tensor): Tensor => f(a, b, options);
      expect(gradcheck(over, [x, y] as never)).toBe(true);
      expect(gradgradcheck(over, [x, y] as never)).toBe(true);
    }
  });

  it("of a product are exact where elements are zero", () => {
    const f = torch.kernel("product", { reduce: "prod" });
    for (const row of [
      [2, 0, 3, 4],
      [0, 0, 3, 4],
    ]) {
      const x = f64(row);
      expect(gradcheck((t) => f(t), x)).toBe(true);
      expect(gradgradcheck((t) => f(t), x)).toBe(true);
    }
  });

  it("are chosen as by the ops where a formula has a corner", () => {
    const corners: [(x: KernelValue) => KernelValue, (x: Tensor) => Tensor][] = [
      [(x) => x.relu().mul(2), (x) => x.relu().mul(2)],
      [(x) => x.clamp(0, 1).mul(2), (x) => x.clamp(0, 1).mul(2)],
      [(x) => x.clampMin(0), (x) => x.clampMin(0)],
      [(x) => x.maximum(x.mul(-1)), (x) => x.maximum(x.mul(-1))],
      [(x) => x.abs(), (x) => x.abs()],
      [(x) => x.floor().add(x.sign()), (x) => x.floor().add(x.sign())],
      [(x) => x.relu().sqrt(), (x) => x.relu().sqrt()],
    ];
    for (const [formula, ops] of corners) {
      const x = f64([-1, 0, 0.5, 1, 2]);
      const [one, many] = [torch.autograd.grad(torch.kernel("corner", formula)(x).sum(), x), torch.autograd.grad(ops(x).sum(), x)];
      expect(one[0]!.tolistSync()).toEqual(many[0]!.tolistSync());
    }
  });

  it("stay 0 by choice where the other branch is not finite", () => {
    const f = torch.kernel("safeLog", (x) => x.log().where(x.gt(0), 0));
    const x = f64([-1, 0, 2]);
    f(x).sum().backward();
    expect(x.grad!.tolistSync()).toEqual([0, 0, 0.5]);
  });

  it("can be stated", () => {
    const f = torch.kernel("exp3", (x) => x.mul(3).exp(), { gradient: (y) => [y.mul(3)] });
    const x = f64([0.5, -1]);
    expect(gradcheck((t) => f(t), x)).toBe(true);
    expect(gradgradcheck((t) => f(t), x)).toBe(true);
  });

  it("go to the first of equals, and to a NaN", () => {
    const f = torch.kernel("most", { reduce: "max" });
    const x = f64([1, 3, 3, 2]);
    f(x).backward();
    expect(x.grad!.tolistSync()).toEqual([0, 1, 0, 0]);
    const y = f64([1, Number.NaN, 3]);
    f(y).backward();
    expect(y.grad!.tolistSync()).toEqual([0, 1, 0]);
  });
});

describe("what is refused", () => {
  const raises = (f: () => unknown): string => {
    try {
      f();
    } catch (error) {
      return `${(error as Error).name}: ${(error as Error).message}`;
    }
    return "nothing";
  };
  const x = torch.ones(3, { requiresGrad: true });

  it("is said in a sentence", () => {
    expect(raises(() => torch.kernel("", (a) => a))).toMatch(/the first argument has to be the kernel's name/);
    expect(raises(() => torch.kernel("none", () => 1))).toMatch(/ArgumentError: torch.kernel\("none"\).*from 1 to 8, but it has 0/);
    expect(raises(() => torch.kernel("odd", { reduce: "median" } as never))).toMatch(/expected a formula, or \{ map, reduce, finish \}/);
    expect(raises(() => torch.kernel("times", (a) => ((a as unknown as number) * 2) as never))).toMatch(/write x\.mul\(y\)/);
    expect(raises(() => torch.kernel("held", (a) => a.add(x as never)))).toMatch(/make it an operand of the kernel/);
    expect(raises(() => torch.kernel("given", () => "a" as never))).toMatch(/but it has 0/);
    expect(raises(() => swish(x, torch.ones(2)))).toMatch(/ShapeError: The size of tensor a \(3\) must match the size of tensor b \(2\)/);
    expect(raises(() => swish(1, 2))).toMatch(/must be Tensor, not int/);
    expect(raises(() => (swish as (...args: unknown[]) => unknown)(x, 1, 2))).toMatch(/takes 2 positional arguments but 3 were given/);
    expect(raises(() => torch.kernel("bits", (a) => a.bitwiseNot())(x))).toMatch(/only implemented on integer and Boolean-type tensors/);
    expect(raises(() => torch.kernel("least", { reduce: "min" })(torch.ones(0, 2), 0))).toMatch(
      /least\(\): Expected reduction dim 0 to have non-zero size/,
    );
    expect(raises(() => torch.kernel("sums", { reduce: "sum" })(x, 3))).toMatch(/IndexError: Dimension out of range/);
    expect(raises(() => torch.kernel("sums", { reduce: "sum" })(x, { dims: 0 } as never))).toMatch(/unexpected keyword argument 'dims'/);
    expect(raises(() => torch.kernel("typed", { reduce: { init: 0, combine: (a, b) => a.gt(b) } })(x))).toMatch(
      /DTypeError.*type of its operands/,
    );
  });

  it("includes the gradient of a combine of the user's, when it is wanted", () => {
    const f = torch.kernel("own", { reduce: { init: 0, combine: (a, b) => a.add(b) } });
    expect(f(x.detach()).itemSync()).toBe(3);
    const y = f(x);
    expect(raises(() => y.backward())).toMatch(/GradError: derivative for own is not implemented/);
  });

  it("is mostly seen by the compiler already", () => {
    const rms = torch.kernel("rms", { map: (v) => v.square(), reduce: "sum" });
    const wrong = [
      // @ts-expect-error an operand is missing
      () => swish(x),
      // @ts-expect-error an operand too many
      () => swish(x, 1, 2),
      // @ts-expect-error not an operation on elements
      () => torch.kernel("sums", (v) => v.sum()),
      // @ts-expect-error no such option
      () => rms(x, { dims: 1 }),
      // @ts-expect-error a formula gives a value
      () => torch.kernel("text", (v) => String(v)),
    ];
    expect(wrong.map((f) => raises(f)).filter((sentence) => sentence === "nothing")).toEqual([]);
  });

  it("keeps name and length", () => {
    expect([swish.name, swish.length]).toEqual(["swish", 2]);
    expect([torch.kernel("r", { map: (a, b, c) => a.mul(b).add(c), reduce: "sum" })].map((f) => [f.name, f.length])).toEqual([["r", 3]]);
  });
});
