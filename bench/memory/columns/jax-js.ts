import { readdirSync } from "node:fs";
import { join } from "node:path";
import { folderOf, importPeer, versionOf } from "../../columns/peers.ts";
import { browserLike } from "../../webgpu/columns/dawn.ts";
import { BATCH, CLASSES, FEATURES, HIDDEN, LEARNING_RATE, oneHot, POINTS, type Problem } from "../problem.ts";
import type { Trainer } from "../protocol.ts";

/** Of the package's types, what is used here. Functions take their arguments away; `ref` keeps one. */
interface Arr {
  readonly ref: Arr;
  data(): Promise<Float32Array>;
  slice(rows: readonly [number, number]): Arr;
}
interface JaxJs {
  init(device: string): Promise<string[]>;
  defaultDevice(device: string): string;
  valueAndGrad(f: (parameters: Arr[], x: Arr, y: Arr) => Arr): (parameters: Arr[], x: Arr, y: Arr) => [Arr, Arr[]];
  numpy: {
    array(values: Float32Array, options: { shape: readonly number[] }): Arr;
    sum(x: Arr): Arr;
    transpose(x: Arr): Arr;
  } & Record<"matmul" | "multiply" | "add" | "subtract", (a: Arr, b: Arr | number) => Arr>;
  nn: { relu(x: Arr): Arr; logSoftmax(x: Arr): Arr };
}
interface Backend {
  readonly type: string;
  malloc(size: number, initial?: Uint8Array): number;
  incRef(slot: number): void;
  decRef(slot: number): void;
}

/** Counts the bytes of slots that are alive: the library does not tell. */
async function watched(device: string): Promise<() => number> {
  const folder = join(folderOf("@jax-js/jax"), "dist");
  const file = readdirSync(folder).find((name) => /^backend-.*\.js$/.test(name));
  const exported = Object.values((await importPeer("@jax-js/jax", `dist/${file}`)) as object) as unknown[];
  const getBackend = exported.find((f): f is (device: string) => Backend => typeof f === "function" && f.name === "getBackend");
  if (getBackend === undefined) return () => Number.NaN;
  const backend = getBackend(device);
  const slots = new Map<number, { size: number; refs: number }>();
  let live = 0;
  const { malloc, incRef, decRef } = backend;
  backend.malloc = (size, initial) => {
    const slot = malloc.call(backend, size, initial);
    slots.set(slot, { size, refs: 1 });
    live += size;
    return slot;
  };
  backend.incRef = (slot) => {
    incRef.call(backend, slot);
    const known = slots.get(slot);
    if (known !== undefined) known.refs++;
  };
  backend.decRef = (slot) => {
    decRef.call(backend, slot);
    const known = slots.get(slot);
    if (known === undefined || --known.refs > 0) return;
    slots.delete(slot);
    live -= known.size;
  };
  return () => live;
}

/** With `.ref` wherever a value is used again, as its guide says. */
export async function start(problem: Problem, device: string): Promise<Trainer> {
  if (device === "webgpu") await browserLike();
  const { numpy: np, nn, ...jax } = (await importPeer("@jax-js/jax", "dist/index.js")) as JaxJs;
  await jax.init(device);
  jax.defaultDevice(device);
  const live = await watched(device);
  const points = np.array(problem.points, { shape: [POINTS, FEATURES] });
  const labels = np.array(oneHot(problem.labels), { shape: [POINTS, CLASSES] });
  let parameters = [
    np.array(problem.weights[0], { shape: [HIDDEN, FEATURES] }),
    np.array(new Float32Array(HIDDEN), { shape: [HIDDEN] }),
    np.array(problem.weights[1], { shape: [CLASSES, HIDDEN] }),
    np.array(new Float32Array(CLASSES), { shape: [CLASSES] }),
  ];
  const gradients = jax.valueAndGrad(([w1, b1, w2, b2], x, y) => {
    const hidden = nn.relu(np.add(np.matmul(x, np.transpose(w1!)), b1!));
    const scores = np.add(np.matmul(hidden, np.transpose(w2!)), b2!);
    return np.multiply(np.sum(np.multiply(y, nn.logSoftmax(scores))), -1 / BATCH);
  });
  return {
    about: `jax-js ${versionOf("@jax-js/jax")}, ${device}, with .ref`,
    async step(i) {
      const x = points.ref.slice([i, i + BATCH]);
      const y = labels.ref.slice([i, i + BATCH]);
      const [loss, grads] = gradients(
        parameters.map((p) => p.ref),
        x,
        y,
      );
      parameters = parameters.map((p, k) => np.subtract(p, np.multiply(grads[k]!, LEARNING_RATE)));
      return (await loss.data())[0]!;
    },
    live: async () => (Number.isNaN(live()) ? null : live()),
  };
}
