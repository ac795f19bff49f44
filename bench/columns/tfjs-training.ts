import { oneHot } from "../rows/inputs.ts";
import type { Row } from "../rows/row.ts";
import { ADAM, ADAMW, CLASSES, GPT, SGD, STEPS } from "../rows/training.ts";
import type { Maker, Makers, Task } from "./column.ts";
import { gelu, layerNorm } from "./tfjs-ops.ts";
import type { Optimizer, T, Tfjs, Variable } from "./tfjs-types.ts";

/** The models of the rows, written with ops: layers of tfjs would add their own names and defaults. */
export function trainings(tf: Tfjs, backend: string): Makers {
  function task(parameters: Variable[], optimizer: Optimizer, loss: () => T, weightDecay: number = 0): Task {
    const step = (): T => {
      if (weightDecay === 0) return optimizer.minimize(loss, true);
      const { value, grads } = tf.variableGrads(loss);
      for (const p of parameters) p.assign(p.mul(1 - weightDecay));
      optimizer.applyGradients(grads);
      return value;
    };
    return {
      run: () => tf.tidy(step).dispose(),
      steps: STEPS,
      result: async () => {
        const losses: number[] = [];
        for (let i = 0; i < STEPS; i++) losses.push((await tf.tidy(step).data())[0]!);
        return [losses];
      },
      dispose: () => {
        for (const p of parameters) p.dispose();
      },
    };
  }
  const parts = (row: Row, inputs: readonly Float32Array[]): { x: T; parameters: Variable[] } => {
    const [x, , ...weights] = inputs.map((v, i) => tf.tensor(v, row.inputs[i]!.shape));
    return { x: x!, parameters: weights.map((w) => tf.variable(w, true)) };
  };
  const linear = (x: T, weight: T, bias: T): T => x.matMul(weight, false, true).add(bias);
  const adam = (lr: number): Optimizer => tf.train.adam(lr, ADAM.beta1, ADAM.beta2, ADAM.eps);

  const tiny: Maker = (row, inputs) => {
    const { x, parameters } = parts(row, inputs);
    const y = tf.tensor(inputs[1]!, row.inputs[1]!.shape);
    const [w1, b1, w2, b2, w3, b3] = parameters as T[] as [T, T, T, T, T, T];
    const loss = (): T =>
      linear(linear(linear(x, w1, b1).tanh(), w2, b2).tanh(), w3, b3)
        .sub(y)
        .square()
        .mean();
    return task(parameters, tf.train.sgd(SGD.lr), loss);
  };
  const mlp: Maker = (row, inputs) => {
    const { x, parameters } = parts(row, inputs);
    const y = tf.tensor(oneHot(inputs[1]!, CLASSES), [row.size["batch"]!, CLASSES]);
    const [w1, b1, w2, b2] = parameters as T[] as [T, T, T, T];
    const loss = (): T => tf.losses.softmaxCrossEntropy(y, linear(linear(x, w1, b1).relu(), w2, b2));
    return task(parameters, tf.train.sgd(SGD.lr), loss);
  };
  // Channels last: weights are laid out so beforehand, the first linear layer's too.
  const lenet: Maker = (row, inputs) => {
    const batch = row.size["batch"]!;
    const { x, parameters: given } = parts(row, inputs);
    const images = x.transpose([0, 2, 3, 1]);
    const y = tf.tensor(oneHot(inputs[1]!, CLASSES), [batch, CLASSES]);
    const parameters = given.map((p, i) => {
      if (i === 0 || i === 2) return tf.variable(p.transpose([2, 3, 1, 0]), true);
      return i === 4 ? tf.variable(p.reshape([120, 16, 5, 5]).transpose([0, 2, 3, 1]).reshape([120, 400]), true) : p;
    });
    const [w1, b1, w2, b2, w3, b3, w4, b4, w5, b5] = parameters as T[] as [T, T, T, T, T, T, T, T, T, T];
    const loss = (): T => {
      let h = tf.maxPool(tf.conv2d(images, w1, 1, 2).add(b1).relu(), 2, 2, "valid");
      h = tf.maxPool(tf.conv2d(h, w2, 1, "valid").add(b2).relu(), 2, 2, "valid");
      h = linear(linear(h.reshape([batch, 400]), w3, b3).relu(), w4, b4).relu();
      return tf.losses.softmaxCrossEntropy(y, linear(h, w5, b5));
    };
    return task(parameters, adam(ADAM.lr), loss);
  };
  // The embedding is a product with ones and zeros: the WASM backend has no gradient of `gather`.
  const gpt: Maker = (row, inputs) => {
    const { batch, t, d, heads, vocabulary, blocks } = GPT;
    const { parameters } = parts(row, inputs);
    const x = tf.tensor(oneHot(inputs[0]!, vocabulary), [batch * t, vocabulary]);
    const y = tf.tensor(oneHot(inputs[1]!, vocabulary), [batch * t, vocabulary]);
    const mask = tf.tensor(
      Float32Array.from({ length: t * t }, (_, i) => (i % t > Math.floor(i / t) ? -1e9 : 0)),
      [t, t],
    );
    const split = (v: T): T => v.reshape([batch, t, heads, d / heads]).transpose([0, 2, 1, 3]);
    const loss = (): T => {
      let at = 0;
      const next = (): T => parameters[at++]!;
      const positions = next();
      let h = x
        .matMul(next())
        .reshape([batch, t, d])
        .add(positions)
        .reshape([batch * t, d]);
      for (let i = 0; i < blocks; i++) {
        const qkv = linear(layerNorm(h, next(), next()), next(), next());
        const [q, k, v] = tf.split(qkv, 3, 1).map(split) as [T, T, T];
        const scores = q
          .matMul(k, false, true)
          .mul((d / heads) ** -0.5)
          .add(mask);
        const mixed = scores
          .softmax()
          .matMul(v)
          .transpose([0, 2, 1, 3])
          .reshape([batch * t, d]);
        h = h.add(linear(mixed, next(), next()));
        const inner = gelu(linear(layerNorm(h, next(), next()), next(), next()));
        h = h.add(linear(inner, next(), next()));
      }
      return tf.losses.softmaxCrossEntropy(y, layerNorm(h, next(), next()).matMul(next(), false, true));
    };
    return task(parameters, adam(ADAMW.lr), loss, ADAMW.lr * ADAMW.weightDecay);
  };
  return { tiny, mlp, lenet: backend === "wasm" ? () => "no gradient of a convolution" : lenet, gpt };
}
