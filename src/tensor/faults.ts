import { withGrad } from "../autograd/modes.ts";
import { float32, int64 } from "../core/dtype.ts";
import { needsValues } from "../core/errors.ts";
import { Layout } from "../core/layout.ts";
import type { Device } from "../dispatch/device.ts";
import { gather } from "../dispatch/run.ts";
import type { GatherKernel } from "../kernel/kernel.ts";
import { ownedBy } from "../memory/ownership.ts";
import { zeroCount } from "./reading.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Note [Errors that depend on values]. Where the host can read a device's memory, they are raised by the call that finds them. Elsewhere the device
 * finds them while the host goes on, and the next awaited read raises them. There is one way for a device to find anything: a look-up whose index
 * is out of range. So any other condition is put as one: a vector of one element is looked up at 1 where the condition holds, and at 0 where not.
 */

/** Whether the values of a device's tensors can be read at once. */
export const isReadable = (device: Device): boolean => device.backend.readSync !== undefined;

/** Raises where what is asked for depends on values that cannot be read at once; `twin`: what can be awaited instead. */
export function checkReadable(x: Tensor, what: string, twin: string | null = null): void {
  if (!isReadable(x.device)) throw needsValues(what, x.device.type, twin);
}

const lookup: GatherKernel = { kind: "gather", inputs: [float32, int64], compiled: [] };

/** Raises an error if a mask holds anywhere: now, or, where values cannot be read at once, at the next awaited read of the device. */
export function raiseWhere(mask: Tensor, error: () => Error): void {
  if (mask.numel() === 0) return;
  const check = (): void => {
    if (isReadable(mask.device)) {
      if (mask.any().itemSync()) throw error();
      return;
    }
    const index = mask.detach().to(int64).reshape([-1]);
    const one = index.newZeros([1], { dtype: float32 }).operand;
    const found = index.newEmpty(index.shape, { dtype: float32 }).operand;
    gather(lookup, [one.view(new Layout(index.shape, [0], 0)), index.operand], found, [{ size: 1, stride: 1, wraps: false }], error);
  };
  ownedBy(
    () => withGrad(false, check),
    () => [],
  );
}

/** `raiseWhere` an integer tensor holds a zero. */
export function raiseAtZero(x: Tensor, error: () => Error): void {
  if (!isReadable(x.device)) {
    ownedBy(
      () =>
        raiseWhere(
          withGrad(false, () => x.eq(0)),
          error,
        ),
      () => [],
    );
  } else if (zeroCount(x) > 0) throw error();
}
