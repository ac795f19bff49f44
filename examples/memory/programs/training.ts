/** The program that is watched: a perceptron learns with Adam. What it learns does not matter here. */
import * as torch from "torchlet";
import { nn, optim } from "torchlet";

export const STEPS = 3;

/** Trains, and says where it is after each part of a step. Disposing of the result gives the memory back. */
export function train(reached: (step: number, part: string) => void): Disposable {
  torch.manualSeed(0);
  const model = new nn.Sequential(new nn.Linear(128, 128), new nn.ReLU(), new nn.Linear(128, 64), new nn.Tanh(), new nn.Linear(64, 10));
  const adam = new optim.Adam(model.parameters(), { lr: 0.01 });
  reached(0, "build");

  for (let step = 1; step <= STEPS; step++) {
    torch.scope(() => {
      const x = torch.randn(64, 128);
      const target = torch.randint(10, [64]);
      const logits = torch.scope(() => model(x)); // what no gradient needs goes here
      const right = logits.argmax(1).eq(target);
      const loss = nn.functional.crossEntropy(logits, target);
      right.dispose();
      reached(step, "forward");
      loss.backward();
      reached(step, "backward");
      adam.step();
      reached(step, "Adam");
      // As zeroGrad({ setToNone: true }), but at once: somebody might have kept the gradient, which only the collector could tell.
      for (const p of model.parameters()) {
        p.grad?.dispose();
        p.grad = null;
      }
    });
    reached(step, "end");
  }

  return {
    [Symbol.dispose]() {
      for (const p of model.parameters()) p.dispose();
      for (const { expAvg, expAvgSq } of adam.state.values()) {
        expAvg?.dispose();
        expAvgSq?.dispose();
      }
    },
  };
}
