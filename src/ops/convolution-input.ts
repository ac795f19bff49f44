import { Layout } from "../core/layout.ts";
import type { Kernels } from "../tensor/kernels.ts";
import type { Tensor } from "./define.ts";
import { type Geometry, padded, windows } from "./windows.ts";

/**
 * Note [The gradient of a convolution's input]. Place s of the padded input was seen through tap k of the window at place o = (s - k *
 * dilation) / stride, if that is whole. There are two ways to sum over m and k:
 *
 * - By windows. Only taps with k * dilation = s modulo the stride meet s. So the places of one residue (a phase) are a convolution of stride 1
 *   of the gradient with every so many-th tap, back to front: nothing is multiplied by the zeros that a spread-out gradient would have
 *   between its elements, only by those of a border.
 * - By columns: for each tap the gradient times the weight's matrix of that tap, added to where the tap was. That is exactly the work of the
 *   forward pass, and rows of the product are channels and taps; but the columns, as many as taps times the gradient's places, pass through
 *   memory. On the CPU this is faster for few channels and for windows that the border would make much larger.
 */
export function inputGradient(k: Kernels, g: Tensor, w: Tensor, size: readonly number[], geometry: Geometry): Tensor {
  const phases = size.map((n, d) => phasesAlong(n, w.shape[2 + d]!, geometry.stride[d]!, geometry.padding[d]!, geometry.dilation[d]!));
  return g.device.type === "cpu" && columnsPay(g, w, phases, geometry.groups)
    ? byColumns(k, g, w, size, geometry)
    : byWindows(k, g, w, size, geometry, phases);
}

/** Bytes of columns that are made at once, if that is not less than one image's. */
const COLUMNS_BYTES = 2 ** 22;
/** What it costs to bring an element to its place in a packed operand, or to add one of the columns, in multiply-adds. */
const PACKED = 8;
const ADDED = 20;
/** Rows of a product are computed by so many. */
const ROWS = 4;

/** Whether columns are the faster way: an estimate, in multiply-adds. */
function columnsPay(g: Tensor, w: Tensor, phases: readonly (readonly Phase[])[], groups: number): boolean {
  // Sums of columns are rounded to the dtype one by one.
  if (g.dtype.itemsize < 4) return false;
  const rows = (n: number): number => Math.ceil(n / ROWS) * ROWS;
  const [m, channels] = [w.shape[0]! / groups, w.shape[1]!];
  const taps = product(w.shape.slice(2));
  const seen = product(phases.map((along) => along.reduce((sum, p) => sum + p.places * p.taps, 0)));
  const byWindows = seen * m * (rows(channels) + PACKED);
  const byColumns = product(g.shape.slice(2)) * (m * rows(channels * taps) + channels * taps * ADDED);
  return byColumns < byWindows;
}

/** The places of one residue along one dimension, and the taps that meet them. */
interface Phase {
  /** The first place, and how many there are, a stride apart. */
  readonly first: number;
  readonly places: number;
  /** The last tap, how far it is from one to the next, and how many there are. */
  readonly tap: number;
  readonly step: number;
  readonly taps: number;
  /** Where the window of the first place begins in the gradient, and how far its elements are apart. */
  readonly begin: number;
  readonly dilation: number;
}

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));
const product = (x: readonly number[]): number => x.reduce((p, n) => p * n, 1);

/** The phases of one dimension: those without a place or a tap are left out. */
function phasesAlong(size: number, kernel: number, stride: number, padding: number, dilation: number): Phase[] {
  const common = divisor(stride, dilation);
  const step = stride / common;
  const out: Phase[] = [];
  for (let first = 0; first < Math.min(stride, size); first++) {
    const residue = (first + padding) % stride;
    let tap = 0;
    while (tap < Math.min(step, kernel) && (tap * dilation) % stride !== residue) tap++;
    if (tap >= Math.min(step, kernel)) continue;
    const taps = Math.ceil((kernel - tap) / step);
    const last = tap + (taps - 1) * step;
    const begin = (first + padding - last * dilation) / stride;
    out.push({ first, places: Math.ceil((size - first) / stride), tap: last, step, taps, begin, dilation: dilation / common });
  }
  return out;
}

/** All combinations of one phase from each dimension. */
const combinations = (phases: readonly (readonly Phase[])[]): Phase[][] =>
  phases.reduce<Phase[][]>((all, along) => all.flatMap((some) => along.map((phase) => [...some, phase])), [[]]);

function byWindows(
  k: Kernels,
  g: Tensor,
  w: Tensor,
  size: readonly number[],
  { groups, stride }: Geometry,
  phases: readonly (readonly Phase[])[],
): Tensor {
  const places = g.shape.slice(2);
  const nd = places.length;
  const before = phases.map((along) => Math.max(0, ...along.map((p) => -p.begin)));
  const after = phases.map((along, d) => Math.max(0, ...along.map((p) => p.begin + p.places + (p.taps - 1) * p.dilation - places[d]!)));
  const wide = padded(k, g, before, after, 0);
  const weight = w.contiguous();
  const { strides, offset } = weight.layout;
  const [n, m, channels] = [g.shape[0]!, w.shape[0]! / groups, w.shape[1]!];
  const shape = [n, channels * groups, ...size];
  const gradientOf = (phase: readonly Phase[]): Tensor => {
    const { layout } = wide;
    const from = phase.reduce((at, p, d) => at + (p.begin + before[d]!) * layout.strides[2 + d]!, layout.offset);
    const patches = windows(
      k,
      k.view(wide, new Layout(layout.shape, layout.strides, from)),
      phase.map((p) => p.taps),
      phase.map((p) => p.places),
      phase.map(() => 1),
      phase.map((p) => p.dilation),
      groups,
    );
    // Back to front along the window: negative strides from its last tap.
    const taps = k.view(
      weight,
      new Layout(
        [n, groups, channels, m, ...phase.map((p) => p.taps)],
        [0, strides[0]! * m, strides[1]!, strides[0]!, ...phase.map((p, d) => -p.step * strides[2 + d]!)],
        phase.reduce((at, p, d) => at + p.tap * strides[2 + d]!, offset),
      ),
    );
    const part = k.contract(taps, patches, { batch: 2, m: 1, n: nd, k: 1 + nd });
    return part.view([n, channels * groups, ...phase.map((p) => p.places)]);
  };
  const all = combinations(phases);
  const covered = all.reduce((sum, phase) => sum + product(phase.map((p) => p.places)), 0) === product(size);
  if (covered && all.length === 1) return gradientOf(all[0]!);
  const dx = covered ? k.empty(shape, g.dtype, g.device) : k.full(shape, 0, g.dtype, g.device);
  const into = dx.layout.strides;
  for (const phase of all) {
    const part = gradientOf(phase);
    const target = new Layout(
      part.shape,
      into.map((s, d) => (d < 2 ? s : s * stride[d - 2]!)),
      phase.reduce((at, p, d) => at + p.first * into[2 + d]!, 0),
    );
    k.copy(part, k.view(dx, target));
  }
  return dx;
}

function byColumns(k: Kernels, g: Tensor, w: Tensor, size: readonly number[], { stride, padding, dilation, groups }: Geometry): Tensor {
  const [images, m, channels] = [g.shape[0]!, w.shape[0]! / groups, w.shape[1]!];
  const [places, kernel] = [g.shape.slice(2), w.shape.slice(2)];
  const nd = places.length;
  const reach = places.map((n, d) => (n - 1) * stride[d]! + (kernel[d]! - 1) * dilation[d]! + 1);
  const wide = size.map((n, d) => Math.max(n + 2 * padding[d]!, reach[d]!));
  const sums = k.full([images, groups * channels, ...wide], 0, g.dtype, g.device);
  const seen = windows(k, sums, kernel, places, stride, dilation, groups).layout;
  const weight = w.contiguous();
  const [first, ...steps] = weight.layout.strides as [number, ...number[]];
  const perImage = groups * channels * product(kernel) * product(places) * g.dtype.itemsize;
  const atOnce = Math.max(1, Math.floor(COLUMNS_BYTES / perImage));
  for (let i = 0; i < images; i += atOnce) {
    const n = Math.min(atOnce, images - i);
    const a = k.view(weight, new Layout([n, groups, channels, ...kernel, m], [0, first * m, ...steps, first], weight.layout.offset));
    const { strides, offset } = g.layout;
    const b = new Layout([n, groups, m, ...places], [strides[0]!, strides[1]! * m, ...strides.slice(1)], offset + i * strides[0]!);
    const columns = k.contract(a, k.view(g, b), { batch: 2, m: 1 + nd, n: nd, k: 1 });
    const target = new Layout([n, ...seen.shape.slice(1)], seen.strides, seen.offset + i * seen.strides[0]!);
    k.scatter(sums, target, columns, [], [], "add", noFault);
    columns.dispose();
  }
  if (wide.every((n, d) => n === size[d]!)) return sums;
  const { strides } = sums.layout;
  const at = padding.reduce((sum, p, d) => sum + p * strides[2 + d]!, 0);
  const dx = k.empty([images, groups * channels, ...size], g.dtype, g.device);
  k.copy(k.view(sums, new Layout(dx.shape, strides, at)), dx);
  return dx;
}

/** A scatter without indices has none that could be out of range. */
const noFault = (): Error => new Error("there are no indices");
