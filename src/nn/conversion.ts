import { withGrad } from "../autograd/modes.ts";
import type { DType } from "../core/dtype.ts";
import type { Device } from "../tensor/functional-ops.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Puts the data of a fresh tensor into `x`, which stays the same object, so that optimizers and hooks go on knowing it. */
function replaceData(x: Tensor, fresh: Tensor): void {
  if (fresh === x) return;
  x.data = fresh;
  fresh.dispose();
}

/** Floating-point tensors as another dtype. */
export function convertAll(tensors: Iterable<Tensor>, dtype: DType): void {
  withGrad(false, () => {
    for (const x of tensors) if (x.isFloatingPoint()) replaceData(x, x.to(dtype));
  });
}

/** Tensors on another device, floating-point ones also as another dtype. All are copied before any is replaced. */
export async function moveAll(tensors: Iterable<Tensor>, device: string | Device, dtype: DType | undefined): Promise<void> {
  const all = [...tensors];
  const moved = await Promise.all(
    all.map(async (x) => {
      const alias = x.detach();
      const there = await (dtype === undefined || !x.isFloatingPoint() ? alias.to(device) : alias.to(device, dtype));
      if (there !== alias) alias.dispose();
      return there;
    }),
  );
  for (const [i, x] of all.entries()) replaceData(x, moved[i]!);
}
