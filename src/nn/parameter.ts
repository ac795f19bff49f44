import { gradDtype } from "../core/errors.ts";
import { isOptions } from "../tensor/arguments.ts";
import { empty } from "../tensor/creation.ts";
import { categorize, keep, ownedBy } from "../tensor/scratch.ts";
import { Tensor } from "../tensor/tensor.ts";

/** How a parameter is to be. */
export interface ParameterOptions {
  /** Whether it is trained. */
  requiresGrad?: boolean;
}

/**
 * A tensor that a module trains: assigned to a field of a module, it appears among `parameters()`. It shares the storage of the tensor it is made
 * from, requires gradients unless told otherwise, and lives as long as somebody refers to it, whatever scope it is made in.
 *
 * @example
 * class Scale extends nn.Module {
 *   readonly factor = new nn.Parameter(torch.ones(1));
 *   forward(x: torch.Tensor): torch.Tensor { return x.mul(this.factor); }
 * }
 */
export class Parameter extends Tensor {
  constructor(data: Tensor = empty(0), requiresGrad: boolean | ParameterOptions = true) {
    super(data.operand);
    const trained = isOptions(requiresGrad) ? ((requiresGrad as ParameterOptions).requiresGrad ?? true) : (requiresGrad as boolean);
    if (trained && !this.dtype.isFloatingPoint) throw gradDtype();
    this.requiresGrad = trained;
    keep(this);
    categorize(this, "parameter");
  }

  /** A parameter with a storage of its own, whatever else the storage holds, and without a gradient: what `torch.deepcopy` calls. */
  __deepcopy__(): Parameter {
    const copy = (): Parameter => new (this.constructor as typeof Parameter)(this.detach().clone(), this.requiresGrad);
    return ownedBy(copy, (made) => [made]);
  }

  /** Tells parameters from other tensors where the class is not at hand. */
  get isParameter(): true {
    return true;
  }
}
