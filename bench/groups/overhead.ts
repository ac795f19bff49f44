import type { Tensor } from "torchlet";
import * as torch from "torchlet";
import { kernel, type Peer } from "../gpujs.ts";
import type { Cell, Row } from "../measure.ts";

const noGradients: Cell = { none: "no gradients" };
/** Adds two arrays of four numbers, `times` times in a row. */
function peerChain(peer: Peer, column: string, times: number): Cell {
  const add = kernel(peer.gpu(column), "function (a, b) { return a[this.thread.x] + b[this.thread.x]; }", [4]);
  const x = new Float32Array(4).fill(1);
  return {
    run: () => {
      let y: unknown = x;
      for (let i = 0; i < times; i++) y = add(y as Float32Array, x);
      return y;
    },
  };
}

/** Gives the gradient's memory back at once: a loop without `await` gives the collector no chance. */
function dropGradient(x: Tensor): void {
  x.grad?.dispose();
  x.grad = null;
}

const chain = (x: Tensor, y: Tensor, times: number): Tensor => {
  let z = x;
  for (let i = 0; i < times; i++) z = z.add(y);
  return z;
};

/** A step of training for 2-16-16-1 with tanh, written with tensors: forward, mean squared error, backward, and plain gradient descent. */
export function smallModel(): () => void {
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

  /** A row that gpu.js has as well: so many additions. */
  const adds = (name: string, kernels: number, run: () => void): Row => row(name, run, (c) => peerChain(peer, c, kernels), kernels);
  const alone = (name: string, run: () => void, kernels?: number): Row => row(name, run, () => noGradients, kernels);
  const row = (name: string, run: () => void, other: (column: string) => Cell, kernels?: number): Row => ({
    group: "overhead",
    name,
    kernels,
    cells: { torchlet: { run }, ...Object.fromEntries(peer.columns.map((c) => [c, other(c)])) },
  });
  const backward = (f: () => Tensor) => (): void =>
    torch.scope(() => {
      dropGradient(w);
      f().sum().backward();
    });

  return [
    adds("add, 4 elements", 1, () => x.add(y).dispose()),
    alone("add, 4 elements, recorded", () => x.add(w).dispose(), 1),
    alone(
      "add + sum, backward",
      backward(() => x.add(w)),
    ),
    adds("chain of 20 adds", 20, () => torch.scope(() => void chain(x, y, 20))),
    alone("chain of 20 adds, recorded", () => torch.scope(() => void chain(x, w, 20)), 20),
    alone(
      "chain of 20 adds + sum, backward",
      backward(() => chain(x, w, 20)),
    ),
    alone("MLP 2-16-16-1, training step, batch 16", smallModel()),
  ];
}
