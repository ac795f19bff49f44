import type { Row } from "../rows/row.ts";
import { withBorder } from "./border.ts";
import { type Column, columnOf, type Makers, type Numbers, type Prepared } from "./column.ts";
import { convolutionSource, type GpuJs, type Kernel, productSource } from "./gpujs-kernels.ts";
import { requirePeer, versionOf } from "./peers.ts";

type F = (...inputs: unknown[]) => unknown;

function flat(values: unknown): Numbers {
  if (typeof values === "number") return [values];
  return ArrayBuffer.isView(values) ? (values as Float32Array) : (values as unknown[]).flatMap((x) => [...(flat(x) as Float32Array)]);
}

/** A kernel of x, y and z, of those that are given. */
function pointwise(expression: string, count: number): string {
  const each = expression.replace(/\b([xyz])\b/g, "$1[this.thread.x]");
  return `function (${["x", "y", "z"].slice(0, count).join(", ")}) { return ${each}; }`;
}
const SUM = `function (x) { let s = 0; for (let i = 0; i < this.constants.n; i++) s += x[i]; return s; }`;
const LAST = `function (x) {
  let s = 0;
  for (let i = 0; i < this.constants.n; i++) s += x[this.thread.x * this.constants.n + i];
  return s;
}`;
const FIRST = `function (x) {
  let s = 0;
  for (let i = 0; i < this.constants.n; i++) s += x[i * this.constants.n + this.thread.x];
  return s;
}`;
/** Softmax is three kernels: the greatest of each row, the sum of its exponentials, the quotients. */
const PEAK = `function (x) {
  let m = x[this.thread.x * this.constants.n];
  for (let i = 1; i < this.constants.n; i++) m = Math.max(m, x[this.thread.x * this.constants.n + i]);
  return m;
}`;
const TOTAL = `function (x, m) {
  let s = 0;
  for (let i = 0; i < this.constants.n; i++) s += Math.exp(x[this.thread.x * this.constants.n + i] - m[this.thread.x]);
  return s;
}`;
const QUOTIENT = `function (x, m, s) {
  const row = Math.floor(this.thread.x / this.constants.n);
  return Math.exp(x[this.thread.x] - m[row]) / s[row];
}`;

/** In Node it has two modes: its kernels as JavaScript, faster where a call or a function of Math costs most, and as WebAssembly, faster in loops. */
const modeOf = (row: Row): string => (row.group === "matmul" || row.group === "convolution" ? "webasm" : "cpu");

export function start(): Column {
  const { GPU, Input } = requirePeer("gpu.js") as GpuJs;
  const task = (f: () => unknown): Prepared => ({ run: f, result: () => [flat(f())] });
  /** A kernel's maker in the row's mode; `each` writes a task with it. */
  const plain =
    (each: (row: Row, inputs: readonly Float32Array[], kernel: (source: string, output: number[], constants?: object) => Kernel) => F) =>
    (row: Row, inputs: readonly Float32Array[]): Prepared | string => {
      if (row.mode !== "plain") return "no gradients";
      const gpu = new GPU({ mode: modeOf(row) });
      const f = each(row, inputs, (source, output, constants = {}) => gpu.createKernel(source, { output, constants }));
      return task(() => f(...inputs));
    };
  const map = (expression: string) => plain((row, _, kernel) => kernel(pointwise(expression, row.inputs.length), [row.size["n"]!]));
  const makers: Makers = {
    add: map("x + y"),
    chain: plain((row, _, kernel) => {
      const step = kernel(pointwise("Math.tanh(Math.sin(x * y + y))", 2), [row.size["n"]!]);
      return (x, c) => {
        let z = x;
        for (let i = 0; i < 5; i++) z = step(z, c);
        return z;
      };
    }),
    multiplyAdd: map("x * y + z"),
    exp: map("Math.exp(x)"),
    tanh: map("Math.tanh(x)"),
    sigmoid: map("1 / (1 + Math.exp(-x))"),
    // It has no reductions: one thread adds all, or a row, or a column.
    sumAll: plain((row, _, kernel) => kernel(SUM, [1], { n: row.size["n"]! })),
    sumLast: plain((_row, _inputs, kernel) => kernel(LAST, [1000], { n: 1000 })),
    sumFirst: plain((_row, _inputs, kernel) => kernel(FIRST, [1000], { n: 1000 })),
    softmax: plain((row, _, kernel) => {
      const { rows, n } = row.size as { rows: number; n: number };
      const [peak, total] = [kernel(PEAK, [rows], { n }), kernel(TOTAL, [rows], { n })];
      const quotient = kernel(QUOTIENT, [rows * n], { n });
      return (x) => {
        const m = peak(x);
        return quotient(x, m, total(x, m));
      };
    }),
    matmul: plain((row, [a, b], kernel) => {
      const { batch, m, k, n } = row.size as Record<"batch" | "m" | "k" | "n", number>;
      const product = kernel(productSource, [n, m], { k });
      const part = (v: Float32Array, i: number, y: number, x: number): object => new Input(v.subarray(i * x * y, (i + 1) * x * y), [x, y]);
      const pairs = Array.from({ length: batch }, (_, i) => [part(a!, i, m, k), part(b!, i, k, n)] as const);
      return batch === 1 ? () => product(...pairs[0]!) : () => pairs.map((pair) => product(...pair));
    }),
    convolution: plain((row, [x, w], kernel) => {
      const { batch, from, to, side } = row.size as Record<"batch" | "from" | "to" | "side", number>;
      const forward = kernel(convolutionSource, [side, side, batch * to], { from, to });
      const images = new Input(withBorder(x!, side), [side + 2, side + 2, batch * from]);
      const weights = new Input(w!, [3, 3, to * from]);
      return () => forward(images, weights);
    }),
  };
  const missing = (row: Row): string => (row.mode === "plain" ? "has none" : "no gradients");
  return columnOf(`gpu.js ${versionOf("gpu.js")}, modes cpu and webasm`, makers, missing);
}
