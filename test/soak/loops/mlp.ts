import * as torch from "torchlet";
import { nn, optim, type Tensor } from "torchlet";
import type { Loop } from "./loop.ts";

const CLASSES = 4;
const FEATURES = 8;

/** Classifies points of eight coordinates by the cloud that they belong to. */
class Mlp extends nn.Module {
  readonly hidden = new nn.Linear(FEATURES, 32);
  readonly out = new nn.Linear(32, CLASSES);

  forward(x: Tensor): Tensor {
    const h = this.hidden(x).relu(); // (n, 32)
    return this.out(h); // (n, 4)
  }
}

/** A classifier with a data loader, cross entropy and Adam. */
export async function mlp(device: string): Promise<Loop> {
  torch.manualSeed(0);
  const labels = torch.randint(0, CLASSES, [512]);
  const centres = torch.randn(CLASSES, FEATURES).mul(2);
  const points = centres.indexSelect(0, labels).add(torch.randn(512, FEATURES)); // (512, 8)

  const dataset = new torch.data.TensorDataset(points, labels);
  const loader = new torch.data.DataLoader(dataset, { batchSize: 32, shuffle: true, device });
  const model = await new Mlp().to(device);
  const criterion = new nn.CrossEntropyLoss();
  const optimizer = new optim.Adam(model.parameters(), { lr: 0.003 });

  return {
    async train(steps, onStep) {
      for (let step = 0; step < steps; ) {
        for await (const [x, y] of loader) {
          optimizer.zeroGrad();
          const loss = criterion(model(x), y);
          loss.backward();
          optimizer.step();

          onStep(Number(await loss.item()), loss);
          if (++step === steps) break;
        }
      }
    },

    held: () => ({ model, optimizer, points, labels, centres }),

    /** The share of the points that are classified rightly. */
    async score() {
      let right = 0;
      for await (const [x, y] of loader) right += Number(await model(x).argmax(1).eq(y).sum().item());
      return right / dataset.length;
    },
    passing: 0.9,
  };
}
