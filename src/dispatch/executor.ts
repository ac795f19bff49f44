import type { Compiled, Kernel, LaunchArgs } from "../kernel/kernel.ts";
import { discard } from "./allocate.ts";
import type { Operand } from "./operand.ts";

/** Where steps go: to the backend at once, or into a recording that is replayed later. */
export interface Executor {
  execute(kernel: Kernel, inputs: readonly Operand[], outputs: readonly Operand[], args: LaunchArgs): void;
}

/** Runs each step when it comes. */
export const eager: Executor = {
  execute(kernel, inputs, outputs, args) {
    const backend = outputs[0]!.device.backend;
    const compiled: Compiled = (kernel.compiled[backend.id] ??= backend.compile(kernel));
    compiled.run(inputs, outputs, args);
  },
};

let executor: Executor = eager;

/** Sends steps elsewhere; gives back where they went before. */
export function setExecutor(next: Executor): Executor {
  const old = executor;
  executor = next;
  return old;
}

/** Executes a step whose outputs are new: nobody has seen them, and where it fails nobody will. */
export function execute(kernel: Kernel, inputs: readonly Operand[], outputs: readonly Operand[], args: LaunchArgs): void {
  try {
    executor.execute(kernel, inputs, outputs, args);
  } catch (error) {
    discard(outputs);
    throw error;
  }
}

/** Executes a step that writes to existing storages, and counts the writes. The only place that changes a version. */
export function overwrite(kernel: Kernel, inputs: readonly Operand[], outputs: readonly Operand[], args: LaunchArgs): void {
  executor.execute(kernel, inputs, outputs, args);
  for (let i = 0; i < outputs.length; i++) if (!outputs[i]!.untracked) outputs[i]!.storage.version++;
}
