import type { Tensor } from "torchlet";
import * as torch from "torchlet";
import { nn, scope } from "torchlet";
import type { Mode, Own, Row } from "../rows/row.ts";
import { LAYER_NORM_EPS } from "../rows/training.ts";
import { type Column, columnOf, type Makers, type Prepared, type Task } from "./column.ts";
import { sizeOf } from "./size.ts";
import { startOf } from "./start.ts";
import { poolTask } from "./torchlet-pool.ts";
import { training } from "./torchlet-training.ts";

const F = nn.functional;

/** Short work is done several times in a scope, whose own cost is not the work's. */
const IN_SCOPE: Readonly<Partial<Record<Row["kind"], number>>> = { add: 50, chain: 16, layer: 16 };

const read = async (tensors: readonly Tensor[]) => await Promise.all(tensors.map((t) => t.toTypedArray() as Promise<Float32Array>));

/** The task of a function of `leaves`. Gradients go to those that want one, from `from`, or from the sum where there is none. */
function task(row: Row, leaves: readonly Tensor[], f: () => Tensor, from: Tensor | null = null): Task {
  const inputs = leaves.filter((x) => x.requiresGrad);
  const backward = (): Tensor => {
    for (const x of inputs) x.grad = null;
    const y = from === null ? f().sum() : f();
    y.backward(from);
    return y;
  };
  const [calls, work] = [IN_SCOPE[row.kind] ?? 1, row.mode === "backward" ? backward : f];
  const repeated = (): void => {
    for (let i = 0; i < calls; i++) work();
  };
  return {
    calls,
    run: calls === 1 && row.mode === "plain" ? () => f().dispose() : () => scope(repeated),
    result: async () => {
      const y = work();
      return await read(row.mode === "backward" ? [y, ...inputs.map((x) => x.grad!)] : [y]);
    },
  };
}

const tensor = (values: Float32Array, row: Row, i: number, requiresGrad: boolean = false): Tensor =>
  torch.tensor(values).view(row.inputs[i]!.shape).contiguous().detach().requiresGrad_(requiresGrad);
const wants = (mode: Mode): boolean => mode !== "plain";

/** A function of the first `count` inputs, all of which want a gradient; the one after them is the gradient of the result. */
const op =
  (count: number, f: (...inputs: Tensor[]) => Tensor) =>
  (row: Row, inputs: readonly Float32Array[]): Prepared => {
    const leaves = inputs.slice(0, count).map((v, i) => tensor(v, row, i, wants(row.mode)));
    const from = row.mode === "backward" ? tensor(inputs[count]!, row, count) : null;
    return task(row, leaves, () => f(...leaves), from);
  };
/** A function of two inputs of which the second is a constant. */
const withConstant =
  (f: (x: Tensor, y: Tensor) => Tensor) =>
  (row: Row, [x, y]: readonly Float32Array[]): Prepared => {
    const [leaf, other] = [tensor(x!, row, 0, wants(row.mode)), tensor(y!, row, 1)];
    return task(row, [leaf], () => f(leaf, other));
  };

function chain(x: Tensor, c: Tensor): Tensor {
  let z = x;
  for (let i = 0; i < 5; i++) z = z.mul(c).add(c).sin().tanh();
  return z;
}

/** Layers of small inputs; the gradient is that of the sum. */
const layers: Readonly<Record<string, (...inputs: Tensor[]) => Tensor>> = {
  transpose: (x) => x.transpose(1, 2),
  products: (x, y) => x.matmul(y),
  conv: (x, w, b) => F.conv2d(x, w, b),
  max_pool: (x) => F.maxPool2d(x, 2),
  batch_norm: (x, w, b) => F.batchNorm(x, null, null, w, b, true),
  cross_entropy: (x, classes) => F.crossEntropy(x, classes),
};
function layer(row: Row, inputs: readonly Float32Array[]): Task {
  const f = layers[row.layer!]!;
  const leaves = inputs.map((v, i) => (row.inputs[i]!.whole ? tensor(v, row, i).long() : tensor(v, row, i, wants(row.mode))));
  return task(row, leaves, () => f(...leaves));
}

const makers: Makers = {
  add: withConstant((x, y) => x.add(y)),
  chain: withConstant(chain),
  multiplyAdd: op(3, (x, y, z) => z.addcmul(x, y)),
  exp: op(1, (x) => x.exp()),
  sigmoid: op(1, (x) => x.sigmoid()),
  tanh: op(1, (x) => x.tanh()),
  gelu: op(1, (x) => F.gelu(x)),
  sumAll: op(1, (x) => x.sum()),
  sumLast: op(1, (x) => x.sum(1)),
  sumFirst: op(1, (x) => x.sum(0)),
  softmax: op(1, (x) => x.softmax(1)),
  layerNorm: op(3, (x, w, b) => F.layerNorm(x, [w.shape[0]!], w, b, LAYER_NORM_EPS)),
  matmul: op(2, (x, y) => x.matmul(y)),
  convolution: op(2, (x, w) => F.conv2d(x, w, null, { padding: 1 })),
  layer,
  ...training,
  start: () => startOf("torchlet"),
  size: (row) => sizeOf("torchlet", row),
  pool: poolTask,
  // Loaded where it is needed: it has a library of its own.
  stage: async (row) => (await import("./torchlet-stages.ts")).stageTask(row),
};

/** Chooses what the library computes with. Says why it cannot. */
function choose(variant: Own): string {
  const { blas } = torch.backends;
  torch.setNumThreads(variant === "2 threads" ? 2 : 1);
  return variant !== "BLAS" || blas.isAvailable ? "" : blas.reason;
}

export function start(variant: string): Column {
  const missing = choose(variant as Own);
  const { name, coreType } = torch.backends.blas;
  const column = columnOf(`Torchlet, ${[variant, variant === "BLAS" ? `${name} ${coreType}` : ""].join(": ").replace(/: $/, "")}`, makers);
  return missing === "" ? column : { about: column.about, prepare: async () => missing };
}
