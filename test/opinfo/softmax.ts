import type * as table from "../../src/ops/softmax.ts";
import { bool, call, floats, given, type InfosOf, info, integers, type Nd, type OpInfo, type Sample, t } from "./info.ts";
import { zip } from "./nd.ts";
import { reduceNd } from "./reduction.ts";

const { POSITIVE_INFINITY: inf, NaN: nan } = Number;
const sumOf = (v: readonly number[]): number => v.reduce((a, b) => a + b, 0);
const shares = (x: Nd, dim: number): Nd => {
  const e = zip(
    (a, m) => Math.exp(a - m),
    x,
    reduceNd(x, dim, true, (v) => Math.max(...v)),
  );
  return zip((a, s) => a / s, e, reduceNd(e, dim, true, sumOf));
};
const logShares = (x: Nd, dim: number): Nd => {
  const shifted = zip(
    (a, m) => a - m,
    x,
    reduceNd(x, dim, true, (v) => Math.max(...v)),
  );
  return zip((a, s) => a - Math.log(s), shifted, reduceNd(shifted.map(Math.exp), dim, true, sumOf));
};
const samples: readonly Sample[] = [
  call(t([5]), 0),
  call(t([3, 4]), 1),
  call(t([3, 4]), 0),
  call(t([2, 3, 4]), -2),
  call(t([]), 0),
  call(t([17]), -1),
  call(t([2, 0]), 1),
  call(t([0, 3]), 1),
  call(t([1]), 0),
  { args: [given([3, 3], [1000, 1001, 999, -inf, 0, 1, nan, 0, 1]), 1], still: true, dtypes: floats },
];
const along = (reference: (x: Nd, dim: number) => Nd, kernel: string): OpInfo =>
  info(reference, samples, {
    dtypes: floats,
    keeps: ["result"],
    ulp: 6,
    floor: 0.5,
    halfUlp: 4,
    refuses: [[[...integers, bool], new RegExp(`"${kernel}(_lastdim)?_kernel_impl" not implemented for '`)]],
  });
export const softmax: InfosOf<typeof table> = {
  softmax: along(shares, "softmax"),
  logSoftmax: { ...along(logShares, "log_softmax"), floor: 4 },
};
