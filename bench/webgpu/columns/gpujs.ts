import { withBorder } from "../../columns/border.ts";
import { convolutionSource, type GpuJs } from "../../columns/gpujs-kernels.ts";
import { requirePeer, versionOf } from "../../columns/peers.ts";
import { type Column, columnOf } from "./column.ts";
import { browserLike } from "./dawn.ts";

/** A result that stays on the GPU. */
interface Resident {
  toArray(): Promise<unknown>;
  delete(): void;
}
type ResidentKernel = (...inputs: unknown[]) => Promise<Resident>;

function flat(values: unknown): number[] {
  if (typeof values === "number") return [values];
  return ArrayBuffer.isView(values) ? [...(values as Float32Array)] : (values as unknown[]).flatMap(flat);
}

export async function start(): Promise<Record<string, Column>> {
  const device = await browserLike();
  const { GPU, Input } = requirePeer("gpu.js") as GpuJs;
  const gpu = new GPU({ mode: "webgpu" });
  const kernel = (source: string, output: number[], constants: Record<string, number> = {}): ResidentKernel =>
    gpu.createKernel(source, { output, constants, pipeline: true }) as ResidentKernel;
  /** Kernels start when the promise of their operands resolves, and each submits by itself. */
  const computing = (f: () => Promise<Resident>, ops?: number) => {
    let last: Resident | null = null;
    return {
      ...(ops === undefined ? {} : { ops, waits: true, note: "each op is awaited, to its completion" }),
      run: async () => {
        last?.delete();
        last = await f();
        await device().queue.onSubmittedWorkDone();
      },
      result: async () => flat(await last!.toArray()),
      dispose: () => last?.delete(),
    };
  };
  /** A copy of numbers on the GPU, so that a run does not upload them. */
  const resident = async (values: Float32Array, size: [number] | [number, number] | [number, number, number]): Promise<Resident> => {
    const at = ["a[this.thread.x]", "a[this.thread.y][this.thread.x]", "a[this.thread.z][this.thread.y][this.thread.x]"][size.length - 1]!;
    return await kernel(`function (a) { return ${at}; }`, size)(size.length === 1 ? values : new Input(values, size));
  };
  const column = columnOf(
    `gpu.js ${versionOf("gpu.js")}, mode webgpu`,
    {
      matmul: async ({ n }, [x, y]) => {
        const [a, b] = [await resident(x!, [n, n]), await resident(y!, [n, n])];
        const source = `function (a, b) {
          let sum = 0;
          for (let k = 0; k < this.constants.n; k++) sum += a[this.thread.y][k] * b[k][this.thread.x];
          return sum;
        }`;
        const product = kernel(source, [n, n], { n });
        return computing(() => product(a, b));
      },
      pointwise: async ({ n }, inputs) => {
        const [x, y, z] = await Promise.all(inputs.map((v) => resident(v, [n])));
        const source = "function (x, y, z) { return x[this.thread.x] * y[this.thread.x] + z[this.thread.x]; }";
        const all = kernel(source, [n]);
        return computing(() => all(x, y, z));
      },
      // It has no reductions: a thread for every thousand, and one for what they give.
      sum: async ({ n }, [v]) => {
        const x = await resident(v!, [n]);
        const source = `function (x) {
          let s = 0;
          for (let i = 0; i < this.constants.n; i++) s += x[this.thread.x * this.constants.n + i];
          return s;
        }`;
        const parts = kernel(source, [n / 1000], { n: 1000 });
        const whole = kernel(source, [1], { n: n / 1000 });
        return computing(async () => {
          const p = await parts(x);
          const total = await whole(p);
          p.delete();
          return total;
        });
      },
      softmax: async ({ rows, n }, [v]) => {
        const x = await resident(v!, [n, rows]);
        const peak = kernel(
          `function (x) {
            let m = x[this.thread.x][0];
            for (let i = 1; i < this.constants.n; i++) m = Math.max(m, x[this.thread.x][i]);
            return m;
          }`,
          [rows],
          { n },
        );
        const total = kernel(
          `function (x, m) {
            let s = 0;
            for (let i = 0; i < this.constants.n; i++) s += Math.exp(x[this.thread.x][i] - m[this.thread.x]);
            return s;
          }`,
          [rows],
          { n },
        );
        const quotient = kernel(
          "function (x, m, s) { return Math.exp(x[this.thread.y][this.thread.x] - m[this.thread.y]) / s[this.thread.y]; }",
          [n, rows],
        );
        return computing(async () => {
          const m = await peak(x);
          const s = await total(x, m);
          const out = await quotient(x, m, s);
          m.delete();
          s.delete();
          return out;
        });
      },
      convolution: async ({ batch, from, size, to }, [v, u]) => {
        const wide = size + 2;
        const x = await resident(withBorder(v!, size), [wide, wide, batch * from]);
        const w = await resident(u!, [3, 3, to * from]);
        const forward = kernel(convolutionSource, [size, size, batch * to], { from, to });
        return computing(() => forward(x, w));
      },
      // A kernel may not read its own last result: two of them take turns.
      chain: async ({ length }, [v, u]) => {
        const [x, y] = [await resident(v!, [4]), await resident(u!, [4])];
        const source = "function (a, b) { return a[this.thread.x] + b[this.thread.x]; }";
        const turns = [kernel(source, [4]), kernel(source, [4])];
        return computing(async () => {
          let z = x;
          for (let i = 0; i < length; i++) {
            const next = await turns[i % 2]!(z, y);
            if (i > 0) z.delete();
            z = next;
          }
          return z;
        }, length);
      },
    },
    { training: "no gradients" },
  );
  return { "gpu.js": column };
}
