import { GradError, ValueError } from "../core/errors.ts";
import { Generator } from "../core/random/generator.ts";
import { tensor } from "./creation.ts";
import { grad } from "./differentiation.ts";
import { randn } from "./random.ts";
import { Tensor } from "./tensor.ts";

export interface GradcheckOptions {
  /** The step of the central differences. */
  eps?: number;
  atol?: number;
  rtol?: number;
  /** Gives false instead of raising. */
  raiseException?: boolean;
}
type Checked = (...inputs: Tensor[]) => Tensor | readonly Tensor[];

const outputsOf = (y: Tensor | readonly Tensor[]): Tensor[] => (y instanceof Tensor ? [y] : [...y]).filter((t) => t.isFloatingPoint());

/** d outputs / d inputs[i] by central differences: a row per element of the input, a column per element of the outputs. */
function numerical(f: Checked, inputs: readonly Tensor[], i: number, eps: number): number[][] {
  const values = Array.from(inputs[i]!.detach().contiguous().toTypedArraySync() as Float64Array);
  const at = (k: number, step: number): number[] => {
    const moved = Float64Array.from(values);
    moved[k]! += step;
    // Leaves that require gradients as the originals do: the function may differentiate inside.
    const changed = inputs.map((x, j) => (j === i ? fromFloat64(moved, x) : x.detach()).requiresGrad_(x.requiresGrad));
    return outputsOf(f(...changed)).flatMap((y) => Array.from(y.detach().contiguous().toTypedArraySync() as Float64Array));
  };
  return values.map((_, k) => {
    const [up, down] = [at(k, eps), at(k, -eps)];
    return up.map((v, c) => (v - down[c]!) / (2 * eps));
  });
}

const fromFloat64 = (values: Float64Array, like: Tensor): Tensor => tensor(values, { device: like.device }).to(like.dtype).view(like.shape);

/** The same matrix by backward: one pass per output element. */
function analytical(f: Checked, inputs: readonly Tensor[], i: number): number[][] {
  const outputs = outputsOf(f(...inputs));
  const n = inputs[i]!.numel();
  const columns: number[][] = [];
  outputs.forEach((y) => {
    for (let c = 0; c < y.numel(); c++) {
      const one = new Float64Array(y.numel());
      one[c] = 1;
      const seed = fromFloat64(one, y);
      const [g] = y.requiresGrad ? grad(y, inputs[i]!, { gradOutputs: seed, retainGraph: true, allowUnused: true }) : [null];
      columns.push(g ? Array.from(g.detach().contiguous().toTypedArraySync() as Float64Array) : new Array<number>(n).fill(0));
    }
  });
  return Array.from({ length: n }, (_, r) => columns.map((column) => column[r]!));
}

/**
 * Compares the gradients of `f` by backward with central differences, in float64. Inputs that require gradients are checked.
 * @throws GradError with both matrices where they differ, unless `raiseException` is false.
 */
export function gradcheck(f: Checked, inputs: Tensor | readonly Tensor[], options: GradcheckOptions = {}): boolean {
  const { eps = 1e-6, atol = 1e-5, rtol = 1e-3, raiseException = true } = options;
  const list = inputs instanceof Tensor ? [inputs] : inputs;
  if (!list.some((x) => x.requiresGrad))
    throw new ValueError("gradcheck expects at least one input tensor to require gradient, but none of the them have requires_grad=True.");
  for (let i = 0; i < list.length; i++) {
    if (!list[i]!.requiresGrad) continue;
    const [n, a] = [numerical(f, list, i, eps), analytical(f, list, i)];
    const bad = n.some((row, r) => row.some((v, c) => !(Math.abs(v - a[r]![c]!) <= atol + rtol * Math.abs(v)) && !Object.is(v, a[r]![c])));
    if (!bad) continue;
    if (!raiseException) return false;
    throw new GradError(
      `Jacobian mismatch for output 0 with respect to input ${i},\nnumerical:${JSON.stringify(n)}\nanalytical:${JSON.stringify(a)}\n`,
    );
  }
  return true;
}

/** `gradcheck` of the gradients of `f`: checks second derivatives. */
export function gradgradcheck(f: Checked, inputs: Tensor | readonly Tensor[], options: GradcheckOptions = {}): boolean {
  const list = inputs instanceof Tensor ? [inputs] : inputs;
  const generator = new Generator(0);
  const outputs = outputsOf(f(...list));
  const seeds = outputs.map((y) => randn(y.shape, { dtype: y.dtype, device: y.device, generator, requiresGrad: true } as never));
  const wanted = list.map((x, i) => (x.requiresGrad ? i : -1)).filter((i) => i >= 0);
  const gradients: Checked = (...all) => {
    const xs = all.slice(0, list.length);
    const ys = outputsOf(f(...xs));
    const gs = grad(
      ys,
      wanted.map((i) => xs[i]!),
      { gradOutputs: all.slice(list.length), createGraph: true, allowUnused: true },
    );
    return gs.filter((g): g is Tensor => g?.requiresGrad === true);
  };
  return gradcheck(gradients, [...list, ...seeds], options);
}
