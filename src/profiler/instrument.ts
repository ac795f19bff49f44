import { type Evaluate, setEvaluate } from "../autograd/engine.ts";
import { type Executor, setExecutor } from "../dispatch/executor.ts";
import type { Op } from "../ops/entry.ts";
import * as ops from "../ops/index.ts";
import { Optimizer } from "../optim/optimizer.ts";
import { comparing } from "../tensor/comparing.ts";
import { conversions } from "../tensor/conversion.ts";
import { differentiation } from "../tensor/differentiation.ts";
import { indexing } from "../tensor/indexing.ts";
import { randomness } from "../tensor/random.ts";
import { reading } from "../tensor/reading.ts";
import { Tensor } from "../tensor/tensor.ts";
import { userKernels } from "../tensor/user-kernels.ts";
import { writing } from "../tensor/writing.ts";
import type { Recording } from "./recording.ts";

/**
 * Note [No cost when off]. A call of an op asks nobody whether it is being profiled: that would be a branch in every call. Instead, a profile
 * puts watching functions in the place of methods on Tensor's prototype and of the ops' `call`, and takes them away when it ends. Kernels are
 * seen by an executor, nodes of backward by the engine's `setEvaluate`: two doors through which all of them go in any case.
 */
type Call = (this: unknown, ...args: never[]) => unknown;

/** Printing is no operation, and its result is taken at once. */
const UNSEEN = new Set(["toString", "format", "repr", "numpy"]);

/** Puts watching functions in place. @returns what takes them away again. */
export function instrument(recording: Recording): () => void {
  const undo: (() => void)[] = [];

  function watch(holder: object, key: string, name: string | ((self: object) => string), isMethod: boolean): void {
    const descriptor = Object.getOwnPropertyDescriptor(holder, key);
    const f = descriptor?.value as Call | undefined;
    if (typeof f !== "function") return;
    const watched = function (this: object, ...args: never[]): unknown {
      const called = typeof name === "string" ? name : name(this);
      const event = recording.begin(called, "function", isMethod ? [this, ...args] : args);
      return recording.during(event, () => f.apply(this, args));
    };
    Object.defineProperties(watched, { name: { value: f.name }, length: { value: f.length } });
    Object.defineProperty(holder, key, { ...descriptor, value: watched });
    undo.push(() => Object.defineProperty(holder, key, descriptor!));
  }

  for (const [key, exported] of Object.entries(ops)) {
    const op = exported as unknown as Op;
    if (typeof op !== "function" || op.kind === undefined) continue;
    watch(op, "call", op.opName, false);
    watch(Tensor.prototype, key, op.opName, true);
    watch(Tensor.prototype, `${key}_`, `${op.opName}_`, true);
  }
  for (const kernel of userKernels()) watch(kernel, "call", kernel.opName, false);
  for (const group of [reading, indexing, comparing, conversions, differentiation, writing, randomness]) {
    for (const key of Object.keys(group)) if (!UNSEEN.has(key)) watch(Tensor.prototype, key, key, true);
  }
  for (const key of ["step", "zeroGrad"]) {
    watch(Optimizer.prototype, key, (self) => `Optimizer.${key}#${self.constructor.name}.${key}`, true);
  }

  const executor = setExecutor({
    execute(kernel, inputs, outputs, args) {
      const { device } = outputs[0]!;
      const event = recording.begin(`${device.type}::${kernel.kind}`, "kernel", [], device, recording.nextStep(device));
      try {
        executor.execute(kernel, inputs, outputs, args);
      } finally {
        recording.finish(event);
      }
    },
  } satisfies Executor);
  const evaluate: Evaluate = setEvaluate((node, grads) => {
    const event = recording.begin(node.name, "backward", grads);
    try {
      return evaluate(node, grads);
    } finally {
      recording.finish(event);
    }
  });
  return () => {
    setExecutor(executor);
    setEvaluate(evaluate);
    for (const back of undo.reverse()) back();
  };
}
