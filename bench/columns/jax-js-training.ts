import { oneHot } from "../rows/inputs.ts";
import type { Row } from "../rows/row.ts";
import { ADAM, ADAMW, CLASSES, GPT, LAYER_NORM_EPS, SGD, STEPS } from "../rows/training.ts";
import type { Maker, Makers, Task } from "./column.ts";
import type { Arr, JaxJs } from "./jax-js-types.ts";

type Np = JaxJs["numpy"];

/** Over the last dimension. */
export function layerNorm(np: Np, x: Arr, weight: Arr, bias: Arr): Arr {
  const centred = np.subtract(x.ref, np.mean(x, -1, { keepdims: true }));
  const variance = np.mean(np.square(centred.ref), -1, { keepdims: true });
  const normal = np.divide(centred, np.sqrt(np.add(variance, LAYER_NORM_EPS)));
  return np.add(np.multiply(normal, weight), bias);
}

type Update = (parameters: Arr[], gradients: Arr[], state: Arr[], corrections: Arr[]) => [Arr[], Arr[]];

/** Models and optimizers by hand: a package of optimizers would be another peer. A step is one compiled function. */
export function trainings(jax: JaxJs): Makers {
  const { numpy: np, nn, lax, jit, valueAndGrad } = jax;
  const array = (v: Float32Array, shape: readonly number[]): Arr => np.array(v, { shape });
  const linear = (x: Arr, weight: Arr, bias: Arr): Arr => np.add(np.matmul(x, np.transpose(weight)), bias);
  const crossEntropy = (logits: Arr, y: Arr, n: number): Arr => np.multiply(np.sum(np.multiply(y, nn.logSoftmax(logits))), -1 / n);

  const sgd: Update = (parameters, gradients, state, corrections) => {
    for (const c of corrections) c.dispose();
    return [parameters.map((p, i) => np.subtract(p, np.multiply(gradients[i]!, SGD.lr))), state];
  };
  const adam =
    (lr: number, weightDecay: number): Update =>
    (parameters, gradients, state, [c1, c2]) => {
      const n = parameters.length;
      const { beta1, beta2, eps } = ADAM;
      const m = gradients.map((g, i) => np.add(np.multiply(state[i]!, beta1), np.multiply(g.ref, 1 - beta1)));
      const v = gradients.map((g, i) => np.add(np.multiply(state[n + i]!, beta2), np.multiply(np.square(g), 1 - beta2)));
      const next = parameters.map((p, i) => {
        const root = np.add(np.sqrt(np.divide(v[i]!.ref, c2!.ref)), eps);
        const kept = weightDecay === 0 ? p : np.multiply(p, 1 - lr * weightDecay);
        return np.subtract(kept, np.multiply(np.divide(np.divide(m[i]!.ref, c1!.ref), root), lr));
      });
      c1!.dispose();
      c2!.dispose();
      return [next, [...m, ...v]];
    };

  /** `moments`: how many arrays of state belong to a parameter. The corrections of Adam's bias are computed outside, in float64. */
  function task(
    row: Row,
    inputs: readonly Float32Array[],
    data: Arr[],
    loss: (p: Arr[], ...data: Arr[]) => Arr,
    update: Update,
    moments: number,
  ): Task {
    let parameters = inputs.slice(2).map((v, i) => array(v, row.inputs[i + 2]!.shape));
    let state = Array.from({ length: moments }, () =>
      inputs.slice(2).map((v, i) => array(new Float32Array(v.length), row.inputs[i + 2]!.shape)),
    ).flat();
    const gradients = valueAndGrad(loss);
    const compiled = jit((ps: Arr[], moment: Arr[], corrections: Arr[], ...xs: Arr[]): [Arr, Arr[], Arr[]] => {
      const [value, grads] = gradients(
        ps.map((p) => p.ref),
        ...xs,
      );
      const [next, kept] = update(ps, grads, moment, corrections);
      return [value, next, kept];
    });
    let t = 0;
    const step = (): Arr => {
      t++;
      const corrections = moments === 0 ? [] : [ADAM.beta1, ADAM.beta2].map((beta) => array(Float32Array.of(1 - beta ** t), [1]));
      const xs = data.map((x) => x.ref);
      let value: Arr;
      [value, parameters, state] = compiled(parameters, state, corrections, ...xs);
      return value;
    };
    return {
      run: async () => {
        const value = step();
        await jax.blockUntilReady([value, ...parameters]);
        value.dispose();
      },
      steps: STEPS,
      result: async () => {
        const losses: number[] = [];
        for (let i = 0; i < STEPS; i++) losses.push((await step().data())[0]!);
        return [losses];
      },
      dispose: () => {
        for (const x of [...parameters, ...state, ...data]) x.dispose();
      },
    };
  }

  const tiny: Maker = (row, inputs) => {
    const loss = ([w1, b1, w2, b2, w3, b3]: Arr[], x: Arr, y: Arr): Arr => {
      const h = np.tanh(linear(np.tanh(linear(x, w1!, b1!)), w2!, b2!));
      return np.mean(np.square(np.subtract(linear(h, w3!, b3!), y)));
    };
    const data = [array(inputs[0]!, row.inputs[0]!.shape), array(inputs[1]!, row.inputs[1]!.shape)];
    return task(row, inputs, data, loss as (p: Arr[], ...data: Arr[]) => Arr, sgd, 0);
  };
  const classified = (row: Row, inputs: readonly Float32Array[]): Arr[] => [
    array(inputs[0]!, row.inputs[0]!.shape),
    array(oneHot(inputs[1]!, CLASSES), [row.size["batch"]!, CLASSES]),
  ];
  const mlp: Maker = (row, inputs) => {
    const loss = ([w1, b1, w2, b2]: Arr[], x: Arr, y: Arr): Arr =>
      crossEntropy(linear(nn.relu(linear(x, w1!, b1!)), w2!, b2!), y, row.size["batch"]!);
    return task(row, inputs, classified(row, inputs), loss as (p: Arr[], ...data: Arr[]) => Arr, sgd, 0);
  };
  const lenet: Maker = (row, inputs) => {
    const batch = row.size["batch"]!;
    const border = (n: number): number[][] => [
      [n, n],
      [n, n],
    ];
    const pool = (x: Arr, channels: number, side: number): Arr =>
      np.max(np.reshape(x, [batch, channels, side / 2, 2, side / 2, 2]), [3, 5]);
    const conv = (x: Arr, w: Arr, b: Arr, channels: number, n: number): Arr =>
      np.add(lax.convGeneralDilated(x, w, [1, 1], border(n)), np.reshape(b, [1, channels, 1, 1]));
    const loss = ([w1, b1, w2, b2, w3, b3, w4, b4, w5, b5]: Arr[], x: Arr, y: Arr): Arr => {
      let h = pool(nn.relu(conv(x, w1!, b1!, 6, 2)), 6, 28);
      h = pool(nn.relu(conv(h, w2!, b2!, 16, 0)), 16, 10);
      h = nn.relu(linear(np.reshape(h, [batch, 400]), w3!, b3!));
      return crossEntropy(linear(nn.relu(linear(h, w4!, b4!)), w5!, b5!), y, batch);
    };
    return task(row, inputs, classified(row, inputs), loss as (p: Arr[], ...data: Arr[]) => Arr, adam(ADAM.lr, 0), 2);
  };
  const gpt: Maker = (row, inputs) => {
    const { batch, t, d, heads, vocabulary, blocks } = GPT;
    const split = (v: Arr): Arr => np.transpose(np.reshape(v, [batch, t, heads, d / heads]), [0, 2, 1, 3]);
    const loss = (parameters: Arr[], x: Arr, y: Arr, mask: Arr): Arr => {
      let at = 0;
      const next = (): Arr => parameters[at++]!;
      const positions = next();
      let h = np.reshape(np.matmul(x, next()), [batch, t, d]);
      h = np.reshape(np.add(h, positions), [batch * t, d]);
      for (let i = 0; i < blocks; i++) {
        const qkv = linear(layerNorm(np, h.ref, next(), next()), next(), next());
        const [q, k, v] = np.split(qkv, 3, 1).map(split) as [Arr, Arr, Arr];
        const scores = np.add(np.multiply(np.matmul(q, np.transpose(k, [0, 1, 3, 2])), (d / heads) ** -0.5), mask.ref);
        const mixed = np.transpose(np.matmul(nn.softmax(scores), v), [0, 2, 1, 3]);
        h = np.add(h, linear(np.reshape(mixed, [batch * t, d]), next(), next()));
        const inner = nn.gelu(linear(layerNorm(np, h.ref, next(), next()), next(), next()), { approximate: false });
        h = np.add(h, linear(inner, next(), next()));
      }
      mask.dispose();
      const logits = np.matmul(layerNorm(np, h, next(), next()), np.transpose(next()));
      return crossEntropy(logits, y, batch * t);
    };
    const causal = Float32Array.from({ length: t * t }, (_, i) => (i % t > Math.floor(i / t) ? -1e9 : 0));
    const data = [
      array(oneHot(inputs[0]!, vocabulary), [batch * t, vocabulary]),
      array(oneHot(inputs[1]!, vocabulary), [batch * t, vocabulary]),
      array(causal, [t, t]),
    ];
    return task(row, inputs, data, loss as (p: Arr[], ...data: Arr[]) => Arr, adam(ADAMW.lr, ADAMW.weightDecay), 2);
  };
  return { tiny, mlp, lenet, gpt };
}
