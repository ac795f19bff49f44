/** The modules that load WebGPU and end it, in one entry, which scripts in processes of their own import as a bundle. */
export { findAdapter, findGpu } from "../../src/backends/webgpu/gpu.ts";
export { endWithProcess } from "../../src/backends/webgpu/process-exit.ts";
