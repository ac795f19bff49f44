import { isGradEnabled } from "../autograd/modes.ts";
import { emptyLike, zerosLike } from "../tensor/creation.ts";
import { adamStep, type Step, takeSteps } from "../tensor/optimizer-step.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Optimizer, type Params, type Updated } from "./optimizer.ts";
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
  /** Whether all parameters of a group are updated together, or none if that fails; null, the default, and true: where it can be done. */
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

/** How Adam and AdamW differ: what a parameter is multiplied by first, and the factor of the L2 penalty. */
export interface AdamDecay {
  readonly factor: number;
  readonly penalty: number;
}

/** What a parameter's state is after the next step: new tensors are zeros, and the others the same as before. */
function nextState(p: Tensor, state: Partial<AdamState>, amsgrad: boolean): AdamState {
  const { step = 0, expAvg = zerosLike(p), expAvgSq = zerosLike(p), maxExpAvgSq } = state;
  const next = { step: step + 1, expAvg, expAvgSq };
  return (amsgrad ? { ...next, maxExpAvgSq: maxExpAvgSq ?? zerosLike(p) } : next) as AdamState;
}

/** The corrections of averages that began with zeros. */
const corrections = ({ lr, betas }: Required<AdamBaseOptions>, step: number): { root: number; rate: number } => ({
  root: Math.sqrt(1 - betas[1] ** step),
  rate: -lr / (1 - betas[0] ** step),
});

/** The numbers of a step, as `adamStep` takes them. */
function numbersOf(options: Required<AdamBaseOptions>, step: number, factor: number, penalty: number): readonly number[] {
  const [beta1, beta2] = options.betas;
  const { root, rate } = corrections(options, step);
  return [beta1, 1 - beta1, beta2, 1 - beta2, root, options.eps, rate, factor, penalty];
}

/** Steps as one kernel each; false, with nothing written, where that cannot be. */
export function fusedAdam(updates: readonly Updated<AdamState>[], group: AdamBaseOptions, { factor, penalty }: AdamDecay): boolean {
  const options = group as Required<AdamBaseOptions>;
  const { amsgrad, maximize } = options;
  const loop = adamStep({ maximize, decays: penalty !== 0, amsgrad });
  // All memory is taken before anything is written: where there is none, the parameters and their states are what they were.
  const next = updates.map(({ p, state }) => nextState(p, state, amsgrad));
  // Nearly always all have taken the same number of steps.
  let numbers: readonly number[] = [];
  const steps = updates.map(({ p, g }, i): Step => {
    const { step, expAvg, expAvgSq, maxExpAvgSq } = next[i]!;
    if (i === 0 || step !== next[i - 1]!.step) numbers = numbersOf(options, step, factor, penalty);
    const tensors = amsgrad ? [expAvg, expAvgSq, maxExpAvgSq] : [expAvg, expAvgSq];
    return { loop, p, g, reads: tensors, writes: tensors, numbers };
  });
  if (!takeSteps(steps)) return false;
  for (const [i, { state }] of updates.entries()) Object.assign(state, next[i]);
  return true;
}

/** Moves a parameter against its gradient by the averages of the gradient and of its square, freed of their bias towards zero. */
export function updateByAdam({ p, g, state }: Updated<AdamState>, group: AdamBaseOptions, decay: AdamDecay): void {
  if (!isGradEnabled() && fusedAdam([{ p, g, state }], group, decay)) return;
  const options = group as Required<AdamBaseOptions>;
  const { betas, eps, amsgrad, maximize } = options;
  const [beta1, beta2] = betas;
  const next = nextState(p, state, amsgrad);
  const { step, expAvg, expAvgSq } = next;
  const { root, rate } = corrections(options, step);
  const denominator = emptyLike(expAvgSq);
  const down = maximize ? g.neg() : g;
  const d = decay.penalty === 0 ? down : down.add(p, { alpha: decay.penalty });
  if (decay.factor !== 1) p.mul_(decay.factor);
  expAvg.mul_(beta1).add_(d, { alpha: 1 - beta1 });
  expAvgSq.mul_(beta2).addcmul_(d, d, { value: 1 - beta2 });
  denominator.copy_(amsgrad ? next.maxExpAvgSq.maximum_(expAvgSq) : expAvgSq);
  denominator.sqrt_().div_(root).add_(eps);
  p.addcdiv_(expAvg, denominator, { value: rate });
  Object.assign(state, next);
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
    return this.update !== Adam.prototype.update || this.updateEach !== Adam.prototype.updateEach;
  }

  protected override get tensorState(): readonly string[] {
    return ["step"];
  }

  protected override updateEach(updates: readonly Updated<AdamState>[], group: AdamOptions): boolean {
    return this.update === Adam.prototype.update && fusedAdam(updates, group, decayOf(group));
  }

  protected update(p: Tensor, g: Tensor, group: AdamOptions, state: Partial<AdamState>): void {
    updateByAdam({ p, g, state }, group, decayOf(group));
  }
}

/** The penalty enters the gradient. */
const decayOf = ({ weightDecay }: AdamOptions): AdamDecay => ({ factor: 1, penalty: weightDecay! });
