import type { Row } from "../rows/row.ts";
import { type Column, columnOf, type Makers, type Prepared, type Task } from "./column.ts";
import { requirePeer, versionOf } from "./peers.ts";
import { sizeOf } from "./size.ts";
import { startOf } from "./start.ts";
import { gelu, layerNorm } from "./tfjs-ops.ts";
import { trainings } from "./tfjs-training.ts";
import type { T, Tfjs } from "./tfjs-types.ts";

/** `backend`: `cpu` or `wasm`. */
export async function start(backend: string): Promise<Column> {
  const tf = requirePeer("@tensorflow/tfjs") as Tfjs;
  if (backend === "wasm") requirePeer("@tensorflow/tfjs-backend-wasm");
  await tf.setBackend(backend);
  await tf.ready();

  /** A function of the inputs; with gradients to all of them but where `constants` come last. */
  function task(row: Row, inputs: readonly T[], from: T | null, f: (...xs: T[]) => T, constants: readonly T[] = []): Prepared | string {
    if (row.mode === "recorded") return "gradients are functions";
    const plain = (): T[] => [f(...inputs, ...constants)];
    const gradients = tf.valueAndGrads((...xs) => {
      const y = f(...xs, ...constants);
      return from === null ? y.sum() : y;
    });
    const both = (): T[] => {
      const { value, grads } = gradients([...inputs], from ?? undefined);
      return [value, ...grads];
    };
    const work = row.mode === "plain" ? plain : both;
    const run = (): void => {
      for (const y of tf.tidy(work)) y.dispose();
    };
    const result: Task["result"] = async () => await Promise.all(tf.tidy(work).map((y) => y.data()));
    return { run, result };
  }
  const tensors = (row: Row, inputs: readonly Float32Array[]): T[] => inputs.map((v, i) => tf.tensor(v, row.inputs[i]!.shape));
  const op =
    (count: number, f: (...xs: T[]) => T) =>
    (row: Row, inputs: readonly Float32Array[]): Prepared | string => {
      const all = tensors(row, inputs);
      return task(row, all.slice(0, count), row.mode === "backward" ? all[count]! : null, f);
    };
  const withConstant =
    (f: (x: T, y: T) => T) =>
    (row: Row, inputs: readonly Float32Array[]): Prepared | string => {
      const [x, y] = tensors(row, inputs);
      return task(row, [x!], null, f as (...xs: T[]) => T, [y!]);
    };
  const makers: Makers = {
    add: withConstant((x, y) => x.add(y)),
    chain: withConstant((x, c) => {
      let z = x;
      for (let i = 0; i < 5; i++) z = z.mul(c).add(c).sin().tanh();
      return z;
    }),
    multiplyAdd: op(3, (x, y, z) => x!.mul(y!).add(z!)),
    exp: op(1, (x) => x!.exp()),
    sigmoid: op(1, (x) => x!.sigmoid()),
    tanh: op(1, (x) => x!.tanh()),
    gelu: op(1, (x) => gelu(x!)),
    sumAll: op(1, (x) => x!.sum()),
    sumLast: op(1, (x) => x!.sum(1)),
    sumFirst: op(1, (x) => x!.sum(0)),
    softmax: op(1, (x) => x!.softmax()),
    layerNorm: op(3, (x, w, b) => layerNorm(x!, w!, b!)),
    matmul: op(2, (x, y) => x!.matMul(y!)),
    // Its own order is channels last: inputs are laid out so beforehand, results are turned back when they are compared.
    convolution: (row, inputs) => {
      const [x, w, g] = tensors(row, inputs);
      const last = (v: T): T => v.transpose([0, 2, 3, 1]);
      const first = (v: T): T => v.transpose([0, 3, 1, 2]);
      const made = task(row, [last(x!), w!.transpose([2, 3, 1, 0])], g === undefined ? null : last(g), (u, v) => tf.conv2d(u!, v!, 1, 1));
      if (typeof made === "string" || !("run" in made)) return made;
      const result: Task["result"] = async () => {
        const [y, dx, dw] = await made.result();
        const { batch, from, to, side } = row.size as Record<"batch" | "from" | "to" | "side", number>;
        const image = (v: ArrayLike<number>, c: number): Promise<Float32Array> =>
          first(tf.tensor(v as Float32Array, [batch, side, side, c])).data();
        const value = await image(y!, to);
        if (dx === undefined) return [value];
        return [
          value,
          await image(dx, from),
          await tf
            .tensor(dw as Float32Array, [3, 3, from, to])
            .transpose([3, 2, 0, 1])
            .data(),
        ];
      };
      return { ...made, result };
    },
    ...trainings(tf, backend),
    start: () => startOf(`tfjs-${backend}`),
  };
  if (backend === "cpu") makers.size = (row) => sizeOf("tfjs-cpu", row);
  return columnOf(`tfjs ${versionOf("@tensorflow/tfjs")}, backend ${backend}`, makers);
}
