import type { Row } from "../rows/row.ts";
import { type Column, columnOf, type Makers, type Prepared } from "./column.ts";
import { layerNorm, trainings } from "./jax-js-training.ts";
import type { Arr, JaxJs } from "./jax-js-types.ts";
import { importPeer, versionOf } from "./peers.ts";
import { sizeOf } from "./size.ts";
import { startOf } from "./start.ts";

/** Everything compiled by `jit`, once for each row, as its guide recommends. */
export async function start(): Promise<Column> {
  const jax = (await importPeer("@jax-js/jax", "dist/index.js")) as JaxJs;
  const { numpy: np, nn, lax, jit, vjp } = jax;
  await jax.init("wasm");
  jax.defaultDevice("wasm");

  /** Gradients go to the first `wanted` inputs; from the last one, or from the sum. Results are returned, so that nothing is left out. */
  function task(row: Row, all: readonly Arr[], wanted: number, from: boolean, f: (...xs: Arr[]) => Arr): Prepared | string {
    if (row.mode === "recorded") return "gradients are functions";
    const plain = jit((...xs: Arr[]): Arr[] => [f(...xs)]);
    const both = jit((...xs: Arr[]): Arr[] => {
      const g = from ? xs[xs.length - 1]! : null;
      const constants = xs.slice(wanted, from ? -1 : undefined);
      const inner = (...ws: Arr[]): Arr => {
        const y = f(...ws, ...constants.map((c) => c.ref));
        return from ? y : np.sum(y);
      };
      const [value, pull] = vjp(inner, xs.slice(0, wanted));
      const grads = pull(g ?? np.onesLike(value.ref));
      pull.dispose?.();
      for (const c of constants) c.dispose();
      return [value, ...grads];
    });
    const work = row.mode === "plain" ? plain : both;
    const once = (): Arr[] => work(...all.map((x) => x.ref));
    return {
      run: async () => {
        for (const y of await jax.blockUntilReady(once())) y.dispose();
      },
      result: async () => await Promise.all(once().map((y) => y.data())),
      dispose: () => {
        for (const x of all) x.dispose();
      },
    };
  }
  const arrays = (row: Row, inputs: readonly Float32Array[]): Arr[] => inputs.map((v, i) => np.array(v, { shape: row.inputs[i]!.shape }));
  const op =
    (f: (...xs: Arr[]) => Arr) =>
    (row: Row, inputs: readonly Float32Array[]): Prepared | string => {
      const backward = row.mode === "backward";
      return task(row, arrays(row, inputs), inputs.length - (backward ? 1 : 0), backward, f);
    };
  const withConstant =
    (f: (x: Arr, y: Arr) => Arr) =>
    (row: Row, inputs: readonly Float32Array[]): Prepared | string =>
      task(row, arrays(row, inputs), 1, false, f as (...xs: Arr[]) => Arr);
  const makers: Makers = {
    add: withConstant(np.add),
    chain: withConstant((x, c) => {
      let z = x;
      for (let i = 0; i < 5; i++) z = np.tanh(np.sin(np.add(np.multiply(z, c.ref), c.ref)));
      c.dispose();
      return z;
    }),
    multiplyAdd: op((x, y, z) => np.add(np.multiply(x!, y!), z!)),
    exp: op((x) => np.exp(x!)),
    sigmoid: op((x) => nn.sigmoid(x!)),
    tanh: op((x) => np.tanh(x!)),
    gelu: op((x) => nn.gelu(x!, { approximate: false })),
    sumAll: op((x) => np.sum(x!)),
    sumLast: op((x) => np.sum(x!, 1)),
    sumFirst: op((x) => np.sum(x!, 0)),
    softmax: op((x) => nn.softmax(x!)),
    layerNorm: op((x, w, b) => layerNorm(np, x!, w!, b!)),
    matmul: op((x, y) => np.matmul(x!, y!)),
    convolution: op((x, w) => {
      const border = [
        [1, 1],
        [1, 1],
      ];
      return lax.convGeneralDilated(x!, w!, [1, 1], border);
    }),
    ...trainings(jax),
    start: () => startOf("jax-js"),
    size: (row) => sizeOf("jax-js", row),
  };
  return columnOf(`jax-js ${versionOf("@jax-js/jax")}, device wasm, jit, one thread`, makers);
}
