import { defaults, type Row, some } from "./row.ts";

interface Shape {
  readonly batch: number;
  readonly from: number;
  readonly to: number;
  readonly side: number;
}

const forward = ({ batch, from, to, side }: Shape): Row => ({
  ...defaults,
  group: "convolution",
  kind: "convolution",
  name: `conv_${batch}x${from}x${side}`,
  title: `(${batch}, ${from}, ${side}, ${side}) to ${to} channels, windows of 3 x 3 with a border of 1`,
  size: { batch, from, to, side },
  inputs: [some(1, batch, from, side, side), some(2, to, from, 3, 3)],
  flops: 2 * batch * from * to * 9 * side * side,
  blas: true,
  threads: true,
  // With one channel PyTorch's result is large beside its arithmetic.
  keep: from === 1,
  tolerance: { absolute: 1e-6 * from * 9, relative: 0 },
  targets: [
    { column: "WASM", of: "its matmul", least: 0.75 },
    { column: "BLAS", of: "PyTorch", most: 1.5 },
  ],
  ...(from === 1
    ? {
        profile:
          "86 % of the time is the micro-kernel's. Its sums have 9 terms: every ninth multiply-add ends in a store, where a product of 512 has one in 512.",
      }
    : {}),
});

/** Backward computes the gradients of input and weight: two more products of the same size. */
const both = (row: Row): Row => {
  const { batch, to, side } = row.size as Shape & Row["size"];
  return {
    ...row,
    name: `${row.name}_fb`,
    title: `${row.title}, forward and backward to both`,
    mode: "backward",
    inputs: [...row.inputs, some(3, batch, to, side, side)],
    flops: 3 * row.flops!,
    calls: 3,
    keep: false,
    ...(row.profile === undefined
      ? {}
      : {
          profile:
            "73 % of the time is in the micro-kernels: 48 % in forward and the input's gradient, of few terms to a sum, 25 % in the weight's gradient.",
        }),
    // A weight's gradient sums over all images and places; the errors of its terms grow with the root of their number.
    tolerance: { absolute: 1e-5 * Math.sqrt(batch * side * side), relative: 0 },
  };
};

const SHAPES: readonly Shape[] = [
  { batch: 32, from: 1, to: 32, side: 28 },
  { batch: 32, from: 32, to: 64, side: 14 },
  { batch: 8, from: 64, to: 64, side: 56 },
];
export const convolution: readonly Row[] = SHAPES.map(forward).flatMap((row) => [row, both(row)]);
