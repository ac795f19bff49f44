import type { Tensor } from "../tensor/tensor.ts";
import { type AdamBaseOptions, type AdamDecay, type AdamState, checkAdamOptions, fusedAdam, updateByAdam } from "./adam.ts";
import { Optimizer, type Params, type Updated } from "./optimizer.ts";
import { type OptionArguments, readOptions } from "./options.ts";

export interface AdamWOptions extends AdamBaseOptions {
  /** What each step takes off the parameters, times the learning rate; 0.01. */
  weightDecay?: number;
}

const defaults: AdamWOptions = {
  lr: 1e-3,
  betas: [0.9, 0.999],
  eps: 1e-8,
  weightDecay: 1e-2,
  amsgrad: false,
  maximize: false,
  foreach: null,
  capturable: false,
};

/**
 * Adam with weight decay apart from the gradient: `p = p - lr * weightDecay * p`, then Adam's step. In Adam itself the penalty goes through the
 * averages, so that numbers with large gradients decay less.
 *
 * Source: I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization" (2019).
 *
 * @example new optim.AdamW(model.parameters(), { lr: 3e-4, weightDecay: 0.1 })
 */
export class AdamW extends Optimizer<AdamWOptions, AdamState> {
  constructor(params: Params<AdamWOptions>, ...args: OptionArguments<AdamWOptions>) {
    const options = readOptions("AdamW", defaults, args);
    checkAdamOptions(options);
    super(params, options);
  }

  protected override get keepsGradients(): boolean {
    return this.update !== AdamW.prototype.update || this.updateEach !== AdamW.prototype.updateEach;
  }

  protected override get tensorState(): readonly string[] {
    return ["step"];
  }

  protected override updateEach(updates: readonly Updated<AdamState>[], group: AdamWOptions): boolean {
    return this.update === AdamW.prototype.update && fusedAdam(updates, group, decayOf(group));
  }

  protected update(p: Tensor, g: Tensor, group: AdamWOptions, state: Partial<AdamState>): void {
    updateByAdam({ p, g, state }, group, decayOf(group));
  }
}

/** The parameter itself decays. */
const decayOf = ({ lr, weightDecay }: AdamWOptions): AdamDecay => ({ factor: 1 - lr! * weightDecay!, penalty: 0 });
