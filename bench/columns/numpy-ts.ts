import type { Row } from "../rows/row.ts";
import { type Column, columnOf, type Makers, type Numbers, type Prepared } from "./column.ts";
import { importPeer, versionOf } from "./peers.ts";
import { sizeOf } from "./size.ts";

/** Of the package's types, what is used here. */
interface Nd {
  readonly data: Float32Array;
  reshape(...shape: readonly number[]): Nd;
  dispose(): void;
}
interface NumpyTs {
  configureWasm(options: { maxMemory: number }): void;
  array(values: Float32Array): Nd;
  sum(x: Nd, axis?: number): Nd | number;
  exp(x: Nd): Nd;
  tanh(x: Nd): Nd;
  sin(x: Nd): Nd;
  add(a: Nd, b: Nd): Nd;
  multiply(a: Nd, b: Nd): Nd;
  matmul(a: Nd, b: Nd): Nd;
}

/** Bytes of its heap: once that is full everything is slower, for as long as the process lives. */
const HEAP = 2 ** 30;
const dispose = (x: Nd | number): void => (typeof x === "number" ? undefined : x.dispose());

export async function start(): Promise<Column> {
  const np = (await importPeer("numpy-ts", "dist/esm/index.js")) as NumpyTs;
  np.configureWasm({ maxMemory: HEAP });
  /** A function of what another gives, which is given back: its guide recommends it for loops. */
  const then = (x: Nd, f: (x: Nd) => Nd): Nd => {
    const y = f(x);
    x.dispose();
    return y;
  };
  const op =
    (f: (...inputs: Nd[]) => Nd | number) =>
    (row: Row, inputs: readonly Float32Array[]): Prepared | string => {
      if (row.mode !== "plain") return "no gradients";
      const arrays = inputs.map((v, i) => np.array(v).reshape(...row.inputs[i]!.shape));
      const result = (): Numbers[] => {
        const y = f(...arrays);
        return [typeof y === "number" ? [y] : Float32Array.from(y.data)];
      };
      return { run: () => dispose(f(...arrays)), result, dispose: () => arrays.forEach(dispose) };
    };
  const makers: Makers = {
    add: op((x, y) => np.add(x!, y!)),
    chain: op((x, c) => {
      let z = x!;
      for (let i = 0; i < 5; i++) {
        const product = np.multiply(z, c!);
        if (i > 0) z.dispose();
        z = then(
          then(
            then(product, (v) => np.add(v, c!)),
            np.sin,
          ),
          np.tanh,
        );
      }
      return z;
    }),
    multiplyAdd: op((x, y, z) => then(np.multiply(x!, y!), (v) => np.add(v, z!))),
    exp: op((x) => np.exp(x!)),
    tanh: op((x) => np.tanh(x!)),
    sumAll: op((x) => np.sum(x!)),
    sumLast: op((x) => np.sum(x!, 1)),
    sumFirst: op((x) => np.sum(x!, 0)),
    matmul: op((x, y) => np.matmul(x!, y!)),
    size: (row) => sizeOf("numpy-ts", row),
  };
  const missing = (row: Row): string => (row.mode === "plain" ? "has none" : "no gradients");
  return columnOf(`numpy-ts ${versionOf("numpy-ts")}`, makers, missing);
}
