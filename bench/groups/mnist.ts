import * as torch from "torchlet";
import { LeNet, stepFlops } from "../../examples/mnist/model.ts";
import type { Peer } from "../gpujs.ts";
import type { Row } from "../measure.ts";

const BATCH = 64;

/** The step that the example trains with: forward, cross entropy, backward, Adam. */
export function lenetStep(): () => void {
  torch.manualSeed(0);
  const model = new LeNet();
  const optimizer = new torch.optim.Adam(model.parameters(), { lr: 1e-3 });
  const images = torch.rand(BATCH, 1, 28, 28);
  const labels = torch.randint(10, [BATCH]);
  return () =>
    torch.scope(() => {
      optimizer.zeroGrad();
      torch.nn.functional.crossEntropy(model(images), labels).backward();
      optimizer.step();
    });
}

export function mnist(peer: Peer): Row[] {
  return [
    {
      group: "training",
      name: `LeNet on MNIST, step of ${BATCH} with Adam`,
      flops: stepFlops("lenet", BATCH),
      cells: { torchlet: { run: lenetStep() }, ...Object.fromEntries(peer.columns.map((c) => [c, { none: "no gradients" }])) },
    },
  ];
}
