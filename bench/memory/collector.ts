/** What the collector of cycles takes of training steps, at its default thresholds. */
import { memory, ones, randn, scope } from "torchlet";
import { isMeasurement } from "../columns/column.ts";
import { training } from "../columns/torchlet-training.ts";
import { values } from "../rows/inputs.ts";
import { trainings } from "../rows/training.ts";

/** Milliseconds to each program, after a tenth as much to warm up. */
const TIME = 3000;

/** A step of training of the table. */
async function step(kind: "tiny" | "lenet"): Promise<() => void> {
  const row = trainings.find((r) => r.kind === kind)!;
  const task = await training[kind]!(row, row.inputs.map(values));
  if (typeof task === "string" || isMeasurement(task)) throw new Error(`${row.name} is not trained`);
  return () => void task.run();
}

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

const programs: Readonly<Record<string, () => (() => void) | Promise<() => void>>> = {
  "MLP 2-16-16-1, training step": () => step("tiny"),
  "LeNet-5, training step": () => step("lenet"),
  "a gradient's gradient, which leaves a cycle": secondDerivative,
  "2,000 recorded additions, and backward": longChain,
};

function run(call: () => void, time: number): number {
  const begin = performance.now();
  let steps = 0;
  for (; performance.now() - begin < time; steps++) call();
  return steps;
}

/** Lines of a table: how often it collected, and how much of the time it took. */
export async function collectorTable(): Promise<string[]> {
  let [begun, taken] = [0, 0];
  const watch: memory.gc.GcCallback = (phase) => {
    if (phase === "start") begun = performance.now();
    else taken += performance.now() - begun;
  };
  const lines = ["| in scopes | steps | collections | containers freed by them | share of the time |", "|---|---|---|---|---|"];
  memory.gc.callbacks.push(watch);
  try {
    for (const [name, make] of Object.entries(programs)) {
      const call = await make();
      run(call, TIME / 10);
      const sum = (key: "collections" | "collected"): number => memory.gc.getStats().reduce((total, s) => total + s[key], 0);
      const before = [sum("collections"), sum("collected")] as const;
      taken = 0;
      const start = performance.now();
      const steps = run(call, TIME);
      const share = taken / (performance.now() - start);
      const cells = [name, steps, sum("collections") - before[0], sum("collected") - before[1], `${(100 * share).toFixed(2)} %`];
      lines.push(`| ${cells.join(" | ")} |`);
    }
  } finally {
    memory.gc.callbacks.splice(memory.gc.callbacks.indexOf(watch), 1);
  }
  return lines;
}
