import { defaults, type Input, type Mode, type Row, some } from "./row.ts";

interface Layer {
  readonly title: string;
  readonly inputs: readonly Input[];
  readonly calls: number;
  readonly profile?: string;
}
/** Layers on inputs so small that their calls are most of the work: what a small model spends its time on. */
const layers: Readonly<Record<string, Layer>> = {
  transpose: { title: "view of (2, 4, 8, 8) with two dimensions exchanged", inputs: [some(1, 2, 4, 8, 8)], calls: 1 },
  products: { title: "products of 8 pairs of matrices, (2, 4, 8, 8) each", inputs: [some(1, 2, 4, 8, 8), some(2, 2, 4, 8, 8)], calls: 1 },
  conv: {
    title: "(1, 2, 8, 8) to 4 channels, windows of 3 x 3",
    inputs: [some(1, 1, 2, 8, 8), some(2, 4, 2, 3, 3), some(3, 4)],
    calls: 1,
  },
  max_pool: { title: "greatest of windows of 2 x 2 in (1, 2, 8, 8)", inputs: [some(1, 1, 2, 8, 8)], calls: 1 },
  batch_norm: { title: "batch normalisation of (4, 3, 5) in training", inputs: [some(1, 4, 3, 5), some(2, 3), some(3, 3)], calls: 1 },
  cross_entropy: {
    title: "cross entropy of 4 rows of 8 classes",
    inputs: [some(1, 4, 8), { shape: [4], seed: 2, low: 0, high: 8, whole: true }],
    calls: 1,
    profile:
      "Four kernels and a look at the classes, where PyTorch has two: the classes, the scores at them, each row's largest and sum, the mean. 4 % of the time is in kernels, the rest in five launches and eight tensors.",
  },
};

const row = (layer: string, mode: Mode): Row => {
  const { title, inputs, calls, profile } = layers[layer]!;
  const backward = mode === "backward";
  return {
    ...defaults,
    group: "small",
    name: `small_${layer}${backward ? "_fb" : ""}`,
    title: backward ? `${title}, then sum and backward` : title,
    kind: "layer",
    layer,
    mode,
    inputs,
    calls: backward ? 2 * calls + 2 : calls,
    targets: [{ column: "WASM", of: "PyTorch", most: 1 }],
    ...(profile === undefined || backward ? {} : { profile }),
  };
};

/** Forward, and forward with backward where that is more than views. */
export const small: readonly Row[] = Object.keys(layers).flatMap((layer) => [
  row(layer, "plain"),
  ...(layer === "transpose" ? [] : [row(layer, "backward")]),
]);
