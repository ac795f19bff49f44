import type { Backend } from "../../src/backends/backend.ts";
import { CpuBackend } from "../../src/backends/cpu/backend.ts";
import { setBlasForAll } from "../../src/backends/cpu/blas/product.ts";
import { blasLibrary, setBlasEnabled } from "../../src/backends/cpu/blas/state.ts";
import { hasRelaxedMadd, setRelaxedMadd } from "../../src/backends/cpu/engine.ts";
import type { Limits } from "../../src/backends/webgpu/context.ts";
import { findAdapter, findGpu } from "../../src/backends/webgpu/gpu.ts";
import { openBackend } from "../../src/backends/webgpu/open.ts";
import { float32, uint8 } from "../../src/core/dtype.ts";
import type { Kernel } from "../../src/kernel/kernel.ts";
import type { Need } from "./case.ts";

/** A backend that the conformance tests hold against the reference. */
export interface Entry {
  readonly name: string;
  create(): Backend;
  /** Settings for the time of the tests; returns what undoes them. */
  setUp?(): () => void;
  /** What the device cannot promise. Runs that need it are left out. */
  readonly cannot: readonly Need[];
  /** Whether the device may take and give 0 for numbers below the smallest normal one. */
  readonly flushes: boolean;
  /** Whether int64 has 32 bits: inputs are cut to that, and so is what the reference gives. */
  readonly narrowInt64?: boolean;
  /** The kernels that it does in a way of its own; the others are tested elsewhere. All where it is left out. */
  readonly does?: (kernel: Kernel) => boolean;
}

const cpu: Entry = { name: "cpu", create: () => new CpuBackend(), cannot: [], flushes: false };

/** The CPU with its multiply-add rounding twice, as it does where the engine has none that rounds once. */
function unfused(): () => void {
  const [before, withBlasAgain] = [setRelaxedMadd(false), withoutBlas()];
  return () => {
    setRelaxedMadd(before);
    withBlasAgain();
  };
}

/** Products as WebAssembly computes them. */
function withoutBlas(): () => void {
  const before = setBlasEnabled(false);
  return () => setBlasEnabled(before);
}

/** Every product that it can do given to the system's library. */
function withBlas(): () => void {
  const [enabled, all] = [setBlasEnabled(true), setBlasForAll(true)];
  return () => {
    setBlasEnabled(enabled);
    setBlasForAll(all);
  };
}

const cpus: readonly Entry[] = [
  { ...cpu, setUp: withoutBlas },
  ...(hasRelaxedMadd ? [{ ...cpu, name: "cpu, multiply-add unfused", setUp: unfused }] : []),
  ...(blasLibrary() !== null
    ? [{ ...cpu, name: "cpu, the system's BLAS", setUp: withBlas, does: ({ kind }: Kernel) => kind === "contract" }]
    : []),
];

/** Limits so low that small data meets all of them. What they change in a map does not depend on its formula: whole words and packed bytes are enough. */
const low: Partial<Limits> = { maxStorageBufferBindingSize: 1024, maxComputeWorkgroupsPerDimension: 2, maxStorageBuffersPerShaderStage: 8 };
const doneByLimits = ({ kind, inputs: [first] }: Kernel): boolean => kind !== "map" || first === float32 || first === uint8;

async function webgpu(): Promise<readonly Entry[]> {
  const gpu = await findGpu();
  (globalThis as { keptGpu?: GPU }).keptGpu = gpu; // Dawn ends the process when it is collected
  const open = async (name: string, limits: Partial<Limits>, does: Entry["does"] = () => true): Promise<Entry> => {
    const backend = await openBackend(await findAdapter(gpu), limits);
    return {
      name,
      does,
      create: () => backend,
      cannot: ["ordered scatter", "faults at once", "mersenne twister"],
      flushes: true,
      narrowInt64: true,
    };
  };
  return [await open("webgpu", {}), await open("webgpu, low limits", low, doneByLimits)];
}

export const backends: readonly Entry[] = [...cpus, ...(process.env["TORCHLET_NO_WEBGPU"] === "1" ? [] : await webgpu())];
