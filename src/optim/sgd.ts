import { isGradEnabled } from "../autograd/modes.ts";
import { nesterovMomentum } from "../core/errors.ts";
import { emptyLike } from "../tensor/creation.ts";
import { descentStep, type Step, takeSteps } from "../tensor/optimizer-step.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Optimizer, type Params, type Updated } from "./optimizer.ts";
import { checkNotNegative, type OptionArguments, readOptions } from "./options.ts";

export interface SGDOptions {
  /** The learning rate. It has no default. */
  lr?: number;
  /** How much of the last update goes on; 0. */
  momentum?: number;
  /** How much of the gradient does not enter the momentum; 0. */
  dampening?: number;
  /** Factor of the L2 penalty; 0. */
  weightDecay?: number;
  /** Nesterov's momentum: looks ahead by the momentum; false. */
  nesterov?: boolean;
  /** Climbs instead of descending; false. */
  maximize?: boolean;
  /** Whether all parameters of a group are updated together, or none if that fails; null, the default, and true: where it can be done. */
  foreach?: boolean | null;
  /** Records the update itself; false. Parameters must not be leaves then. */
  differentiable?: boolean;
}
interface SGDState {
  momentumBuffer: Tensor | null;
}

const defaults: { [K in keyof SGDOptions]: SGDOptions[K] | undefined } = {
  lr: undefined,
  momentum: 0,
  dampening: 0,
  weightDecay: 0,
  nesterov: false,
  maximize: false,
  foreach: null,
  differentiable: false,
};

/** Steps as one kernel each; false, with nothing written, where that cannot be. */
function fused(updates: readonly Updated<SGDState>[], group: SGDOptions): boolean {
  const { lr, momentum, dampening, weightDecay, nesterov, maximize } = group as Required<SGDOptions>;
  const numbers = [-lr, weightDecay, momentum, 1 - dampening];
  const parts = { maximize, decays: weightDecay !== 0, momentum: momentum !== 0, nesterov };
  const [goesOn, starts] = [descentStep({ ...parts, starts: false }), descentStep({ ...parts, starts: true })];
  const steps: Step[] = [];
  for (const { p, g, state } of updates) {
    const old = momentum === 0 ? null : (state.momentumBuffer ?? null);
    const reads = old === null ? NONE : [old];
    const writes = momentum === 0 ? NONE : old === null ? [emptyLike(g)] : reads;
    steps.push({ loop: old === null && momentum !== 0 ? starts : goesOn, p, g, reads, writes, numbers });
  }
  if (!takeSteps(steps)) return false;
  for (const [i, { state }] of updates.entries()) state.momentumBuffer = steps[i]!.writes[0] ?? state.momentumBuffer ?? null;
  return true;
}
const NONE: readonly Tensor[] = [];

/**
 * Stochastic gradient descent, with momentum if wanted:
 *
 *     g = g + weightDecay * p
 *     b = momentum * b + (1 - dampening) * g      (b = g in the first step)
 *     p = p - lr * (nesterov ? g + momentum * b : b)
 *
 * Source: I. Sutskever et al., "On the importance of initialization and momentum in deep learning" (2013), in PyTorch's form, where the learning
 * rate multiplies the whole velocity.
 *
 * @example
 * const optimizer = new optim.SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
 * optimizer.zeroGrad();
 * lossFn(model(x), y).backward();
 * optimizer.step();
 */
export class SGD extends Optimizer<SGDOptions, SGDState> {
  constructor(params: Params<SGDOptions>, ...args: OptionArguments<SGDOptions>) {
    const options = readOptions("SGD", defaults as SGDOptions, args);
    checkNotNegative("learning rate", options.lr);
    checkNotNegative("momentum value", options.momentum);
    checkNotNegative("weight_decay value", options.weightDecay);
    if (options.nesterov && (options.momentum === 0 || options.dampening !== 0)) throw nesterovMomentum();
    super(params, options);
  }

  protected override get keepsGradients(): boolean {
    return this.update !== SGD.prototype.update || this.updateEach !== SGD.prototype.updateEach;
  }

  protected override updateEach(updates: readonly Updated<SGDState>[], group: SGDOptions): boolean {
    return this.update === SGD.prototype.update && fused(updates, group);
  }

  protected update(p: Tensor, grad: Tensor, group: SGDOptions, state: Partial<SGDState>): void {
    if (!isGradEnabled() && fused([{ p, g: grad, state }], group)) return;
    const { lr, momentum, dampening, weightDecay, nesterov, maximize } = group as Required<SGDOptions>;
    let g = maximize ? grad.neg() : grad;
    if (weightDecay !== 0) g = g.add(p, { alpha: weightDecay });
    if (momentum === 0) {
      p.add_(g, { alpha: -lr });
      state.momentumBuffer ??= null;
      return;
    }
    // All memory is taken before anything is written: where there is none, the parameter and its state are what they were.
    const old = state.momentumBuffer ?? null;
    const b = old ?? g.clone().detach();
    const ahead = nesterov ? emptyLike(g) : null;
    if (old !== null) b.mul_(momentum).add_(g, { alpha: 1 - dampening });
    p.add_(ahead?.copy_(g).add_(b, { alpha: momentum }) ?? b, { alpha: -lr });
    state.momentumBuffer = b;
  }
}
