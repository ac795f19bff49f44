import { withGrad } from "../autograd/modes.ts";
import type { DType } from "../core/dtype.ts";
import { moduleDtype } from "../core/errors.ts";
import { checkHolds, type Device, moved, startDevice } from "../tensor/functional-ops.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Puts the data of a fresh tensor into `x`, which stays the same object, so that optimizers and hooks go on knowing it. */
function replaceData(x: Tensor, fresh: Tensor): void {
  if (fresh === x) return;
  x.data = fresh;
  fresh.dispose();
}

/** Floating-point tensors as another dtype. Nothing is converted where a device lacks it. */
export function convertAll(tensors: Iterable<Tensor>, dtype: DType): void {
  const all = [...tensors].filter((x) => x.isFloatingPoint());
  for (const x of all) checkHolds(x.device, dtype);
  withGrad(false, () => {
    for (const x of all) replaceData(x, x.to(dtype));
  });
}

/** Tensors on another device, floating-point ones also as another dtype. All are copied before any is replaced. */
export async function moveAll(tensors: Iterable<Tensor>, target: string | Device, dtype: DType | undefined): Promise<void> {
  if (dtype !== undefined && !dtype.isFloatingPoint) throw moduleDtype(String(dtype));
  const all = [...tensors].map((x) => ({ x, dtype: dtype !== undefined && x.isFloatingPoint() ? dtype : x.dtype }));
  const device = await startDevice(target);
  for (const wanted of all) checkHolds(device, wanted.dtype);
  const results = await Promise.allSettled(all.map((wanted) => copied(wanted.x, device, wanted.dtype)));
  const failure = results.find((result) => result.status === "rejected");
  if (failure !== undefined) {
    for (const result of results) if (result.status === "fulfilled") result.value.dispose();
    throw failure.reason;
  }
  for (const [i, result] of results.entries()) if (result.status === "fulfilled") replaceData(all[i]!.x, result.value);
}

/** A handle of its own on the values there, without history. */
async function copied(x: Tensor, device: Device, dtype: DType): Promise<Tensor> {
  const alias = x.detach();
  const there = await moved(alias, device, dtype);
  if (there !== alias) alias.dispose();
  return there;
}
