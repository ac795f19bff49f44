/** What the collector of cycles takes of training steps, at its default thresholds. */
import { memory, ones, randn, scope } from "torchlet";
import { lenetStep } from "./groups/mnist.ts";
import { smallModel } from "./groups/overhead.ts";

/** Milliseconds to each program, after a tenth as much to warm up. */
const TIME = 3000;

/** The gradient's graph and the parameter refer to each other: each step leaves a cycle. */
function secondDerivative(): () => void {
  const x = randn(8, 8);
  return () =>
    scope(() => {
      const w = randn(8, 8, { requiresGrad: true });
      x.matmul(w).tanh().sum().backward({ createGraph: true });
      w.grad!.square().sum().backward();
    });
}

/** More nodes than the youngest generation's threshold live at once, and all of them are needed. */
function longChain(): () => void {
  const w = ones(16, { requiresGrad: true });
  return () =>
    scope(() => {
      w.grad = null;
      let x = w.mul(1);
      for (let i = 0; i < 2000; i++) x = x.add(w);
      x.sum().backward();
    });
}

const programs: Readonly<Record<string, () => () => void>> = {
  "MLP 2-16-16-1, training step": smallModel,
  "LeNet on MNIST, training step": lenetStep,
  "a gradient's gradient, which leaves a cycle": secondDerivative,
  "2,000 recorded additions, and backward": longChain,
};

function run(step: () => void, time: number): number {
  const begin = performance.now();
  let steps = 0;
  for (; performance.now() - begin < time; steps++) step();
  return steps;
}

/** Lines of a table: how often it collected, and how much of the time it took. */
export function collectorTable(): string[] {
  let [begun, taken] = [0, 0];
  const watch: memory.gc.GcCallback = (phase) => {
    if (phase === "start") begun = performance.now();
    else taken += performance.now() - begun;
  };
  const lines = ["| in scopes | steps | collections | containers freed by them | share of the time |", "|---|---|---|---|---|"];
  memory.gc.callbacks.push(watch);
  try {
    for (const [name, make] of Object.entries(programs)) {
      const step = make();
      run(step, TIME / 10);
      const sum = (key: "collections" | "collected"): number => memory.gc.getStats().reduce((total, s) => total + s[key], 0);
      const before = [sum("collections"), sum("collected")] as const;
      taken = 0;
      const start = performance.now();
      const steps = run(step, TIME);
      const share = taken / (performance.now() - start);
      const cells = [name, steps, sum("collections") - before[0], sum("collected") - before[1], `${(100 * share).toFixed(2)} %`];
      lines.push(`| ${cells.join(" | ")} |`);
    }
  } finally {
    memory.gc.callbacks.splice(memory.gc.callbacks.indexOf(watch), 1);
  }
  return lines;
}
