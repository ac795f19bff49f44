/** The parts of the browser example that need no browser. */
import { describe, expect, it } from "vitest";
import { Mailbox } from "../../examples/browser/mailbox.ts";
import type { Evaluation, Progress } from "../../examples/browser/protocol.ts";
import { centreOfMass, rasterise, type Stroke } from "../../examples/browser/rasterise.ts";
import { Trainer } from "../../examples/browser/trainer.ts";
import { Mnist } from "../../examples/mnist/dataset.ts";

/** The box of the pixels with ink. */
function box(pixels: Uint8Array): { width: number; height: number } {
  const dark = [...pixels.keys()].filter((i) => pixels[i]! > 0);
  const [xs, ys] = [dark.map((i) => i % 28), dark.map((i) => Math.floor(i / 28))];
  return { width: Math.max(...xs) - Math.min(...xs) + 1, height: Math.max(...ys) - Math.min(...ys) + 1 };
}
const SEVEN: Stroke = [
  [0.1, 0.2],
  [0.4, 0.2],
  [0.2, 0.7],
];

describe("drawings", () => {
  it("become as large as the digits of MNIST, in their middle", () => {
    const pixels = rasterise([SEVEN], 0.1);
    expect(pixels.length).toBe(784);
    expect(box(pixels).height).toBeGreaterThanOrEqual(20);
    expect(box(pixels).height).toBeLessThanOrEqual(22); // the outermost pixels are covered in part
    for (const c of centreOfMass(pixels)) expect(c).toBeCloseTo(14, 0.5);
    expect(Math.max(...pixels)).toBe(255);
  });
  it("do not depend on where and how large they are drawn", () => {
    const moved = SEVEN.map(([x, y]) => [0.5 + x / 2, 0.1 + y / 2] as const);
    const [a, b] = [rasterise([SEVEN], 0.1), rasterise([moved], 0.1)];
    expect(Math.max(...a.map((p, i) => Math.abs(p - b[i]!)))).toBeLessThanOrEqual(1);
  });
  it("of a dot stay dots", () => {
    const pixels = rasterise([[[0.3, 0.3]]], 0.1);
    expect(box(pixels)).toEqual({ width: 3, height: 3 });
    expect(centreOfMass(pixels)).toEqual([14, 14]);
  });
});

describe("the mailbox", () => {
  it("keeps the order, and of drawings the last", async () => {
    const mailbox = new Mailbox();
    const pixels = new Uint8Array(1);
    for (const command of [{ type: "drawing", pixels: null }, { type: "start" }, { type: "drawing", pixels }, { type: "pause" }] as const)
      mailbox.put(command);
    await mailbox.arrival();
    expect(mailbox.take()).toEqual([{ type: "start" }, { type: "drawing", pixels }, { type: "pause" }]);
    expect(mailbox.take()).toEqual([]);
    const arrival = mailbox.arrival();
    mailbox.put({ type: "reset" });
    await arrival;
    expect(mailbox.take()).toEqual([{ type: "reset" }]);
  });
});

describe("the trainer", () => {
  type Piece = Progress | Evaluation;
  /** The pieces of work up to the first evaluation. */
  async function work(trainer: Trainer): Promise<Piece[]> {
    const pieces: Piece[] = [];
    for await (const piece of trainer.train()) {
      if (piece !== null) pieces.push(piece);
      if (piece?.type === "evaluation") break;
    }
    return pieces;
  }
  const losses = (pieces: readonly Piece[]): number[] => pieces.flatMap((p) => (p.type === "progress" ? p.losses : []));

  it("reports losses and mistakes, and does the same after a reset", async () => {
    const trainer = new Trainer(await Mnist.read("train", { limit: 3200 }), await Mnist.read("test", { limit: 1000 }));
    expect([trainer.parameters, trainer.trainingDigits, trainer.stepsPerEpoch]).toEqual([37_610, 3200, 50]);
    const first = await work(trainer);
    expect(losses(first)).toHaveLength(48);
    expect(losses(first).at(-1)).toBeLessThan(1.5);
    const evaluation = first.at(-1) as Evaluation;
    expect(evaluation.total).toBe(1000); // an epoch ends here: all test digits
    expect(evaluation.correct).toBeGreaterThan(600);
    expect(evaluation.mistakes).toHaveLength(24);
    for (const { pixels, label, predicted } of evaluation.mistakes) {
      expect(pixels.length).toBe(784);
      expect(label).not.toBe(predicted);
    }
    await trainer.reset();
    expect(losses(await work(trainer))).toEqual(losses(first));
  }, 60_000);

  it("gives probabilities", async () => {
    const trainer = new Trainer(await Mnist.read("train", { limit: 64 }), await Mnist.read("test", { limit: 10 }));
    const probabilities = await trainer.classify(rasterise([SEVEN], 0.1));
    expect(probabilities).toHaveLength(10);
    expect(probabilities.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
  });
});
