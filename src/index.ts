/** The public names on one screen. This file and `webgpu.ts`, the namespace of that device, are the only ones that name a concrete backend. */
import { CpuBackend } from "./backends/cpu/backend.ts";
import { getNumThreads, setNumThreads } from "./backends/cpu/threads/settings.ts";
import { ReferenceBackend } from "./backends/reference/backend.ts";
import { startedWebGpu, startWebGpu } from "./backends/webgpu/start.ts";
import { registerBackend } from "./dispatch/device.ts";
import "./tensor/attach.ts";
import { useThreads } from "./utils/benchmark/threads.ts";

registerBackend("cpu", { create: () => new CpuBackend(), alignment: 64 });
registerBackend("reference", { create: () => new ReferenceBackend(), alignment: 16 });
registerBackend("webgpu", { create: startedWebGpu, start: startWebGpu, alignment: 256 });
useThreads({ get: getNumThreads, set: setNumThreads });

// autograd
export { enableGrad, inferenceMode, isGradEnabled, isInferenceModeEnabled, noGrad, setGradEnabled } from "./autograd/modes.ts";
export * as backends from "./backends/cpu/settings.ts";
export { getNumThreads, setNumThreads } from "./backends/cpu/threads/settings.ts";
// dtypes
export {
  bfloat16,
  bool,
  type DType,
  float16,
  float16 as half,
  float32,
  float32 as float,
  float64,
  float64 as double,
  getDefaultDtype,
  int8,
  int16,
  int16 as short,
  int32,
  int32 as int,
  int64,
  int64 as long,
  Scalar,
  setDefaultDtype,
  uint8,
} from "./core/dtype.ts";
export { finfo, iinfo } from "./core/limits.ts";
// printing and constants
export { setPrintoptions } from "./core/print/options.ts";
export * as data from "./data/index.ts";
// devices
export { type Device, device, getDefaultDevice, setDefaultDevice } from "./dispatch/device.ts";
export * as io from "./io/index.ts";
// training
export * as nn from "./nn/index.ts";
export type { TensorLike } from "./ops/entry.ts";
export * as optim from "./optim/index.ts";
export * as profiler from "./profiler/index.ts";
export * as autograd from "./tensor/autograd.ts";
export { type DeepCopyable, deepcopy, type Memo } from "./tensor/deepcopy.ts";
export type { Index } from "./tensor/indexing.ts";
export * as memory from "./tensor/memory.ts";
export * from "./tensor/public-creation.ts";
export * from "./tensor/public-ops.ts";
export * from "./tensor/public-random.ts";
export { keep, Scope, scope } from "./tensor/scope.ts";
// tensors
export { Tensor } from "./tensor/tensor.ts";
export {
  type Combine,
  type Formula,
  type KernelNumber,
  type KernelOptions,
  type KernelReduceOptions,
  type KernelValue,
  kernel,
  type PointwiseKernel,
  type Reduction,
  type ReductionKernel,
} from "./tensor/user-kernel.ts";
export * as utils from "./utils.ts";
export * as webgpu from "./webgpu.ts";
export const pi: number = Math.PI;
export const e: number = Math.E;
export const inf: number = Number.POSITIVE_INFINITY;
export const nan: number = Number.NaN;

// errors
export * from "./core/error-classes.ts";
