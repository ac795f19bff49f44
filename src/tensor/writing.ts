import { isGradEnabled } from "../autograd/modes.ts";
import { type Edge, Node } from "../autograd/node.ts";
import type { Scalar } from "../core/dtype.ts";
import { outputShape, sizeMismatch, TorchletError } from "../core/errors.ts";
import { broadcastShapes, sameShape } from "../core/layout.ts";
import { convertInto, fillInto } from "./fill.ts";
import { Tensor } from "./tensor.ts";
import { transferred } from "./transfer.ts";

/** Overwriting a tensor's values. All of it is in place and counts as a version. */
export interface Writing {
  /**
   * Takes the values of `src`, stretched and converted.
   * @throws DeviceError where `src` is on another device that cannot be read at once: there, `x.copy_(await src.to(x.device))`.
   */
  copy_(src: Tensor): this;
  /** One value everywhere. */
  fill_(value: number | bigint | boolean | Scalar | Tensor): this;
  /** Zero everywhere. */
  zero_(): this;
}

/** The gradient of an overwrite: nothing for what was there, all of it for what was written. */
class OverwriteNode extends Node {
  constructor(name: string, self: Edge | null, source: Edge | null) {
    super(name, [self, source]);
  }
  override backward([g]: readonly (Tensor | null)[]): (Tensor | null)[] {
    return [this.edges[0] === null ? null : g!.mul(0).zero_(), this.edges[1] === null ? null : g!.alias()];
  }
}

/** Runs `write`, which replaces all values of a tensor (by those of `source`, if any), and records that. */
export function overwrite(self: Tensor, name: string, source: Tensor | null, write: () => void): Tensor {
  self.checkInplace(source?.requiresGrad);
  const recording = isGradEnabled() && (self.requiresGrad || (source?.requiresGrad === true && self.dtype.isFloatingPoint));
  const edges = recording ? ([self.gradientEdge(), source?.gradientEdge() ?? null] as const) : null;
  write();
  if (edges !== null) self.rebaseHistory(new OverwriteNode(name, ...edges));
  return self;
}

export const writing: Record<keyof Writing, unknown> & ThisType<Tensor> = {
  copy_(src: Tensor) {
    if (!(src instanceof Tensor)) throw new TorchletError("copy_(): argument 'other' (position 1) must be Tensor");
    const both = broadcastShapes(this.shape, src.shape);
    if (!Array.isArray(both)) throw sizeMismatch(both.a, both.b, both.dim);
    if (!sameShape(both, this.shape)) throw outputShape(this.shape, both);
    if (src.device === this.device) return overwrite(this, "CopyBackwards", src, () => convertInto(this.operand, src.operand));
    const here = transferred(src, this.device);
    overwrite(this, "CopyBackwards", here, () => convertInto(this.operand, here.operand));
    here.dispose();
    return this;
  },
  fill_(value: number | bigint | boolean | Scalar | Tensor) {
    if (value instanceof Tensor) {
      if (value.ndim > 0)
        throw new TorchletError(`fill_ only supports 0-dimension value tensor but got tensor with ${value.ndim} dimensions.`);
      return overwrite(this, "FillBackward1", value, () => convertInto(this.operand, value.operand));
    }
    const plain = typeof value === "object" ? value.value : value;
    return overwrite(this, "FillBackward0", null, () => fillInto(this.operand, plain));
  },
  zero_() {
    return overwrite(this, "ZeroBackward0", null, () => fillInto(this.operand, 0));
  },
};
