import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Tensor } from "../../src/index.ts";
import * as torch from "../../src/index.ts";
import { nn, optim } from "../../src/index.ts";
import { devices } from "../support/devices.ts";

const { profile, recordFunction } = torch.profiler;
type FunctionEvent = torch.profiler.FunctionEvent;
const named = (events: readonly FunctionEvent[], name: string): FunctionEvent[] => events.filter((e) => e.name === name);
const inside = (e: FunctionEvent | null): string[] => (e === null ? [] : [e.name, ...inside(e.cpuParent)]);
const cube = torch.kernel("cube", (x) => x.mul(x).mul(x));

describe.each(devices)("a profile on %s", (device) => {
  it("has every op, node of backward, optimizer step and kernel of a training step", async () => {
    const model = new nn.Sequential(new nn.Linear(2, 8), new nn.ReLU(), new nn.Linear(8, 1));
    await model.to(device);
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
    const x = await torch.ones(4, 2).to(device);
    const step = (): void => {
      optimizer.zeroGrad();
      cube(model(x) as Tensor)
        .mean()
        .backward();
      optimizer.step();
    };
    step();
    const prof = await profile(() => recordFunction("step", step), { recordShapes: true });
    const events = prof.events();
    const [whole] = named(events, "step");
    expect(inside(named(events, "relu")[0]!)).toEqual(["relu", "step"]);
    expect(inside(named(events, `${device}::map`)[0]!).at(-1)).toBe("step");
    for (const name of ["linear", "cube", "mean", "backward", "CubeBackward0", "MeanBackward0", "AccumulateGrad"])
      expect(named(events, name).length, name).toBeGreaterThan(0);
    expect(named(events, "AccumulateGrad")).toHaveLength(4);
    expect(inside(named(events, "CubeBackward0")[0]!)).toEqual(["CubeBackward0", "backward", "step"]);
    expect(inside(named(events, "Optimizer.step#SGD.step")[0]!)).toEqual(["Optimizer.step#SGD.step", "step"]);
    expect(named(events, "cube")[0]!.inputShapes).toEqual([[4, 1]]);
    // An event lasts as long as what is in it and its own time.
    for (const e of events) {
      expect(e.selfCpuTimeTotal).toBeGreaterThanOrEqual(0);
      for (const child of e.cpuChildren) {
        expect(child.timeRange.start).toBeGreaterThanOrEqual(e.timeRange.start);
        expect(child.timeRange.end).toBeLessThanOrEqual(e.timeRange.end);
      }
    }
    const averages = prof.keyAverages();
    expect(averages.selfCpuTimeTotal).toBeCloseTo(whole!.cpuTimeTotal, 3);
    expect(averages.find((a) => a.key === "linear")).toMatchObject({ count: 2 });
    const byShape = prof.keyAverages({ groupByInputShape: true }).filter((a) => a.key === "linear");
    expect(byShape.map((a) => a.inputShapes)).toEqual([
      [[4, 2], [8, 2], [8]],
      [[4, 8], [1, 8], [1]],
    ]);
  });

  it("measures memory that stays", async () => {
    const x = await torch.ones(1000).to(device);
    const kept: Tensor[] = [];
    const prof = await profile(() => void kept.push(x.mul(2)), { profileMemory: true });
    const [mul] = named(prof.events(), "mul");
    const bytes = device === "webgpu" ? mul!.deviceMemoryUsage : mul!.cpuMemoryUsage;
    expect(bytes).toBe(4000);
    expect(device === "webgpu" ? mul!.cpuMemoryUsage : mul!.deviceMemoryUsage).toBe(0);
    expect(prof.keyAverages().table()).toContain(device === "webgpu" ? "WebGPU Mem" : "Self CPU Mem");
  });

  it("writes a trace", async () => {
    const x = await torch.ones(8, 8).to(device);
    const prof = await profile(() => x.matmul(x).exp());
    const path = join(tmpdir(), `torchlet-trace-${process.pid}-${device}.json`);
    const text = prof.exportChromeTrace(path);
    try {
      expect(readFileSync(path, "utf8")).toBe(text);
    } finally {
      rmSync(path);
    }
    const { traceEvents } = JSON.parse(text) as { traceEvents: Record<string, unknown>[] };
    const exp = traceEvents.find((e) => e["name"] === "exp")!;
    expect(exp).toMatchObject({ ph: "X", cat: "cpu_op", pid: 0, tid: 1 });
    expect(traceEvents.filter((e) => e["cat"] === "cpu_kernel").map((e) => e["name"])).toEqual([`${device}::contract`, `${device}::map`]);
    expect(() => prof.exportChromeTrace("/nowhere/at/all.json")).toThrow(/all\.json cannot be written/);
  });
});

describe.runIf(devices.includes("webgpu"))("the GPU's own times", () => {
  it("belong to the kernels, which do not begin before they are handed over", async () => {
    const x = await torch.ones(64, 64).to("webgpu");
    const prof = await profile(() => {
      let y = x;
      for (let i = 0; i < 3; i++) y = y.matmul(x).tanh();
      return y;
    });
    const { timestamps } = (torch.device("webgpu").backend as unknown as { context: { features: { timestamps: boolean } } }).context
      .features;
    const products = named(prof.events(), "webgpu::contract");
    expect(products).toHaveLength(3);
    if (!timestamps) {
      expect(prof.keyAverages().table()).toContain("n/a");
      return;
    }
    for (const e of products) {
      expect(e.kernels).toHaveLength(1);
      expect(e.kernels[0]!.duration).toBeGreaterThan(0);
      expect(e.kernels[0]!.start).toBeGreaterThanOrEqual(e.timeRange.start - 1e-6);
    }
    const averages = prof.keyAverages();
    const matmul = averages.find((a) => a.key === "matmul")!;
    expect(matmul.deviceTimeTotal).toBeCloseTo(
      products.reduce((sum, e) => sum + e.kernels[0]!.duration, 0),
      6,
    );
    expect(averages.table({ sortBy: "deviceTimeTotal" })).toMatch(/Self WebGPU time total: [\d.]+(us|ms)\n$/);
    const { traceEvents } = JSON.parse(prof.exportChromeTrace()) as { traceEvents: Record<string, unknown>[] };
    expect(traceEvents.filter((e) => e["cat"] === "kernel" && e["name"] === "webgpu::contract")).toHaveLength(3);
  });

  it("are read where there are more kernels than a set of queries has room for", async () => {
    const x = await torch.ones(4).to("webgpu");
    const prof = await profile(() => {
      let y = x;
      for (let i = 0; i < 2100; i++) y = y.mul(1);
      return y;
    });
    const kernels = named(prof.events(), "webgpu::map").flatMap((e) => e.kernels);
    if (kernels.length > 0) expect(kernels).toHaveLength(2100);
  });

  it("have to be awaited", async () => {
    const x = await torch.ones(4).to("webgpu");
    const prof = profile();
    x.mul(2);
    expect(() => prof.events()).toThrow("the profile is still being made: await prof.stop()");
    prof[Symbol.dispose]();
    if (torch.webgpu.deviceName().includes("SwiftShader")) expect(() => prof.events()).toThrow("await prof.stop()");
    expect(named((await prof.stop()).events(), "mul")).toHaveLength(1);
  });
});

describe("recording", () => {
  const x = torch.ones(3);

  it("leaves nothing behind", async () => {
    const { mul, item, add_ } = torch.Tensor.prototype as unknown as Record<string, unknown>;
    const call = torch.mul.call;
    await profile(() => expect((torch.Tensor.prototype as unknown as Record<string, unknown>)["mul"]).not.toBe(mul));
    const after = torch.Tensor.prototype as unknown as Record<string, unknown>;
    expect([after["mul"], after["item"], after["add_"], torch.mul.call]).toEqual([mul, item, add_, call]);
    await expect(
      profile(() => {
        throw new RangeError("mine");
      }),
    ).rejects.toThrow(new RangeError("mine"));
    expect((torch.Tensor.prototype as unknown as Record<string, unknown>)["mul"]).toBe(mul);
    expect(recordFunction("outside", () => 5)).toBe(5);
  });

  it("sees methods, in-place methods and free functions by one name each", async () => {
    const prof = await profile(() => {
      torch.mul(x, 2).add_(1);
      x.mul(2);
      x.where(x.gt(0), 0);
    });
    expect(prof.keyAverages().map((a) => [a.key, a.count])).toEqual([
      ["mul", 2],
      ["cpu::map", 5],
      ["add_", 1],
      ["gt", 1],
      ["where", 1],
    ]);
  });

  it("follows async functions to their end", async () => {
    const prof = await profile(async () => {
      await recordFunction("read", async () => {
        await x.sum().item();
        x.exp();
      });
      using _ = recordFunction("block");
      x.log();
    });
    const events = prof.events();
    expect(inside(named(events, "item")[0]!)).toEqual(["item", "read"]);
    expect(inside(named(events, "exp")[0]!)).toEqual(["exp", "read"]);
    expect(inside(named(events, "log")[0]!)).toEqual(["log", "block"]);
    expect(named(events, "read")[0]!.isAsync).toBe(true);
    await expect(profile(() => recordFunction("fails", () => Promise.reject(new Error("mine"))))).rejects.toThrow("mine");
  });

  it("ends with its block", async () => {
    let made: torch.profiler.Profile;
    {
      using prof = profile({ withStack: true });
      made = prof;
      x.mul(3);
    }
    x.div(3);
    expect(made.events().map((e) => e.name)).toEqual(["mul", "cpu::map"]);
    expect(made.events()[0]!.stack[0]).toMatch(/test\/profiler\/profile\.test\.ts\(\d+\): /);
    expect(made.keyAverages({ groupByStackN: 1 }).table()).toContain("Source Location");
    expect(await made.stop()).toBe(made);
  });

  it("is done once at a time, as in PyTorch", async () => {
    const prof = profile();
    expect(() => profile()).toThrow("Profiler is already enabled on this thread.");
    await prof.stop();
    await profile(() => {});
  });

  it("prints events as PyTorch does", async () => {
    const prof = await profile(() => x.mul(2));
    expect(String(prof.events()[0])).toMatch(
      /^<FunctionEvent id=0 name=mul cpu_time=[\d.]+us start_us=[\d.]+ end_us=[\d.]+ cpu_children=\[1\] /,
    );
    expect(String(prof.keyAverages()[0])).toMatch(/^<FunctionEventAvg key=mul self_cpu_time=[\d.]+us cpu_time=[\d.]+us /);
  });
});
