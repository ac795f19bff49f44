import { importPeer, versionOf } from "../../columns/peers.ts";
import { LENET, TRAINING } from "../rows.mjs";
import { type Column, columnOf } from "./column.ts";
import { browserLike } from "./dawn.ts";

/** Of the package's types, what is used here. Functions take their arguments away; `ref` keeps one. */
interface Arr {
  readonly ref: Arr;
  dispose(): void;
  data(): Promise<Float32Array>;
  blockUntilReady(): Promise<Arr>;
}
type Binary = (a: Arr, b: Arr | number) => Arr;
interface JaxJs {
  init(device: string): Promise<string[]>;
  defaultDevice(device: string): string;
  jit<A extends unknown[], R>(f: (...args: A) => R): (...args: A) => R;
  valueAndGrad<R>(f: (parameters: Arr[], images: Arr, labels: Arr) => R): (parameters: Arr[], images: Arr, labels: Arr) => [Arr, Arr[]];
  numpy: {
    array(values: Float32Array, options: { shape: readonly number[] }): Arr;
    reshape(x: Arr, shape: readonly number[]): Arr;
    sum(x: Arr): Arr;
    max(x: Arr, axes: readonly number[]): Arr;
    transpose(x: Arr): Arr;
    sqrt(x: Arr): Arr;
  } & Record<"matmul" | "multiply" | "add" | "subtract" | "divide", Binary>;
  nn: { relu(x: Arr): Arr; softmax(x: Arr): Arr; logSoftmax(x: Arr): Arr };
  lax: { convGeneralDilated(x: Arr, w: Arr, strides: readonly number[], padding: readonly (readonly number[])[]): Arr };
}

export async function start(): Promise<Record<string, Column>> {
  await browserLike();
  const jax = (await importPeer("@jax-js/jax", "dist/index.js")) as JaxJs;
  const { numpy: np, nn, lax, jit } = jax;
  await jax.init("webgpu");
  jax.defaultDevice("webgpu");
  const array = (values: Float32Array, ...shape: number[]): Arr => np.array(values, { shape });
  const computing = (inputs: readonly Arr[], f: (...inputs: Arr[]) => Arr, ops?: number) => {
    let last: Arr | null = null;
    return {
      ...(ops === undefined ? {} : { ops }),
      run: async () => {
        last?.dispose();
        last = f(...inputs.map((x) => x.ref));
        await last.blockUntilReady();
      },
      result: () => last!.ref.data(),
      dispose: () => {
        last?.dispose();
        for (const x of inputs) x.dispose();
      },
    };
  };
  const sides = [
    [1, 1],
    [1, 1],
  ];
  const column = columnOf(`jax-js ${versionOf("@jax-js/jax")}, jit but for the chain`, {
    matmul: async ({ n }, [a, b]) => computing([array(a!, n, n), array(b!, n, n)], jit(np.matmul) as (...x: Arr[]) => Arr),
    pointwise: async ({ n }, inputs) =>
      computing(
        inputs.map((v) => array(v, n)),
        jit((x: Arr, y: Arr, z: Arr) => np.add(np.multiply(x, y), z)) as (...x: Arr[]) => Arr,
      ),
    sum: async ({ n }, [x]) => computing([array(x!, n)], jit((v: Arr) => np.sum(v)) as (...x: Arr[]) => Arr),
    softmax: async ({ rows, n }, [x]) => computing([array(x!, rows, n)], jit((v: Arr) => nn.softmax(v)) as (...x: Arr[]) => Arr),
    convolution: async ({ batch, from, size, to }, [x, w]) =>
      computing(
        [array(x!, batch, from, size, size), array(w!, to, from, 3, 3)],
        jit((u: Arr, v: Arr) => lax.convGeneralDilated(u, v, [1, 1], sides)) as (...x: Arr[]) => Arr,
      ),
    chain: async ({ length }, [x, y]) => {
      const chain = (first: Arr, addend: Arr): Arr => {
        let z = first;
        for (let i = 0; i < length; i++) z = np.add(z, addend.ref);
        addend.dispose();
        return z;
      };
      return computing([array(x!, 4), array(y!, 4)], chain as (...x: Arr[]) => Arr, length);
    },
    training: async ({ batch, steps }, [images, labels, ...parameters]) => trainingTask(jax, batch, steps, images!, labels!, parameters),
  });
  return { "jax-js": column };
}

/** The model, its loss and Adam as one compiled function of parameters, moments and the bias corrections. */
function trainingTask(
  { numpy: np, nn, lax, jit, valueAndGrad }: JaxJs,
  batch: number,
  steps: number,
  images: Float32Array,
  labels: Float32Array,
  values: readonly Float32Array[],
) {
  const { lr, beta1, beta2, eps } = TRAINING;
  const pool = (x: Arr, channels: number, size: number): Arr => np.max(np.reshape(x, [batch, channels, size / 2, 2, size / 2, 2]), [3, 5]);
  const none = [
    [0, 0],
    [0, 0],
  ];
  const loss = ([w1, b1, w2, b2, w3, b3, w4, b4]: Arr[], x: Arr, onehot: Arr): Arr => {
    let h = np.add(lax.convGeneralDilated(x, w1!, [1, 1], none), np.reshape(b1!, [1, 8, 1, 1]));
    h = nn.relu(pool(h, 8, 24));
    h = np.add(lax.convGeneralDilated(h, w2!, [1, 1], none), np.reshape(b2!, [1, 16, 1, 1]));
    h = np.reshape(nn.relu(pool(h, 16, 8)), [batch, 256]);
    h = nn.relu(np.add(np.matmul(h, np.transpose(w3!)), b3!));
    h = np.add(np.matmul(h, np.transpose(w4!)), b4!);
    return np.multiply(np.sum(np.multiply(onehot, nn.logSoftmax(h))), -1 / batch);
  };
  const gradients = valueAndGrad(loss);
  const step = jit((parameters: Arr[], m: Arr[], v: Arr[], x: Arr, onehot: Arr, c1: Arr, c2: Arr): [Arr[], Arr[], Arr[], Arr] => {
    const [value, grads] = gradients(
      parameters.map((p) => p.ref),
      x,
      onehot,
    );
    const nextM = m.map((u, i) => np.add(np.multiply(u, beta1), np.multiply(grads[i]!.ref, 1 - beta1)));
    const nextV = v.map((u, i) => np.add(np.multiply(u, beta2), np.multiply(np.multiply(grads[i]!.ref, grads[i]!), 1 - beta2)));
    const next = parameters.map((p, i) => {
      const root = np.add(np.sqrt(np.divide(nextV[i]!.ref, c2.ref)), eps);
      return np.subtract(p, np.multiply(np.divide(np.divide(nextM[i]!.ref, c1.ref), root), lr));
    });
    c1.dispose();
    c2.dispose();
    return [next, nextM, nextV, value];
  });
  const array = (x: Float32Array, shape: readonly number[]): Arr => np.array(x, { shape });
  let parameters = values.map((x, i) => array(x, LENET[i]!));
  let m = values.map((x, i) => array(new Float32Array(x.length), LENET[i]!));
  let v = values.map((x, i) => array(new Float32Array(x.length), LENET[i]!));
  const x = array(images, [batch, 1, 28, 28]);
  const onehot = array(
    Float32Array.from({ length: batch * 10 }, (_, i) => (labels[Math.floor(i / 10)] === i % 10 ? 1 : 0)),
    [batch, 10],
  );
  let t = 0;
  const losses: number[] = [];
  const run = async (): Promise<void> => {
    t++;
    const c1 = array(Float32Array.of(1 - beta1 ** t), [1]);
    const c2 = array(Float32Array.of(1 - beta2 ** t), [1]);
    let value: Arr;
    [parameters, m, v, value] = step(parameters, m, v, x.ref, onehot.ref, c1, c2);
    await value.blockUntilReady();
    await parameters[0]!.blockUntilReady();
    if (losses.length < steps) losses.push((await value.data())[0]!);
    else value.dispose();
  };
  return {
    run,
    result: async () => {
      while (losses.length < steps) await run();
      return losses;
    },
  };
}
