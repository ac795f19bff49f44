import { noWebGpuAdapter, noWebGpuInBrowser, noWebGpuPackage, webGpuPackageFailed } from "../../core/errors.ts";
import { keepUntilExit } from "./process-exit.ts";

interface Host {
  readonly versions?: { readonly node?: string };
  readonly platform?: string;
}
interface Dawn {
  create(flags: readonly string[]): GPU;
}

/** The package that brings WebGPU to Node. */
const PACKAGE = "webgpu";

const host = (): Host | undefined => (globalThis as { process?: Host }).process;
const inNode = (): boolean => host()?.versions?.node !== undefined;

/** A specifier that is only known at run time, so that no bundler looks for the package or takes it into a page. */
const load = (specifier: string): Promise<unknown> => import(/* @vite-ignore */ /* webpackIgnore: true */ specifier);

/** Whether an import failed because the package itself is not installed, rather than something inside it. */
const isMissing = (error: unknown): boolean =>
  error instanceof Error && /^Cannot find (package|module) '/.test(error.message) && error.message.includes(`'${PACKAGE}'`);

let opening: Promise<GPU> | null = null;

async function openDawn(): Promise<GPU> {
  let dawn: Dawn;
  try {
    dawn = (await load(PACKAGE)) as Dawn;
  } catch (error) {
    throw isMissing(error) ? noWebGpuPackage() : webGpuPackageFailed(error instanceof Error ? error.message : String(error));
  }
  // Pages that are not trusted must not measure others; a program of the user's may know the time to the nanosecond.
  const gpu = dawn.create(["disable-dawn-features=timestamp_quantization"]);
  keepUntilExit(gpu);
  return gpu;
}

/**
 * WebGPU's entry point: `navigator.gpu` where there is one, and otherwise Dawn from the npm package `webgpu`, which is imported at the
 * first call and gives the same object each time. Sets no globals: WebGPU's constants are not on `globalThis` in Node.
 * @throws DeviceError that says what to install: the package is missing or does not load, or the browser has no WebGPU.
 */
export async function findGpu(): Promise<GPU> {
  const gpu = (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu;
  if (gpu !== undefined && gpu !== null) return gpu;
  if (!inNode()) throw noWebGpuInBrowser((globalThis as { isSecureContext?: boolean }).isSecureContext !== false);
  opening ??= openDawn();
  try {
    return await opening;
  } catch (error) {
    opening = null; // the next call tries again
    throw error;
  }
}

const isSoftware = (adapter: GPUAdapter): boolean => adapter.info.isFallbackAdapter === true;

/**
 * The fastest adapter: a discrete GPU before an integrated one, and one that computes on the CPU only where there is no other.
 * @throws DeviceError that says which driver to install, when there is none at all.
 */
export async function findAdapter(gpu: GPU): Promise<GPUAdapter> {
  const first = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (first !== null && !isSoftware(first)) return first;
  const second = await gpu.requestAdapter();
  if (second !== null && !isSoftware(second)) return second;
  const adapter = first ?? second ?? (await gpu.requestAdapter({ forceFallbackAdapter: true }));
  if (adapter === null) throw noWebGpuAdapter(inNode() ? (host()?.platform ?? "") : "browser");
  return adapter;
}
