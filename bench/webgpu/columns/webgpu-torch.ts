import { withBorder } from "../../columns/border.ts";
import { requirePeer, versionOf } from "../../columns/peers.ts";
import { type Column, columnOf } from "./column.ts";
import { browserLike } from "./dawn.ts";

const flat = (values: Nested): number[] => values.flatMap((v) => (typeof v === "number" ? [v] : flat(v)));

/** Of the package's types, what is used here. */
interface T {
  add(x: T): T;
  mul(x: T): T;
  sum(): T;
  toArrayAsync(): Promise<number | Nested>;
}
type Nested = readonly (number | Nested)[];
interface WebgpuTorch {
  initWebGPUAsync(): Promise<boolean>;
  tensor(values: Nested): T;
  mm(a: T, b: T): T;
  conv2d(x: T, w: T): T;
}

function nested(values: Float32Array, shape: readonly number[]): Nested {
  const [first = 1, ...rest] = shape;
  if (rest.length === 0) return Array.from(values);
  const each = values.length / first;
  return Array.from({ length: first }, (_, i) => nested(values.subarray(i * each, (i + 1) * each), rest));
}

export async function start(): Promise<Record<string, Column>> {
  const device = await browserLike();
  const log = console.log;
  console.log = () => {}; // it greets
  const torch = requirePeer("webgpu-torch", "index.js") as WebgpuTorch;
  await torch.initWebGPUAsync();
  console.log = log;
  const tensor = (values: Float32Array, ...shape: number[]): T => torch.tensor(nested(values, shape));
  /** Each op submits by itself. Nothing can be given back: the collector finds it. */
  const computing = (f: () => T, ops?: number) => {
    let last: T | null = null;
    return {
      ...(ops === undefined ? {} : { ops }),
      run: async () => {
        last = f();
        await device().queue.onSubmittedWorkDone();
      },
      result: async () => {
        const values = await last!.toArrayAsync();
        return typeof values === "number" ? [values] : flat(values);
      },
    };
  };
  const missing = { softmax: "has no softmax", training: "has no pooling and no cross entropy" };
  const column = columnOf(
    `webgpu-torch ${versionOf("webgpu-torch")}`,
    {
      matmul: async ({ n }, [x, y]) => {
        const [a, b] = [tensor(x!, n, n), tensor(y!, n, n)];
        return computing(() => torch.mm(a, b));
      },
      pointwise: async ({ n }, inputs) => {
        const [x, y, z] = inputs.map((v) => tensor(v, n)) as [T, T, T];
        return computing(() => x.mul(y).add(z));
      },
      sum: async ({ n }, [v]) => {
        const x = tensor(v!, n);
        return computing(() => x.sum());
      },
      convolution: async ({ batch, from, size, to }, [v, u]) => {
        // It takes a padding and does not pad: the border is added beforehand.
        const x = tensor(withBorder(v!, size), batch, from, size + 2, size + 2);
        const w = tensor(u!, to, from, 3, 3);
        return computing(() => torch.conv2d(x, w));
      },
      chain: async ({ length }, [v, u]) => {
        const [x, y] = [tensor(v!, 4), tensor(u!, 4)];
        const chain = (): T => {
          let z = x;
          for (let i = 0; i < length; i++) z = z.add(y);
          return z;
        };
        return computing(chain, length);
      },
    },
    missing,
  );
  return { "webgpu-torch": column };
}
