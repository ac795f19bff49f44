/** Classifies test digits with the weights that `train.ts` wrote, and draws them: `npm run mnist:classify`. */
import { join } from "node:path";
import * as torch from "torchlet";
import { CLASSES, Mnist, SIDE } from "./dataset.ts";
import { drawDigit, sideBySide } from "./digits.ts";
import { fail, oneOf, readFlags, whole } from "./flags.ts";
import { architectures, type Classifier } from "./model.ts";

const USAGE = `npm run mnist:classify -- [flags]

  --count N         how many digits to draw (8)
  --seed N          chooses them (by the time)
  --mistakes        only digits that the net gets wrong
  --device NAME     cpu or webgpu (cpu)
  --out FOLDER      where the weights are (out)
  --help            this text`;

const flags = readFlags(
  {
    count: { type: "string", default: "8" },
    seed: { type: "string" },
    mistakes: { type: "boolean", default: false },
    device: { type: "string", default: "cpu" },
    out: { type: "string", default: "out" },
    help: { type: "boolean" },
  },
  USAGE,
);
const count = whole("count", flags.count, 1);
const generator = new torch.Generator();
if (flags.seed === undefined) generator.seed();
else generator.manualSeed(whole("seed", flags.seed, 0));

/** The net that the weights belong to. */
async function loadModel(path: string): Promise<Classifier> {
  const { tensors, metadata } = await torch.io.readSafetensors(path);
  const model: Classifier = new architectures[oneOf("arch", metadata.arch ?? "lenet", ["lenet", "pytorch"])]();
  model.loadStateDict(tensors);
  await model.to(flags.device);
  model.eval();
  return model;
}

const weights = join(flags.out, "mnist.safetensors");
const model = await loadModel(weights).catch((e: Error) => fail(`${e.message}\nTrain first: npm run mnist`));
const digits = await Mnist.read("test");

/** A test digit, what it is, and how sure the net is of each class. */
interface Guess {
  readonly pixels: Uint8Array;
  readonly label: number;
  readonly probabilities: readonly number[];
}
const best = ({ probabilities }: Guess): number => probabilities.indexOf(Math.max(...probabilities));

async function guess(index: number): Promise<Guess> {
  const [x, y] = digits.get(index);
  const probabilities = await torch.noGrad(async () =>
    model((await x.to(flags.device)).unsqueeze(0))
      .softmax(1)
      .flatten()
      .tolist(),
  );
  return {
    pixels: (await digits.pixels.at(index).toTypedArray()) as Uint8Array,
    label: Number(await y.item()),
    probabilities: probabilities as number[],
  };
}

const guesses: Guess[] = [];
for (const index of new torch.data.RandomSampler(digits, { generator })) {
  const one = await guess(index);
  if (!flags.mistakes || best(one) !== one.label) guesses.push(one);
  if (guesses.length === count) break;
}

const blocks = guesses.map((g) => {
  const said = best(g);
  const sure = `${said} (${(100 * g.probabilities[said]!).toFixed(1)}%)`;
  return { title: said === g.label ? `${sure} ✓` : `${sure} ✗ is ${g.label}`, lines: drawDigit(g.pixels, SIDE) };
});
console.log(sideBySide(blocks, Math.max(1, Math.floor((process.stdout.columns ?? 120) / (SIDE + 2)))));
const right = guesses.filter((g) => best(g) === g.label).length;
console.log(`${right} of ${guesses.length} right, among ${CLASSES} classes, with ${weights}`);
