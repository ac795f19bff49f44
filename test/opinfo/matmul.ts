import type * as table from "../../src/ops/matmul.ts";
import {
  between,
  bool,
  call,
  float16,
  float32,
  float64,
  type InfosOf,
  info,
  int32,
  int64,
  type Keeps,
  Nd,
  type OpInfo,
  type Sample,
  t,
} from "./info.ts";
import { commonShape, zip } from "./nd.ts";

/** `sum over k of a[..., i, k] b[..., k, j]`. */
function product(a: Nd, b: Nd): Nd {
  const [m, n, k] = [a.shape.at(-2)!, b.shape.at(-1)!, a.shape.at(-1)!];
  return Nd.from([...commonShape(a.shape.slice(0, -2), b.shape.slice(0, -2)), m, n], (i) => {
    const [row, column] = i.slice(-2) as [number, number];
    let sum = 0;
    for (let p = 0; p < k; p++) sum += a.at([...i.slice(0, -2), row, p]) * b.at([...i.slice(0, -2), p, column]);
    return sum;
  });
}
/** The product with vectors as a row on the left and a column on the right. */
function general(a: Nd, b: Nd): Nd {
  const left = a.ndim === 1 ? a.reshape([1, a.numel]) : a;
  const right = b.ndim === 1 ? b.reshape([b.numel, 1]) : b;
  const y = product(left, right);
  return y.reshape([...y.shape.slice(0, -2), ...(a.ndim === 1 ? [] : [y.shape.at(-2)!]), ...(b.ndim === 1 ? [] : [y.shape.at(-1)!])]);
}
const transposed = (x: Nd): Nd => (x.ndim < 2 ? x : x.permute([1, 0]));

const dtypes = [float32, float64, float16, int64, int32];
const multiply = (samples: readonly Sample[], reference: OpInfo["reference"] = general, keeps: Keeps = [0, 1]): OpInfo =>
  info(reference, samples, { dtypes, keeps, floor: 16, domain: between(-2, 2), halfUlp: 2 });
const noBool = (kernel: string) => ({ refuses: [[[bool], `"${kernel}" not implemented for 'Bool'`]] }) as const;

export const matmul: InfosOf<typeof table> = {
  mm: {
    ...multiply([
      call(t([3, 4]), t([4, 2])),
      call(t([1, 17]), t([17, 1])),
      call(t([5, 3]), t([3, 7])),
      call(t([2, 0]), t([0, 3])),
      call(t([0, 3]), t([3, 2])),
    ]),
    ...noBool("addmm_impl_cpu_"),
  },
  bmm: {
    ...multiply([
      call(t([2, 3, 4]), t([2, 4, 2])),
      call(t([1, 5, 3]), t([1, 3, 5])),
      call(t([0, 2, 3]), t([0, 3, 2])),
      call(t([2, 2, 0]), t([2, 0, 3])),
    ]),
    ...noBool("bmm"),
  },
  mv: { ...multiply([call(t([3, 4]), t([4])), call(t([17, 5]), t([5])), call(t([2, 0]), t([0]))]), ...noBool("addmv_impl_cpu") },
  dot: { ...multiply([call(t([17]), t([17])), call(t([4]), t([4])), call(t([0]), t([0]))]), ...noBool("dot") },
  outer: multiply([call(t([3]), t([4])), call(t([1]), t([17])), call(t([0]), t([2]))], (a: Nd, b: Nd) =>
    product(a.reshape([a.numel, 1]), b.reshape([1, b.numel])),
  ),
  matmul: multiply([
    call(t([5]), t([5])),
    call(t([3, 4]), t([4])),
    call(t([4]), t([4, 3])),
    call(t([3, 4]), t([4, 2])),
    call(t([2, 3, 4]), t([4, 2])),
    call(t([2, 3, 4]), t([4])),
    call(t([2, 3, 4]), t([2, 4, 2])),
    call(t([2, 1, 3, 4]), t([3, 4, 2])),
    call(t([2, 2, 3, 4]), t([2, 2, 4, 2])),
    call(t([4]), t([2, 4, 3])),
    call(t([3, 4]), t([2, 4, 2])),
    call(t([0, 3]), t([3, 2])),
    call(t([2, 3, 0]), t([0, 2])),
  ]),
  addmm: multiply(
    [
      call(t([3, 2]), t([3, 4]), t([4, 2])),
      call(t([2]), t([3, 4]), t([4, 2])),
      { args: [t([3, 1]), t([3, 4]), t([4, 2]), { beta: 2, alpha: 3 }], keeps: [1, 2] },
      { args: [t([3, 2]), t([3, 4]), t([4, 2]), { beta: 0, alpha: 2 }], keeps: [1, 2], still: true },
      call(t([]), t([3, 0]), t([0, 2])),
    ],
    (x: Nd, a: Nd, b: Nd, { beta = 1, alpha = 1 } = {}) => zip((p, q) => (beta === 0 ? 0 : beta * p) + alpha * q, x, product(a, b)),
    [1, 2],
  ),
  linear: multiply(
    [
      call(t([3, 4]), t([2, 4])),
      call(t([3, 4]), t([2, 4]), t([2])),
      call(t([4]), t([2, 4]), t([2])),
      call(t([2, 3, 4]), t([5, 4]), t([5])),
      call(t([3, 4]), t([4])),
      call(t([0, 4]), t([2, 4]), t([2])),
      call(t([3, 4]), t([2, 4]), null),
      call(t([3, 4]), t([4]), t([])),
    ],
    (x: Nd, w: Nd, b?: Nd | null) => zip((p, q) => p + q, general(x, transposed(w)), b ?? 0),
  ),
};
