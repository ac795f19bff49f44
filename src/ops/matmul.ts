import { expectedDtype, matmulShapes, notForDtype, ShapeError, sizeMismatch, TorchletError } from "../core/errors.ts";
import { broadcastShapes, permute, sameShape } from "../core/layout.ts";
import { type Composite, composite, type Rule, rule, type Tensor } from "./define.ts";

/** `kernel` is PyTorch's name of what bools have no. */
const sameDtype = (a: Tensor, b: Tensor, kernel: string): void => {
  if (a.dtype.name === "bool") throw notForDtype(kernel, "Bool");
  if (a.dtype !== b.dtype) throw expectedDtype(a.dtype.scalarName, b.dtype.scalarName);
};
const list = (shape: readonly number[]): string => `[${shape.join(", ")}]`;

const batchSizes = (expected: readonly number[], given: readonly number[]): ShapeError =>
  new ShapeError(`Expected size for first two dimensions of batch2 tensor to be: ${list(expected)} but got: ${list(given)}.`);

/** The product of two matrices, (n, k) and (k, m). */
export const mm: Rule<(mat2: Tensor) => Tensor> = rule({
  params: ["mat2"],
  run: (k, a: Tensor, b: Tensor) => {
    if (a.ndim !== 2) throw new ShapeError("self must be a matrix");
    if (b.ndim !== 2) throw new ShapeError("mat2 must be a matrix");
    if (a.shape[1] !== b.shape[0]) throw matmulShapes(a.shape, b.shape);
    sameDtype(a, b, "addmm_impl_cpu_");
    return k.contract(a, b, { batch: 0, m: 1, n: 1, k: 1 });
  },
  save: (_, a: Tensor, b: Tensor) => ({ a, b }),
  grad: ({ a, b }: { a: Tensor; b: Tensor }, [g], [left, right]) => [left ? g!.mm(b.t()) : null, right ? a.t().mm(g!) : null],
});

/** Products of matrices in pairs, (b, n, k) and (b, k, m). */
export const bmm: Rule<(mat2: Tensor) => Tensor> = rule({
  params: ["mat2"],
  run: (k, a: Tensor, b: Tensor) => {
    if (a.ndim !== 3) throw new ShapeError("batch1 must be a 3D tensor");
    if (b.ndim !== 3) throw new ShapeError("batch2 must be a 3D tensor");
    const [expected, given] = [[a.shape[0]!, a.shape[2]!], b.shape.slice(0, 2)];
    if (!sameShape(expected, given)) throw batchSizes(expected, given);
    sameDtype(a, b, "bmm");
    return k.contract(a, b, { batch: 1, m: 1, n: 1, k: 1 });
  },
  save: (_, a: Tensor, b: Tensor) => ({ a, b }),
  grad: ({ a, b }: { a: Tensor; b: Tensor }, [g], [left, right]) => [
    left ? g!.bmm(b.transpose(1, 2)) : null,
    right ? a.transpose(1, 2).bmm(g!) : null,
  ],
});

/** A matrix times a vector, (n, k) and (k). */
export const mv: Rule<(vec: Tensor) => Tensor> = rule({
  params: ["vec"],
  run: (k, a: Tensor, b: Tensor) => {
    if (a.ndim !== 2 || b.ndim !== 1) throw new ShapeError(`vector + matrix @ vector expected, got 1, ${a.ndim}, ${b.ndim}`);
    if (a.shape[1] !== b.shape[0]) throw new ShapeError(`size mismatch, got ${a.shape[0]}, ${a.shape[0]}x${a.shape[1]},${b.shape[0]}`);
    sameDtype(a, b, "addmv_impl_cpu");
    return k.contract(a, b, { batch: 0, m: 1, n: 0, k: 1 });
  },
  save: (_, a: Tensor, b: Tensor) => ({ a, b }),
  grad: ({ a, b }: { a: Tensor; b: Tensor }, [g], [left, right]) => [left ? g!.outer(b) : null, right ? a.t().mv(g!) : null],
});

/** The inner product of two vectors of one length. */
export const dot: Rule<(tensor: Tensor) => Tensor> = rule({
  params: ["tensor"],
  run: (k, a: Tensor, b: Tensor) => {
    if (a.ndim !== 1 || b.ndim !== 1) throw new ShapeError(`1D tensors expected, but got ${a.ndim}D and ${b.ndim}D tensors`);
    if (a.dtype.name === "bool") throw notForDtype("dot", "Bool");
    if (a.dtype !== b.dtype)
      throw new TorchletError(`dot : expected both vectors to have same dtype, but found ${a.dtype.scalarName} and ${b.dtype.scalarName}`);
    if (a.shape[0] !== b.shape[0]) {
      throw new ShapeError(
        `inconsistent tensor size, expected tensor ${list(a.shape)} and src ${list(b.shape)} to have the same number of elements, but got ${a.shape[0]} and ${b.shape[0]} elements respectively`,
      );
    }
    return k.contract(a, b, { batch: 0, m: 0, n: 0, k: 1 });
  },
  save: (_, a: Tensor, b: Tensor) => ({ a, b }),
  grad: ({ a, b }: { a: Tensor; b: Tensor }, [g], [left, right]) => [left ? b.mul(g!) : null, right ? a.mul(g!) : null],
});

/** All products of an element of one vector with one of another. */
export const outer: Composite<(vec2: Tensor) => Tensor> = composite(["vec2"], (a: Tensor, b: Tensor) => {
  if (a.ndim !== 1) throw new ShapeError(`outer: Expected 1-D argument self, but got ${a.ndim}-D`);
  if (b.ndim !== 1) throw new ShapeError(`outer: Expected 1-D argument vec2, but got ${b.ndim}-D`);
  return a.unsqueeze(1).mul(b);
});

/**
 * The product by the number of dimensions: vectors give their inner product, matrices the matrix product, and more dimensions are batches that
 * broadcast.
 * @example a.matmul(b) // (b, n, k) and (k, m) give (b, n, m)
 */
export const matmul: Composite<(other: Tensor) => Tensor> = composite(["other"], (a: Tensor, b: Tensor) => {
  if (a.ndim === 0 || b.ndim === 0)
    throw new ShapeError(`both arguments to matmul need to be at least 1D, but they are ${a.ndim}D and ${b.ndim}D`);
  if (a.ndim === 1 && b.ndim === 1) return a.dot(b);
  if (a.ndim === 2 && b.ndim === 1) return a.mv(b);
  if (a.ndim === 1 && b.ndim === 2) return a.unsqueeze(0).mm(b).squeeze(0);
  if (a.ndim === 2 && b.ndim === 2) return a.mm(b);
  if (a.ndim >= 3 && b.ndim <= 2) return foldLeft(a, b);
  return batched(a, b);
});

/** Many rows times one matrix: the batch is only more rows. */
function foldLeft(a: Tensor, b: Tensor): Tensor {
  const rows = a.reshape([rowsOf(a), a.shape.at(-1)!]);
  const out = b.ndim === 1 ? rows.mv(b) : rows.mm(b);
  return out.view([...a.shape.slice(0, -1), ...b.shape.slice(1)]);
}

const stretched = (x: Tensor, shape: readonly number[]): Tensor => (sameShape(x.shape, shape) ? x : x.expand(shape));

/** Products of matrices in pairs, (..., n, k) and (..., k, m), over any dimensions in common: they need not lie in memory as one. */
export const _batchedMm: Rule<(mat2: Tensor) => Tensor> = rule({
  params: ["mat2"],
  node: "UnsafeViewBackward0",
  run: (k, a: Tensor, b: Tensor) => {
    sameDtype(a, b, "bmm");
    return k.contract(a, b, { batch: a.ndim - 2, m: 1, n: 1, k: 1 });
  },
  save: (_, a: Tensor, b: Tensor) => ({ a, b }),
  grad: ({ a, b }: { a: Tensor; b: Tensor }, [g], [left, right]) => [
    left ? g!._batchedMm(b.transpose(-2, -1)) : null,
    right ? a.transpose(-2, -1)._batchedMm(g!) : null,
  ],
});

function batched(x: Tensor, y: Tensor): Tensor {
  const a = x.ndim === 1 ? x.unsqueeze(0) : x;
  const b = y.ndim === 1 ? y.unsqueeze(1) : y;
  const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
  if (!Array.isArray(batch)) throw sizeMismatch(batch.a, batch.b, batch.dim);
  const [m, k] = a.shape.slice(-2) as [number, number];
  const [k2, n] = b.shape.slice(-2) as [number, number];
  const count = batch.reduce((p, c) => p * c, 1);
  if (k !== k2) throw batchSizes([count, k], [count, k2]);
  const out = stretched(a, [...batch, m, k])._batchedMm(stretched(b, [...batch, k, n]));
  return x.ndim === 1 ? out.squeeze(-2) : y.ndim === 1 ? out.squeeze(-1) : out;
}

/** `beta * input + alpha * (mat1 @ mat2)`. */
export const addmm: Composite<(mat1: Tensor, mat2: Tensor, options?: { beta?: number; alpha?: number }) => Tensor> = composite(
  ["mat1", "mat2", "beta", "alpha"],
  (x: Tensor, a: Tensor, b: Tensor, beta = 1, alpha = 1) => {
    if (a.ndim !== 2) throw new ShapeError(`mat1 must be a matrix, got ${a.ndim}-D tensor`);
    if (b.ndim !== 2) throw new ShapeError(`mat2 must be a matrix, got ${b.ndim}-D tensor`);
    if (a.shape[1] !== b.shape[0]) throw matmulShapes(a.shape, b.shape);
    const bias = x.expand([a.shape[0]!, b.shape[1]!]);
    const product = a.mm(b);
    // The factors take the dtype of the matrices: fractions are cut off for integers.
    const factor = (n: number): number => (x.dtype.isFloatingPoint ? n : Math.trunc(n));
    return beta === 0 ? product.mul(factor(alpha)) : bias.mul(factor(beta)).add(product, { alpha: factor(alpha) });
  },
);

/**
 * `input @ weight.t() + bias`: the rows of `input` (..., in) through a layer of weight (out, in) and bias (out).
 * One node and, with a bias, one kernel.
 */
export const linear: Rule<(weight: Tensor, bias?: Tensor | null) => Tensor> = rule({
  params: ["weight", "bias"],
  method: false,
  node: (_: Tensor, __: Tensor, bias?: Tensor | null) => (bias ? "AddmmBackward0" : "MmBackward0"),
  run: (k, x: Tensor, w: Tensor, bias?: Tensor | null) => {
    sameDtype(x, w, "addmm_impl_cpu_");
    if (x.shape.at(-1) !== w.shape.at(-1)) throw matmulShapes([rowsOf(x), x.shape.at(-1)!], [...w.shape].reverse());
    const out = w.ndim === 1 ? 0 : 1;
    return k.contract(x, w.ndim === 1 ? w : k.view(w, permute(w.layout, [1, 0])), { batch: 0, m: x.ndim - 1, n: out, k: 1 }, bias ?? null);
  },
  save: (_, x: Tensor, w: Tensor) => ({ x, w }),
  grad: ({ x, w }: { x: Tensor; w: Tensor }, [g], [toX, toW, toBias]) => {
    if (w.ndim === 1)
      return [toX ? g!.unsqueeze(-1).mul(w) : null, toW ? g!.unsqueeze(-1).mul(x).sumToSize(w.shape) : null, toBias ? g!.sum() : null];
    if (x.ndim === 2) return [toX ? g!.mm(w) : null, toW ? g!.t().mm(x) : null, toBias ? g!.sum(0) : null];
    const rows = g!.reshape([rowsOf(g!), w.shape[0]!]);
    return [
      toX ? rows.mm(w).view(x.shape) : null,
      toW ? rows.t().mm(x.reshape([rowsOf(x), w.shape[1]!])) : null,
      toBias ? rows.sum(0) : null,
    ];
  },
});
const rowsOf = (x: Tensor): number => x.shape.slice(0, -1).reduce((a, b) => a * b, 1);
