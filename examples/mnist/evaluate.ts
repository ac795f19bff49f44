import * as torch from "torchlet";
import { Confusion } from "./confusion.ts";
import { CLASSES, type LabelledDigits } from "./labelled-digits.ts";
import type { Classifier } from "./model.ts";

/** Some digits of a data set, and what the net takes them for. */
export interface Predictions {
  readonly labels: readonly number[];
  readonly predicted: readonly number[];
}

/** Classifies all digits of a data set, a batch at a time, in their order. */
export async function* predictions(model: Classifier, digits: LabelledDigits, device: string): AsyncGenerator<Predictions> {
  for await (const [x, y] of new torch.data.DataLoader(digits, { batchSize: 500, device })) {
    const classes = predict(model, () => model(x).argmax(1));
    yield { labels: (await y.tolist()) as number[], predicted: (await classes.tolist()) as number[] };
  }
}

/** Counts what all digits of a data set are taken for. */
export async function evaluate(model: Classifier, digits: LabelledDigits, device: string): Promise<Confusion> {
  const confusion = new Confusion(CLASSES);
  for await (const { labels, predicted } of predictions(model, digits, device)) {
    for (const [i, label] of labels.entries()) confusion.add(label, predicted[i]!);
  }
  return confusion;
}

/** Runs `f` with the net as it classifies, not as it learns: without dropout and gradients. What it needs in between is given back at once. */
export function predict<T>(model: Classifier, f: () => T): T {
  const { training } = model;
  model.eval();
  try {
    return torch.noGrad(() => torch.scope(f));
  } finally {
    model.train(training);
  }
}
