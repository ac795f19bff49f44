import type { Op } from "../ops/entry.ts";

/** The kernels that users have made and still hold, so that the profiler finds them. */
const known = new Set<WeakRef<Op>>();
const forgotten = new FinalizationRegistry<WeakRef<Op>>((ref) => known.delete(ref));

/** Makes a kernel of the user's known. */
export function registerKernel(op: Op): void {
  const ref = new WeakRef(op);
  known.add(ref);
  forgotten.register(op, ref);
}

/** Those that still exist. */
export const userKernels = (): Op[] => [...known].flatMap((ref) => ref.deref() ?? []);
