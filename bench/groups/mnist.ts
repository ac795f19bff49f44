import * as torch from "torchlet";
import type { Peer } from "../gpujs.ts";
import type { Row } from "../measure.ts";

const { nn } = torch;
const BATCH = 64;
/** Forward, for one image: 24 x 24 x 8 and 8 x 8 x 16 places of convolution, then two layers. */
const FIRST = 2 * 24 * 24 * 8 * 25;
const FORWARD = FIRST + 2 * 8 * 8 * 16 * 200 + 2 * 256 * 128 + 2 * 128 * 10;
/** Backward is twice that, without the gradient of the images, which nobody asks for. */
const FLOPS = BATCH * (3 * FORWARD - FIRST);

/** The step that the example trains with: forward, cross entropy, backward, Adam. */
export function mnist(peer: Peer): Row[] {
  torch.manualSeed(0);
  const model = new nn.Sequential(
    new nn.Conv2d(1, 8, 5), new nn.ReLU(), new nn.MaxPool2d(2),
    new nn.Conv2d(8, 16, 5), new nn.ReLU(), new nn.MaxPool2d(2),
    new nn.Flatten(), new nn.Linear(256, 128), new nn.ReLU(), new nn.Linear(128, 10),
  );
  const criterion = new nn.CrossEntropyLoss();
  const optimizer = new torch.optim.Adam(model.parameters(), { lr: 1e-3 });
  const images = torch.rand(BATCH, 1, 28, 28);
  const labels = torch.randint(10, [BATCH]);
  const step = (): void =>
    torch.scope(() => {
      optimizer.zeroGrad();
      criterion(model(images), labels).backward();
      optimizer.step();
    });
  return [
    {
      group: "training", name: `LeNet on MNIST, step of ${BATCH} with Adam`, flops: FLOPS,
      cells: { torchlet: { run: step }, ...Object.fromEntries(peer.columns.map((c) => [c, { none: "no gradients" }])) },
    },
  ];
}
