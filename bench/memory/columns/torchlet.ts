import "../../../test/support/webgpu-environment.ts";
import * as torch from "torchlet";
import { nn, optim, type Tensor } from "torchlet";
import { BATCH, CLASSES, FEATURES, HIDDEN, LEARNING_RATE, POINTS, type Problem } from "../problem.ts";
import type { Trainer } from "../protocol.ts";

/** Nothing is said about memory. */
export async function start(problem: Problem, device: string): Promise<Trainer> {
  if (device === "webgpu") await torch.webgpu.start();
  const points = await torch.tensor(problem.points).view(POINTS, FEATURES).to(device);
  const labels = await torch.tensor(problem.labels).long().to(device);
  const [hidden, out] = [new nn.Linear(FEATURES, HIDDEN), new nn.Linear(HIDDEN, CLASSES)];
  const model = new nn.Sequential(hidden, new nn.ReLU(), out);
  torch.noGrad(() => {
    hidden.weight.copy_(torch.tensor(problem.weights[0]).view(HIDDEN, FEATURES));
    out.weight.copy_(torch.tensor(problem.weights[1]).view(CLASSES, HIDDEN));
    for (const { bias } of [hidden, out]) bias!.zero_();
  });
  await model.to(device);
  const optimizer = new optim.SGD(model.parameters(), { lr: LEARNING_RATE });
  return {
    about: `torchlet, ${device}, no memory code`,
    async step(i) {
      const x = points.at(`${i}:${i + BATCH}`);
      const y = labels.at(`${i}:${i + BATCH}`);
      optimizer.zeroGrad();
      const loss = nn.functional.crossEntropy(model(x) as Tensor, y);
      loss.backward();
      optimizer.step();
      return Number(await loss.item());
    },
    async live() {
      await torch.memory.collect();
      return Number(torch.memory.stats(device)["allocated_bytes.all.current"]);
    },
  };
}
