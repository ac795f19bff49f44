import {
  convBias,
  convBiasType,
  convChannels,
  convDilation,
  convGroups,
  convKernel,
  convNot,
  convPadding,
  convRank,
  convSame,
  convSizes,
  expectedDtype,
  notForDtype,
} from "../core/errors.ts";
import { Layout, permute } from "../core/layout.ts";
import { inputGradient } from "./convolution-input.ts";
import { type Rule, rule, type Tensor } from "./define.ts";
import { dimRange } from "./dimension.ts";
import { type Geometry, padded, perDimension, windows } from "./windows.ts";

/**
 * Note [Convolution is a contraction over a window view]. A window view shows, for every place of the output, the patch of the (padded) input
 * that it looks at, without a copy: patches overlap in memory. Forward, input gradient and weight gradient are then all sums of products over
 * some of the dimensions (n, g, c, k..., o...), which is what `contract` does; it gathers patches while it packs. With x padded:
 *
 *     y [n, g, m, o]  = sum over c, k    of  w [g, m, c, k]   x [n, g, c, o * stride + k * dilation]
 *     dw[g, m, c, k]  = sum over n, o    of  dy[n, g, m, o]   x [n, g, c, o * stride + k * dilation]
 *     dx[n, g, c, s]  = sum over m, k    of  w [g, m, c, k]   dy[n, g, m, (s - k * dilation) / stride]
 *
 * The three are bilinear and closed under differentiation: each one's gradients are the other two.
 */
export type ConvolutionOptions = {
  stride?: number | readonly number[];
  padding?: number | readonly number[] | "same" | "valid";
  dilation?: number | readonly number[];
  groups?: number;
};

/** The sizes of the output. */
const outputSizes = (size: readonly number[], kernel: readonly number[], { stride, padding, dilation }: Geometry): number[] =>
  size.map((n, d) => Math.floor((n + 2 * padding[d]! - dilation[d]! * (kernel[d]! - 1) - 1) / stride[d]!) + 1);

/** A weight [m, c, k...] for each of n images: [n, groups, m / groups, c, k...]. */
function groupsOfWeight({ shape, strides, offset }: Layout, n: number, groups: number): Layout {
  const m = shape[0]! / groups;
  return new Layout([n, groups, m, ...shape.slice(1)], [0, strides[0]! * m, ...strides], offset);
}
/** Images [n, m, s...] as [n, groups, m / groups, s...]. */
function groupsOfImages({ shape, strides, offset }: Layout, groups: number): Layout {
  const m = shape[1]! / groups;
  return new Layout([shape[0]!, groups, m, ...shape.slice(2)], [strides[0]!, strides[1]! * m, ...strides.slice(1)], offset);
}
/** A bias [m] as [groups, m / groups, 1...]. */
function groupsOfBias({ shape, strides, offset }: Layout, groups: number, nd: number): Layout {
  const m = shape[0]! / groups;
  const ones = new Array<number>(nd).fill(1);
  return new Layout([groups, m, ...ones], [strides[0]! * m, strides[0]!, ...ones], offset);
}

type Conv = Rule<(weight: Tensor, bias: Tensor | null, geometry: Geometry) => Tensor>;
/** Convolution of x [n, c, s...] with weight [m, c/groups, k...]; any number of spatial dimensions. */
export const _convolution: Conv = rule({
  params: ["weight", "bias", "geometry"],
  node: "ConvolutionBackward0",
  run: (k, x: Tensor, w: Tensor, bias: Tensor | null, geometry: Geometry) => {
    const nd = x.ndim - 2;
    const { stride, padding, dilation, groups } = geometry;
    const kernel = w.shape.slice(2);
    const out = outputSizes(x.shape.slice(2), kernel, geometry);
    const patches = windows(k, padded(k, x, padding, padding, 0), kernel, out, stride, dilation, groups);
    const n = x.shape[0]!;
    const m = w.shape[0]! / groups;
    const weight = k.view(w, groupsOfWeight(w.layout, n, groups));
    const shift = bias === null ? null : k.view(bias, groupsOfBias(bias.layout, groups, nd));
    const y = k.contract(weight, patches, { batch: 2, m: 1, n: nd, k: 1 + nd }, shift);
    return k.view(y, Layout.contiguous([n, groups * m, ...out]));
  },
  save: (_, x: Tensor, w: Tensor, __: Tensor | null, geometry: Geometry) => ({ x, w, geometry }),
  grad: ({ x, w, geometry }: { x: Tensor; w: Tensor; geometry: Geometry }, [g], [toX, toW, toBias]) => [
    toX ? g!._convolutionInput(w, x.shape.slice(2), geometry) : null,
    toW ? g!._convolutionWeight(x, w.shape.slice(2), geometry) : null,
    toBias ? g!._channelSum() : null,
  ],
});

/** The gradient of a convolution's input of spatial size `size`: also the transposed convolution. */
export const _convolutionInput: Rule<(weight: Tensor, size: readonly number[], geometry: Geometry) => Tensor> = rule({
  params: ["weight", "size", "geometry"],
  node: "ConvolutionBackwardInput0",
  run: inputGradient,
  save: (_, g: Tensor, w: Tensor, __: readonly number[], geometry: Geometry) => ({ g, w, geometry }),
  grad: ({ g, w, geometry }: { g: Tensor; w: Tensor; geometry: Geometry }, [h], [toG, toW]) => [
    toG ? h!._convolution(w, null, geometry) : null,
    toW ? g._convolutionWeight(h!, w.shape.slice(2), geometry) : null,
  ],
});

/** Tiles of 4 rows by 8 columns in a product: on the CPU a ninth column costs as much as eight do. */
const tiles = (rows: number, columns: number): number => Math.ceil(rows / 4) * Math.ceil(columns / 8);

/** The gradient of a convolution's weight with windows of `kernel`. */
export const _convolutionWeight: Rule<(input: Tensor, kernel: readonly number[], geometry: Geometry) => Tensor> = rule({
  params: ["input", "kernel", "geometry"],
  node: "ConvolutionBackwardWeight0",
  run: (k, g: Tensor, x: Tensor, kernel: readonly number[], geometry: Geometry) => {
    const nd = g.ndim - 2;
    const { stride, padding, dilation, groups } = geometry;
    const out = g.shape.slice(2);
    const patches = windows(k, padded(k, x, padding, padding, 0), kernel, out, stride, dilation, groups);
    const m = g.shape[1]! / groups;
    const grads = groupsOfImages(g.layout, groups);
    const shape = [g.shape[1]!, x.shape[1]! / groups, ...kernel];
    const seen = kernel.reduce((p, n) => p * n, shape[1]!);
    const [images, windowed] = [dimRange(3, nd), dimRange(3 + nd, nd)];
    if (g.device.type === "cpu" && tiles(seen, m) < tiles(m, seen)) {
      const a = k.view(patches, permute(patches.layout, [1, 2, ...images, 0, ...windowed])); // (g, c, k..., n, o...)
      const b = k.view(g, permute(grads, [1, 0, ...images, 2])); // (g, n, o..., m)
      const turned = k.contract(a, b, { batch: 1, m: 1 + nd, n: 1, k: 1 + nd });
      return k.view(turned, permute(turned.layout, [0, 2 + nd, 1, ...dimRange(2, nd)])).reshape(shape);
    }
    const a = k.view(g, permute(grads, [1, 2, 0, ...images])); // (g, m, n, o...)
    const b = k.view(patches, permute(patches.layout, [1, 0, ...windowed, 2, ...images])); // (g, n, o..., c, k...)
    return k.view(k.contract(a, b, { batch: 1, m: 1, n: 1 + nd, k: 1 + nd }), Layout.contiguous(shape));
  },
  save: (_, g: Tensor, x: Tensor, __: readonly number[], geometry: Geometry) => ({ g, x, geometry }),
  grad: ({ g, x, geometry }: { g: Tensor; x: Tensor; geometry: Geometry }, [h], [toG, toX]) => [
    toG ? x._convolution(h!, null, geometry) : null,
    toX ? g._convolutionInput(h!, x.shape.slice(2), geometry) : null,
  ],
});

/** C++'s names of types, which stand in one of PyTorch's sentences. */
const CPP_NAMES: Readonly<Record<string, string>> = {
  float32: "float",
  float64: "double",
  float16: "c10::Half",
  bfloat16: "c10::BFloat16",
  int64: "long int",
  int32: "int",
  int16: "short int",
  int8: "signed char",
  uint8: "unsigned char",
  bool: "bool",
};

/** One number per spatial dimension. */
function sizes(name: string, value: number | readonly number[], nd: number): number[] {
  if (typeof value !== "number" && value.length !== 1 && value.length !== nd) throw convSizes(name, nd, value);
  return perDimension(value, nd);
}

/** Checks a convolution's arguments and calls it; `nd` spatial dimensions, a batch dimension or none. */
export function convolve(nd: number, x: Tensor, w: Tensor, bias: Tensor | null | undefined, options: ConvolutionOptions): Tensor {
  if (w.ndim !== nd + 2) throw convSizes("stride", Math.max(w.ndim - 2, 0), perDimension(options.stride ?? 1, nd));
  if (x.ndim !== nd + 2 && x.ndim !== nd + 1) throw convRank(nd, x.shape);
  if (bias && bias.dtype !== x.dtype) throw convBiasType(CPP_NAMES[x.dtype.name]!, CPP_NAMES[bias.dtype.name]!);
  if (x.dtype !== w.dtype) throw expectedDtype(x.dtype.scalarName, w.dtype.scalarName);
  if (x.dtype.name === "bool") throw notForDtype("slow_conv2d_cpu", "Bool");
  const groups = options.groups ?? 1;
  const stride = sizes("stride", options.stride ?? 1, nd);
  const dilation = sizes("dilation", options.dilation ?? 1, nd);
  const kernel = w.shape.slice(2);
  const batched = x.ndim === nd + 2 ? x : x.unsqueeze(0);
  const { input, padding } = paddingOf(options.padding ?? 0, batched, kernel, stride, dilation);
  checkConvolution(input, w, bias ?? null, { stride, padding, dilation, groups });
  const y = input._convolution(w, bias ?? null, { stride, padding, dilation, groups });
  return x.ndim === nd + 2 ? y : y.squeeze(0);
}

function checkConvolution(x: Tensor, w: Tensor, bias: Tensor | null, { stride, padding, dilation, groups }: Geometry): void {
  const kernel = w.shape.slice(2);
  if (stride.some((s) => s <= 0)) throw convNot("non-positive stride");
  if (padding.some((p) => p < 0)) throw convNot("negative padding");
  if (groups <= 0) throw convNot("non-positive groups");
  if (dilation.some((d) => d <= 0)) throw convDilation(dilation);
  const channels = w.shape[1]! * groups;
  if (w.shape[0]! < groups) throw convGroups(groups, w.shape);
  if (w.shape[0]! % groups !== 0) throw convGroups(groups, w.shape);
  if (x.shape[1] !== channels) throw convChannels(groups, w.shape, x.shape, channels);
  if (bias !== null && (bias.ndim !== 1 || bias.shape[0] !== w.shape[0])) throw convBias(w.shape, bias.shape);
  const around = x.shape.slice(2).map((n, d) => n + 2 * padding[d]!);
  const window = kernel.map((n, d) => dilation[d]! * (n - 1) + 1);
  if (around.some((n, d) => n < window[d]!)) throw convKernel(around, window);
}

/** `"same"` keeps the size; where its border is uneven, the extra place is at the end and the input is padded before. */
function paddingOf(
  padding: NonNullable<ConvolutionOptions["padding"]>,
  x: Tensor,
  kernel: readonly number[],
  stride: readonly number[],
  dilation: readonly number[],
): { input: Tensor; padding: number[] } {
  if (typeof padding !== "string") return { input: x, padding: sizes("padding", padding, kernel.length) };
  if (padding === "valid") return { input: x, padding: kernel.map(() => 0) };
  if (padding !== "same") throw convPadding(padding);
  if (stride.some((s) => s !== 1)) throw convSame();
  const total = kernel.map((n, d) => dilation[d]! * (n - 1));
  const extra = total.map((n) => n % 2);
  const input = extra.some((n) => n > 0) ? x.pad(extra.flatMap((_, d) => [0, extra[extra.length - 1 - d]!])) : x;
  return { input, padding: total.map((n) => Math.floor(n / 2)) };
}
