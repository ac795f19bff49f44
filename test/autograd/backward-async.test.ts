import { describe, expect, test } from "vitest";
import type { Tensor } from "../../src/index.ts";
import * as torch from "../../src/index.ts";
import { caught, rejected } from "../support/caught.ts";
import { awaitedDevices, readsOf } from "../support/deferred.ts";

const { backwardAsync, grad, gradAsync } = torch.autograd;
const leaf = (...values: number[]): Tensor => torch.tensor(values, { requiresGrad: true });
const list = async (x: Tensor | null | undefined): Promise<unknown> => (await x?.tolist()) ?? null;
describe.each(awaitedDevices)("%s", (device) => {
  const refused =
    `RuntimeError: a gradient has to be copied from device '${device}' to 'cpu', which cannot be done synchronously: ` +
    "use `await loss.backwardAsync()` (torch.autograd.backwardAsync, torch.autograd.gradAsync)";

  /** A loss on the device of parameters on both sides of the crossing. */
  async function crossed(): Promise<{ w: Tensor; there: Tensor; loss: Tensor }> {
    const w = leaf(1, 2, 3);
    const there = (await torch.tensor([4, 5, 6]).to(device)).requiresGrad_();
    const h = await w.mul(2).to(device);
    return { w, there, loss: h.mul(there).sum() };
  }

  describe("a gradient from a device back to the CPU", () => {
    test("backward refuses before any gradient is written, and can be asked again", async () => {
      const { w, there, loss } = await crossed();
      const early = leaf(1);
      const both = loss.add((await early.to(device)).sum());
      expect(caught(() => both.backward())).toBe(refused);
      expect(caught(() => grad(both, [w]))).toBe(refused);
      expect([w.grad, there.grad, early.grad]).toEqual([null, null, null]);
      await both.backwardAsync();
      expect([await list(w.grad), await list(there.grad), await list(early.grad)]).toEqual([[8, 10, 12], [2, 4, 6], [1]]);
      expect([w.grad!.device.type, there.grad!.device.type]).toEqual(["cpu", device]);
    });

    test("what does not pass the crossing stays synchronous", async () => {
      const { there, loss } = await crossed();
      const [g] = grad(loss, [there], { retainGraph: true });
      loss.backward({ inputs: [there] });
      expect([await list(g), await list(there.grad)]).toEqual([
        [2, 4, 6],
        [2, 4, 6],
      ]);
    });

    test("from the device to the CPU and on, backward needs no await", async () => {
      const x = (await torch.tensor([1, 2]).to(device)).requiresGrad_();
      const y = await x.mul(3).cpu();
      y.mul(y).sum().backward();
      expect(await list(x.grad)).toEqual([18, 36]);
    });

    test("between devices that can be read, both ways are synchronous", async () => {
      const x = leaf(1, 2);
      (await x.mul(3).to("reference")).sum().backward();
      expect(await list(x.grad)).toEqual([3, 3]);
    });

    test("there and back again", async () => {
      const x = leaf(1, 2);
      const y = await (await x.exp().to(device)).mul(2).cpu();
      const z = (await y.to(device)).sum();
      const before = readsOf(device);
      await z.backwardAsync();
      expect(readsOf(device)).toBeGreaterThan(before);
      expect(await torch.allcloseAsync(x.grad!, x.detach().exp().mul(2))).toBe(true);
    });
  });

  describe("the arguments of backward", () => {
    test("gradient, retainGraph, inputs", async () => {
      const { w, there, loss } = await crossed();
      await loss.backwardAsync(torch.tensor(2, { device }), true);
      await loss.backwardAsync({ retainGraph: true, inputs: [w] });
      await backwardAsync(loss, null, { inputs: there });
      expect([await list(w.grad), await list(there.grad)]).toEqual([
        [24, 30, 36],
        [6, 12, 18],
      ]);
      expect(await rejected(loss.backwardAsync())).toMatch(/^RuntimeError: Trying to backward through the graph a second time/);
      expect(await rejected(torch.ones(2).backwardAsync())).toMatch(/^RuntimeError: element 0 of tensors does not require grad/);
      const y = (await w.to(device)).mul(2);
      expect(await rejected(y.backwardAsync())).toBe("RuntimeError: grad can be implicitly created only for scalar outputs");
    });

    test("gradAsync", async () => {
      const { w, there, loss } = await crossed();
      const [a, b] = await gradAsync(loss, [w, there], { retainGraph: true });
      expect([await list(a), await list(b)]).toEqual([
        [8, 10, 12],
        [2, 4, 6],
      ]);
      expect(await rejected(gradAsync(loss, [w, leaf(1)]))).toMatch(
        /^RuntimeError: One of the differentiated Tensors appears to not have been used/,
      );
      expect([w.grad, there.grad]).toEqual([null, null]);
    });

    test("second derivatives through the crossing", async () => {
      const x = leaf(2, 3);
      const y = await x.to(device);
      const [g] = await gradAsync(y.mul(y).mul(y).sum(), [x], { createGraph: true });
      expect(await list(g!.detach())).toEqual([12, 27]);
      // From the CPU to the device, which needs no await, and then back.
      expect(caught(() => g!.sum().backward())).toBe(refused);
      await g!.sum().backwardAsync();
      expect(await list(x.grad)).toEqual([12, 18]);
    });

    test("on one device it is backward", async () => {
      const x = leaf(1, 2);
      await x.mul(3).sum().backwardAsync();
      expect(await list(x.grad)).toEqual([3, 3]);
    });
  });

  describe("around the engine", () => {
    test("nothing is recorded while it waits or afterwards that should not be", async () => {
      const { w, loss } = await crossed();
      const waiting = loss.backwardAsync();
      const y = w.mul(2);
      expect([torch.isGradEnabled(), y.requiresGrad]).toEqual([true, true]);
      await waiting;
      expect([torch.isGradEnabled(), w.grad!.requiresGrad]).toEqual([true, false]);
    });

    test("hooks run on both sides, in order", async () => {
      const { w, there, loss } = await crossed();
      const seen: string[] = [];
      w.registerHook((g) => void seen.push(`w ${g.device.type}`));
      there.registerHook((g) => {
        seen.push(`there ${g.device.type}`);
        return g.mul(10);
      });
      await loss.backwardAsync();
      expect([seen, await list(there.grad)]).toEqual([
        [`there ${device}`, "w cpu"],
        [20, 40, 60],
      ]);
    });

    test("a fault that the device found is raised by the engine's read, and the graph lets go", async () => {
      const w = leaf(1, 2, 3);
      const h = await w.to(device);
      const loss = h.at([0, 7]).sum();
      expect(await rejected(loss.backwardAsync())).toMatch(/^IndexError: index 7 is out of bounds for dimension 0 with size 3/);
      expect([w.grad, torch.isGradEnabled()]).toEqual([null, true]);
    });

    test("gradients on the way are released", async () => {
      const x = leaf(...Array.from({ length: 64 }, (_, i) => i));
      const y = (await x.mul(2).to(device)).mul(3).sum();
      const before = torch.memory.stats(device)["allocation.all.current"];
      await y.backwardAsync();
      expect(torch.memory.stats(device)["allocation.all.current"]).toBeLessThanOrEqual(before);
    });
  });

  describe("moving modules", () => {
    const model = (): torch.nn.Sequential =>
      new torch.nn.Sequential(new torch.nn.Linear(3, 4), new torch.nn.ReLU(), new torch.nn.BatchNorm1d(4));

    test("keeps objects, gradients, flags, buffers, ties and hooks", async () => {
      const net = model();
      const tied = new torch.nn.Linear(3, 4);
      tied.weight = (net.at(0) as torch.nn.Linear).weight;
      const both = new torch.nn.ModuleList([net, tied]);
      const [weight, bias] = net.parameters();
      bias!.requiresGrad = false;
      const norms: number[] = [];
      weight!.registerHook((g) => void norms.push(g.numel()));
      net(torch.randn(5, 3)).square().sum().backward();
      const gradient = weight!.grad!.tolistSync();
      expect(await both.to(device)).toBe(both);
      expect(net.parameters()[0]).toBe(weight);
      expect(tied.weight).toBe(weight);
      expect(weight!.device.type).toBe(device);
      expect([weight!.requiresGrad, bias!.requiresGrad]).toEqual([true, false]);
      expect(await list(weight!.grad)).toEqual(gradient);
      expect(weight!.grad!.device.type).toBe(device);
      expect(net.buffers().map((b) => b.device.type)).toEqual([device, device, device]);
      net(torch.randn(5, 3, { device }))
        .square()
        .sum()
        .backward();
      expect(norms).toEqual([12, 12]);
    });

    test("all or nothing", async () => {
      const net = model();
      net.append(new torch.nn.Linear(2, 2, { dtype: torch.float64 }));
      expect(await rejected(net.to(device))).toBe(`RuntimeError: device '${device}' has no torch.float64: convert with .float() first`);
      expect(new Set(net.parameters().map((p) => p.device.type))).toEqual(new Set(["cpu"]));
      expect(await rejected(net.to("tpu"))).toMatch(/device type at start of device string: tpu$/);
      await net.to(device, torch.float32);
      expect(new Set(net.parameters().map((p) => `${p.device} ${p.dtype}`))).toEqual(new Set([`${device} torch.float32`]));
      expect(caught(() => net.double())).toMatch(/has no torch\.float64/);
      expect(await rejected(net.to(device, torch.int64))).toMatch(/^TypeError: nn\.Module\.to only accepts floating point/);
    });

    test("layers made on the device have the CPU's initial values", async () => {
      await torch.ones(1).to(device);
      torch.manualSeed(3);
      const there = new torch.nn.Linear(3, 2, { device });
      torch.manualSeed(3);
      const here = new torch.nn.Linear(3, 2);
      expect(await list(there.weight)).toEqual(here.weight.tolistSync());
      const other = new torch.nn.Linear(3, 2);
      there.loadStateDict(other.stateDict());
      expect(await list(there.weight)).toEqual(other.weight.tolistSync());
      expect(caught(() => other.loadStateDict(there.stateDict()))).toMatch(/cannot be copied to 'cpu' synchronously/);
    });
  });

  describe("training", () => {
    test("no step reads the device, and the result is the CPU's", async () => {
      const train = async (where: string): Promise<Tensor> => {
        torch.manualSeed(1);
        const net = new torch.nn.Sequential(
          new torch.nn.Linear(3, 4),
          new torch.nn.Tanh(),
          new torch.nn.BatchNorm1d(4),
          new torch.nn.Linear(4, 2),
        );
        const x = await torch.randn(6, 3).to(where);
        const y = await torch.tensor([0n, 1n, 1n, 0n, 1n, 0n]).to(where);
        await net.to(where);
        const optimizer = new torch.optim.Adam(net.parameters(), { lr: 0.1, amsgrad: true });
        const before = where === device ? readsOf(device) : 0;
        for (let i = 0; i < 3; i++) {
          optimizer.zeroGrad();
          torch.nn.functional.crossEntropy(net(x), y).backward();
          torch.nn.utils.clipGradNorm_(net.parameters(), 1);
          optimizer.step();
        }
        if (where === device) expect(readsOf(device)).toBe(before);
        const state = optimizer.stateDict();
        const again = new torch.optim.Adam(net.parameters(), { lr: 0.1, amsgrad: true });
        again.loadStateDict(state);
        return await torch.nn.utils.parametersToVector(net.parameters()).detach().cpu();
      };
      // Without float64 the sums of batch normalisation have other last bits.
      expect(torch.allclose(await train(device), await train("cpu"), { atol: 1e-6 })).toBe(true);
    });

    test("optimizer state from the CPU goes to its parameter's device", async () => {
      const p = leaf(1, 2);
      p.grad = torch.ones(2);
      const here = new torch.optim.Adam([p], { lr: 0.1 });
      here.step();
      const q = (await p.detach().to(device)).requiresGrad_();
      q.grad = torch.ones(2, { device });
      const there = new torch.optim.Adam([q], { lr: 0.1 });
      there.loadStateDict(here.stateDict());
      there.step();
      here.step();
      expect(await torch.allcloseAsync(q.detach(), await p.detach().to(device))).toBe(true);
      expect(caught(() => here.loadStateDict(there.stateDict()))).toMatch(/cannot be copied to 'cpu' synchronously/);
    });

    test("a loader moves its batches", async () => {
      const dataset = new torch.data.TensorDataset(torch.arange(6).view(3, 2), torch.tensor([1n, 2n, 3n]));
      const seen: unknown[] = [];
      for await (const [x, y] of new torch.data.DataLoader(dataset, { batchSize: 2, device })) {
        seen.push([x.device.type, await list(x), await list(y)]);
      }
      expect(seen).toEqual([
        [
          device,
          [
            [0, 1],
            [2, 3],
          ],
          [1, 2],
        ],
        [device, [[4, 5]], [3]],
      ]);
      const weights = torch.ones(3, { device });
      expect(caught(() => new torch.data.WeightedRandomSampler(weights, 2))).toMatch(
        /^RuntimeError: the order of samples depends on values/,
      );
    });
  });
});
