import { ShapeError } from "../core/errors.ts";
import { Layout } from "../core/layout.ts";
import { padded, perDimension } from "./convolution.ts";
import { rule, type Rule, type Tensor } from "./define.ts";
import { _loops } from "./reduction.ts";

/** The windows of a pooling: one entry per spatial dimension. */
export interface Pooling {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  /** Rounds the output size up; windows that would start in the far border are left out. */
  readonly ceilMode: boolean;
}
export interface PoolOptions {
  stride?: number | readonly number[] | null;
  padding?: number | readonly number[];
  dilation?: number | readonly number[];
  ceilMode?: boolean;
}

function outputSize(n: number, d: number, p: Pooling): number {
  const [k, s, pad, dil] = [p.kernel[d]!, p.stride[d]!, p.padding[d]!, p.dilation[d]!];
  const span = n + 2 * pad - dil * (k - 1) - 1;
  const size = (p.ceilMode ? Math.ceil(span / s) : Math.floor(span / s)) + 1;
  return p.ceilMode && (size - 1) * s >= n + pad ? size - 1 : size;
}

/** Where the points of a grid lie in an image of `size`, flattened: point i of dimension d at first + i * step. */
function gridPlaces(count: readonly number[], first: readonly number[], step: readonly number[], size: readonly number[]): number[] {
  let places = [0];
  count.forEach((n, d) => {
    places = places.flatMap((p) => Array.from({ length: n }, (_, i) => p * size[d]! + first[d]! + i * step[d]!));
  });
  return places;
}

/** The greatest element of every window of x [n, c, s...], with its position in the image, flattened. */
export const _maxPool: Rule<(pooling: Pooling) => readonly Tensor[]> = rule({
  params: ["pooling"], node: "MaxPool2DWithIndicesBackward0", nonDifferentiable: [1],
  run: (k, x: Tensor, p: Pooling) => {
    const nd = p.kernel.length;
    const size = x.shape.slice(2);
    const out = size.map((n, d) => outputSize(n, d, p));
    const after = out.map((o, d) => Math.max((o - 1) * p.stride[d]! + p.dilation[d]! * (p.kernel[d]! - 1) + 1 - size[d]! - p.padding[d]!, 0));
    const border = padded(k, x, p.padding, after, x.dtype.isFloatingPoint ? Number.NEGATIVE_INFINITY : -(2 ** 31));
    const { strides, offset } = border.layout;
    const spatial = strides.slice(2);
    const windows = k.view(
      border,
      new Layout([...x.shape.slice(0, 2), ...out, ...p.kernel], [...strides.slice(0, 2), ...spatial.map((s, d) => s * p.stride[d]!), ...spatial.map((s, d) => s * p.dilation[d]!)], offset),
    );
    const zero = size.map(() => 0);
    const inWindow = k.integers(gridPlaces(p.kernel, zero, p.dilation, size), p.kernel, x.device);
    const dims = Array.from({ length: nd }, (_, d) => 2 + nd + d);
    const [values, relative] = k.reduce(_loops.maxPlaceLoop, windows, dims, false, { operands: [inWindow] }) as [Tensor, Tensor];
    const corners = k.integers(gridPlaces(out, p.padding.map((n) => -n), p.stride, size), out, x.device);
    const indices = relative.add_(corners);
    return [values, indices];
  },
  save: ([, indices], x: Tensor, p: Pooling) => ({ indices, shape: x.shape, p }),
  grad: ({ indices, shape, p }: { indices: Tensor; shape: number[]; p: Pooling }, [g]) => [g!._maxUnpool(indices, shape, p)],
});

/** Adds each element where its index says, in images of the shape given: the gradient of max pooling. */
export const _maxUnpool: Rule<(indices: Tensor, shape: readonly number[], pooling: Pooling) => Tensor> = rule({
  params: ["indices", "shape", "pooling"],
  run: (k, g: Tensor, indices: Tensor, shape: readonly number[], p: Pooling) => {
    const out = g.newZeros(shape);
    const plane = shape.slice(2).reduce((a, b) => a * b, 1);
    const [n, c] = shape as [number, number];
    const layout = new Layout([n, c, ...g.shape.slice(2)], [c * plane, plane, ...g.shape.slice(2).map(() => 0)], 0);
    const apart = p.kernel.every((size, d) => (size - 1) * p.dilation[d]! < p.stride[d]!);
    // Windows that do not meet need no additions.
    k.scatter(out, layout, g, [indices], [{ size: plane, stride: 1 }], apart ? "set" : "add", () => new ShapeError("Found an invalid max index"));
    return out;
  },
  save: (_, __, indices: Tensor) => ({ indices }),
  grad: ({ indices }: { indices: Tensor }, [h]) => {
    const flat = h!.reshape([...h!.shape.slice(0, 2), -1]);
    return [flat.gather(2, indices.reshape([...indices.shape.slice(0, 2), -1])).view(indices.shape), null];
  },
});

/** Checks the arguments of a max pooling and calls it: `nd` spatial dimensions, a batch dimension or none. */
export function maxPool(nd: number, x: Tensor, kernelSize: number | readonly number[], options: PoolOptions): readonly Tensor[] {
  const kernel = perDimension(kernelSize, nd);
  const p: Pooling = {
    kernel, stride: options.stride == null ? kernel : perDimension(options.stride, nd), padding: perDimension(options.padding ?? 0, nd),
    dilation: perDimension(options.dilation ?? 1, nd), ceilMode: options.ceilMode ?? false,
  };
  checkPooling(nd, x, p);
  if (x.ndim === nd + 2) return x._maxPool(p);
  return x.unsqueeze(0)._maxPool(p).map((y) => y.squeeze(0));
}

function checkPooling(nd: number, x: Tensor, p: Pooling): void {
  if (p.kernel.some((n) => n <= 0)) throw new ShapeError(`kernel size should be greater than zero, but got ${nd === 2 ? `kH: ${p.kernel[0]} kW: ${p.kernel[1]}` : p.kernel.join(" ")}`);
  if (p.stride.some((n) => n <= 0)) throw new ShapeError("stride should not be zero");
  p.kernel.forEach((n, d) => {
    if (p.padding[d]! < 0) throw new ShapeError(`pad must be non-negative, but got pad: ${p.padding[d]}`);
    if (p.padding[d]! > n / 2) throw new ShapeError(`pad should be at most half of kernel size, but got pad=${p.padding[d]} and kernel_size=${n}`);
  });
  if (p.dilation.some((n) => n <= 0)) throw new ShapeError("dilation should be greater than zero");
  if (x.ndim !== nd + 2 && x.ndim !== nd + 1) throw new ShapeError(`Expected ${nd + 1}D or ${nd + 2}D (batch mode) tensor with optional 0 dim batch size for input, but got: [${x.shape.join(", ")}]`);
  const size = x.shape.slice(-nd);
  const out = size.map((n, d) => outputSize(n, d, p));
  if (out.some((n) => n < 1)) {
    const lead = x.shape.at(-nd - 1);
    const sizes = (s: readonly number[]) => `(${[lead, ...(nd === 1 ? [1, ...s] : s)].join("x")})`;
    throw new ShapeError(`Given input size: ${sizes(size)}. Calculated output size: ${sizes(out)}. Output size is too small`);
  }
}
