import { WebGpuBackend } from "./backend.ts";
import type { Features, Limits } from "./context.ts";
import { measureVariants } from "./contract/measure.ts";
import { findAdapter, findGpu } from "./gpu.ts";
import { endWithProcess } from "./process-exit.ts";

const limitNames: readonly (keyof Limits)[] = [
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxComputeWorkgroupsPerDimension",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
];
const featureNames = ["subgroups", "shader-f16", "timestamp-query"] as const;

/**
 * A backend on an adapter, with all that the adapter offers.
 * @param lower limits to keep below the adapter's, so that small data meets them.
 */
export async function openBackend(adapter: GPUAdapter, lower: Partial<Limits> = {}): Promise<WebGpuBackend> {
  const requiredFeatures = featureNames.filter((f) => adapter.features.has(f));
  const requiredLimits = Object.fromEntries([
    ...limitNames.map((name) => [name, adapter.limits[name]] as const),
    ["maxComputeWorkgroupSizeX", adapter.limits.maxComputeWorkgroupSizeX] as const,
  ]);
  const device = await adapter.requestDevice({ requiredFeatures, requiredLimits });
  endWithProcess(device);
  const limits = Object.fromEntries(limitNames.map((n) => [n, Math.min(device.limits[n], lower[n] ?? Number.POSITIVE_INFINITY)])) as Record<
    keyof Limits,
    number
  >;
  const backend = new WebGpuBackend(device, adapter.info, limits, featuresOf(device, adapter));
  await measureVariants(backend.context);
  return backend;
}

/** A backend on the fastest adapter there is. Raises a DeviceError that says what is missing. */
export const openFastest = async (): Promise<WebGpuBackend> => openBackend(await findAdapter(await findGpu()));

function featuresOf(device: GPUDevice, { info }: GPUAdapter): Features {
  return {
    subgroups: device.features.has("subgroups"),
    subgroupMinSize: info.subgroupMinSize ?? 4,
    subgroupMaxSize: info.subgroupMaxSize ?? 128,
    shaderF16: device.features.has("shader-f16"),
    timestamps: device.features.has("timestamp-query"),
    software: info.isFallbackAdapter === true || info.architecture === "swiftshader" || /llvmpipe|lavapipe/i.test(info.description),
  };
}
