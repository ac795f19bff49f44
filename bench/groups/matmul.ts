import * as torch from "torchlet";
import { grid, kernel, type Peer } from "../gpujs.ts";
import type { Cell, Row } from "../measure.ts";

const SIZES = [32, 64, 128, 256, 512, 1024];
/** Products that take gpu.js longer than a second a call are left out. */
const LONGEST = { "gpu.js cpu": 256, "gpu.js webasm": 512 } as Readonly<Record<string, number>>;

function peerProduct(peer: Peer, column: string, n: number): Cell {
  if (n > (LONGEST[column] ?? Number.POSITIVE_INFINITY)) return { none: "> 1 s" };
  const source = `function (a, b) {
    let sum = 0;
    for (let k = 0; k < this.constants.n; k++) sum += a[this.thread.y][k] * b[k][this.thread.x];
    return sum;
  }`;
  const product = kernel(peer.gpu(column), source, [n, n], { n });
  const a = grid(new Float32Array(n * n).fill(0.5), [n, n]);
  return { run: () => product(a, a) };
}

/** Square matrix products. */
export function matmul(peer: Peer): Row[] {
  return SIZES.map((n) => {
    const a = torch.rand(n, n);
    const b = torch.rand(n, n);
    return {
      group: "matmul",
      name: `${n} x ${n}`,
      flops: 2 * n ** 3,
      cells: { torchlet: { run: () => a.mm(b).dispose() }, ...Object.fromEntries(peer.columns.map((c) => [c, peerProduct(peer, c, n)])) },
    };
  });
}
