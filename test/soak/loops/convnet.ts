import * as torch from "torchlet";
import { nn, optim, type Tensor } from "torchlet";
import type { Loop } from "./loop.ts";

const SIZE = 8;
const CLASSES = 4;

/** LeNet's order of layers for images of 8 x 8. */
class ConvNet extends nn.Module {
  readonly conv1 = new nn.Conv2d(1, 4, 3, { padding: 1 });
  readonly conv2 = new nn.Conv2d(4, 8, 3, { padding: 1 });
  readonly pool = new nn.MaxPool2d(2);
  readonly out = new nn.Linear(8 * 2 * 2, CLASSES);

  forward(x: Tensor): Tensor {
    let h = this.pool(this.conv1(x).relu()); // (n, 4, 4, 4)
    h = this.pool(this.conv2(h).relu()); // (n, 8, 2, 2)
    return this.out(h.flatten(1)); // (n, 4)
  }
}

/** Whether a pixel is bright: lines across, down, slanting, or a chequered board. */
const patterns: readonly ((row: number, column: number) => boolean)[] = [
  (row) => row % 4 < 2,
  (_, column) => column % 4 < 2,
  (row, column) => (row + column) % 4 < 2,
  (row, column) => row % 4 < 2 === column % 4 < 2,
];

const cells = Array.from({ length: SIZE }, (_, i) => i);
const image = (label: number): number[][] => cells.map((row) => cells.map((column) => (patterns[label]!(row, column) ? 1 : 0)));

/** Tells noisy patterns apart by convolutions, with SGD with momentum. */
export async function convnet(device: string): Promise<Loop> {
  torch.manualSeed(0);
  const classes = Array.from({ length: 256 }, (_, i) => i % CLASSES);
  const labels = torch.tensor(classes.map(BigInt));
  const clean = torch.tensor(classes.map(image)).unsqueeze(1); // (256, 1, 8, 8)
  const images = clean.add(torch.randn(256, 1, SIZE, SIZE).mul(0.5));

  const dataset = new torch.data.TensorDataset(images, labels);
  const loader = new torch.data.DataLoader(dataset, { batchSize: 8, shuffle: true, device });
  const model = await new ConvNet().to(device);
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.02, momentum: 0.9 });

  return {
    async train(steps, onStep) {
      for (let step = 0; step < steps; ) {
        for await (const [x, y] of loader) {
          optimizer.zeroGrad();
          const loss = nn.functional.crossEntropy(model(x), y);
          loss.backward();
          optimizer.step();

          onStep(Number(await loss.item()), loss);
          if (++step === steps) break;
        }
      }
    },

    held: () => ({ model, optimizer, images, labels, clean }),

    /** The share of the images that are classified rightly. */
    async score() {
      let right = 0;
      for await (const [x, y] of loader) right += Number(await model(x).argmax(1).eq(y).sum().item());
      return right / dataset.length;
    },
    passing: 0.9,
  };
}
