import { constant, defaults, type Input, type Kind, type Row, type Target } from "./row.ts";

/** The losses of so many steps have to agree before a row is timed. */
export const STEPS = 6;
/** Steps that change the weights little: a run of thousands ends where it began. */
export const SGD = { lr: 0.05 } as const;
export const ADAM = { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8 } as const;
/** The rest of it is Adam's. */
export const ADAMW = { lr: 3e-4, weightDecay: 0.01 } as const;
export const CLASSES = 10;
/** Two transformer blocks: width, heads, positions, tokens that there are. */
export const GPT = { blocks: 2, d: 128, heads: 4, t: 64, vocabulary: 65, batch: 8 } as const;
export const LAYER_NORM_EPS = 1e-5;
/** The same for a process in another language. */
export const settings: object = { steps: STEPS, sgd: SGD, adam: ADAM, adamW: ADAMW, gpt: GPT, layerNormEps: LAYER_NORM_EPS };

/** Weights uniform to the root of their fan-in, as PyTorch's layers have them, and their biases. */
function uniform(seed: number, shape: readonly number[], fanIn: number): Input {
  const bound = 1 / Math.sqrt(fanIn);
  return { shape, seed, low: -bound, high: bound };
}
function layer(seed: number, shape: readonly number[]): Input[] {
  const fanIn = shape.slice(1).reduce((n, d) => n * d, 1);
  return [uniform(seed, shape, fanIn), uniform(seed + 1, [shape[0]!], fanIn)];
}
const normalization = (d: number): Input[] => [constant(1, d), constant(0, d)];

/** Parameters in the order of `model.parameters()`: positions, tokens, blocks, the last normalization, the head. */
function gptParameters(): Input[] {
  const { blocks, d, t, vocabulary } = GPT;
  const block = (seed: number): Input[] => [
    ...normalization(d),
    ...layer(seed, [3 * d, d]),
    ...layer(seed + 2, [d, d]),
    ...normalization(d),
    ...layer(seed + 4, [4 * d, d]),
    ...layer(seed + 6, [d, 4 * d]),
  ];
  return [
    uniform(12, [t, d], d),
    uniform(11, [vocabulary, d], d),
    ...Array.from({ length: blocks }, (_, i) => block(20 + 10 * i)).flat(),
    ...normalization(d),
    uniform(13, [vocabulary, d], d),
  ];
}

const classes = (shape: readonly number[], seed: number, high: number): Input => ({ shape, seed, low: 0, high, whole: true });
const image = (...shape: number[]): Input => ({ shape, seed: 1, low: 0, high: 1 });

const training = (
  kind: Kind,
  title: string,
  batch: number,
  flops: number | null,
  inputs: readonly Input[],
  targets: readonly Target[],
): Row => ({
  ...defaults,
  group: "training",
  name: `train_${kind}`,
  kind,
  mode: "backward",
  title,
  size: { batch },
  inputs,
  ...(flops === null ? {} : { flops }),
  calls: 0,
  blas: kind !== "tiny",
  threads: kind !== "tiny",
  tolerance: { absolute: 1e-4, relative: 0 },
  targets,
});
const large: readonly Target[] = [
  { column: "WASM", of: "PyTorch", most: 2.5 },
  { column: "BLAS", of: "PyTorch", most: 1 },
];

/** Operations of a step: backward takes those of forward twice, but the first layer's input needs no gradient. */
const stepFlops = (multiplyAdds: readonly number[], samples: number): number =>
  2 * samples * (3 * multiplyAdds.reduce((a, b) => a + b, 0) - multiplyAdds[0]!);

const gptFlops = (): number => {
  const { blocks, d, t, vocabulary, batch } = GPT;
  return 2 * 3 * batch * t * (blocks * (12 * d * d + 2 * t * d) + d * vocabulary);
};

/** Inputs: the batch, what it is to give, then the parameters. */
export const trainings: readonly Row[] = [
  training(
    "tiny",
    "MLP 2-16-16-1 with tanh, batch 4, mean squared error, SGD: a step",
    4,
    null,
    [
      { shape: [4, 2], seed: 1, low: -1, high: 1 },
      { shape: [4, 1], seed: 2, low: -1, high: 1 },
      ...[16, 16, 1].flatMap((out, i) => layer(3 + 2 * i, [out, [2, 16, 16][i]!])),
    ],
    [{ column: "WASM", of: "PyTorch", most: 0.3 }],
  ),
  training(
    "mlp",
    "MLP 784-128-10 with ReLU, batch 64, cross entropy, SGD: a step",
    64,
    stepFlops([784 * 128, 128 * 10], 64),
    [image(64, 784), classes([64], 2, CLASSES), ...layer(3, [128, 784]), ...layer(5, [CLASSES, 128])],
    large,
  ),
  training(
    "lenet",
    "LeNet-5 on 28 x 28 with ReLU and max pooling, batch 32, cross entropy, Adam: a step",
    32,
    stepFlops([28 * 28 * 6 * 25, 10 * 10 * 16 * 150, 400 * 120, 120 * 84, 84 * 10], 32),
    [
      image(32, 1, 28, 28),
      classes([32], 2, CLASSES),
      ...layer(3, [6, 1, 5, 5]),
      ...layer(5, [16, 6, 5, 5]),
      ...layer(7, [120, 400]),
      ...layer(9, [84, 120]),
      ...layer(11, [CLASSES, 84]),
    ],
    large,
  ),
  training(
    "gpt",
    "two transformer blocks, d=128, 4 heads, T=64, batch 8, cross entropy over 65 tokens, AdamW: a step",
    GPT.batch,
    gptFlops(),
    [classes([GPT.batch, GPT.t], 1, GPT.vocabulary), classes([GPT.batch, GPT.t], 2, GPT.vocabulary), ...gptParameters()],
    large,
  ),
];
