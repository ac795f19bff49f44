import * as torch from "torchlet";
import { optim, type Tensor } from "torchlet";
import { Confusion } from "../mnist/confusion.ts";
import { predict, predictions } from "../mnist/evaluate.ts";
import { CLASSES, LabelledDigits, normalised, SIDE } from "../mnist/labelled-digits.ts";
import { LEARNING_RATE, learn, setEpoch } from "../mnist/learning.ts";
import { LeNet, parameterCount } from "../mnist/model.ts";
import type { DeviceName, Evaluation, Mistake, Progress } from "./protocol.ts";

const BATCH_SIZE = 64;
/** Epochs in which the learning rate falls; it stays as it is in the last of them. */
const EPOCHS = 3;
/** Losses are read together: each read waits until the device has caught up. */
const READ_EVERY = 4;
/** Steps between two looks at a tenth of the test digits. All of them are looked at where an epoch ends. */
const TEST_EVERY = 50;
/** How many of the digits that it gets wrong are shown. */
const SHOWN_MISTAKES = 24;

/** The net of `npm run mnist`, trained in short pieces of work. */
export class Trainer {
  private readonly training: LabelledDigits;
  private readonly test: LabelledDigits;
  private readonly sample: LabelledDigits;
  private readonly loader: torch.data.DataLoader<[Tensor, Tensor], [Tensor, Tensor]>;
  private batches: AsyncIterator<[Tensor, Tensor]>;
  private model: LeNet;
  private optimizer: optim.Adam;
  private unread: Tensor[] = [];
  private milliseconds = 0;
  private rate = 0;
  device: DeviceName = "cpu";
  step = 0;

  constructor(training: LabelledDigits, test: LabelledDigits) {
    this.training = training;
    this.test = test;
    this.sample = new LabelledDigits(test.pixels.at("::10"), test.labels.at("::10"));
    this.loader = new torch.data.DataLoader(training, { batchSize: BATCH_SIZE, shuffle: true });
    torch.manualSeed(0);
    this.model = new LeNet();
    this.batches = this.loader[Symbol.asyncIterator]();
    this.optimizer = new optim.Adam(this.model.parameters());
  }

  get parameters(): number {
    return parameterCount(this.model);
  }
  get trainingDigits(): number {
    return this.training.length;
  }
  get stepsPerEpoch(): number {
    return this.loader.length;
  }

  /** New weights, the same at each call. */
  async reset(): Promise<void> {
    torch.manualSeed(0);
    this.model = new LeNet();
    this.batches = this.loader[Symbol.asyncIterator]();
    this.step = 0;
    await this.moveTo(this.device);
  }

  /** Goes on with the same weights on another device. */
  async moveTo(device: DeviceName): Promise<void> {
    await this.model.to(device);
    // What Adam remembers of the gradients lies on the old device: it starts to remember anew.
    this.optimizer = new optim.Adam(this.model.parameters());
    this.device = device;
    this.unread = [];
    this.milliseconds = 0;
    this.rate = 0;
  }

  /** Trains for ever: a step or a batch of test digits at each turn, which takes milliseconds. */
  async *train(): AsyncGenerator<Progress | Evaluation | null> {
    for (;;) {
      const start = performance.now();
      await this.learn();
      const losses = this.unread.length < READ_EVERY ? [] : await this.read();
      this.milliseconds += performance.now() - start;
      yield losses.length === 0 ? null : this.progress(losses);
      if (this.step % this.stepsPerEpoch === 0) yield* this.evaluate(this.test);
      else if (this.step % TEST_EVERY === 0) yield* this.evaluate(this.sample);
    }
  }

  /** The probability of each class for a digit of 28 x 28 bytes. */
  async classify(pixels: Uint8Array): Promise<number[]> {
    const x = await normalised(torch.tensor(pixels).view(1, 1, SIDE, SIDE)).to(this.device);
    const probabilities = predict(this.model, () => this.model(x).softmax(1).flatten());
    return (await probabilities.tolist()) as number[];
  }

  private async learn(): Promise<void> {
    const [x, y] = await this.nextBatch();
    setEpoch(this.optimizer, Math.min(1 + Math.floor(this.step / this.stepsPerEpoch), EPOCHS), EPOCHS, LEARNING_RATE);
    this.unread.push(learn(this.model, this.optimizer, await x.to(this.device), await y.to(this.device)).detach());
    this.step++;
  }

  private async nextBatch(): Promise<[Tensor, Tensor]> {
    for (;;) {
      const { value, done } = await this.batches.next();
      if (!done) return value;
      this.batches = this.loader[Symbol.asyncIterator]();
    }
  }

  private async read(): Promise<number[]> {
    const losses = torch.stack(this.unread);
    this.unread = [];
    return (await losses.tolist()) as number[];
  }

  private progress(losses: number[]): Progress {
    const now = (1000 * losses.length) / this.milliseconds;
    this.milliseconds = 0;
    // A running average: single steps jump.
    this.rate = this.rate === 0 ? now : 0.9 * this.rate + 0.1 * now;
    return { type: "progress", step: this.step, losses, stepsPerSecond: this.rate };
  }

  private async *evaluate(digits: LabelledDigits): AsyncGenerator<Evaluation | null> {
    const confusion = new Confusion(CLASSES);
    const mistakes: Mistake[] = [];
    let first = 0;
    for await (const { labels, predicted } of predictions(this.model, digits, this.device)) {
      for (const [i, label] of labels.entries()) {
        confusion.add(label, predicted[i]!);
        if (label === predicted[i] || mistakes.length === SHOWN_MISTAKES) continue;
        const pixels = (await digits.pixels.at(first + i).toTypedArray()) as Uint8Array;
        mistakes.push({ pixels, label, predicted: predicted[i]! });
      }
      first += labels.length;
      yield null;
    }
    yield { type: "evaluation", correct: confusion.correct, total: confusion.total, mistakes };
  }
}
