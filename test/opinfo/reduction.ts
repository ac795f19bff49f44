import type * as table from "../../src/ops/reduction.ts";
import {
  between,
  bool,
  call,
  type DType,
  floats,
  given,
  type InfosOf,
  info,
  int64,
  integers,
  type Keeps,
  Nd,
  numeric,
  type OpInfo,
  type Sample,
  t,
  uint8,
} from "./info.ts";

type Dims = number | readonly number[] | null | undefined;

/** The dimensions meant, counted from the front. */
const dimsOf = (x: Nd, dim: Dims): number[] => {
  const all = x.shape.map((_, d) => d);
  const list = dim === null || dim === undefined ? all : typeof dim === "number" ? [dim] : dim.length === 0 ? all : dim;
  return x.ndim === 0 ? [] : list.map((d) => (d < 0 ? d + x.ndim : d)).toSorted((a, b) => a - b);
};

/** `f` of the elements that share their place in the dimensions not reduced. */
export function reduceNd(x: Nd, dim: Dims, keepdim: boolean, f: (values: number[]) => number): Nd {
  const dims = dimsOf(x, dim);
  const kept = x.shape.map((n, d) => (dims.includes(d) ? 1 : n));
  const groups = new Map<string, number[]>();
  const key = (index: readonly number[]): string => index.map((i, d) => (dims.includes(d) ? 0 : i)).join();
  Nd.from(x.shape, (index) => {
    const k = key(index);
    const group = groups.get(k);
    if (group === undefined) groups.set(k, [x.at(index)]);
    else group.push(x.at(index));
    return 0;
  });
  const y = Nd.from(kept, (index) => f(groups.get(key(index)) ?? []));
  return keepdim ? y : y.reshape(kept.filter((_, d) => !dims.includes(d)));
}

const sumOf = (v: readonly number[]): number => v.reduce((a, b) => a + b, 0);
const nanFirst =
  (better: (a: number, b: number) => boolean) =>
  (v: readonly number[]): number =>
    v.reduce((best, x) => (Number.isNaN(best) || (!Number.isNaN(x) && !better(x, best)) ? best : x));
const most = nanFirst((a, b) => a > b);
const least = nanFirst((a, b) => a < b);
const positionOf =
  (extreme: (v: readonly number[]) => number) =>
  (v: readonly number[]): number =>
    v.findIndex((x) => Object.is(x, extreme(v)) || x === extreme(v));
/** The sum of squared distances from the mean, over the count less `correction`. */
const variance = (v: readonly number[], correction: number): number => {
  const mean = sumOf(v) / v.length;
  return sumOf(v.map((x) => (x - mean) ** 2)) / Math.max(v.length - correction, 0);
};

const nan = Number.NaN;
const inf = Number.POSITIVE_INFINITY;
const nans = { args: [given([2, 3], [1, nan, 3, inf, -inf, 2]), 1], still: true, dtypes: floats } as const;
/** Calls without a dimension, with one, with several and with those kept. `empty`: also over nothing. */
const alongAll = (empty: boolean): readonly Sample[] => [
  call(t([17])),
  call(t([])),
  call(t([3, 4])),
  call(t([3, 4]), 0),
  call(t([3, 4]), -1, true),
  call(t([2, 3, 4]), 1),
  call(t([2, 3, 4]), [0, 2]),
  call(t([2, 3, 4]), [2, 0], true),
  call(t([]), 0),
  call(t([1]), 0, true),
  call(t([0, 3]), 1),
  ...(empty ? [call(t([0])), call(t([2, 0, 3]), 1), call(t([2, 0]), null)] : []),
  nans,
];
const alongOne = (empty: boolean): readonly Sample[] => alongAll(empty).filter((s) => !Array.isArray(s.args[1]));

const over = (f: (v: number[]) => number, samples: readonly Sample[], rest: Partial<OpInfo>): OpInfo =>
  info((x: Nd, dim?: Dims, keepdim = false) => reduceNd(x, dim, keepdim, f), samples, rest);
const widened = (d: DType): DType => (d.isFloatingPoint ? d : int64);
const refusesBool = (kernel: string) => ({ dtypes: numeric, refuses: [[[bool], `"${kernel}" not implemented for 'Bool'`]] }) as const;
const truth = (f: (v: number[]) => boolean): OpInfo =>
  over((v) => Number(f(v)), alongOne(true), { differentiable: false, result: (d) => (d === uint8 ? uint8 : bool) });

type Extreme = [x: Nd, dim?: number | Nd, keepdim?: boolean];
/** The three forms: of all, elementwise with another tensor, and along a dimension with positions. */
const extreme = (f: (v: readonly number[]) => number): OpInfo =>
  info(
    (...[x, dim, keepdim = false]: Extreme) =>
      dim instanceof Nd
        ? Nd.from(x.shape, (i) => f([x.at(i), dim.at(i)]))
        : dim === undefined
          ? reduceNd(x, null, false, f)
          : [reduceNd(x, dim, keepdim, f), reduceNd(x, dim, keepdim, positionOf(f))],
    [
      { args: [t([17])], keeps: ["result", 0] },
      { args: [t([])], keeps: ["result", 0] },
      { args: [t([3, 4])], keeps: ["result", 0] },
      { args: [t([3, 4]), t([3, 4])], keeps: [0, 1] },
      call(t([3, 4]), 0),
      call(t([3, 4]), -1, true),
      call(t([2, 3, 4]), 1),
      call(t([]), 0),
      nans,
    ],
    { keeps: [], distinct: true, results: (d) => [d, int64] },
  );

type VarianceArgs = [x: Nd, dim?: Dims | boolean, unbiased?: boolean | { correction?: number; keepdim?: boolean }, keepdim?: boolean];
const spread = (f: (v: number[], correction: number) => number, keeps: Keeps): OpInfo =>
  info(
    (...[x, dim, unbiased, keepdim = false]: VarianceArgs) => {
      const flag = typeof dim === "boolean" ? dim : unbiased;
      const options = typeof flag === "object" ? flag : {};
      const correction = options.correction ?? (flag === false ? 0 : 1);
      return reduceNd(x, typeof dim === "boolean" ? null : dim, options.keepdim ?? keepdim, (v) => f(v, correction));
    },
    [
      call(t([17])),
      call(t([3, 4]), 0),
      call(t([3, 4]), 1, false),
      call(t([3, 4]), false),
      call(t([2, 3, 4]), [0, 2], true, true),
      call(t([3, 4]), 1, { correction: 2, keepdim: true }),
      { args: [t([1])], still: true },
    ],
    {
      dtypes: floats,
      keeps,
      ulp: 8,
      floor: 1,
      refuses: [[[...integers, bool], "std and var only support floating point and complex dtypes"]],
    },
  );

export const reduction: InfosOf<typeof table> & { readonly var: OpInfo } = {
  sum: over(sumOf, alongAll(true), { result: widened, floor: 8, keeps: [], halfUlp: 1 }),
  mean: over((v) => sumOf(v) / v.length, alongAll(true), {
    dtypes: floats,
    floor: 4,
    keeps: [],
    refuses: [[[...integers, bool], "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype."]],
  }),
  prod: over((v) => v.reduce((a, b) => a * b, 1), alongOne(true), { result: widened, domain: between(-2, 2), ulp: 8, keeps: [0] }),
  amax: over(most, alongAll(false), { keeps: ["result", 0], distinct: true }),
  amin: over(least, alongAll(false), { keeps: ["result", 0], distinct: true }),
  max: extreme(most),
  min: extreme(least),
  argmax: over(positionOf(most), alongOne(false), { ...refusesBool("argmax_cpu"), differentiable: false, result: () => int64 }),
  argmin: over(positionOf(least), alongOne(false), { ...refusesBool("argmin_cpu"), differentiable: false, result: () => int64 }),
  any: truth((v) => v.some((x) => x !== 0)),
  all: truth((v) => v.every((x) => x !== 0)),
  std: spread((v, c) => Math.sqrt(variance(v, c)), ["result", 0]),
  var: spread(variance, [0]),
  sumToSize: info(
    (x: Nd, ...size: (number | number[])[]) => {
      const to = size.flat();
      const lead = x.ndim - to.length;
      const dims = x.shape.flatMap((n, d) => (d < lead || (to[d - lead] === 1 && n !== 1) ? [d] : []));
      return dims.length === 0 ? x : reduceNd(x, dims, true, sumOf).reshape(to);
    },
    [call(t([2, 3, 4]), 3, 1), call(t([2, 3, 4]), [1, 4]), call(t([2, 3]), 2, 3), call(t([2, 3]), [1]), call(t([3]), [])],
    { keeps: [], floor: 8, dtypes: floats },
  ),
};
