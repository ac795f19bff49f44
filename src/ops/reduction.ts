import { bool, type ComputeType, type DType, int64 } from "../core/dtype.ts";
import { DTypeError, notForDtype, positionInEmpty, reduceEmpty, sumToShape } from "../core/errors.ts";
import * as e from "../kernel/expr.ts";
import { arg, constant, type Expr, position, scalar, state } from "../kernel/expr.ts";
import type { Kernels } from "../tensor/kernels.ts";
import { type Composite, composite, type Dims, type Monoid, type ReduceLoop, type Rule, reduceLoop, rule, type Tensor } from "./define.ts";
import { dimIndex, dimList, otherDims } from "./dimension.ts";
import { extreme as extremeSignatures } from "./signatures.ts";

/** Options of a reduction that can also come by position. */
export interface ReduceOptions {
  dim?: Dims;
  keepdim?: boolean;
  dtype?: DType | null;
}
type DimReduce = Rule<(dim?: Dims | ReduceOptions, keepdim?: boolean | ReduceOptions, options?: ReduceOptions) => Tensor>;
type OneDimReduce = (dim?: number | null | ReduceOptions, keepdim?: boolean | ReduceOptions) => Tensor;

/** A monoid of one component: a neutral element and an associative function. */
const simple =
  (init: (t: ComputeType) => Expr, f: (a: Expr, b: Expr) => Expr, post: (s: Expr) => Expr = (s) => s) =>
  (type: ComputeType): Monoid => ({
    init: [init(type)],
    lift: [arg(0, type)],
    combine: [f(state(0, type), state(1, type))],
    outputs: [post(state(0, type))],
  });
const least = (type: ComputeType): Expr =>
  type === "i64"
    ? constant(-(2n ** 63n), type)
    : constant(type === "i32" ? -(2 ** 31) : type === "bool" ? 0 : Number.NEGATIVE_INFINITY, type);
const greatest = (type: ComputeType): Expr =>
  type === "i64"
    ? constant(2n ** 63n - 1n, type)
    : constant(type === "i32" ? 2 ** 31 - 1 : type === "bool" ? 1 : Number.POSITIVE_INFINITY, type);

const widened = (d: DType): DType => (d.isFloatingPoint ? d : int64);
const same = (d: DType): readonly DType[] => [d];
const itself = (d: DType): DType => d;

const sumLoop: ReduceLoop = reduceLoop("sum", { monoid: simple((t) => constant(0, t), e.add), compute: widened, outputs: same });
const prodLoop: ReduceLoop = reduceLoop("prod", { monoid: simple((t) => constant(1, t), e.mul), compute: widened, outputs: same });
const meanLoop: ReduceLoop = reduceLoop("mean", {
  monoid: (type) => ({ ...simple((t) => constant(0, t), e.add)(type), outputs: [e.div(state(0, type), scalar(0, type))] }),
  compute: itself,
  outputs: same,
  scalars: (count) => [count],
});
const maxLoop: ReduceLoop = reduceLoop("amax", { monoid: simple(least, e.max), compute: itself, outputs: same, nonEmpty: true });
const minLoop: ReduceLoop = reduceLoop("amin", { monoid: simple(greatest, e.min), compute: itself, outputs: same, nonEmpty: true });
const truthOf = (x: Expr): Expr => (x.type === "bool" ? x : e.ne(x, 0));
const truthLoop = (name: string, init: number, f: (a: Expr, b: Expr) => Expr): ReduceLoop =>
  reduceLoop(name, {
    monoid: (type) => ({
      init: [constant(init, "bool")],
      lift: [truthOf(arg(0, type))],
      combine: [f(state(0, "bool"), state(1, "bool"))],
      outputs: [state(0, "bool")],
    }),
    compute: itself,
    outputs: (d) => [d.name === "uint8" ? d : bool],
  });
const anyLoop: ReduceLoop = truthLoop("any", 0, e.or);
const allLoop: ReduceLoop = truthLoop("all", 1, e.and);

/** The best value with its first position; NaN is better than any number. */
const extremeLoop = (name: string, start: (t: ComputeType) => Expr, better: (a: Expr, b: Expr) => Expr): ReduceLoop =>
  reduceLoop(name, {
    monoid: (type) => {
      const [v, i, w, j] = [state(0, type), state(1, "i64"), state(2, type), state(3, "i64")];
      const isNan = (x: Expr): Expr => (type === "f32" || type === "f64" ? e.isnan(x) : constant(0, "bool"));
      // The later element wins only if it is truly better: the first of equals stays. A position of -1 is "nothing seen yet".
      const later = e.or(e.lt(i, 0), e.and(e.ge(j, 0), e.and(e.not(isNan(v)), e.or(isNan(w), better(w, v)))));
      return {
        init: [start(type), constant(-1, "i64")],
        lift: [arg(0, type), position],
        combine: [e.select(later, w, v), e.select(later, j, i)],
        outputs: [v, i],
      };
    },
    compute: itself,
    outputs: (d) => [d, int64],
    nonEmpty: true,
  });
const maxIndexLoop: ReduceLoop = extremeLoop("max", least, (a, b) => e.gt(a, b));
const minIndexLoop: ReduceLoop = extremeLoop("min", greatest, (a, b) => e.lt(a, b));

/** A gradient over the kept dimensions, stretched back over the reduced ones. */
export function stretch(g: Tensor, shape: readonly number[], dims: readonly number[], keepdim: boolean): Tensor {
  let x = g;
  if (!keepdim && g.ndim > 0) for (const d of [...dims].sort((a, b) => a - b)) x = x.unsqueeze(d);
  return x.expand(shape);
}

const inDtype = (x: Tensor, dtype: DType | null | undefined): Tensor => (dtype == null ? x : x.to(dtype));
const numbered =
  (name: string) =>
  (_: Tensor, dim?: Dims): string =>
    `${name}Backward${dim === undefined || dim === null ? 0 : 1}`;

/** The sum of the elements over `dim` (all when left out). Integers and bools add up in int64. */
export const sum: DimReduce = rule({
  params: ["dim", "keepdim", "dtype"],
  node: numbered("Sum"),
  run: (k, x: Tensor, dim?: Dims, keepdim = false, dtype?: DType | null) =>
    inDtype(k.reduce(sumLoop, inDtype(x, dtype), dimList(dim, x.ndim), keepdim)[0]!, dtype),
  save: (_, x: Tensor, dim?: Dims, keepdim = false) => ({ shape: x.shape, dims: dimList(dim, x.ndim), keepdim }),
  grad: ({ shape, dims, keepdim }, [g]) => [stretch(g!, shape, dims, keepdim)],
});

function meanDtype(x: Tensor, dtype: DType | null | undefined): void {
  if (!(dtype ?? x.dtype).isFloatingPoint) {
    throw new DTypeError(
      `mean(): could not infer output dtype. ${dtype == null ? "Input" : "Optional"} dtype must be either a floating point or complex dtype. Got: ${(dtype ?? x.dtype).scalarName}`,
    );
  }
}
/** The mean of the elements over `dim` (all when left out). */
export const mean: DimReduce = rule({
  params: ["dim", "keepdim", "dtype"],
  node: numbered("Mean"),
  run: (k, x: Tensor, dim?: Dims, keepdim = false, dtype?: DType | null) => {
    meanDtype(x, dtype);
    return k.reduce(meanLoop, inDtype(x, dtype), dimList(dim, x.ndim), keepdim)[0]!;
  },
  save: (_, x: Tensor, dim?: Dims, keepdim = false) => ({ shape: x.shape, dims: dimList(dim, x.ndim), keepdim }),
  grad: ({ shape, dims, keepdim }, [g]) => {
    const count = dims.reduce((n: number, d: number) => n * shape[d], 1);
    return [stretch(g!, shape, dims, keepdim).div(count)];
  },
});

/** The product of all elements, or of those along `dim`. */
export const prod: Rule<OneDimReduce> = rule({
  params: ["dim", "keepdim", "dtype"],
  node: numbered("Prod"),
  run: (k, x: Tensor, dim?: number | null, keepdim = false, dtype?: DType | null) =>
    inDtype(k.reduce(prodLoop, inDtype(x, dtype), dimList(dim, x.ndim), keepdim)[0]!, dtype),
  save: (_, x: Tensor, dim?: number | null, keepdim = false) => ({ x, dims: dimList(dim, x.ndim), keepdim }),
  grad: ({ x, dims, keepdim }: { x: Tensor; dims: number[]; keepdim: boolean }, [g]) => [
    prodGradient(x, dims, stretch(g!, x.shape, dims, keepdim)),
  ],
});
/** The product of all the others, for every element: exact also where some are zero. */
function prodGradient(x: Tensor, dims: readonly number[], g: Tensor): Tensor {
  if (x.ndim === 0) return g;
  const flat = dims.length === 1 ? x : x.reshape([-1]);
  const dim = dims.length === 1 ? dims[0]! : 0;
  const n = flat.shape[dim]!;
  if (n === 0) return x.newZeros(x.shape);
  const others: Tensor[] = [];
  for (let i = 0; i < n; i++) {
    let p = flat.select(dim, i).mul(0).add(1);
    for (let j = 0; j < n; j++) if (j !== i) p = p.mul(flat.select(dim, j));
    others.push(p);
  }
  return others[0]!.stackWith(others.slice(1), dim).reshape(x.shape).mul(g);
}

/** Values tied for the extreme share the gradient evenly. */
const extremeGrad = (
  { x, y, dims, keepdim }: { x: Tensor; y: Tensor; dims: number[]; keepdim: boolean },
  [g]: readonly (Tensor | null)[],
) => {
  const hit = x.eq(stretch(y, x.shape, dims, keepdim)).to(x.dtype);
  const ties = hit.sum(dims, true);
  return [hit.mul(stretch(g!, x.shape, dims, keepdim)).div(ties)];
};
const extreme = (loop: ReduceLoop): DimReduce =>
  rule({
    params: ["dim", "keepdim"],
    run: (k, x: Tensor, dim?: Dims, keepdim = false) => {
      if (x.numel() === 0 && (dim === undefined || dim === null)) throw reduceEmpty(loop.name);
      return k.reduce(loop, x, dimList(dim, x.ndim), keepdim)[0]!;
    },
    save: ([y], x: Tensor, dim?: Dims, keepdim = false) => ({ x, y, dims: dimList(dim, x.ndim), keepdim }),
    grad: extremeGrad,
  });
/** The greatest element over `dim` (all when left out); ties share the gradient. NaN if there is one. */
export const amax: DimReduce = extreme(maxLoop);
/** The least element over `dim` (all when left out); ties share the gradient. NaN if there is one. */
export const amin: DimReduce = extreme(minLoop);

/** `values` and `indices`, by name and by position. */
export type ValuesAndIndices = readonly Tensor[] & { readonly values: Tensor; readonly indices: Tensor };
type ExtremeDim = Rule<(dim: number, keepdim?: boolean) => ValuesAndIndices>;
const withIndices = (loop: ReduceLoop, node: string): ExtremeDim =>
  rule({
    returns: loop.name,
    params: ["dim", "keepdim"],
    fields: ["values", "indices"],
    nonDifferentiable: [1],
    node,
    run: (k, x: Tensor, dim: number, keepdim = false) => {
      const dims = dimList(dim, x.ndim);
      if (dims.length > 0) return k.reduce(loop, x, dims, keepdim);
      return [x.clone(), x.newZeros([], { dtype: int64 })];
    },
    save: ([, indices], x: Tensor, dim: number, keepdim = false) => ({ indices, shape: x.shape, dim: dimIndex(dim, x.ndim), keepdim }),
    grad: ({ indices, shape, dim, keepdim }: { indices: Tensor; shape: number[]; dim: number; keepdim: boolean }, [g]) => {
      if (shape.length === 0) return [g!];
      const at = keepdim ? indices : indices.unsqueeze(dim);
      return [g!.newZeros(shape).scatter(dim, at, keepdim ? g! : g!.unsqueeze(dim))];
    },
  });
export const _maxDim: ExtremeDim = withIndices(maxIndexLoop, "MaxBackward0");
export const _minDim: ExtremeDim = withIndices(minIndexLoop, "MinBackward0");
const extremeAll = (loop: ReduceLoop, node: string): Rule<() => Tensor> =>
  rule({
    params: [],
    node,
    run: (k, x: Tensor) => {
      if (x.numel() === 0) throw reduceEmpty(node.slice(0, 3).toLowerCase());
      return k.reduce(loop, x, dimList(null, x.ndim))[0]!;
    },
    save: ([y], x: Tensor) => ({ x, y, dims: dimList(null, x.ndim), keepdim: false }),
    grad: extremeGrad,
  });
export const _maxAll: Rule<() => Tensor> = extremeAll(maxLoop, "MaxBackward1");
export const _minAll: Rule<() => Tensor> = extremeAll(minLoop, "MinBackward1");

interface Extreme {
  /** The greatest (least) of all elements. */
  (): Tensor;
  /** The elementwise greater (lesser) of two tensors. */
  (other: Tensor): Tensor;
  /** The greatest (least) along a dimension, with its first position. */
  (dim: number | { dim: number; keepdim?: boolean }, keepdim?: boolean | { keepdim?: boolean }): ValuesAndIndices;
}
type ExtremeOp = Composite<Extreme>;
/** The greatest of all elements; along `dim`, with positions; or, with another tensor, elementwise. */
export const max: ExtremeOp = composite(
  ["dim", "keepdim"],
  (x: Tensor, dim?: number | Tensor, keepdim?: boolean) =>
    dim === undefined ? x._maxAll() : typeof dim === "number" ? x._maxDim(dim, keepdim) : x.maximum(dim),
  { signatures: extremeSignatures },
);
/** The least of all elements; along `dim`, with positions; or, with another tensor, elementwise. */
export const min: ExtremeOp = composite(
  ["dim", "keepdim"],
  (x: Tensor, dim?: number | Tensor, keepdim?: boolean) =>
    dim === undefined ? x._minAll() : typeof dim === "number" ? x._minDim(dim, keepdim) : x.minimum(dim),
  { signatures: extremeSignatures },
);

const positionOf = (loop: ReduceLoop, name: string): Rule<OneDimReduce> =>
  rule({
    params: ["dim", "keepdim"],
    run: (k, x: Tensor, dim?: number | null, keepdim = false) => {
      if (x.dtype === bool) throw notForDtype(`${name}_cpu`, "Bool");
      if (dim === undefined || dim === null) {
        if (x.numel() === 0) throw positionInEmpty(name);
        const all = k.reduce({ ...loop, name }, x.reshape([-1]), [0])[1]!;
        return keepdim ? all.reshape(x.shape.map(() => 1)) : all;
      }
      const dims = dimList(dim, x.ndim);
      return dims.length === 0 ? x.newZeros([], { dtype: int64 }) : k.reduce({ ...loop, name }, x, dims, keepdim)[1]!;
    },
  });
/** The position of the first greatest element: in the flattened tensor, or along `dim`. */
export const argmax: Rule<OneDimReduce> = positionOf(maxIndexLoop, "argmax");
/** The position of the first least element: in the flattened tensor, or along `dim`. */
export const argmin: Rule<OneDimReduce> = positionOf(minIndexLoop, "argmin");

const truthOver = (loop: ReduceLoop): Rule<OneDimReduce> =>
  rule({
    params: ["dim", "keepdim"],
    run: (k, x: Tensor, dim?: number | null, keepdim = false) => k.reduce(loop, x, dimList(dim, x.ndim), keepdim)[0]!,
  });
/** Whether any element (along `dim`) is true. */
export const any: Rule<OneDimReduce> = truthOver(anyLoop);
/** Whether all elements (along `dim`) are true. */
export const all: Rule<OneDimReduce> = truthOver(allLoop);

/** Options of variance and standard deviation. */
export interface VarianceOptions {
  dim?: Dims;
  unbiased?: boolean;
  correction?: number;
  keepdim?: boolean;
}
type Variance = Rule<
  (dim?: Dims | boolean | VarianceOptions, unbiased?: boolean | VarianceOptions, keepdim?: boolean | VarianceOptions) => Tensor
>;
type VarianceArguments = [dim?: Dims | boolean, unbiased?: boolean, keepdim?: boolean, correction?: number];
function varianceArguments(x: Tensor, dim?: Dims | boolean, unbiased?: boolean, keepdim = false, correction?: number) {
  const flag = typeof dim === "boolean" ? dim : unbiased;
  const dims = dimList(typeof dim === "boolean" ? null : dim, x.ndim);
  if (!x.dtype.isFloatingPoint) throw new DTypeError("std and var only support floating point and complex dtypes");
  const count = dims.reduce((n, d) => n * x.shape[d]!, 1);
  return { dims, keepdim, count, rest: count - (correction ?? (flag === false ? 0 : 1)) };
}
/** The sum of squared distances from a centre, the second operand. Two passes keep all digits in float32, where one pass would not. */
const squaresLoop: ReduceLoop = reduceLoop("var", {
  monoid: (t) => {
    const distance = e.sub(arg(0, t), arg(1, t));
    return {
      init: [constant(0, t)],
      lift: [e.mul(distance, distance)],
      combine: [e.add(state(0, t), state(1, t))],
      outputs: [e.div(state(0, t), scalar(0, t))],
    };
  },
  compute: itself,
  outputs: same,
  operands: [null],
  scalars: (count, less) => [Math.max(count - less, 0)],
});
const variance = (k: Kernels, x: Tensor, dims: readonly number[], keepdim: boolean, correction: number): Tensor => {
  const mean = k.reduce(meanLoop, x, dims, true)[0]!;
  return k.reduce(squaresLoop, x, dims, keepdim, { operands: [mean], parameter: correction })[0]!;
};
/** The variance over `dim` (all when left out), divided by the count less `correction` (1, or 0 with `unbiased: false`). */
export const _var: Variance = rule({
  params: ["dim", "unbiased", "keepdim", "correction"],
  node: "VarBackward0",
  run: (k, x: Tensor, ...args: VarianceArguments) => {
    const { dims, keepdim, count, rest } = varianceArguments(x, ...args);
    return variance(k, x, dims, keepdim, count - rest);
  },
  save: (_, x: Tensor, ...args: VarianceArguments) => ({ x, ...varianceArguments(x, ...args) }),
  grad: ({ x, dims, keepdim, rest }: { x: Tensor; dims: number[]; keepdim: boolean; rest: number }, [g]) => [
    stretch(g!, x.shape, dims, keepdim)
      .mul(x.sub(x.mean(dims, true)))
      .mul(2 / rest),
  ],
});
/** The standard deviation: the root of the variance. */
export const std: Variance = rule({
  params: ["dim", "unbiased", "keepdim", "correction"],
  run: (k, x: Tensor, ...args: VarianceArguments) => {
    const { dims, keepdim, count, rest } = varianceArguments(x, ...args);
    return variance(k, x, dims, keepdim, count - rest).sqrt_();
  },
  save: ([y], x: Tensor, ...args: VarianceArguments) => ({ x, y, ...varianceArguments(x, ...args) }),
  grad: ({ x, y, dims, keepdim, rest }: { x: Tensor; y: Tensor; dims: number[]; keepdim: boolean; rest: number }, [g]) => {
    const scale = g!.div(y.mul(rest)).maskedFill(y.eq(0), 0);
    return [stretch(scale, x.shape, dims, keepdim).mul(x.sub(x.mean(dims, true)))];
  },
});

/** Sums over broadcast dimensions, so that the result has shape `size`. */
export const sumToSize: Composite<(...size: number[] | [readonly number[]]) => Tensor> = composite(
  ["size"],
  (x: Tensor, size: readonly number[]) => {
    if (size.length === 0) return x.sum();
    const pad = x.ndim - size.length;
    if (pad < 0 || size.some((n, d) => n !== 1 && n !== x.shape[d + pad])) throw sumToShape(size, x.shape);
    const dims: number[] = [];
    for (let d = 0; d < x.ndim; d++) if (d < pad || (size[d - pad] === 1 && x.shape[d] !== 1)) dims.push(d);
    return dims.length === 0 ? x : x.sum(dims, true).view(size);
  },
  { variadic: true },
);

/** Mean and variance (divided by the count) of each channel. */
export const _moments: Rule<() => readonly Tensor[]> = rule({
  params: [],
  run: (k, x: Tensor) => {
    const dims = otherDims(x.ndim, 1);
    const mean = k.reduce(meanLoop, x, dims, true)[0]!;
    return [mean.reshape([-1]), k.reduce(squaresLoop, x, dims, false, { operands: [mean], parameter: 0 })[0]!];
  },
});
