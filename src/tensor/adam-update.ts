import { type ComputeType, type DType, float32, float64 } from "../core/dtype.ts";
import { sameShape } from "../core/layout.ts";
import { updateAll } from "../dispatch/run.ts";
import { add, arg, div, type Expr, max, mul, scalar, sqrt } from "../kernel/expr.ts";
import type { MapKernel } from "../kernel/kernel.ts";
import type { Tensor } from "./tensor.ts";

/** The numbers of one step of Adam. */
export interface AdamNumbers {
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  /** What the parameter is multiplied by first; 1 without weight decay of its own. */
  readonly decay: number;
  /** The root of the second average's correction, `1 - beta2^t`. */
  readonly rootCorrection: number;
  /** The learning rate over the first average's correction, `1 - beta1^t`. */
  readonly stepSize: number;
}

/** What a step changes: the parameter, the averages of the gradient and of its square, and the greatest of the latter where that is kept. */
export interface AdamTensors {
  readonly p: Tensor;
  readonly mean: Tensor;
  readonly square: Tensor;
  readonly greatest: Tensor | null;
}

/** The new values, in the order and with the roundings of the single operations of `adamStep`. Inputs: p, mean, square, g, and the greatest. */
function formulas(t: ComputeType, keepsGreatest: boolean): readonly Expr[] {
  const [p, mean, square, g] = [arg(0, t), arg(1, t), arg(2, t), arg(3, t)];
  const [beta1, rest1, beta2, rest2] = [scalar(0, t), scalar(1, t), scalar(2, t), scalar(3, t)];
  const [root, eps, size, decay] = [scalar(4, t), scalar(5, t), scalar(6, t), scalar(7, t)];
  const newMean = add(mul(mean, beta1), mul(g, rest1));
  const newSquare = add(mul(square, beta2), mul(mul(g, rest2), g));
  const greatest = keepsGreatest ? max(arg(4, t), newSquare) : newSquare;
  const denominator = add(div(sqrt(greatest), root), eps);
  const newP = add(mul(p, decay), div(mul(newMean, size), denominator));
  return keepsGreatest ? [newP, newMean, newSquare, greatest] : [newP, newMean, newSquare];
}

const kernels = new Map<number, MapKernel>();
function kernelFor(dtype: DType, keepsGreatest: boolean): MapKernel {
  const key = dtype.id * 2 + Number(keepsGreatest);
  let kernel = kernels.get(key);
  if (kernel === undefined) {
    const values = formulas(dtype.compute, keepsGreatest);
    const inputs = Array.from({ length: keepsGreatest ? 5 : 4 }, () => dtype);
    kernel = { kind: "map", inputs, outputs: values.map((value) => ({ dtype, value })), compiled: [] };
    kernels.set(key, kernel);
  }
  return kernel;
}

/**
 * One step of Adam as one kernel, with nothing recorded. Gives false, with nothing written, for tensors that one kernel cannot take: of different
 * dtypes or shapes, of fewer bits than 32 (where the single operations round in between), or that share memory.
 */
export function adamUpdate({ p, mean, square, greatest }: AdamTensors, g: Tensor, n: AdamNumbers): boolean {
  const targets = greatest === null ? [p, mean, square] : [p, mean, square, greatest];
  if (p.dtype !== float32 && p.dtype !== float64) return false;
  if (g.dtype !== p.dtype || g.device !== p.device || !sameShape(g.shape, p.shape)) return false;
  for (const x of targets) if (x.dtype !== p.dtype || x.device !== p.device || !sameShape(x.shape, p.shape)) return false;
  const scalars = [n.beta1, 1 - n.beta1, n.beta2, 1 - n.beta2, n.rootCorrection, n.eps, -n.stepSize, n.decay];
  const inputs = greatest === null ? [p, mean, square, g] : [p, mean, square, g, greatest];
  for (const x of targets) x.checkInplace();
  return updateAll(
    kernelFor(p.dtype, greatest !== null),
    inputs.map((x) => x.operand),
    targets.map((x) => x.operand),
    { scalars },
  );
}
