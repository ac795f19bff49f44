import { int64 } from "../core/dtype.ts";
import {
  notForDtype,
  poolDilation,
  poolDimensions,
  poolIndex,
  poolKernel,
  poolOutput,
  poolPadding,
  poolPaddingLarge,
  poolRank,
  poolSizes,
  poolStride,
  poolStrideZero,
} from "../core/errors.ts";
import { Layout } from "../core/layout.ts";
import * as e from "../kernel/expr.ts";
import { arg, constant, position, state } from "../kernel/expr.ts";
import type { Kernels } from "../tensor/kernels.ts";
import { type MapLoop, mapLoop, type ReduceLoop, type Rule, reduceLoop, rule, type Tensor } from "./define.ts";
import { dimRange } from "./dimension.ts";
import { padded, perDimension } from "./windows.ts";

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

/** Where the points of a grid lie in an image of `size`, flattened, from where they are `along` each dimension. */
function gridPlaces(along: readonly (readonly number[])[], size: readonly number[]): number[] {
  let places = [0];
  for (let d = 0; d < along.length; d++) {
    const some = along[d]!;
    const next = new Array<number>(places.length * some.length);
    let at = 0;
    for (let i = 0; i < places.length; i++) for (let j = 0; j < some.length; j++) next[at++] = places[i]! * size[d]! + some[j]!;
    places = next;
  }
  return places;
}
/** `first`, `first + step`, ... */
function evenly(count: number, first: number, step: number): number[] {
  const all = new Array<number>(count);
  for (let i = 0; i < count; i++) all[i] = first + i * step;
  return all;
}

/** Where the windows start. */
const corners = (n: number, d: number, p: Pooling): number[] => evenly(n, -p.padding[d]!, p.stride[d]!);
/** The first place of every window that is not padding. */
const firstPlaces = (n: number, d: number, p: Pooling): number[] =>
  corners(n, d, p).map((corner) => corner + Math.ceil(Math.max(-corner, 0) / p.dilation[d]!) * p.dilation[d]!);
/** Where a window holds nothing but minus infinity its first element was found, which may be padding: then the first that is not counts. */
const insideLoop: MapLoop = mapLoop(([relative, corner, first]) => e.select(e.eq(relative!, 0), first!, e.add(relative!, corner!)));

/** The greatest with its position in the window. Of equals the first stays, but every NaN takes over, as in PyTorch. */
const windowLoop: ReduceLoop = reduceLoop("max_pool", {
  monoid: (t) => {
    const [v, i, w, j] = [state(0, t), state(1, "i64"), state(2, t), state(3, "i64")];
    // A position of -1 is "nothing seen yet".
    const later = e.or(e.lt(i, 0), e.and(e.ge(j, 0), e.or(e.isnan(w), e.gt(w, v))));
    return {
      init: [constant(Number.NEGATIVE_INFINITY, t), constant(-1, "i64")],
      lift: [arg(0, t), position],
      combine: [e.select(later, w, v), e.select(later, j, i)],
      outputs: [v, i],
    };
  },
  compute: (d) => d,
  outputs: (d) => [d, int64],
});

/** The greatest alone. */
const greatestLoop: ReduceLoop = reduceLoop("max_pool_values", {
  monoid: (t) => {
    const [v, w] = [state(0, t), state(1, t)];
    return {
      init: [constant(Number.NEGATIVE_INFINITY, t)],
      lift: [arg(0, t)],
      combine: [e.select(e.or(e.isnan(w), e.gt(w, v)), w, v)],
      outputs: [v],
    };
  },
  compute: (d) => d,
  outputs: (d) => [d],
});

/** Channels last in memory, where the input has them so: dimension 1 is the innermost. */
function likeInput(y: Tensor, x: Tensor): Tensor {
  if (x.ndim < 4 || x.isContiguous()) return y;
  const order = [0, ...x.shape.slice(2).map((_, d) => d + 2), 1];
  if (!x.permute(order).isContiguous()) return y;
  return y
    .permute(order)
    .contiguous()
    .permute(order.map((_, d) => order.indexOf(d)));
}

const outputSizes = (x: Tensor, p: Pooling): number[] => x.shape.slice(2).map((n, d) => outputSize(n, d, p));

/** The windows of x [n, c, s...], whose border is minus infinity: [n, c, o..., k...]. */
function windowsOf(k: Kernels, x: Tensor, out: readonly number[], p: Pooling): Tensor {
  const { shape } = x;
  const after = out.map((o, d) =>
    Math.max((o - 1) * p.stride[d]! + p.dilation[d]! * (p.kernel[d]! - 1) + 1 - shape[2 + d]! - p.padding[d]!, 0),
  );
  const border = padded(k, x, p.padding, after, Number.NEGATIVE_INFINITY);
  const { strides, offset } = border.layout;
  const spatial = strides.slice(2);
  const seen = [strides[0]!, strides[1]!, ...spatial.map((s, d) => s * p.stride[d]!), ...spatial.map((s, d) => s * p.dilation[d]!)];
  return k.view(border, new Layout([shape[0]!, shape[1]!, ...out, ...p.kernel], seen, offset));
}
const windowDims = (p: Pooling): number[] => dimRange(2 + p.kernel.length, p.kernel.length);

/** The greatest element of every window of x [n, c, s...]: for those who want no gradient. */
export const _maxPoolValues: Rule<(pooling: Pooling) => Tensor> = rule({
  params: ["pooling"],
  run: (k, x: Tensor, p: Pooling) => likeInput(k.reduce(greatestLoop, windowsOf(k, x, outputSizes(x, p), p), windowDims(p))[0]!, x),
});

/** The greatest element of every window of x [n, c, s...], with its position in the image, flattened. */
export const _maxPool: Rule<(pooling: Pooling) => readonly Tensor[]> = rule({
  params: ["pooling"],
  nonDifferentiable: [1],
  node: (_: Tensor, p: Pooling) => `MaxPool${p.kernel.length === 3 ? 3 : 2}DWithIndicesBackward0`,
  run: (k, x: Tensor, p: Pooling) => {
    const size = x.shape.slice(2);
    const out = outputSizes(x, p);
    const [values, chosen] = k.reduce(windowLoop, windowsOf(k, x, out, p), windowDims(p)) as [Tensor, Tensor];
    // Positions rather than places go through the reduction: it counts them itself, in vectors.
    const step = p.kernel.map((n, d) => evenly(n, 0, p.dilation[d]!));
    const inWindow = k.integers(gridPlaces(step, size), p.kernel, x.device);
    const everywhere = new Layout(chosen.shape, new Array<number>(chosen.ndim).fill(0), inWindow.storageOffset());
    const relative = k.gather(inWindow, everywhere, [chosen], [{ size: inWindow.numel(), stride: 1, wraps: false }], poolIndex);
    const table = (along: typeof corners): Tensor =>
      k.integers(
        gridPlaces(
          out.map((n, d) => along(n, d, p)),
          size,
        ),
        out,
        x.device,
      );
    const bordered = p.padding.some((n) => n > 0);
    const indices = bordered ? k.map(insideLoop, [relative, table(corners), table(firstPlaces)], int64) : relative.add_(table(corners));
    return [likeInput(values, x), likeInput(indices, x)];
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
    k.scatter(out, layout, g, [indices], [{ size: plane, stride: 1, wraps: false }], apart ? "set" : "add", poolIndex);
    return out;
  },
  save: (_, __, indices: Tensor) => ({ indices }),
  grad: ({ indices }: { indices: Tensor }, [h]) => {
    const flat = h!.reshape([...h!.shape.slice(0, 2), -1]);
    return [flat.gather(2, indices.reshape([...indices.shape.slice(0, 2), -1])).view(indices.shape), null];
  },
});

const WORDS = ["one int", "two ints", "three ints"];
/** One number per spatial dimension. */
function sizes(name: string, value: number | readonly number[], nd: number, demand: string): number[] {
  if (typeof value !== "number" && value.length !== 1 && value.length !== nd)
    throw poolSizes(nd, name, demand, WORDS[nd - 1]!, value.length);
  return perDimension(value, nd);
}

/**
 * Checks the arguments of a max pooling and calls it: `nd` spatial dimensions, a batch dimension or none. Gives the values, and with `indices` where
 * they stand, which the gradient needs: without, there is none.
 */
export function maxPool(
  nd: number,
  x: Tensor,
  kernelSize: number | readonly number[],
  options: PoolOptions,
  indices: boolean,
): readonly Tensor[] {
  const kernel = sizes("kernel_size", kernelSize, nd, "must either be a single int");
  const given = options.stride == null || (typeof options.stride !== "number" && options.stride.length === 0) ? null : options.stride;
  const p: Pooling = {
    kernel,
    stride: given === null ? kernel : sizes("stride", given, nd, "must either be omitted, a single int"),
    padding: sizes("padding", options.padding ?? 0, nd, "must be either be a single int"),
    dilation: sizes("dilation", options.dilation ?? 1, nd, "must be either a single int"),
    ceilMode: options.ceilMode ?? false,
  };
  checkPooling(nd, x, p);
  const batch = x.ndim === nd + 2 ? x : x.unsqueeze(0);
  const results = indices ? batch._maxPool(p) : [batch._maxPoolValues(p)];
  return batch === x ? results : results.map((y) => y.squeeze(0));
}

/** PyTorch pools sequences as images of one row. */
const asImage = (nd: number, s: readonly number[]): readonly number[] => (nd === 1 ? [1, ...s] : s);

function checkPooling(nd: number, x: Tensor, p: Pooling): void {
  if (x.ndim !== nd + 2 && x.ndim !== nd + 1) throw nd === 1 ? poolDimensions(nd, x.shape) : poolRank(nd);
  if (nd === 1) checkFilled(nd, x);
  p.kernel.forEach((n, d) => {
    if (p.stride[d] === 0) throw poolStrideZero();
    if (p.padding[d]! < 0) throw poolPadding(p.padding[d]!);
    if (p.padding[d]! > n / 2) throw poolPaddingLarge(p.padding[d]!, n);
  });
  if (p.kernel.some((n) => n <= 0)) throw poolKernel(asImage(nd, p.kernel));
  if (p.stride.some((n) => n <= 0)) throw poolStride(asImage(nd, p.stride));
  if (p.dilation.some((n) => n <= 0)) throw poolDilation(asImage(nd, p.dilation));
  checkFilled(nd, x);
  if (!x.isFloatingPoint()) throw notForDtype(KERNELS[nd - 1]!, x.dtype.scalarName);
  const size = x.shape.slice(-nd);
  const out = size.map((n, d) => outputSize(n, d, p));
  if (out.some((n) => n < 1)) throw poolOutput([x.shape.at(-nd - 1)!, ...asImage(nd, size)], [x.shape.at(-nd - 1)!, ...asImage(nd, out)]);
}

const KERNELS = ["max_pool1d_impl", "max_pool2d", "max_pool3d_with_indices_cpu"];
/** A batch may be empty, images may not. */
function checkFilled(nd: number, x: Tensor): void {
  if (x.shape.slice(x.ndim === nd + 2 ? 1 : 0).includes(0)) throw poolDimensions(nd, x.shape);
}
