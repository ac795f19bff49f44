import { float32 } from "../../../core/dtype.ts";
import { Layout } from "../../../core/layout.ts";
import { state } from "../../../kernel/expr.ts";
import type { Compiled, KernelOf } from "../../../kernel/kernel.ts";
import type { Operand } from "../bindings.ts";
import type { Context } from "../context.ts";
import { contract } from "../contract.ts";
import { candidatesOf, takeTimes } from "./variants.ts";

/** A timing takes this many milliseconds or one product, whichever is longer; what has not begun by the deadline, in milliseconds, is not measured. */
const TIMING = 2;
const DEADLINE = 100;
const MOST_REPETITIONS = 32;

const product: KernelOf<"contract"> = {
  kind: "contract",
  compute: "f32",
  inputs: [float32, float32],
  output: { dtype: float32, value: state(0, "f32") },
  compiled: [],
};

/**
 * Times the variants for matrices on one product and puts them into order for this device. Once for each device, while it is opened. Devices on
 * the CPU keep their table. The product is of float32 matrices of `size`. Source of the method: R. C. Whaley and J. Dongarra, "Automatically tuned linear algebra software" (1998).
 */
export async function measureVariants(context: Context, size: number = 512, deadline: number = DEADLINE): Promise<void> {
  const bytes = 4 * size * size;
  if (context.features.software || Math.min(context.window, context.limits.maxBufferSize) < bytes) return;
  const { scratch, recorder } = context;
  const blocks = [0, 1, 2].map(() => scratch.allocate(bytes));
  const [out, a, b] = blocks.map((block): Operand => ({ storage: { block }, layout: Layout.contiguous([size, size]), dtype: float32 })) as [
    Operand,
    Operand,
    Operand,
  ];
  const run = (compiled: Compiled): void => compiled.run([a, b], [out], { dims: { batch: 0, m: 1, n: 1, k: 1 } });
  const finished = async (): Promise<number> => {
    const start = performance.now();
    recorder.flush();
    await recorder.device.queue.onSubmittedWorkDone();
    return performance.now() - start;
  };
  const runs = candidatesOf(context).flatMap((candidate, i): [number, Compiled][] => {
    const whole = { candidate, parts: 1, part: size };
    return candidate.rows * candidate.columns < 16 ? [] : [[i, contract(context, product, () => whole)]];
  });
  for (const [, compiled] of runs) run(compiled);
  await finished();
  const start = performance.now();
  const times = new Map<number, number>();
  let repetitions = 0;
  for (const [i, compiled] of runs) {
    if (performance.now() - start > deadline) break;
    if (repetitions === 0) {
      run(compiled);
      repetitions = Math.min(MOST_REPETITIONS, Math.max(1, Math.ceil(TIMING / (await finished()))));
    }
    for (let r = 0; r < repetitions; r++) run(compiled);
    times.set(i, (await finished()) / repetitions);
  }
  takeTimes(context, times);
  for (const block of blocks) scratch.free(block);
}
