import { bool, type DType, int64 } from "../core/dtype.ts";
import { notForDtype } from "../core/errors.ts";
import { reversed } from "../core/layout.ts";
import * as e from "../kernel/expr.ts";
import { arg, constant, type Expr, state } from "../kernel/expr.ts";
import { type Rule, type RuleInplace, rule, type ScanLoop, scanLoop, type Tensor } from "./define.ts";
import { dimIndex } from "./dimension.ts";

type Cumulative = RuleInplace<(dim: number, options?: { dtype?: DType | null }) => Tensor>;

const running = (name: string, init: number, f: (a: Expr, b: Expr) => Expr): ScanLoop =>
  scanLoop(name, {
    monoid: (t) => ({ init: [constant(init, t)], lift: [arg(0, t)], combine: [f(state(0, t), state(1, t))], outputs: [state(0, t)] }),
    compute: (d) => (d.isFloatingPoint ? d : int64),
    outputs: (d) => [d],
  });
const sums = running("cumsum", 0, e.add);
const products = running("cumprod", 1, e.mul);

const inDtype = (y: Tensor, dtype: DType | null | undefined): Tensor => (dtype == null ? y : y.to(dtype));
const noBool =
  (kernel: string) =>
  (x: Tensor): void => {
    if (x.dtype === bool) throw notForDtype(kernel, "Bool");
  };

/** The sum of each element and all before it along a dimension. Integers and bools add up in int64. */
export const cumsum: Cumulative = rule({
  params: ["dim", "dtype"],
  inplace: true,
  checkInplace: noBool("cumsum_out_cpu"),
  run: (k, x: Tensor, dim: number, dtype?: DType | null) =>
    inDtype(k.scan(sums, dtype == null ? x : x.to(dtype), dimIndex(dim, x.ndim))[0]!, dtype),
  save: (_, x: Tensor, dim: number) => ({ dim: dimIndex(dim, x.ndim), scalar: x.ndim === 0 }),
  grad: ({ dim, scalar }: { dim: number; scalar: boolean }, [g]) => [scalar ? g! : g!.flip(dim).cumsum(dim).flip(dim)],
});

/** The product of each element and all before it along a dimension. */
export const cumprod: Cumulative = rule({
  params: ["dim", "dtype"],
  inplace: true,
  checkInplace: noBool("cumprod_out_cpu"),
  run: (k, x: Tensor, dim: number, dtype?: DType | null) =>
    inDtype(k.scan(products, dtype == null ? x : x.to(dtype), dimIndex(dim, x.ndim))[0]!, dtype),
  save: (_, x: Tensor, dim: number) => ({ x, dim: dimIndex(dim, x.ndim) }),
  grad: ({ x, dim }: { x: Tensor; dim: number }, [g]) => [x.ndim === 0 ? g! : productGradient(x, g!, dim)],
});
/** Element j of the gradient: the sum over i >= j of g[i] times the product of all x up to i but x[j]. Exact also where some are zero. */
function productGradient(x: Tensor, g: Tensor, dim: number): Tensor {
  const n = x.shape[dim]!;
  if (n === 0) return x.newZeros(x.shape);
  const parts: Tensor[] = [];
  for (let j = 0; j < n; j++) {
    const before = x.narrow(dim, 0, j).prod(dim, true);
    const after = x.narrow(dim, j + 1, n - j - 1);
    const products =
      n - j - 1 === 0
        ? g.select(dim, j)
        : g.select(dim, j).add(
            after
              .cumprod(dim)
              .mul(g.narrow(dim, j + 1, n - j - 1))
              .sum(dim),
          );
    parts.push(products.mul(before.squeeze(dim)));
  }
  return parts[0]!.stackWith(parts.slice(1), dim);
}

/** The elements of one or more dimensions in reverse order, copied. */
export const flip: Rule<(...dims: number[] | [readonly number[]]) => Tensor> = rule({
  params: ["dims"],
  variadic: true,
  run: (k, x: Tensor, dims: number | readonly number[]) => {
    const list = (typeof dims === "number" ? [dims] : dims).map((d) => dimIndex(d, x.ndim));
    const y = k.emptyLike(x);
    k.copy(k.view(x, reversed(x.layout, list)), y);
    return y;
  },
  save: (_, __, dims: number | readonly number[]) => ({ dims: typeof dims === "number" ? [dims] : dims }),
  grad: ({ dims }: { dims: readonly number[] }, [g]) => [g!.flip(dims)],
});
