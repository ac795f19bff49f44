/** Trains a convolutional net on the handwritten digits of MNIST: `npm run mnist`. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as torch from "torchlet";
import { optim } from "torchlet";
import { lineChart, smoothed } from "./chart.ts";
import { Confusion } from "./confusion.ts";
import { CLASSES, Mnist } from "./dataset.ts";
import { evaluate } from "./evaluate.ts";
import { fail, oneOf, positive, readFlags, whole } from "./flags.ts";
import { LEARNING_RATE, learn, setEpoch } from "./learning.ts";
import { type Architecture, architectures, type Classifier, parameterCount, stepFlops } from "./model.ts";
import { clock, Progress } from "./progress.ts";

const USAGE = `npm run mnist -- [flags]

  --epochs N        passes over the training digits (3)
  --batch-size N    digits to a step (64)
  --lr X            learning rate of Adam in the first epoch (${LEARNING_RATE}); it falls to 0.16 of that in the last
  --seed N          seed of the weights and of the order (0); the same seed gives the same numbers
  --limit N         takes only the first N training digits
  --test-limit N    takes only the first N test digits
  --arch NAME       lenet, or pytorch: the net of PyTorch's basic MNIST example (lenet)
  --device NAME     cpu or webgpu (cpu)
  --out FOLDER      where the weights and the loss curve go (out)
  --help            this text`;

const flags = readFlags(
  {
    epochs: { type: "string", default: "3" },
    "batch-size": { type: "string", default: "64" },
    lr: { type: "string", default: String(LEARNING_RATE) },
    seed: { type: "string", default: "0" },
    limit: { type: "string", default: "60000" },
    "test-limit": { type: "string", default: "10000" },
    arch: { type: "string", default: "lenet" },
    device: { type: "string", default: "cpu" },
    out: { type: "string", default: "out" },
    help: { type: "boolean" },
  },
  USAGE,
);
const epochs = whole("epochs", flags.epochs, 1);
const batchSize = whole("batch-size", flags["batch-size"], 1);
const lr = positive("lr", flags.lr);
const arch: Architecture = oneOf("arch", flags.arch, ["lenet", "pytorch"]);

torch.manualSeed(whole("seed", flags.seed, 0));
const train = await Mnist.read("train", { limit: whole("limit", flags.limit, 1) });
const test = await Mnist.read("test", { limit: whole("test-limit", flags["test-limit"], 1) });
const model: Classifier = new architectures[arch]();
await model.to(flags.device).catch((e: Error) => fail(e.message));
const optimizer = new optim.Adam(model.parameters(), { lr });
const loader = new torch.data.DataLoader(train, { batchSize, shuffle: true, device: flags.device });

console.log(String(model));
console.log(
  `${parameterCount(model).toLocaleString("en")} parameters, ${(stepFlops(arch, batchSize) / 1e6).toFixed(1)} MFLOP a step; ` +
    `${train.length.toLocaleString("en")} training and ${test.length.toLocaleString("en")} test digits; ${flags.device}`,
);

const losses: [number, number][] = [];

/** One pass over the training digits; gives the mean loss. */
async function trainEpoch(progress: Progress): Promise<number> {
  let sum = 0;
  for await (const [x, y] of loader) {
    const value = Number(await learn(model, optimizer, x, y).item());
    sum += value * y.size(0);
    losses.push([losses.length + 1, value]);
    progress.step(value, y.size(0));
  }
  return sum / train.length;
}

let confusion = new Confusion(CLASSES);
for (let epoch = 1; epoch <= epochs; epoch++) {
  setEpoch(optimizer, epoch, epochs, lr);
  const progress = new Progress(process.stdout, `epoch ${epoch}/${epochs}`, loader.length);
  const loss = await trainEpoch(progress);
  progress.end();
  const [seconds, speed] = [progress.seconds, progress.imagesPerSecond];
  confusion = await evaluate(model, test, flags.device);
  console.log(
    `epoch ${epoch}/${epochs}: loss ${loss.toFixed(6)}, test accuracy ${percent(confusion.accuracy)}, ` +
      `${clock(seconds)} (${((1000 * seconds) / loader.length).toFixed(1)} ms a step, ${speed.toFixed(0)} images/s), ` +
      `${(process.memoryUsage.rss() / 1e6).toFixed(0)} MB`,
  );
}

console.log(`\n${confusion}\n`);

await mkdir(flags.out, { recursive: true });
const weights = join(flags.out, "mnist.safetensors");
await torch.io.saveSafetensors(weights, model.stateDict(), { arch, accuracy: confusion.accuracy.toFixed(4) });
const curve = join(flags.out, "mnist-loss.svg");
await writeFile(
  curve,
  lineChart(
    [
      { name: "each step", color: "#9ecae1", width: 1, points: losses },
      { name: "running average", color: "#08519c", width: 2, points: smoothed(losses, 0.98) },
    ],
    { title: `MNIST, ${arch}: training loss`, xLabel: "step", yLabel: "cross entropy", logarithmic: true },
  ),
);
console.log(`wrote ${weights} and ${curve}; try: npm run mnist:classify`);

function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(2)}%`;
}
