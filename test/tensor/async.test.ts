import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import type { Tensor } from "../../src/index.ts";
import * as torch from "../../src/index.ts";
import { caught, rejected } from "../support/caught.ts";
import { awaitedDevices, readsOf } from "../support/deferred.ts";

const { int64, float64 } = torch;
test("a device that was not started says so", () => {
  expect(() => torch.zeros(2, { device: "deferred" })).toThrow("the device was not started");
});

describe.each(awaitedDevices)("%s", (device) => {
  const there = async (x: Tensor): Promise<Tensor> => await x.to(device);
  const floats = async (...values: number[]): Promise<Tensor> => await there(torch.tensor(values));
  const ints = async (...values: number[]): Promise<Tensor> => await there(torch.tensor(values, { dtype: int64 }));
  const list = async (x: Tensor): Promise<unknown> => await x.tolist();

  describe("moving", () => {
    test("starts the device and takes the values that the tensor had", async () => {
      const x = torch.tensor([1, 2, 3]);
      const moving = x.to(device);
      x.zero_();
      expect(await list(await moving)).toEqual([1, 2, 3]);
      expect((await moving).device.type).toBe(device);
    });

    test("with a dtype: converted where the source can, else where it goes", async () => {
      const x = await torch.tensor([1.5, 2.5], { dtype: float64 }).to(device, torch.float32);
      expect([x.dtype, await list(x)]).toEqual([torch.float32, [1.5, 2.5]]);
      const back = await x.to("cpu", float64);
      expect([back.dtype, back.tolistSync()]).toEqual([float64, [1.5, 2.5]]);
      const like = await torch.tensor([7.9]).to(await ints(1));
      expect([like.dtype, like.device.type, await list(like)]).toEqual([int64, device, [7]]);
      expect(await x.to(device)).toBe(x);
      const copy = await x.to(device, { copy: true });
      expect([copy === x, await list(copy)]).toEqual([false, [1.5, 2.5]]);
      expect(await list((await x.cpu()).add(1))).toEqual([2.5, 3.5]);
    });

    test("strides do not travel, values do", async () => {
      const x = await torch.arange(6).view(2, 3).t().to(device);
      expect([x.shape, x.isContiguous(), await list(x)]).toEqual([
        [3, 2],
        true,
        [
          [0, 3],
          [1, 4],
          [2, 5],
        ],
      ]);
      expect((await torch.empty(0, 3).to(device)).shape).toEqual([0, 3]);
    });

    test("float64 is refused with the way out, unknown devices with the known ones", async () => {
      const sentence = `RuntimeError: device '${device}' has no torch.float64: convert with .float() first`;
      expect(await rejected(torch.zeros(2, { dtype: float64 }).to(device))).toBe(sentence);
      expect(caught(() => torch.zeros(2, { dtype: float64, device }))).toBe(sentence);
      const x = await floats(1);
      expect(caught(() => x.double())).toBe(sentence);
      expect(await rejected(x.to("tpu"))).toMatch(
        /^RuntimeError: Expected one of cpu, .*deferred.* device type at start of device string: tpu$/,
      );
    });

    test("tensor() and asTensor() copy from the CPU at once, and name `to` for the way back", async () => {
      const x = torch.tensor([1, 2]);
      const y = torch.tensor(x, { device, dtype: int64 });
      expect([y.device.type, y.dtype, await list(y)]).toEqual([device, int64, [1, 2]]);
      expect(await list(torch.asTensor(x, { device }))).toEqual([1, 2]);
      expect(torch.asTensor(y, { device })).toBe(y);
      expect(await list(torch.tensor(y))).toEqual([1, 2]);
      expect(caught(() => torch.tensor(y, { device: "cpu" }))).toBe(
        `RuntimeError: values on device '${device}' cannot be copied to 'cpu' synchronously: ` +
          'move them first with `await x.to("cpu")` (or `await x.cpu()`)',
      );
    });

    test("copy_ takes values from the CPU, with their gradient", async () => {
      const x = torch.tensor([1, 2], { requiresGrad: true });
      const y = torch.zeros(2, { device }).copy_(x).mul(3);
      expect(await list(y.detach())).toEqual([3, 6]);
      await y.sum().backwardAsync();
      expect(x.grad!.tolistSync()).toEqual([3, 3]);
      expect(caught(() => torch.zeros(2).copy_(y.detach()))).toMatch(/cannot be copied to 'cpu' synchronously/);
      expect(caught(() => torch.zeros(2).add_(y.detach()))).toMatch(/^RuntimeError: Expected all tensors to be on the same device/);
    });

    test("tensors without dimensions come along from the CPU, others do not", async () => {
      const x = (await floats(1, 2)).requiresGrad_();
      const half = torch.tensor(0.5, { requiresGrad: true });
      const y = x.mul(half).add(torch.tensor(1));
      expect([y.device.type, await list(y.detach()), await list(torch.where(x.gt(1), x, half.detach()).detach())]).toEqual([
        device,
        [1.5, 2],
        [0.5, 2],
      ]);
      await y.sum().backwardAsync();
      expect([await list(x.grad!), half.grad!.itemSync()]).toEqual([[0.5, 0.5], 3]);
      const z = x.detach().clone();
      expect(await list(z.add_(torch.tensor(1)))).toEqual([2, 3]);
      const different = /^RuntimeError: Expected all tensors to be on the same device, but found at least two devices/;
      expect(caught(() => z.add(torch.ones(1)))).toMatch(different);
      expect(caught(() => torch.tensor(1).add_(z.at(0)))).toMatch(different);
    });

    test("devices print as Python's", () => {
      const d = torch.device(device);
      expect([String(d), inspect(d)]).toEqual([device, `device(type='${device}')`]);
    });
  });

  describe("reading", () => {
    test("awaitable everywhere, synchronous nowhere", async () => {
      const x = await floats(4);
      expect([await x.item(), await x.tolist(), await x.toTypedArray()]).toEqual([4, [4], new Float32Array([4])]);
      const sentence = (what: string): string =>
        `RuntimeError: values on device '${device}' cannot be read synchronously: use \`await\` with await x.${what}()`;
      expect(caught(() => x.itemSync())).toBe(sentence("item"));
      expect(caught(() => x.tolistSync())).toBe(sentence("tolist"));
      expect(caught(() => x.toTypedArraySync())).toBe(sentence("toTypedArray"));
      expect(caught(() => x.at(0).format(".2f"))).toBe(sentence("item"));
    });

    test("printing without values, and with", async () => {
      const x = await there(torch.ones(2, 3));
      const text = `tensor(..., device='${device}', size=(2, 3))  # values: await x.repr()`;
      expect([String(x), inspect(x)]).toEqual([text, text]);
      expect(await x.repr()).toBe(`tensor([[1., 1., 1.],\n        [1., 1., 1.]], device='${device}')`);
      expect([...x].map((row) => row.shape)).toEqual([[3], [3]]);
    });
  });

  describe("shapes that depend on values", () => {
    const needs = (what: string, twin: string): string =>
      `RuntimeError: ${what} depends on values, which device '${device}' does not give synchronously: ` +
      `use \`${twin}\`, or move the tensor first with \`await x.cpu()\``;

    test("nonzero, maskedSelect and what a mask selects", async () => {
      const x = await there(
        torch.tensor([
          [0, 2, 0],
          [3, 0, 4],
        ]),
      );
      expect(caught(() => x.nonzero())).toBe(needs("nonzero()", "await x.nonzeroAsync()"));
      expect(caught(() => torch.where(x))).toBe(needs("nonzero()", "await x.nonzeroAsync()"));
      expect(caught(() => x.maskedSelect(x.gt(2)))).toBe(needs("maskedSelect()", "await x.maskedSelectAsync(mask)"));
      expect(caught(() => x.at(x.gt(2)))).toBe(needs("the shape of what a mask selects", "await x.atAsync(mask)"));
      expect(await Promise.all((await x.nonzeroAsync({ asTuple: true })).map(list))).toEqual([
        [0, 1, 1],
        [1, 0, 2],
      ]);
      const positions = [
        [0, 1],
        [1, 0],
        [1, 2],
      ];
      expect([await list(await x.nonzeroAsync()), await list(await torch.nonzeroAsync(x))]).toEqual([positions, positions]);
      expect(await list(await x.maskedSelectAsync(x.gt(2)))).toEqual([3, 4]);
      expect(await list(await torch.maskedSelectAsync(x, torch.tensor([true, false, true], { device })))).toEqual([0, 0, 3, 4]);
    });

    test("the twins work on the CPU, with gradients", async () => {
      const x = torch.tensor([1, -2, 3], { requiresGrad: true });
      const y = await x.maskedSelectAsync(x.gt(0));
      y.mul(y).sum().backward();
      expect([y.tolistSync(), x.grad!.tolistSync()]).toEqual([
        [1, 3],
        [2, 0, 6],
      ]);
      expect((await x.nonzeroAsync()).tolistSync()).toEqual([[0], [1], [2]]);
      expect((await torch.tensor([-0, 0, 1], { dtype: torch.float16 }).nonzeroAsync()).tolistSync()).toEqual([[2]]);
      expect(torch.tensor([-0, 0, 1], { dtype: torch.bfloat16 }).nonzero().tolistSync()).toEqual([[2]]);
      expect(torch.nonzero(x.detach()).equal(await x.nonzeroAsync())).toBe(true);
      expect(torch.maskedSelect(x, x.gt(0)).tolistSync()).toEqual([1, 3]);
    });

    test("equal and allclose", async () => {
      const [a, b, c] = [await floats(1, 2), await floats(1, 2.000001), await floats(1, Number.NaN)];
      expect(caught(() => torch.equal(a, b))).toBe(needs("equal()", "await torch.equalAsync(a, b)"));
      expect(caught(() => a.allclose(b))).toBe(needs("allclose()", "await torch.allcloseAsync(a, b)"));
      expect([await torch.equalAsync(a, b), await a.equalAsync(a.clone()), await torch.equalAsync(a, a.at("0:1"))]).toEqual([
        false,
        true,
        false,
      ]);
      expect([await torch.allcloseAsync(a, b), await a.allcloseAsync(b, 0, 0)]).toEqual([true, false]);
      expect([await c.allcloseAsync(c), await torch.allcloseAsync(c, c, { equalNan: true })]).toEqual([false, true]);
      expect(await rejected(torch.equalAsync(a, torch.ones(2)))).toMatch(/Expected all tensors to be on the same device/);
      const [x, y] = [torch.tensor([1, 2]), torch.tensor([1, 2])];
      expect([x.equal(y), await x.equalAsync(y), x.allclose(y.add(1e-6)), await x.allcloseAsync(y.add(1))]).toEqual([
        true,
        true,
        true,
        false,
      ]);
    });

    test("the number of classes", async () => {
      const x = await ints(0, 2);
      const { oneHot } = torch.nn.functional;
      expect(caught(() => oneHot(x))).toBe(
        `RuntimeError: the number of classes depends on values, which device '${device}' does not give synchronously: ` +
          "name it with `numClasses`, or move the tensor first with `await x.cpu()`",
      );
      expect(await list(oneHot(x, 3))).toEqual([
        [1, 0, 0],
        [0, 0, 1],
      ]);
    });
  });

  describe("writing through masks", () => {
    /** Runs the same assignment on the CPU and there. */
    const both = async (write: (x: Tensor, put: (t: Tensor) => Tensor) => void): Promise<[unknown, unknown]> => {
      const x = torch.arange(12, { dtype: torch.float32 }).view(3, 4);
      const y = await there(x.clone());
      write(x, (t) => t);
      write(y, (t) => torch.tensor(t, { device }));
      return [await list(y), x.tolistSync()];
    };
    test.each<[string, (x: Tensor, put: (t: Tensor) => Tensor) => void]>([
      ["a number", (x) => x.setAt([x.gt(5)], -1)],
      ["a tensor of one element", (x, put) => x.setAt([x.gt(5)], put(torch.tensor([7])))],
      ["a tensor without dimensions, of another dtype", (x, put) => x.setAt([x.gt(5)], put(torch.tensor(7n)))],
      ["rows by a row", (x, put) => x.setAt([put(torch.tensor([true, false, true]))], put(torch.tensor([1, 2, 3, 4])))],
      ["rows by a row, with a leading dimension", (x, put) => x.setAt([put(torch.tensor([true, false, true]))], put(torch.ones(1, 4)))],
      ["columns", (x, put) => x.setAt([":", put(torch.tensor([true, false, true, false]))], put(torch.tensor([[1], [2], [3]])))],
      ["after a slice and a number", (x, put) => x.setAt(["1:", 2], put(torch.tensor([5, 6])))],
      ["in one row", (x, put) => x.setAt([1, put(torch.tensor([true, false, true, false]))], 9)],
      ["bytes", (x, put) => x.setAt([put(torch.tensor([2, 0, 1], { dtype: torch.uint8 }))], 9)],
      ["all or nothing", (x, put) => x.setAt([put(torch.tensor(true))], 9)],
      ["none", (x, put) => x.setAt([put(torch.tensor(false))], 9)],
      ["a new dimension", (x, put) => x.setAt([null, put(torch.tensor([true, false, true]))], 9)],
    ])("%s", async (_, write) => {
      const [actual, expected] = await both(write);
      expect(actual).toEqual(expected);
    });

    test("gradients pass as on the CPU", async () => {
      const run = async (where: string): Promise<unknown[]> => {
        const x = await torch.tensor([1, 2, 3]).to(where);
        const v = await torch.tensor(5).to(where);
        x.requiresGrad = true;
        v.requiresGrad = true;
        const y = x.mul(2);
        y.setAt([x.detach().gt(1)], v);
        y.mul(y).sum().backward();
        return [await x.grad!.tolist(), await v.grad!.tolist()];
      };
      expect(await run(device)).toEqual(await run("cpu"));
    });

    test("values for each selected element are refused, before anything is written", async () => {
      const x = await floats(1, 2, 3);
      const sentence =
        /^RuntimeError: assigning one value to each element that a mask selects depends on values, .* with `await x\.cpu\(\)`$/;
      expect(caught(() => x.setAt([x.gt(1)], torch.tensor([8, 9], { device })))).toMatch(sentence);
      expect(caught(() => x.unsqueeze(0).setAt([0, x.gt(1)], torch.tensor([8, 9], { device })))).toMatch(sentence);
      const two = await there(torch.ones(2, 2));
      expect(caught(() => two.setAt([torch.tensor([true, false], { device }), torch.tensor([0n, 1n], { device })], 3))).toMatch(
        /^RuntimeError: assignment through a mask with other index tensors depends on values/,
      );
      expect(await list(x)).toEqual([1, 2, 3]);
    });

    test("maskedFill and where", async () => {
      const x = await floats(1, 2, 3);
      expect(await list(x.maskedFill(x.gt(1), 0))).toEqual([1, 0, 0]);
      expect(await list(torch.where(x.gt(1), x, -1))).toEqual([-1, 2, 3]);
    });
  });

  describe("index tensors", () => {
    test("without dimensions: a look-up, with the shape that a number gives", async () => {
      const x = torch.arange(24).view(2, 3, 4);
      const y = await there(x);
      const [i, many] = [torch.tensor(1n), torch.tensor([0n, 1n, 1n])];
      const [j, more] = [await there(i), await there(many)];
      const cases: ((t: Tensor, one: Tensor, several: Tensor) => Tensor)[] = [
        (t, one) => t.at(one),
        (t, one) => t.at(":", one),
        (t, one) => t.at(one.neg(), "...", one),
        (t, one, several) => t.at(":", one, several),
        (t, one, several) => t.at(several, ":", one),
        (t, one, several) => t.at(several, one, several),
        (t, one, several) => t.at(":", one).at(":", several),
      ];
      for (const f of cases) expect(await list(f(y, j, more)), String(f)).toEqual(f(x, i, many).tolistSync());
      y.setAt([j, ":", more], 0);
      x.setAt([i, ":", many], 0);
      y.setAt([0, j], torch.arange(4, { device }));
      x.setAt([0, i], torch.arange(4));
      expect(await list(y)).toEqual(x.tolistSync());
    });

    test("from the CPU", async () => {
      const x = await floats(1, 2, 3);
      expect(await list(x.at(torch.tensor([2n, 0n])))).toEqual([3, 1]);
      expect(await list(x.at(torch.tensor([true, false, true])))).toEqual([1, 3]);
      expect(await list(x.at([2, 0]))).toEqual([3, 1]);
      expect(await list(x.at(torch.tensor(2n)))).toEqual(3);
      x.setAt([torch.tensor([true, false, true])], torch.tensor([7, 8], { device }));
      x.setAt([torch.tensor([1n])], 9);
      expect(await list(x)).toEqual([7, 9, 8]);
    });
  });

  describe("errors that depend on values come with the next read", () => {
    test.each<[string, (x: Tensor) => unknown, string]>([
      ["an index", (x) => x.at([0, 5]), "IndexError: index 5 is out of bounds for dimension 0 with size 3"],
      [
        "gather",
        (x) => x.gather(0, torch.tensor([-1n], { device })),
        "RuntimeError: index -1 is out of bounds for dimension 0 with size 3",
      ],
      ["division by zero", (x) => x.long().floorDivide(x.long().sub(1)), "RuntimeError: ZeroDivisionError"],
      ["remainder by zero", (x) => x.long().remainder_(x.long().sub(1)), "RuntimeError: ZeroDivisionError"],
      ["a negative spread", (x) => torch.normal(x, x.sub(2)), "RuntimeError: normal expects all elements of std >= 0.0"],
      [
        "no probability",
        (x) => torch.bernoulli(x),
        "RuntimeError: Expected p_in >= 0 && p_in <= 1 to be true, but got false.  (Could this",
      ],
      [
        "NaN is none",
        (x) => torch.bernoulli(x.mul(Number.NaN)),
        "RuntimeError: Expected p_in >= 0 && p_in <= 1 to be true, but got false.",
      ],
      ["a negative class", (x) => torch.nn.functional.oneHot(x.long().sub(2), 5), "RuntimeError: Class values must be non-negative."],
      ["a class too many", (x) => torch.nn.functional.oneHot(x.long(), 3), "RuntimeError: Class values must be smaller than num_classes."],
      [
        "a negative weight",
        (x) => torch.multinomial(x.sub(2), 1),
        "RuntimeError: probability tensor contains either `inf`, `nan` or element < 0",
      ],
      ["no weight", (x) => torch.multinomial(x.zero_(), 1), "RuntimeError: invalid multinomial distribution (sum of probabilities <= 0)"],
      [
        "a class target",
        (x) => torch.nn.functional.crossEntropy(x.view(1, 3), torch.tensor([7n], { device })),
        "IndexError: Target 7 is out of bounds.",
      ],
    ])("%s", async (_, run, sentence) => {
      const x = await floats(1, 2, 3);
      run(x);
      expect(await rejected(x.tolist())).toContain(sentence);
      expect(await rejected(x.tolist())).toBe("no error");
    });

    test("a norm that is not finite", async () => {
      const p = (await floats(1, 2)).requiresGrad_();
      p.grad = await floats(Number.POSITIVE_INFINITY, 1);
      torch.nn.utils.clipGradNorm_([p], 1, { errorIfNonfinite: true });
      expect(await rejected(p.tolist())).toMatch(
        /^RuntimeError: The total norm of order 2\.0 for gradients from `parameters` is non-finite/,
      );
    });

    test("on the CPU they come at once, and nothing is raised for good values", async () => {
      const x = torch.tensor([1n, 2n]);
      expect(caught(() => x.floorDivide(torch.tensor([1n, 0n])))).toBe("RuntimeError: ZeroDivisionError");
      expect(caught(() => torch.bernoulli(torch.tensor([0.5, Number.NaN])))).toMatch(/Expected p_in/);
      expect(caught(() => torch.normal(torch.zeros(2), torch.tensor([1, -1])))).toMatch(/all elements of std/);
      const y = await ints(4, 6);
      expect(await list(y.floorDivide(await ints(2, 3)))).toEqual([2, 2]);
      expect(await list(torch.normal(await floats(1, 2), torch.zeros(2, { device })))).toEqual([1, 2]);
    });
  });

  describe("creation and draws", () => {
    test("whole and fractional sequences, as on the CPU", async () => {
      const made: ((o: { device?: string }) => Tensor)[] = [
        (o) => torch.arange(5, o),
        (o) => torch.arange(10, 0, -3, o),
        (o) => torch.arange(0, 1, 0.1, o),
        (o) => torch.arange(4, { ...o, dtype: torch.float16 }),
        (o) => torch.linspace(0, 1, 7, o),
        (o) => torch.eye(3, o),
        (o) => torch.full([2], 2.7, { ...o, dtype: int64 }),
        (o) => torch.full([2], -2.7, { ...o, dtype: torch.int8 }),
        (o) => torch.zeros(2, { ...o, dtype: torch.int32 }).fill_(1.9),
      ];
      for (const f of made) {
        const [x, y] = [f({}), f({ device })];
        expect([y.device.type, y.dtype, await list(y)], String(f)).toEqual([device, x.dtype, x.tolistSync()]);
      }
    });

    test("bernoulli and dropout draw on the device", async () => {
      const before = readsOf(device);
      const p = await there(torch.full([4000], 0.25));
      const drawn = torch.bernoulli(p);
      const dropped = torch.nn.functional.dropout(p, 0.5);
      const same = torch.zeros(3, { device }).bernoulli_(torch.tensor([0, 1, 1], { device }));
      expect(readsOf(device)).toBe(before);
      expect(await drawn.mean().item()).toBeCloseTo(0.25, 1);
      expect(new Set((await list(drawn)) as number[])).toEqual(new Set([0, 1]));
      expect(new Set((await list(dropped)) as number[])).toEqual(new Set([0, 0.5]));
      expect(await list(same)).toEqual([0, 1, 1]);
    });

    test("multinomial", async () => {
      const w = await floats(0, 3, 1, 0);
      const many = await list(torch.multinomial(w, 2000, true));
      const ones = (many as number[]).filter((i) => i === 1).length;
      expect(new Set(many as number[])).toEqual(new Set([1, 2]));
      expect(ones / 2000).toBeCloseTo(0.75, 1);
      const rows = torch.multinomial(torch.ones(3, 5, { device }), 5);
      expect([rows.shape, rows.dtype]).toEqual([[3, 5], int64]);
      for (const row of (await list(rows)) as number[][]) expect([...row].sort()).toEqual([0, 1, 2, 3, 4]);
      expect(torch.multinomial(w, 1).shape).toEqual([1]);
      expect(caught(() => torch.poisson(w))).toMatch(/^RuntimeError: poisson\(\) depends on values.*`await x\.cpu\(\)`$/);
    });
  });
});
