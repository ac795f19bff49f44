import { isGradEnabled } from "../autograd/modes.ts";
import { adamUpdate } from "../tensor/adam-update.ts";
import { emptyLike, zerosLike } from "../tensor/creation.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Optimizer, type Params } from "./optimizer.ts";
import { checkBetas, checkNotNegative, type OptionArguments, readOptions } from "./options.ts";

/** What Adam and AdamW have in common. */
export interface AdamBaseOptions {
  /** The learning rate; 0.001. */
  lr?: number;
  /** Decay rates of the averages of the gradient and of its square; [0.9, 0.999]. */
  betas?: readonly [number, number];
  /** Added to the denominator; 1e-8. */
  eps?: number;
  weightDecay?: number;
  /** Divides by the greatest average of the square so far; false. Source: S. Reddi et al., "On the Convergence of Adam and Beyond" (2018). */
  amsgrad?: boolean;
  /** Climbs instead of descending; false. */
  maximize?: boolean;
  /** Taken for PyTorch's sake: the result is the same. */
  foreach?: boolean | null;
  /** Taken for PyTorch's sake: the result is the same. */
  capturable?: boolean;
}
export interface AdamOptions extends AdamBaseOptions {
  /** Factor of the L2 penalty; 0. */
  weightDecay?: number;
  /** Records the update itself; false. Parameters must not be leaves then. */
  differentiable?: boolean;
  /** Taken for PyTorch's sake: the result is the same. */
  fused?: boolean;
}
export interface AdamState {
  step: number;
  expAvg: Tensor;
  expAvgSq: Tensor;
  maxExpAvgSq: Tensor;
}

/** Raises where an option is out of its range. */
export function checkAdamOptions({ lr, betas, eps, weightDecay }: AdamBaseOptions): void {
  checkNotNegative("learning rate", lr);
  checkNotNegative("epsilon value", eps);
  checkBetas(betas!);
  checkNotNegative("weight_decay value", weightDecay);
}

/**
 * Moves a parameter against its gradient by the averages of the gradient and of its square, freed of their bias towards zero. `decay`: what the
 * parameter is multiplied by first.
 */
export function adamStep(p: Tensor, g: Tensor, options: AdamBaseOptions, state: Partial<AdamState>, decay: number = 1): void {
  const { lr, betas, eps, amsgrad } = options as Required<AdamBaseOptions>;
  const [beta1, beta2] = betas;
  const step = (state.step ?? 0) + 1;
  // All memory is taken before anything is written: where there is none, the parameter and its state are what they were.
  const mean = state.expAvg ?? zerosLike(p);
  const square = state.expAvgSq ?? zerosLike(p);
  const greatest = amsgrad ? (state.maxExpAvgSq ?? zerosLike(p)) : null;
  const rootCorrection = Math.sqrt(1 - beta2 ** step);
  const stepSize = lr / (1 - beta1 ** step);
  if (isGradEnabled() || !adamUpdate({ p, mean, square, greatest }, g, { beta1, beta2, eps, decay, rootCorrection, stepSize })) {
    const denominator = emptyLike(square);
    if (decay !== 1) p.mul_(decay);
    mean.mul_(beta1).add_(g, { alpha: 1 - beta1 });
    square.mul_(beta2).addcmul_(g, g, { value: 1 - beta2 });
    denominator.copy_(greatest?.maximum_(square) ?? square);
    denominator.sqrt_().div_(rootCorrection).add_(eps);
    p.addcdiv_(mean, denominator, { value: -stepSize });
  }
  Object.assign(state, { step, expAvg: mean, expAvgSq: square }, greatest && { maxExpAvgSq: greatest });
}

const defaults: AdamOptions = {
  lr: 1e-3,
  betas: [0.9, 0.999],
  eps: 1e-8,
  weightDecay: 0,
  amsgrad: false,
  maximize: false,
  foreach: null,
  capturable: false,
  differentiable: false,
  fused: false,
};

/**
 * Adam: gradient descent with a step size for each number, by running averages of the gradient and of its square:
 *
 *     g = g + weightDecay * p
 *     m = beta1 * m + (1 - beta1) * g
 *     v = beta2 * v + (1 - beta2) * g * g
 *     p = p - lr * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)
 *
 * Source: D. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization" (2015).
 *
 * @example new optim.Adam(model.parameters(), { lr: 0.001 })
 */
export class Adam extends Optimizer<AdamOptions, AdamState> {
  constructor(params: Params<AdamOptions>, ...args: OptionArguments<AdamOptions>) {
    const options = readOptions("Adam", defaults, args);
    checkAdamOptions(options);
    super(params, options);
  }

  protected override get keepsGradients(): boolean {
    return this.update !== Adam.prototype.update;
  }

  protected override get tensorState(): readonly string[] {
    return ["step"];
  }

  protected update(p: Tensor, grad: Tensor, group: AdamOptions, state: Partial<AdamState>): void {
    const { weightDecay, maximize } = group as Required<AdamOptions>;
    const g = maximize ? grad.neg() : grad;
    adamStep(p, weightDecay !== 0 ? g.add(p, { alpha: weightDecay }) : g, group, state);
  }
}
