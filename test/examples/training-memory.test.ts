import * as torch from "torchlet";
import { nn, optim } from "torchlet";
import { afterAll, describe, expect, it } from "vitest";
import { LeNet } from "../../examples/mnist/model.ts";

const MB = 1024 * 1024;
const before = torch.memory.getHighWaterMark();
afterAll(() => torch.memory.setHighWaterMark(before));

describe("a training loop as a tutorial writes it, without dispose or scope", () => {
  it("runs in bounded memory", async () => {
    torch.memory.setHighWaterMark(16 * MB);
    const images = new torch.data.TensorDataset(torch.randn(64, 1, 28, 28), torch.randint(0, 10, [64]));
    const model = new LeNet();
    const optimizer = new optim.Adam(model.parameters());
    const epoch = async (): Promise<number> => {
      for await (const [x, y] of new torch.data.DataLoader(images, { batchSize: 16, shuffle: true })) {
        optimizer.zeroGrad();
        const loss = nn.functional.crossEntropy(model(x), y);
        loss.backward();
        optimizer.step();
        await loss.item();
      }
      return torch.memory.memoryReserved();
    };
    // A step leaves more than a megabyte to the collector: a hundred of them would not stay unseen.
    for (let i = 0; i < 10; i++) await epoch();
    const settled = await epoch();
    let last = 0;
    for (let i = 0; i < 25; i++) last = await epoch();
    expect(last - settled).toBeLessThan(8 * MB);
    await torch.memory.collect();
    expect(torch.memory.memoryAllocated()).toBeLessThan(8 * MB);
  });
});
