import { afterEach, describe, expect, test } from "vitest";
import { outOfMemory } from "../../src/core/errors.ts";
import { openDevices } from "../../src/dispatch/device.ts";
import type { Tensor } from "../../src/index.ts";
import * as torch from "../../src/index.ts";
import { nn, optim } from "../../src/index.ts";
import { checkPool } from "../../src/memory/check.ts";
import { Pool } from "../../src/memory/pool.ts";
import { devices as all } from "../support/devices.ts";

const MB = 1024 * 1024;
const devices = all.filter((device) => device !== "reference");
const poolOf = (device: string): Pool => torch.device(device).pool;
const live = (): number => openDevices().reduce((n, d) => n + d.pool.all.allocatedBytes.current, 0);

/** What is held once all that is dead has been collected. Code that V8 is just compiling may hold a little for a moment. */
async function settled(expected: number = 0): Promise<number> {
  for (let i = 0; i < 10; i++) {
    expect((await torch.memory.collect()).exact).toBe(true);
    if (live() <= expected) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return live();
}

afterEach(() => {
  for (const d of openDevices()) d.pool.limit = Number.POSITIVE_INFINITY;
});

describe.each(devices)("a synchronous loop on %s", (device) => {
  const options = { device };
  const step = (w: Tensor): void => {
    w.grad?.zero_();
    w.mul(0.5).exp().sum().backward();
  };

  test("is flat inside scope", () => {
    const w = torch.ones([MB / 4], { ...options, requiresGrad: true });
    poolOf(device).limit = poolOf(device).all.reservedBytes.current + 16 * MB;
    const before = poolOf(device).all.allocatedBytes.current;
    for (let i = 0; i < 100; i++) torch.scope(() => step(w));
    expect(poolOf(device).all.allocatedBytes.current - before).toBe(MB); // the gradient
    w.dispose();
  });

  test("without scope ends at the limit in an error with advice, after which everything comes back", async () => {
    const before = await settled();
    const pool = poolOf(device);
    const w = torch.ones([MB / 4], { ...options, requiresGrad: true });
    torch.memory.emptyCache();
    pool.limit = pool.all.reservedBytes.current + 64 * MB;
    let steps = 0;
    const loop = (): void => {
      for (; steps < 1000; steps++) step(w);
    };
    expect(loop).toThrow(torch.OutOfMemoryError);
    expect(loop).toThrow(/out of memory\. Tried to allocate .*await a read in the loop, or wrap its body in scope/);
    expect(steps).toBeLessThan(64);
    expect(checkPool(pool)).toEqual([]);
    w.grad = null;
    expect((await settled(before + MB)) - before).toBe(MB);
    // Work goes on, as long as it awaits a read or stays in a scope.
    for (let i = 0; i < 100; i++) {
      step(w);
      await w.at(0).item();
    }
    expect(checkPool(pool)).toEqual([]);
    w.grad = null;
    w.dispose();
    expect(await settled(before)).toBe(before);
  });
});

test("the end of the CPU's heap is an OutOfMemoryError, after which everything comes back", async () => {
  const before = await settled();
  const hold: Tensor[] = [];
  // Nothing is written, so that the machine gives address space and no memory.
  const loop = (): void => {
    for (let i = 0; i < 64; i++) hold.push(torch.empty([64 * MB], { dtype: torch.uint8 }));
  };
  expect(loop).toThrow(torch.OutOfMemoryError);
  expect(hold.length).toBeLessThan(64);
  expect(torch.ones([10]).sum().itemSync()).toBe(10);
  expect(checkPool(poolOf("cpu"))).toEqual([]);
  hold.length = 0;
  expect(await settled(before)).toBe(before);
  torch.memory.emptyCache();
});

// ---- each allocation of a training step fails in turn

/** Every pool that has served anything, scratch memory included. */
const pools = new Set<Pool>();

/** Lets the `k`th allocation from now on fail, in whatever pool. Gives a function that ends this and says how many there were. */
function failAt(k: number): () => number {
  const { allocate } = Pool.prototype;
  let count = 0;
  Pool.prototype.allocate = function (this: Pool, size, kind) {
    pools.add(this);
    if (++count === k) throw outOfMemory(this.name, size, this.capacity, 0, 0, this.limit);
    return allocate.call(this, size, kind);
  };
  return () => {
    Pool.prototype.allocate = allocate;
    return count;
  };
}

type Optimizer = optim.Optimizer;
type Model = nn.Module & ((x: Tensor) => Tensor);
interface Setting {
  readonly model: Model;
  readonly optimizer: Optimizer;
  readonly x: Tensor;
  readonly y: Tensor;
}

const models: Record<string, () => [Model, number[]]> = {
  "an MLP": () => [new nn.Sequential(new nn.Linear(6, 8), new nn.ReLU(), new nn.Linear(8, 3)), [4, 6]],
  "a convnet": () => [
    new nn.Sequential(new nn.Conv2d(1, 2, 3), new nn.ReLU(), new nn.MaxPool2d(2), new nn.Flatten(), new nn.Linear(8, 3)),
    [4, 1, 6, 6],
  ],
};
const optimizers: Record<string, (p: Iterable<Tensor>) => unknown> = {
  "SGD with Nesterov momentum": (p) => new optim.SGD(p, { lr: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.01 }),
  SGD: (p) => new optim.SGD(p, { lr: 0.1, momentum: 0.9, maximize: true }),
  Adam: (p) => new optim.Adam(p, { lr: 0.1, weightDecay: 0.01 }),
  "AdamW with amsgrad": (p) => new optim.AdamW(p, { lr: 0.1, amsgrad: true }),
};

async function newSetting(device: string, model: string, optimizer: string): Promise<Setting> {
  torch.manualSeed(7);
  const [net, shape] = models[model]!();
  const placed = await net.to(device);
  const x = await torch.randn(shape).to(device);
  const y = await torch.randint(0, 3, [4]).to(device);
  return { model: placed, optimizer: optimizers[optimizer]!(placed.parameters()) as Optimizer, x, y };
}

type Phase = "forward" | "backward" | "step";
/** One step; `phase` says how far it came. */
function train({ model, optimizer }: Setting, x: Tensor, y: Tensor, at: (phase: Phase) => void): Tensor {
  optimizer.zeroGrad(true);
  at("forward");
  const loss = nn.functional.crossEntropy(model(x), y);
  at("backward");
  loss.backward();
  at("step");
  optimizer.step();
  return loss;
}

/** A parameter with its gradient and all that the optimizer knows of it, as text. */
interface Picture {
  readonly value: string;
  readonly state: string;
  readonly grad: string;
}
async function pictures({ model, optimizer }: Setting): Promise<Picture[]> {
  const out: Picture[] = [];
  const text = async (x: unknown): Promise<string> => JSON.stringify(x instanceof torch.Tensor ? await x.tolist() : x);
  for (const p of model.parameters()) {
    const state: string[] = [];
    for (const [name, value] of Object.entries(optimizer.state.get(p) ?? {})) state.push(`${name}=${await text(value)}`);
    out.push({ value: await text(p.detach()), state: state.sort().join(" "), grad: await text(p.grad) });
  }
  return out;
}

/** Runs `warm` steps, and one more in which the `k`th allocation fails. */
async function run(device: string, model: string, optimizer: string, warm: number, k: number) {
  const setting = await newSetting(device, model, optimizer);
  let phase: Phase = "forward";
  const note = (p: Phase): void => {
    phase = p;
  };
  for (let i = 0; i < warm; i++) await train(setting, setting.x, setting.y, note).item();
  const before = await pictures(setting);
  const end = failAt(k);
  let error: unknown = null;
  let allocations = 0;
  try {
    train(setting, setting.x, setting.y, note);
  } catch (e) {
    error = e;
  } finally {
    allocations = end();
  }
  const faults = [...pools].flatMap((pool) => checkPool(pool));
  const devicePools = openDevices().map((d) => d.pool);
  for (const pool of pools) {
    const { current } = pool.all.allocation;
    if (!devicePools.includes(pool) && current > 0) faults.push(`${current} blocks of scratch memory are left`);
  }
  const after = await pictures(setting);
  // A smaller batch.
  const loss = (await train(setting, setting.x.at("0:2"), setting.y.at("0:2"), note).item()) as number;
  return { error, phase: phase as Phase, failedIn: phase, allocations, before, after, faults, loss, setting };
}

/** What the first run makes and keeps, such as compiled kernels. A function of its own, whose frame keeps nothing else. */
async function compile(...args: [device: string, model: string, optimizer: string, warm: number]): Promise<void> {
  await run(...args, Number.POSITIVE_INFINITY);
}

describe.each(devices)("out of memory on %s", (device) => {
  const cases = Object.keys(optimizers).flatMap((name) => [0, 1].map((warm) => ["an MLP", name, warm] as const));
  test.each([...cases, ["a convnet", "SGD with Nesterov momentum", 1] as const, ["a convnet", "Adam", 1] as const])(
    "the training of %s with %s after %i steps",
    async (model, optimizer, warm) => {
      await compile(device, model, optimizer, warm);
      const start = await settled();
      const problems: string[] = [];
      const seen = new Set<string>();
      await (async () => {
        const whole = await run(device, model, optimizer, warm, Number.POSITIVE_INFINITY);
        for (let k = 1; k <= whole.allocations; k++) {
          let r: Awaited<ReturnType<typeof run>>;
          try {
            r = await run(device, model, optimizer, warm, k);
          } catch (e) {
            problems.push(`${k}: does not go on: ${(e as Error).stack}`);
            continue;
          }
          if (!(r.error instanceof torch.OutOfMemoryError)) problems.push(`${k}: ${String(r.error)}`);
          for (const f of r.faults) {
            if (!seen.has(f)) problems.push(`${k}: ${f} ${(r.error as Error).stack}`);
            seen.add(f);
          }
          if (!Number.isFinite(r.loss)) problems.push(`${k}: the loss is ${r.loss}`);
          r.after.forEach((p, i) => {
            const [old, full] = [whole.before[i]!, whole.after[i]!];
            const is = (x: Picture): boolean => p.value === x.value && p.state === x.state;
            if (!is(old) && !is(full))
              problems.push(`${k}: parameter ${i} and its state are half updated: ${p.value} ${p.state} ${(r.error as Error).stack}`);
            if (p.grad !== "null" && p.grad !== full.grad) problems.push(`${k}: gradient ${i} is half written`);
          });
        }
      })();
      expect(problems).toEqual([]);
      expect(await settled(start)).toBe(start);
    },
  );
});
