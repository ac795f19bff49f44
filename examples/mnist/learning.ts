import { nn, type optim, type Tensor } from "torchlet";
import type { Classifier } from "./model.ts";

/** Adam's learning rate in the first epoch. */
export const LEARNING_RATE = 0.002;
/** The learning rate of the last epoch, as a part of that of the first: large steps at the start, small ones to settle. */
const LAST = 0.16;

/** One step of training on a batch of images and their labels; gives the loss before it. */
export function learn(model: Classifier, optimizer: optim.Adam, x: Tensor, y: Tensor): Tensor {
  optimizer.zeroGrad();
  const loss = nn.functional.crossEntropy(model(x), y);
  loss.backward();
  optimizer.step();
  return loss;
}

/** Sets the learning rate of an epoch, counted from 1: it falls from `first` by the same factor at each. */
export function setEpoch(optimizer: optim.Adam, epoch: number, epochs: number, first: number): void {
  const rate = first * LAST ** ((epoch - 1) / Math.max(epochs - 1, 1));
  for (const group of optimizer.paramGroups) group.lr = rate;
}
