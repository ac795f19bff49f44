/** The training step of the MNIST example on the GPU: the CPU's losses, and nothing made anew at each step. */
import { nn, optim, type Tensor } from "torchlet";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { learn } from "../../examples/mnist/learning.ts";
import { LeNet } from "../../examples/mnist/model.ts";
import * as torch from "../../src/index.ts";
import { counted } from "./counted.ts";

const MB = 1024 * 1024;
/** Two fewer are still more than the 8 elements from which on a reduction reads four at a time. */
const BATCH = 12;
/** Of a step: forward, backward, and one for each parameter that Adam updates. */
const MOST_DISPATCHES = 80;
const mark = torch.memory.getHighWaterMark();
beforeAll(() => torch.webgpu.start());
afterAll(() => torch.memory.setHighWaterMark(mark));

interface Training {
  /** A step on the first `count` digits, with its loss; on other digits at each step. */
  step(count?: number): Promise<number>;
  /** The same, the part before the read in a scope. */
  scoped(): Promise<number>;
}

/** The example's net and optimizer, with the same weights and digits on every device. */
async function training(device: string): Promise<Training> {
  torch.manualSeed(0);
  const model = new LeNet();
  await model.to(device);
  const optimizer = new optim.Adam(model.parameters(), { lr: 0.002 });
  const batches: [Tensor, Tensor][] = [];
  for (let i = 0; i < 3; i++) {
    const [x, y] = [torch.randn([BATCH, 1, 28, 28]), torch.randint(0, 10, [BATCH])];
    batches.push([await x.to(device), await y.to(device)]);
  }
  let steps = 0;
  const run = (count: number): Tensor => {
    const [x, y] = batches[steps++ % batches.length]!;
    return learn(model, optimizer, x.narrow(0, 0, count), y.narrow(0, 0, count));
  };
  return {
    step: async (count = BATCH) => Number(await run(count).item()),
    scoped: async () => {
      const loss = torch.scope(() => run(BATCH));
      const value = Number(await loss.item());
      loss.dispose();
      return value;
    },
  };
}

async function losses(device: string, steps: number): Promise<number[]> {
  const { step } = await training(device);
  const values: number[] = [];
  for (let i = 0; i < steps; i++) values.push(await step());
  return values;
}

describe("a step of training", () => {
  test("has the CPU's loss, which falls", async () => {
    const [cpu, gpu] = [await losses("cpu", 18), await losses("webgpu", 18)];
    for (const [i, value] of gpu.entries()) expect(Math.abs(value - cpu[i]!)).toBeLessThan(1e-4);
    expect(gpu.at(-1)!).toBeLessThan(0.9 * gpu[0]!);
  });

  test("is one or two submits, and compiles nothing from the fourth on, nor does a smaller last batch", async () => {
    const { step } = await training("webgpu");
    for (let i = 0; i < 3; i++) await step();
    for (const count of [BATCH, BATCH, BATCH - 1, BATCH - 2]) {
      const spent = await counted(() => step(count));
      expect(spent.submits).toBeLessThanOrEqual(2);
      expect(spent.pipelines).toBe(0);
    }
  });

  test("is few dispatches", async () => {
    const { step } = await training("webgpu");
    for (let i = 0; i < 2; i++) await step();
    const { dispatches } = await counted(() => step());
    expect(dispatches).toBeLessThanOrEqual(MOST_DISPATCHES);
  });

  test("makes no buffer in a scope from the fourth on", async () => {
    const { scoped } = await training("webgpu");
    for (let i = 0; i < 3; i++) await scoped();
    const spent = await counted(async () => {
      for (let i = 0; i < 4; i++) await scoped();
    });
    expect(spent.buffers).toBe(0);
    expect(spent.pipelines).toBe(0);
    expect(spent.submits).toBeLessThanOrEqual(8);
  });

  test("makes none in a plain loop either, once the collector has run twice", async () => {
    torch.memory.setHighWaterMark(2 * MB);
    const { step } = await training("webgpu");
    const allocated = (): number => torch.memory.memoryAllocated("webgpu");
    let collections = 0;
    let most = 0;
    for (let i = 0; collections < 2; i++) {
      expect(i).toBeLessThan(40);
      const before = allocated();
      await step();
      if (allocated() < before) collections++;
      most = Math.max(most, allocated());
    }
    const spent = await counted(async () => {
      for (let i = 0; i < 12; i++) await step();
    });
    expect(spent.buffers).toBe(0);
    expect(most).toBeLessThan(16 * MB);
  });

  test("on batches from a loader makes no buffers", async () => {
    const data = new torch.data.TensorDataset(torch.randn([4 * BATCH, 20]), torch.randint(0, 10, [4 * BATCH]));
    const model = new nn.Linear(20, 10);
    await model.to("webgpu");
    const optimizer = new optim.SGD(model.parameters(), 0.1);
    const epoch = async (): Promise<void> => {
      for await (const [x, y] of new torch.data.DataLoader(data, { batchSize: BATCH, device: "webgpu" })) {
        expect([x!.device.type, y!.device.type, y!.dtype]).toEqual(["webgpu", "webgpu", torch.int64]);
        optimizer.zeroGrad();
        nn.functional.crossEntropy(model(x!), y!).backward();
        optimizer.step();
      }
      await model.weight.at(0, 0).item();
      await torch.memory.collect();
    };
    await epoch();
    await epoch();
    const spent = await counted(epoch);
    expect([spent.buffers, spent.pipelines]).toEqual([0, 0]);
    expect(spent.submits).toBeLessThanOrEqual(4);
  });
});
