import type * as table from "../../src/ops/indexing.ts";
import { call, type InfosOf, index, info, Nd, numeric, t } from "./info.ts";

const front = (d: number, n: number): number => (d < 0 ? d + n : d);
/** Writes each element of `src` that `index` has a place for, by `f(old, new)`. */
function scattered(x: Nd, dim: number, at: Nd, src: Nd | number, f: (old: number, value: number) => number): Nd {
  const d = front(dim, x.ndim);
  const out = [...x.data];
  const flat = Nd.from(x.shape, (i) => i.reduce((p, k, e) => p * x.shape[e]! + k, 0));
  Nd.from(at.shape, (i) => {
    const place = flat.at(x.ndim === 0 ? [] : i.with(d, at.at(i)));
    out[place] = f(out[place]!, typeof src === "number" ? src : src.data[i.reduce((p, k, e) => p * src.shape[e]! + k, 0)]!);
    return 0;
  });
  return new Nd(x.shape, out);
}
const write = (_: number, value: number): number => value;
const plus = (old: number, value: number): number => old + value;
const rows = index([2, 3], [0, 2, 1, 3, 0, 2]);

export const indexing: InfosOf<typeof table> = {
  gather: info(
    (x: Nd, dim: number, at: Nd) => Nd.from(at.shape, (i) => x.at(x.ndim === 0 ? [] : i.with(front(dim, x.ndim), at.at(i)))),
    [
      call(t([4, 3]), 0, rows),
      call(t([3, 4]), 1, rows),
      call(t([2, 3, 4]), -1, index([2, 2, 2], [0, 3, 1, 1, 2, 0, 3, 3])),
      call(t([5]), 0, index([3], [4, 4, 0])),
      call(t([]), 0, index([], [0])),
      call(t([3, 4]), 0, index([0, 4], [])),
    ],
    { keeps: [1] },
  ),
  take: info(
    (x: Nd, at: Nd) => at.map((i) => x.data[front(i, x.numel)]!),
    [
      call(t([3, 4]), index([2, 2], [0, 11, 5, -1])),
      call(t([5]), index([3], [1, 1, 1])),
      call(t([]), index([1], [0])),
      call(t([4]), index([0], [])),
    ],
    { keeps: [1] },
  ),
  indexSelect: info(
    (x: Nd, dim: number, at: Nd) => {
      const d = front(dim, x.ndim);
      return x.ndim === 0 ? x : Nd.from(x.shape.with(d, at.numel), (i) => x.at(i.with(d, at.data[i[d]!]!)));
    },
    [
      call(t([4, 3]), 0, index([3], [3, 0, 3])),
      call(t([3, 4]), -1, index([5], [1, 2, 3, 0, 1])),
      call(t([2, 3, 4]), 1, index([], [2])),
      call(t([5]), 0, index([0], [])),
      call(t([]), 0, index([1], [0])),
    ],
    { keeps: [1] },
  ),
  indexAdd: info(
    (x: Nd, dim: number, at: Nd, source: Nd, { alpha = 1 } = {}) => {
      const d = front(dim, x.ndim);
      return Nd.from(x.shape, (i) =>
        at.data.reduce(
          (sum, target, k) => (x.ndim === 0 || target === i[d] ? sum + alpha * source.at(x.ndim === 0 ? [] : i.with(d, k)) : sum),
          x.at(i),
        ),
      );
    },
    [
      call(t([4, 3]), 0, index([3], [3, 0, 3]), t([3, 3])),
      call(t([3, 4]), -1, index([2], [1, 2]), t([3, 2])),
      call(t([5]), 0, index([0], []), t([0])),
      call(t([2, 3, 4]), 1, index([4], [2, 2, 0, 1]), t([2, 4, 4]), { alpha: 2 }),
      call(t([]), 0, index([1], [0]), t([])),
    ],
    { keeps: [1], floor: 4, halfUlp: 2, dtypes: numeric },
  ),
  scatter: info(
    (x: Nd, dim: number, at: Nd, src: Nd | number) => scattered(x, dim, at, src, write),
    [
      call(t([4, 3]), 0, rows, t([2, 3])),
      call(t([3, 4]), 1, index([2, 3], [0, 2, 1, 3, 0, 2]), t([3, 4])),
      call(t([4, 3]), -2, rows, 5),
      call(t([5]), 0, index([2], [4, 0]), t([3])),
      call(t([]), 0, index([], [0]), t([])),
      call(t([3, 4]), 0, index([0, 4], []), t([3, 4])),
    ],
    { keeps: [1] },
  ),
  scatterAdd: info(
    (x: Nd, dim: number, at: Nd, src: Nd) => scattered(x, dim, at, src, plus),
    [
      call(t([4, 3]), 0, rows, t([2, 3])),
      call(t([3, 4]), 1, index([2, 4], [0, 2, 1, 0, 0, 3, 3, 3]), t([3, 4])),
      call(t([5]), 0, index([4], [4, 0, 4, 4]), t([4])),
      call(t([]), 0, index([], [0]), t([])),
      call(t([3, 4]), 0, index([0, 4], []), t([3, 4])),
    ],
    { keeps: [1], floor: 8, halfUlp: 2 },
  ),
};
