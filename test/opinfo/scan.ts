import type * as table from "../../src/ops/scan.ts";
import { between, call, type DType, given, type InfosOf, info, int64, Nd, type OpInfo, type Sample, t } from "./info.ts";

const front = (d: number, n: number): number => (d < 0 ? d + n : d);
/** `f` of each element and all before it. */
const running =
  (f: (so: number, x: number) => number) =>
  (x: Nd, dim: number): Nd => {
    const d = front(dim, x.ndim);
    return Nd.from(x.shape, (i) => {
      let so = x.at(x.ndim === 0 ? [] : i.with(d, 0));
      for (let k = 1; k <= (i[d] ?? 0); k++) so = f(so, x.at(i.with(d, k)));
      return so;
    });
  };
const widened = (d: DType): DType => (d.isFloatingPoint ? d : int64);
const samples: readonly Sample[] = [
  call(t([17]), 0),
  call(t([3, 4]), 1),
  call(t([3, 4]), 0),
  call(t([2, 3, 4]), -2),
  call(t([]), 0),
  call(t([2, 0]), 1),
  call(t([1]), 0),
];
const scan = (reference: OpInfo["reference"], rest: Partial<OpInfo>): OpInfo => info(reference, samples, { result: widened, ...rest });

export const scans: InfosOf<typeof table> = {
  cumsum: scan(
    running((a, b) => a + b),
    { keeps: [], floor: 8 },
  ),
  cumprod: {
    ...scan(
      running((a, b) => a * b),
      { keeps: [0], ulp: 8, domain: between(-2, 2) },
    ),
    samples: [...samples, { args: [given([4], [2, 0, 3, 0]), 0] }],
  },
  flip: info(
    (x: Nd, ...dims: (number | number[])[]) => {
      const turned = dims.flat().map((d) => front(d, x.ndim));
      return Nd.from(x.shape, (i) => x.at(i.map((k, d) => (turned.includes(d) ? x.shape[d]! - 1 - k : k))));
    },
    [call(t([5]), 0), call(t([3, 4]), 0, 1), call(t([3, 4]), [-1]), call(t([2, 3, 4]), 0, 2), call(t([0, 2]), 0), call(t([3, 4]), [])],
    { keeps: [] },
  ),
};
