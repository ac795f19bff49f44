import { describe, expect, test } from "vitest";
import * as torch from "../../src/index.ts";

/** One dimension of a convolution. */
interface Along {
  readonly size: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
}
interface Case {
  readonly images: number;
  readonly groups: number;
  /** Channels of a group. */
  readonly from: number;
  readonly to: number;
  readonly along: readonly Along[];
}

const placesOf = ({ size, kernel, stride, padding, dilation }: Along): number =>
  Math.floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1;
const product = (x: readonly number[]): number => x.reduce((p, n) => p * n, 1);
/** The indices of element `i` of a shape, and back. */
function indicesOf(i: number, shape: readonly number[]): number[] {
  const out = new Array<number>(shape.length);
  for (let d = shape.length - 1, rest = i; d >= 0; rest = Math.floor(rest / shape[d]!), d--) out[d] = rest % shape[d]!;
  return out;
}
const elementOf = (indices: readonly number[], shape: readonly number[]): number => indices.reduce((at, q, d) => at * shape[d]! + q, 0);

/** Whole numbers, whose sums are exact in any order. */
const values = (n: number, seed: number): number[] => Array.from({ length: n }, (_, i) => ((i * 7919 + seed * 104729) % 13) - 6);

/** Output and gradients of a convolution by its definition. */
function loops(
  { images, groups, from, to, along }: Case,
  x: number[],
  w: number[],
  g: number[],
): { y: number[]; dx: number[]; dw: number[] } {
  const kernel = along.map((d) => d.kernel);
  const places = along.map(placesOf);
  const size = along.map((d) => d.size);
  const [xShape, wShape, yShape] = [
    [images, groups * from, ...size],
    [groups * to, from, ...kernel],
    [images, groups * to, ...places],
  ];
  const [y, dx, dw] = [g.map(() => 0), x.map(() => 0), w.map(() => 0)];
  for (let o = 0; o < g.length; o++) {
    const [image, m, ...at] = indicesOf(o, yShape) as [number, number, ...number[]];
    const group = Math.floor(m / to);
    for (let t = 0; t < from * product(kernel); t++) {
      const [c, ...tap] = indicesOf(t, [from, ...kernel]) as [number, ...number[]];
      const seen = along.map((d, i) => at[i]! * d.stride + tap[i]! * d.dilation - d.padding);
      if (seen.some((s, i) => s < 0 || s >= size[i]!)) continue;
      const xi = elementOf([image, group * from + c, ...seen], xShape);
      const wi = elementOf([m, c, ...tap], wShape);
      y[o]! += x[xi]! * w[wi]!;
      dx[xi]! += g[o]! * w[wi]!;
      dw[wi]! += g[o]! * x[xi]!;
    }
  }
  return { y, dx, dw };
}

function check(c: Case, dtype: torch.DType): void {
  const { images, groups, from, to, along } = c;
  const option = (name: keyof Along): number[] => along.map((d) => d[name]);
  const xShape = [images, groups * from, ...option("size")];
  const wShape = [groups * to, from, ...option("kernel")];
  const yShape = [images, groups * to, ...along.map(placesOf)];
  const [xs, ws, gs] = [values(product(xShape), 1), values(product(wShape), 2), values(product(yShape), 3)];
  const expected = loops(c, xs, ws, gs);
  const tensor = (of: number[], shape: number[]): torch.Tensor => torch.tensor(of, { dtype }).reshape(shape).requiresGrad_();
  const [x, w] = [tensor(xs, xShape), tensor(ws, wShape)];
  const options = { stride: option("stride"), padding: option("padding"), dilation: option("dilation"), groups };
  const F = torch.nn.functional;
  const conv = [F.conv1d, F.conv2d, F.conv3d][along.length - 1]!;
  const y = conv(x, w, null, options);
  y.backward(torch.tensor(gs, { dtype }).reshape(yShape));
  const flat = (t: torch.Tensor): number[] => Array.from(t.reshape(-1).tolistSync() as number[], (v) => v + 0);
  const about = JSON.stringify(c);
  expect(y.shape, about).toEqual(yShape);
  expect(flat(y), about).toEqual(expected.y);
  expect(flat(x.grad!), about).toEqual(expected.dx);
  expect(flat(w.grad!), about).toEqual(expected.dw);
}

const along = (size: number, kernel: number, stride = 1, padding = 0, dilation = 1): Along => ({ size, kernel, stride, padding, dilation });

describe("gradients of convolutions are those of the definition", () => {
  test.each<[string, Case]>([
    ["one channel", { images: 3, groups: 1, from: 1, to: 8, along: [along(9, 3, 1, 1), along(12, 3, 1, 1)] }],
    ["a window without a border", { images: 2, groups: 1, from: 3, to: 5, along: [along(9, 5), along(8, 5)] }],
    ["many channels", { images: 2, groups: 1, from: 9, to: 7, along: [along(8, 3, 1, 1), along(8, 3, 1, 1)] }],
    ["stride 2", { images: 2, groups: 1, from: 8, to: 5, along: [along(9, 3, 2, 1), along(10, 3, 2, 1)] }],
    ["stride 2, one tap: places that no window sees", { images: 2, groups: 1, from: 8, to: 6, along: [along(7, 1, 2), along(8, 1, 2)] }],
    ["stride 3, dilation 2", { images: 2, groups: 1, from: 12, to: 2, along: [along(14, 4, 3, 2, 2), along(13, 3, 3, 1, 2)] }],
    [
      "stride 4, dilation 2: phases without a tap",
      { images: 1, groups: 1, from: 8, to: 3, along: [along(17, 3, 4, 3, 2), along(15, 4, 4, 0, 2)] },
    ],
    ["stride 6, dilation 4", { images: 1, groups: 1, from: 8, to: 3, along: [along(31, 5, 6, 5, 4)] }],
    ["a border wider than the window", { images: 1, groups: 1, from: 4, to: 3, along: [along(6, 2, 1, 4), along(5, 1, 1, 3)] }],
    ["dilation", { images: 2, groups: 1, from: 8, to: 4, along: [along(12, 3, 1, 2, 2), along(11, 3, 1, 3, 3)] }],
    ["groups", { images: 2, groups: 3, from: 2, to: 4, along: [along(8, 3, 2, 1), along(7, 3, 1, 1)] }],
    ["channel by channel", { images: 2, groups: 6, from: 1, to: 1, along: [along(8, 3, 1, 1), along(12, 3, 1, 1)] }],
    ["one dimension", { images: 3, groups: 1, from: 1, to: 4, along: [along(30, 7, 2, 3)] }],
    ["three dimensions", { images: 2, groups: 1, from: 2, to: 3, along: [along(5, 3, 2, 1), along(6, 2, 1, 1), along(7, 3, 3, 0)] }],
    ["more columns than are made at once", { images: 3, groups: 1, from: 1, to: 1, along: [along(64, 7, 1, 3), along(64, 7, 1, 3)] }],
  ])("%s", (_, c) => {
    check(c, torch.float64);
    check(c, torch.float32);
  });

  test("any geometry", () => {
    let seed = 5;
    const below = (n: number): number => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return (seed >>> 8) % n;
    };
    for (let i = 0; i < 150; i++) {
      const dims = 1 + below(2);
      const ranges = Array.from({ length: dims }, () => {
        const [kernel, dilation, padding, stride] = [1 + below(5), 1 + below(3), below(4), 1 + below(4)];
        const least = Math.max(dilation * (kernel - 1) + 1 - 2 * padding, 1);
        return along(least + below(9), kernel, stride, padding, dilation);
      });
      check({ images: 1 + below(2), groups: 1 + below(2), from: 1 + below(6), to: 1 + below(6), along: ranges }, torch.float32);
    }
  });
});
