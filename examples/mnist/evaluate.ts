import * as torch from "torchlet";
import { Confusion } from "./confusion.ts";
import { CLASSES, type Mnist } from "./dataset.ts";
import type { Classifier } from "./model.ts";

/** Classifies all digits of a data set. */
export async function evaluate(model: Classifier, digits: Mnist, device: string): Promise<Confusion> {
  const confusion = new Confusion(CLASSES);
  model.eval();
  await torch.noGrad(async () => {
    for await (const [x, y] of new torch.data.DataLoader(digits, { batchSize: 500, device })) {
      const predicted = (await model(x).argmax(1).tolist()) as number[];
      const actual = (await y.tolist()) as number[];
      for (const [i, label] of actual.entries()) confusion.add(label, predicted[i]!);
    }
  });
  model.train();
  return confusion;
}
