import * as torch from "torchlet";
import { kernel, type Peer } from "../gpujs.ts";
import type { Cell, Row } from "../measure.ts";

const SIZES = [1e3, 1e4, 1e5, 1e6];
const CLASSES = 1000;

const values = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => Math.sin(i));

function peerExp(peer: Peer, column: string, n: number): Cell {
  const exp = kernel(peer.gpu(column), "function (x) { return Math.exp(x[this.thread.x]); }", [n]);
  const x = values(n);
  return { run: () => exp(x) };
}

/** One thread adds all: gpu.js has no reductions. */
function peerSum(peer: Peer, column: string, n: number): Cell {
  const source = "function (x) { let s = 0; for (let i = 0; i < this.constants.n; i++) s += x[i]; return s; }";
  const sum = kernel(peer.gpu(column), source, [1], { n });
  const x = values(n);
  return { run: () => sum(x) };
}

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

/** Three kernels: the greatest of each row, the sum of its exponentials, the quotients. */
function peerSoftmax(peer: Peer, column: string, rows: number): Cell {
  const gpu = peer.gpu(column);
  const constants = { n: CLASSES };
  const peak = kernel(gpu, PEAK, [rows], constants);
  const total = kernel(gpu, TOTAL, [rows], constants);
  const quotient = kernel(gpu, QUOTIENT, [rows * CLASSES], constants);
  const x = values(rows * CLASSES);
  return {
    run: () => {
      const m = peak(x) as Float32Array;
      return quotient(x, m, total(x, m) as Float32Array);
    },
  };
}

/** Operations that should be bound by memory. Bytes are those that have to be moved: each operand once. */
export function memory(peer: Peer): Row[] {
  const row = (op: string, n: number, bytes: number, run: () => unknown, other: (c: string) => Cell): Row => ({
    group: "memory",
    name: `${op}, ${n.toExponential(0).replace("+", "")}`,
    bytes,
    cells: { torchlet: { run }, ...Object.fromEntries(peer.columns.map((c) => [c, other(c)])) },
  });
  return SIZES.flatMap((n) => {
    const x = torch.tensor(values(n));
    const rows = x.view(n / CLASSES, CLASSES);
    return [
      row(
        "exp",
        n,
        8 * n,
        () => x.exp().dispose(),
        (c) => peerExp(peer, c, n),
      ),
      row(
        "sum",
        n,
        4 * n,
        () => x.sum().dispose(),
        (c) => peerSum(peer, c, n),
      ),
      row(
        "softmax of rows of 1000",
        n,
        8 * n,
        () => rows.softmax(1).dispose(),
        (c) => peerSoftmax(peer, c, n / CLASSES),
      ),
    ];
  });
}
