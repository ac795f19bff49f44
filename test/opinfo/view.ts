import type * as table from "../../src/ops/view.ts";
import { call, type InfosOf, info, Nd, Operand, type OpInfo, type Sample, t } from "./info.ts";

const flatten1 = (sizes: readonly (number | readonly number[])[]): number[] => sizes.flat();
const front = (d: number, n: number): number => (d < 0 ? d + n : d);
/** The size that -1 stands for. */
const infer = (shape: readonly number[], n: number): number[] => {
  const known = shape.filter((s) => s !== -1).reduce((a, b) => a * b, 1);
  return shape.map((s) => (s === -1 ? n / known : s));
};
const without = (list: readonly number[], d: number): number[] => list.filter((_, i) => i !== d);
const inserted = (list: readonly number[], d: number, x: number): number[] => [...list.slice(0, d), x, ...list.slice(d)];

const reshaped = (x: Nd, ...sizes: (number | number[])[]): Nd => x.reshape(infer(flatten1(sizes), x.numel));
const expanded = (x: Nd, ...sizes: (number | number[])[]): Nd => {
  const size = flatten1(sizes);
  return Nd.from(
    size.map((n, d) => (n === -1 ? x.shape[d - size.length + x.ndim]! : n)),
    (i) => x.at(i),
  );
};
const swapped = (x: Nd, a: number, b: number): Nd => {
  const order = x.shape.map((_, d) => d);
  const [p, q] = [front(a, x.ndim), front(b, x.ndim)];
  [order[p], order[q]] = [order[q]!, order[p]!];
  return x.ndim === 0 ? x : x.permute(order);
};
/** Python's `x[start:end:step]` along a dimension. */
const sliced = (x: Nd, dim: number, start?: number | null, end?: number | null, step?: number | null): Nd => {
  const d = front(dim, x.ndim);
  const all = Array.from({ length: x.shape[d]! }, (_, i) => i);
  const places = all.slice(start ?? 0, end ?? undefined).filter((_, i) => i % (step ?? 1) === 0);
  return Nd.from(x.shape.with(d, places.length), (i) => x.at(i.with(d, places[i[d]!]!)));
};

const stuck = { refusesLayouts: "view size is not compatible with input tensor's size and stride" };
/** A view whose gradient only rearranges: it keeps nothing and takes every dtype. */
const look = (reference: OpInfo["reference"], samples: readonly Sample[], rest: Partial<OpInfo> = {}): OpInfo =>
  info(reference, samples, { keeps: [], view: true, ...rest });

export const view: InfosOf<typeof table> = {
  view: look(
    reshaped,
    [call(t([3, 4]), 2, 6), call(t([3, 4]), [-1]), call(t([]), 1), call(t([1]), []), call(t([0, 3]), [3, 0]), call(t([2, 3, 4]), 6, -1)],
    stuck,
  ),
  reshape: look(
    reshaped,
    [call(t([3, 4]), 2, 6), call(t([3, 4]), [-1]), call(t([]), 1), call(t([1]), []), call(t([0, 3]), [3, 0]), call(t([2, 3, 4]), 6, -1)],
    { view: "maybe" },
  ),
  viewAs: look((x: Nd, o: Nd) => x.reshape(o.shape), [call(t([3, 4]), t([6, 2])), call(t([]), t([1, 1]))], stuck),
  reshapeAs: look((x: Nd, o: Nd) => x.reshape(o.shape), [call(t([3, 4]), t([6, 2])), call(t([]), t([1, 1]))], { view: "maybe" }),
  ravel: look((x: Nd) => x.reshape([x.numel]), [call(t([3, 4])), call(t([])), call(t([2, 0]))], { view: "maybe" }),
  flatten: look(
    (x: Nd, start = 0, end = -1) => {
      const [a, b] = [front(start, x.ndim), front(end, x.ndim)];
      return x.reshape(
        x.ndim === 0 ? [1] : [...x.shape.slice(0, a), x.shape.slice(a, b + 1).reduce((p, n) => p * n, 1), ...x.shape.slice(b + 1)],
      );
    },
    [
      call(t([2, 3, 4])),
      call(t([2, 3, 4]), 1),
      call(t([2, 3, 4]), 0, 1),
      call(t([])),
      call(t([5])),
      call(t([2, 3, 4]), -2, -2),
      call(t([2, 0, 3]), 1),
    ],
    { view: "maybe" },
  ),
  unflatten: look(
    (x: Nd, dim: number, sizes: number[]) => {
      const d = front(dim, x.ndim);
      return x.reshape([...x.shape.slice(0, d), ...infer(sizes, x.shape[d]!), ...x.shape.slice(d + 1)]);
    },
    [call(t([6]), 0, [2, 3]), call(t([2, 12]), -1, [3, -1]), call(t([4, 3]), 0, [2, 2])],
    stuck,
  ),
  transpose: look(swapped, [
    call(t([3, 4]), 0, 1),
    call(t([2, 3, 4]), -1, 0),
    call(t([2, 3, 4]), 1, 1),
    call(t([]), 0, -1),
    call(t([2, 0]), 0, 1),
  ]),
  t: look((x: Nd) => (x.ndim < 2 ? x : swapped(x, 0, 1)), [call(t([3, 4])), call(t([5])), call(t([])), call(t([0, 2]))]),
  permute: look(
    (x: Nd, ...dims: (number | number[])[]) => x.permute(flatten1(dims).map((d) => front(d, x.ndim))),
    [call(t([2, 3, 4]), 2, 0, 1), call(t([2, 3, 4]), [-1, 1, 0]), call(t([]), []), call(t([2, 0, 3]), 1, 2, 0)],
  ),
  expand: look(expanded, [
    call(t([3, 1]), 3, 4),
    call(t([4]), [2, 3, -1]),
    call(t([1, 4]), 5, -1),
    call(t([]), 3),
    call(t([1]), 0),
    call(t([3]), 3),
  ]),
  expandAs: look((x: Nd, o: Nd) => expanded(x, [...o.shape]), [call(t([3, 1]), t([3, 4])), call(t([4]), t([2, 4]))]),
  unsqueeze: look(
    (x: Nd, dim: number) => x.reshape(inserted(x.shape, front(dim, x.ndim + 1), 1)),
    [call(t([3, 4]), 0), call(t([3, 4]), 1), call(t([3, 4]), -1), call(t([]), 0), call(t([0]), -2)],
  ),
  squeeze: look(
    (x: Nd, dim?: number | number[]) => {
      const among = dim === undefined ? x.shape.map((_, d) => d) : [dim].flat().map((d) => front(d, x.ndim));
      return x.reshape(x.shape.filter((n, d) => n !== 1 || !among.includes(d)));
    },
    [call(t([1, 3, 1])), call(t([1, 3, 1]), 0), call(t([1, 3, 1]), -1), call(t([1, 3]), 1), call(t([])), call(t([]), 0), call(t([1, 0]))],
  ),
  select: look(
    (x: Nd, dim: number, i: number) => {
      const d = front(dim, x.ndim);
      return Nd.from(without(x.shape, d), (at) => x.at(inserted(at, d, front(i, x.shape[d]!))));
    },
    [call(t([3, 4]), 0, 1), call(t([3, 4]), 1, -1), call(t([2, 3, 4]), -1, 0), call(t([5]), 0, 4), call(t([2, 0]), 0, 1)],
  ),
  narrow: look(
    (x: Nd, dim: number, start: number, length: number) =>
      sliced(x, dim, front(start, x.shape[front(dim, x.ndim)]!), front(start, x.shape[front(dim, x.ndim)]!) + length),
    [call(t([5, 3]), 0, 1, 3), call(t([3, 5]), -1, 2, 0), call(t([3, 5]), 1, -2, 2), call(t([17]), 0, 3, 10)],
  ),
  slice: look(sliced, [
    call(t([7, 3]), 0, 1, 5),
    call(t([3, 7]), 1, null, null, 2),
    call(t([3, 7]), -1, -4, -1),
    call(t([7]), 0, 2, 100, 3),
    call(t([7]), 0, 5, 2),
    call(t([7]), 0),
    call(t([0]), 0, 0, 5, 2),
  ]),
  diagonal: look(
    (x: Nd, offset = 0, dim1 = 0, dim2 = 1) => {
      const [a, b] = [front(dim1, x.ndim), front(dim2, x.ndim)];
      const kept = x.shape.map((_, d) => d).filter((d) => d !== a && d !== b);
      const length = Math.max(0, offset >= 0 ? Math.min(x.shape[a]!, x.shape[b]! - offset) : Math.min(x.shape[a]! + offset, x.shape[b]!));
      return Nd.from([...kept.map((d) => x.shape[d]!), length], (i) => {
        const at = x.shape.map((_, d) => i[kept.indexOf(d)]!);
        at[a] = i.at(-1)! + Math.max(-offset, 0);
        at[b] = i.at(-1)! + Math.max(offset, 0);
        return x.at(at);
      });
    },
    [
      call(t([4, 4])),
      call(t([3, 5]), 1),
      call(t([3, 5]), -2),
      call(t([2, 3, 4]), 0, -1, 0),
      call(t([3, 3]), 5),
      call(t([2, 3, 4]), 1, 1, 2),
    ],
  ),
  unfold: look(
    (x: Nd, dim: number, size: number, step: number) => {
      const d = front(dim, x.ndim);
      if (x.ndim === 0) return x.reshape([1]);
      return Nd.from([...x.shape.with(d, Math.floor((x.shape[d]! - size) / step) + 1), size], (i) =>
        x.at(i.slice(0, -1).with(d, i[d]! * step + i.at(-1)!)),
      );
    },
    [call(t([7]), 0, 3, 1), call(t([7]), 0, 3, 2), call(t([3, 8]), 1, 2, 3), call(t([4, 3]), 0, 2, 2), call(t([]), 0, 1, 1)],
  ),
  unfoldBackward: info(
    (g: Nd, shape: number[], dim: number, size: number, step: number) => {
      const d = front(dim, shape.length);
      return Nd.from(shape, (i) => {
        let sum = 0;
        for (let w = 0; w < g.shape[d]!; w++) for (let k = 0; k < size; k++) if (w * step + k === i[d]) sum += g.at([...i.with(d, w), k]);
        return sum;
      });
    },
    [call(t([5, 3]), [7], 0, 3, 1), call(t([3, 3]), [7], 0, 3, 2), call(t([3, 3, 2]), [3, 8], 1, 2, 3)],
    { keeps: [], floor: 4 },
  ),
  asStrided: look(
    (x: Nd, size: number[], stride: number[], offset = 0) =>
      Nd.from(size, (i) => x.data[offset + i.reduce((p, k, d) => p + k * stride[d]!, 0)]!),
    [
      call(plain([12]), [3, 2], [4, 1]),
      call(plain([12]), [2, 3], [1, 2], 3),
      call(plain([3, 4]), [4, 3], [1, 4]),
      call(plain([5]), [3, 3], [1, 1]),
      call(plain([4]), [2], [0], 1),
    ],
  ),
};

/** Strides are counted in the storage, so the operand has to lie there in order. */
function plain(shape: readonly number[]): Operand {
  return new Operand(shape, { plain: true });
}
