import { requirePeer, versionOf } from "../../columns/peers.ts";
import { browserLike } from "../../webgpu/columns/dawn.ts";
import { BATCH, CLASSES, FEATURES, HIDDEN, LEARNING_RATE, oneHot, POINTS, type Problem } from "../problem.ts";
import type { Trainer } from "../protocol.ts";

/** Of the package's types, what is used here. */
interface T {
  data(): Promise<Float32Array>;
  dispose(): void;
  add(x: T): T;
  relu(): T;
  slice(begin: readonly number[], size: readonly number[]): T;
  matMul(x: T, transposeA: boolean, transposeB: boolean): T;
}
interface Tfjs {
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  env(): { set(flag: string, value: boolean): void };
  memory(): { numTensors: number; numBytes: number };
  tensor(values: Float32Array, shape: readonly number[]): T;
  zeros(shape: readonly number[]): T;
  variable(x: T): T;
  tidy<R>(f: () => R): R;
  losses: { softmaxCrossEntropy(labels: T, logits: T): T };
  train: { sgd(lr: number): { minimize(f: () => T, cost: true): T } };
}

/** `variant`: `plain`, without a word about memory, or `tidy`, as its guide says. */
export async function start(problem: Problem, device: string, variant: string): Promise<Trainer> {
  if (device === "webgpu") await browserLike();
  const tf = requirePeer("@tensorflow/tfjs") as Tfjs;
  if (device === "webgpu") requirePeer("@tensorflow/tfjs-backend-webgpu");
  await tf.setBackend(device);
  await tf.ready();
  // Small tensors too are to be computed on the GPU.
  if (device === "webgpu") tf.env().set("WEBGPU_CPU_FORWARD", false);
  const points = tf.tensor(problem.points, [POINTS, FEATURES]);
  const labels = tf.tensor(oneHot(problem.labels), [POINTS, CLASSES]);
  const w1 = tf.variable(tf.tensor(problem.weights[0], [HIDDEN, FEATURES]));
  const w2 = tf.variable(tf.tensor(problem.weights[1], [CLASSES, HIDDEN]));
  const b1 = tf.variable(tf.zeros([HIDDEN]));
  const b2 = tf.variable(tf.zeros([CLASSES]));
  const optimizer = tf.train.sgd(LEARNING_RATE);
  const train = (i: number): T => {
    const x = points.slice([i, 0], [BATCH, FEATURES]);
    const y = labels.slice([i, 0], [BATCH, CLASSES]);
    return optimizer.minimize(() => {
      const hidden = x.matMul(w1, false, true).add(b1).relu();
      return tf.losses.softmaxCrossEntropy(y, hidden.matMul(w2, false, true).add(b2));
    }, true);
  };
  return {
    about: `tfjs ${versionOf("@tensorflow/tfjs")}, ${device}, ${variant === "tidy" ? "with tidy and dispose" : "no memory code"}`,
    async step(i) {
      const loss = variant === "tidy" ? tf.tidy(() => train(i)) : train(i);
      const value = (await loss.data())[0]!;
      if (variant === "tidy") loss.dispose();
      return value;
    },
    live: async () => tf.memory().numBytes,
    note: () => `${tf.memory().numTensors} tensors`,
  };
}
