import { type DType, float32, float64 } from "../core/dtype.ts";
import { sameShape } from "../core/layout.ts";
import type { Operand } from "../dispatch/operand.ts";
import { type Update, updateEach } from "../dispatch/run.ts";
import type { MapKernel } from "../kernel/kernel.ts";
import { type StepLoop, stepValues } from "../ops/optimizer-step.ts";
import type { Tensor } from "./tensor.ts";

export { type AdamChoices, adamStep, type DescentChoices, descentStep, type StepLoop } from "../ops/optimizer-step.ts";

/** A step of an optimizer for one parameter. */
export interface Step {
  readonly loop: StepLoop;
  readonly p: Tensor;
  readonly g: Tensor;
  /** What is read of the state, and what is written: the same tensors, or new ones whose values are still to come. */
  readonly reads: readonly Tensor[];
  readonly writes: readonly Tensor[];
  readonly numbers: readonly number[];
}

function kernelFor(loop: StepLoop, dtype: DType): MapKernel {
  const known = loop.kernels[dtype.id];
  if (known !== undefined) return known;
  const values = loop.f(stepValues(loop, dtype.compute));
  const inputs = Array.from({ length: 2 + loop.reads }, () => dtype);
  const kernel: MapKernel = { kind: "map", inputs, outputs: values.map((value) => ({ dtype, value })), compiled: [] };
  loop.kernels[dtype.id] = kernel;
  return kernel;
}

/** The operands of a step, the parameter's first; null where one kernel cannot take them. */
function operandsOf(p: Tensor, g: Tensor | null, state: readonly Tensor[]): Operand[] | null {
  const from = g === null ? 1 : 2;
  const operands = new Array<Operand>(from + state.length);
  operands[0] = p.operand;
  if (g !== null) operands[1] = g.operand;
  for (let i = 0; i < state.length; i++) operands[from + i] = state[i]!.operand;
  const { dtype, device, layout } = operands[0];
  for (let i = 1; i < operands.length; i++) {
    const x = operands[i]!;
    if (x.dtype !== dtype || x.device !== device) return null;
    if (x.layout !== layout && !sameShape(x.layout.shape, layout.shape)) return null;
  }
  return operands;
}

/**
 * Takes steps, each as one kernel, with nothing recorded: all of them, or none. Gives false, with nothing written, where there are tensors that one
 * kernel cannot take: of different dtypes or shapes, of fewer bits than 32 (where the single operations round in between), or that share memory.
 */
export function takeSteps(steps: readonly Step[]): boolean {
  const updates = new Array<Update>(steps.length);
  for (let i = 0; i < steps.length; i++) {
    const { loop, p, g, reads, writes, numbers } = steps[i]!;
    if (p.dtype !== float32 && p.dtype !== float64) return false;
    p.checkInplace();
    for (let k = 0; k < writes.length; k++) writes[k]!.checkInplace();
    const inputs = operandsOf(p, g, reads);
    const outputs = operandsOf(p, null, writes);
    if (inputs === null || outputs === null) return false;
    updates[i] = { kernel: kernelFor(loop, p.dtype), inputs, outputs, args: { scalars: numbers } };
  }
  return updateEach(updates);
}
