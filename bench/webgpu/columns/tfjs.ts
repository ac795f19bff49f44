import { requirePeer, versionOf } from "../../columns/peers.ts";
import { LENET, TRAINING } from "../rows.mjs";
import { type Column, columnOf } from "./column.ts";
import { browserLike } from "./dawn.ts";

/** Of the package's types, what is used here. */
interface T {
  data(): Promise<Float32Array>;
  dispose(): void;
  add(x: T): T;
  mul(x: T): T;
  relu(): T;
  softmax(): T;
  sum(): T;
  matMul(x: T, transposeA?: boolean, transposeB?: boolean): T;
  conv2d(w: T, strides: number, padding: "same" | "valid"): T;
  maxPool(size: number, strides: number, padding: "valid"): T;
  reshape(shape: readonly number[]): T;
  transpose(order: readonly number[]): T;
}
interface Tfjs {
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  env(): { set(flag: string, value: boolean): void };
  backend(): { endComputePassEncoder(): void; ensureCommandEncoderReady(): void; submitQueue(): void };
  tensor(values: Float32Array, shape: readonly number[]): T;
  variable(x: T): T;
  tidy<R>(f: () => R): R;
  keep(x: T): T;
  losses: { softmaxCrossEntropy(labels: T, logits: T): T };
  train: { adam(lr: number, beta1: number, beta2: number, eps: number): { minimize(f: () => T, cost: true, variables: T[]): T } };
}

const imagesLast = [0, 2, 3, 1];

export async function start(): Promise<Record<string, Column>> {
  const device = await browserLike();
  const tf = requirePeer("@tensorflow/tfjs") as Tfjs;
  requirePeer("@tensorflow/tfjs-backend-webgpu");
  await tf.setBackend("webgpu");
  await tf.ready();
  // Small tensors too are to be computed on the GPU.
  tf.env().set("WEBGPU_CPU_FORWARD", false);
  const done = (): Promise<undefined> => {
    const backend = tf.backend();
    backend.ensureCommandEncoderReady();
    backend.endComputePassEncoder();
    backend.submitQueue();
    return device().queue.onSubmittedWorkDone();
  };
  const computing = (inputs: readonly T[], f: () => T, read: (x: T) => T = (x) => x, ops?: number) => {
    let last: T | null = null;
    return {
      ...(ops === undefined ? {} : { ops }),
      run: async () => {
        last?.dispose();
        last = tf.tidy(f);
        await done();
      },
      result: () => read(last!).data(),
      dispose: () => {
        last?.dispose();
        for (const x of inputs) x.dispose();
      },
    };
  };
  const column = columnOf(`tfjs ${versionOf("@tensorflow/tfjs")}`, {
    matmul: async ({ n }, [x, y]) => {
      const [a, b] = [tf.tensor(x!, [n, n]), tf.tensor(y!, [n, n])];
      return computing([a, b], () => a.matMul(b));
    },
    pointwise: async ({ n }, inputs) => {
      const [x, y, z] = inputs.map((v) => tf.tensor(v, [n])) as [T, T, T];
      return computing([x, y, z], () => x.mul(y).add(z));
    },
    sum: async ({ n }, [v]) => {
      const x = tf.tensor(v!, [n]);
      return computing([x], () => x.sum());
    },
    softmax: async ({ rows, n }, [v]) => {
      const x = tf.tensor(v!, [rows, n]);
      return computing([x], () => x.softmax());
    },
    // In the layout that it is made for: channels last.
    convolution: async ({ batch, from, size, to }, [v, u]) => {
      const x = tf.tidy(() => tf.tensor(v!, [batch, from, size, size]).transpose(imagesLast));
      const w = tf.tidy(() => tf.tensor(u!, [to, from, 3, 3]).transpose([2, 3, 1, 0]));
      return computing(
        [x, w],
        () => x.conv2d(w, 1, "same"),
        (y) => y.transpose([0, 3, 1, 2]),
      );
    },
    chain: async ({ length }, [v, u]) => {
      const [x, y] = [tf.tensor(v!, [4]), tf.tensor(u!, [4])];
      const chain = (): T => {
        let z = x;
        for (let i = 0; i < length; i++) {
          const next = z.add(y);
          if (i > 0) z.dispose();
          z = next;
        }
        return z;
      };
      return computing([x, y], chain, (z) => z, length);
    },
    training: async ({ batch, steps }, [images, labels, ...values]) => {
      const { lr, beta1, beta2, eps } = TRAINING;
      const parameters = values.map((v, i) => {
        const shape = LENET[i]!;
        const x = tf.tensor(v, shape);
        if (shape.length === 4) return tf.variable(x.transpose([2, 3, 1, 0]));
        // The first dense layer's inputs come channels last.
        if (shape[1] === 256) return tf.variable(x.reshape([128, 16, 4, 4]).transpose(imagesLast).reshape([128, 256]));
        return tf.variable(x);
      });
      const [w1, b1, w2, b2, w3, b3, w4, b4] = parameters as [T, T, T, T, T, T, T, T];
      const x = tf.tensor(images!, [batch, 28, 28, 1]);
      const onehot = tf.tensor(
        Float32Array.from({ length: batch * 10 }, (_, i) => (labels![Math.floor(i / 10)] === i % 10 ? 1 : 0)),
        [batch, 10],
      );
      const loss = (): T => {
        let h = x.conv2d(w1, 1, "valid").add(b1).maxPool(2, 2, "valid").relu();
        h = h.conv2d(w2, 1, "valid").add(b2).maxPool(2, 2, "valid").relu().reshape([batch, 256]);
        h = h.matMul(w3, false, true).add(b3).relu();
        return tf.losses.softmaxCrossEntropy(onehot, h.matMul(w4, false, true).add(b4));
      };
      const optimizer = tf.train.adam(lr, beta1, beta2, eps);
      const losses: number[] = [];
      const run = async (): Promise<void> => {
        const value = tf.tidy(() => tf.keep(optimizer.minimize(loss, true, parameters)));
        await done();
        if (losses.length < steps) losses.push((await value.data())[0]!);
        value.dispose();
      };
      return {
        run,
        result: async () => {
          while (losses.length < steps) await run();
          return losses;
        },
      };
    },
  });
  return { tfjs: column };
}
