import * as torch from "torchlet";
import { grid, kernel, type Peer } from "../gpujs.ts";
import { convolutionSource } from "../gpujs-convolution.ts";
import type { Cell, Row } from "../measure.ts";

interface Shape {
  readonly batch: number;
  readonly from: number;
  readonly to: number;
  readonly size: number;
}
const SHAPES: readonly Shape[] = [
  { batch: 32, from: 1, to: 32, size: 28 },
  { batch: 32, from: 32, to: 64, size: 14 },
  { batch: 8, from: 64, to: 64, size: 56 },
];
const flopsOf = ({ batch, from, to, size }: Shape): number => 2 * batch * from * to * 9 * size * size;
const LONGEST = { "gpu.js cpu": 1e8, "gpu.js webasm": 1e9 } as Readonly<Record<string, number>>;

/** gpu.js has no convolution: the seven loops, with the input padded beforehand. */
function peerForward(peer: Peer, column: string, shape: Shape): Cell {
  if (flopsOf(shape) > (LONGEST[column] ?? Number.POSITIVE_INFINITY)) return { none: "> 1 s" };
  const { batch, from, to, size } = shape;
  const wide = size + 2;
  const forward = kernel(peer.gpu(column), convolutionSource, [size, size, batch * to], { from, to });
  const x = grid(new Float32Array(batch * from * wide * wide).fill(0.5), [wide, wide, batch * from]);
  const w = grid(new Float32Array(to * from * 9).fill(0.5), [3, 3, to * from]);
  return { run: () => forward(x, w) };
}

/** Windows of 3 x 3 with a border of 1. Backward computes the gradients of input and weight: two more products of the same size. */
export function convolution(peer: Peer): Row[] {
  return SHAPES.flatMap((shape) => {
    const { batch, from, to, size } = shape;
    const x = torch.randn([batch, from, size, size], { requiresGrad: true });
    const w = torch.randn([to, from, 3, 3], { requiresGrad: true });
    const g = torch.randn([batch, to, size, size]);
    const name = `(${batch}, ${from}, ${size}, ${size}) to ${to}`;
    const conv = (): torch.Tensor => torch.nn.functional.conv2d(x, w, null, { padding: 1 });
    const both = (): void => {
      for (const leaf of [x, w]) {
        leaf.grad?.dispose();
        leaf.grad = null;
      }
      torch.scope(() => conv().backward(g));
    };
    const peerCells = (cell: (c: string) => Cell): Record<string, Cell> => Object.fromEntries(peer.columns.map((c) => [c, cell(c)]));
    return [
      {
        group: "convolution",
        name,
        flops: flopsOf(shape),
        cells: { torchlet: { run: () => torch.noGrad(() => conv().dispose()) }, ...peerCells((c) => peerForward(peer, c, shape)) },
      },
      {
        group: "convolution",
        name: `${name}, forward and backward`,
        flops: 3 * flopsOf(shape),
        cells: { torchlet: { run: both }, ...peerCells(() => ({ none: "no gradients" })) },
      },
    ];
  });
}
