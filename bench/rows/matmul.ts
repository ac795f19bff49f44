import { defaults, type Row, some, type Target } from "./row.ts";

const common = { ...defaults, group: "matmul", kind: "matmul", blas: true } as const;
/** The row whose rate convolutions are compared with. */
export const matmulRow = "mm_512";

function squareTargets(n: number): Target[] {
  const blas: Target = { column: "BLAS", of: "PyTorch", most: n < 128 ? 1 : 1.05 };
  if (n < 128) return [blas];
  const [on24, on20] = n === 128 ? [0.8, 0.52] : [0.88, 0.58];
  return [
    { column: "WASM", node: 24, of: "peak", least: on24 },
    { column: "WASM", node: 20, of: "peak", least: on20 },
    { column: "2 threads", of: "one thread", least: 1.6 },
    blas,
  ];
}

/** The best peer without a BLAS, PyTorch with one. */
const otherTargets: readonly Target[] = [
  { column: "WASM", of: "best peer", most: 1 },
  { column: "BLAS", of: "PyTorch", most: 1.1 },
];

const product = (name: string, batch: number, m: number, k: number, n: number, targets: readonly Target[]): Row => ({
  ...common,
  name,
  title: `product of (${batch > 1 ? `${batch}, ` : ""}${m}, ${k}) and (${batch > 1 ? `${batch}, ` : ""}${k}, ${n})`,
  size: { batch, m, k, n },
  inputs: batch > 1 ? [some(1, batch, m, k), some(2, batch, k, n)] : [some(1, m, k), some(2, k, n)],
  flops: 2 * batch * m * k * n,
  // A product with one row reads a matrix once: memory, not arithmetic, is its limit.
  ...(m === 1 ? { bytes: 4 * k * n, access: "read" as const } : {}),
  threads: batch * m * k * n >= 128 ** 3,
  // Each of k products and sums rounds; a worst case would be k times as much.
  tolerance: { absolute: 1e-6 * k, relative: 0 },
  targets,
});

const both = (row: Row): Row => {
  const { m, k, n } = row.size as { m: number; k: number; n: number };
  return {
    ...row,
    name: `${row.name}_fb`,
    title: `${row.title}, forward and backward to both`,
    mode: "backward",
    inputs: [...row.inputs, some(3, m, n)],
    flops: 3 * row.flops!,
    calls: 3,
    tolerance: { absolute: 1e-6 * Math.max(m, k, n), relative: 0 },
    targets: otherTargets,
  };
};

const skinny = product("mm_64x784x128", 1, 64, 784, 128, otherTargets);
const square = (n: number): Row => product(`mm_${n}`, 1, n, n, n, squareTargets(n));

export const matmul: readonly Row[] = [
  ...[32, 64, 128, 256, 512, 1024, 2048].map(square),
  product("bmm_16x128x64", 16, 128, 64, 128, otherTargets),
  product("mm_1x1024x1024", 1, 1, 1024, 1024, otherTargets),
  skinny,
  both(square(512)),
  both(skinny),
];
