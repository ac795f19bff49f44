import type * as table from "../../src/ops/joining.ts";
import { call, type InfosOf, info, Nd, type OpInfo, type Sample, t } from "./info.ts";

const front = (d: number, n: number): number => (d < 0 ? d + n : d);
function joined(parts: readonly Nd[], dim: number = 0): Nd {
  // An empty vector joins with anything.
  const xs = parts.filter((x) => !(x.ndim === 1 && x.numel === 0));
  if (xs.length === 0) return parts[0]!;
  const d = front(dim, xs[0]!.ndim);
  const places = xs.flatMap((x, k) => Array.from({ length: x.shape[d]! }, (_, i) => [k, i] as const));
  return Nd.from(xs[0]!.shape.with(d, places.length), (i) => {
    const [k, at] = places[i[d]!]!;
    return xs[k]!.at(i.with(d, at));
  });
}
const stacked = (parts: readonly Nd[], dim: number = 0): Nd => {
  const d = front(dim, parts[0]!.ndim + 1);
  return joined(
    parts.map((x) => x.reshape([...x.shape.slice(0, d), 1, ...x.shape.slice(d)])),
    d,
  );
};
/** The pieces of the sizes given, one after the other. */
function pieces(x: Nd, sizes: readonly number[], d: number): Nd[] {
  let at = 0;
  return sizes.map((n) => {
    const from = at;
    at += n;
    return Nd.from(x.shape.with(d, n), (i) => x.at(i.with(d, from + i[d]!)));
  });
}
const ofSize = (n: number, size: number): number[] =>
  n === 0 ? [0] : Array.from({ length: Math.ceil(n / size) }, (_, i) => Math.min(size, n - i * size));
const parts = (reference: OpInfo["reference"], samples: readonly Sample[]): OpInfo => info(reference, samples, { keeps: [], view: true });

export const joining: InfosOf<typeof table> = {
  cat: info(
    (xs: Nd[], dim?: number) => joined(xs, dim),
    [
      call([t([2, 3]), t([1, 3])]),
      call([t([2, 3]), t([2, 1]), t([2, 2])], 1),
      call([t([5])], 0),
      call([t([0]), t([2, 3])], -1),
      call([t([2, 0]), t([2, 3])], 1),
      call([t([2, 3, 2]), t([2, 1, 2])], -2),
      call([t([0]), t([0])]),
    ],
    { keeps: [] },
  ),
  stack: info(
    (xs: Nd[], dim?: number) => stacked(xs, dim),
    [call([t([2, 3]), t([2, 3])]), call([t([4]), t([4]), t([4])], 1), call([t([]), t([])]), call([t([2, 3])], -1), call([t([0]), t([0])])],
    { keeps: [] },
  ),
  stackWith: info(
    (x: Nd, others: Nd[], dim: number) => stacked([x, ...others], dim),
    [call(t([3]), [t([3]), t([3])], 0), call(t([2, 3]), [t([2, 3])], -1)],
    { keeps: [] },
  ),
  split: parts(
    (x: Nd, size: number | number[], dim = 0) => {
      const d = front(dim, x.ndim);
      return pieces(x, typeof size === "number" ? ofSize(x.shape[d]!, size) : size, d);
    },
    [call(t([5, 3]), 2), call(t([3, 7]), 3, 1), call(t([3, 4]), [1, 3], -1), call(t([4]), [0, 4]), call(t([0, 2]), 3)],
  ),
  chunk: parts(
    (x: Nd, chunks: number, dim = 0) => {
      const d = front(dim, x.ndim);
      return pieces(x, ofSize(x.shape[d]!, Math.max(Math.ceil(x.shape[d]! / chunks), 1)), d);
    },
    [call(t([5, 3]), 2), call(t([3, 7]), 3, 1), call(t([4]), 10), call(t([6]), 4), call(t([2, 3]), 1, -1)],
  ),
  unbind: parts(
    (x: Nd, dim = 0) => {
      const d = front(dim, x.ndim);
      return pieces(x, new Array<number>(x.shape[d]!).fill(1), d).map((p) => p.reshape(x.shape.filter((_, e) => e !== d)));
    },
    [call(t([3, 2])), call(t([2, 3, 4]), -1), call(t([4])), call(t([0, 2]))],
  ),
  repeat: info(
    (x: Nd, ...repeats: (number | number[])[]) => {
      const n = repeats.flat();
      const size = [...new Array<number>(n.length - x.ndim).fill(1), ...x.shape];
      return Nd.from(
        n.map((k, d) => k * size[d]!),
        (i) => x.at(i.map((k, d) => k % size[d]!)),
      );
    },
    [call(t([2, 3]), 2, 1), call(t([3]), [2, 2]), call(t([]), 3), call(t([2]), 0), call(t([2, 1, 3]), 1, 4, 2)],
    { keeps: [] },
  ),
};
