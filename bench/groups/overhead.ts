import * as torch from "torchlet";
import type { Tensor } from "torchlet";
import type { Peer } from "../gpujs.ts";
import type { Cell, Row } from "../measure.ts";

const noGradients: Cell = { none: "no gradients" };
const cells = (peer: Peer, torchlet: () => unknown, other: (column: string) => Cell): Row["cells"] =>
  Object.fromEntries([["torchlet", { run: torchlet }], ...peer.columns.map((c) => [c, other(c)])]) as Row["cells"];

/** Adds two arrays of four numbers, `times` times in a row. */
function peerChain(peer: Peer, column: string, times: number): Cell {
  const add = peer.gpu(column).createKernel("function (a, b) { return a[this.thread.x] + b[this.thread.x]; }").setOutput([4]);
  const x = new Float32Array(4).fill(1);
  return {
    run: () => {
      let y: unknown = x;
      for (let i = 0; i < times; i++) y = add(y as Float32Array, x);
      return y;
    },
  };
}

const chain = (x: Tensor, y: Tensor, times: number): Tensor => {
  let z = x;
  for (let i = 0; i < times; i++) z = z.add(y);
  return z;
};

/** A step of training for 2-16-16-1 with tanh, written with tensors: forward, mean squared error, backward, and plain gradient descent. */
function smallModel(): () => void {
  torch.manualSeed(0);
  const sizes = [2, 16, 16, 1];
  const weights = sizes.slice(1).map((n, i) => torch.randn([sizes[i]!, n]).mul(0.5).requiresGrad_());
  const biases = sizes.slice(1).map((n) => torch.zeros([n], { requiresGrad: true }));
  const x = torch.randn(16, 2);
  const target = torch.randn(16, 1);
  const parameters = [...weights, ...biases];
  const optimizer = new torch.optim.SGD(parameters, { lr: 0.01 });
  return () =>
    torch.scope(() => {
      let h = x;
      weights.forEach((w, i) => {
        h = h.matmul(w).add(biases[i]!);
        if (i < weights.length - 1) h = h.tanh();
      });
      optimizer.zeroGrad();
      h.sub(target).square().mean().backward();
      optimizer.step();
    });
}

/** What a call costs when there is next to nothing to compute. */
export function overhead(peer: Peer): Row[] {
  const x = torch.ones(4);
  const y = torch.ones(4);
  const w = torch.ones(4, { requiresGrad: true });
  const group = "overhead";
  return [
    { group, name: "add, 4 elements", kernels: 1, cells: cells(peer, () => x.add(y).dispose(), (c) => peerChain(peer, c, 1)) },
    { group, name: "add, 4 elements, recorded", kernels: 1, cells: cells(peer, () => x.add(w).dispose(), () => noGradients) },
    {
      group, name: "add + sum, backward",
      cells: cells(peer, () => torch.scope(() => {
        w.grad = null;
        x.add(w).sum().backward();
      }), () => noGradients),
    },
    { group, name: "chain of 20 adds", kernels: 20, cells: cells(peer, () => torch.scope(() => void chain(x, y, 20)), (c) => peerChain(peer, c, 20)) },
    { group, name: "chain of 20 adds, recorded", kernels: 20, cells: cells(peer, () => torch.scope(() => void chain(x, w, 20)), () => noGradients) },
    {
      group, name: "chain of 20 adds, backward",
      cells: cells(peer, () => torch.scope(() => {
        w.grad = null;
        chain(x, w, 20).sum().backward();
      }), () => noGradients),
    },
    { group, name: "MLP 2-16-16-1, training step, batch 16", cells: cells(peer, smallModel(), () => noGradients) },
  ];
}
