import type { Backend } from "../../src/backends/backend.ts";
import { ReferenceBackend } from "../../src/backends/reference/backend.ts";
import type { DType } from "../../src/core/dtype.ts";
import { registerBackend } from "../../src/dispatch/device.ts";
import { DeviceError, webgpu } from "../../src/index.ts";
import type { Expr } from "../../src/kernel/expr.ts";
import type { Compiled, Kernel, LaunchArgs } from "../../src/kernel/kernel.ts";
import type { Block } from "../../src/memory/block.ts";

/** Every expression of a kernel. */
function expressions(kernel: Kernel): Expr[] {
  switch (kernel.kind) {
    case "map":
      return kernel.outputs.map((o) => o.value);
    case "reduce":
    case "scan":
      return [...kernel.init, ...kernel.lift, ...kernel.combine, ...kernel.outputs.map((o) => o.value)];
    case "rows":
      return [...kernel.stages.flatMap((s) => [...s.init, ...s.lift, ...s.combine, ...s.results]), ...kernel.outputs.map((o) => o.value)];
    case "contract":
      return [kernel.output.value];
    case "scatter":
      return kernel.combine === null ? [] : [kernel.combine];
    default:
      return [];
  }
}
function usesFloat64(roots: readonly Expr[]): boolean {
  const seen = new Set(roots);
  for (const e of seen) for (const s of e.src) seen.add(s);
  return [...seen].some((e) => e.type === "f64");
}

/** A fault that a run found, as its error. */
class Found {
  readonly error: Error;
  constructor(error: Error) {
    this.error = error;
  }
}

/**
 * A device of the kind that GPUs are: it has to be started, its memory is read by awaiting alone, it has no float64, and what a run finds
 * wrong with values is raised by the next read. Underneath, the reference backend.
 */
export class DeferredBackend implements Backend {
  readonly name: string = "deferred";
  id: number = -1;
  readonly randomSource = "mt19937";
  /** How often its memory was read. */
  reads = 0;
  readonly #inner: ReferenceBackend = new ReferenceBackend();
  #fault: Error | null = null;

  allocate(size: number): Block {
    return this.#inner.allocate(size);
  }
  release(block: Block): void {
    this.#inner.release(block);
  }
  supports(dtype: DType): boolean {
    return dtype.name !== "float64";
  }
  itemsize(dtype: DType): number {
    return this.#inner.itemsize(dtype);
  }
  write(block: Block, dtype: DType, at: number, bytes: Uint8Array): void {
    this.#inner.write(block, dtype, at, bytes);
  }
  async read(block: Block, dtype: DType, at: number, count: number): Promise<Uint8Array> {
    this.reads++;
    const bytes = this.#inner.readSync(block, dtype, at, count);
    await new Promise((resolve) => setTimeout(resolve, 0));
    const fault = this.#fault;
    this.#fault = null;
    if (fault !== null) throw fault;
    return bytes;
  }
  compile(kernel: Kernel): Compiled {
    if (usesFloat64(expressions(kernel))) throw new Error(`a ${kernel.kind} kernel computes in float64, which this device has not`);
    const { run } = this.#inner.compile(kernel);
    return {
      run: (inputs, outputs, args) => {
        const { fault } = args;
        const kept: LaunchArgs = fault === undefined ? args : { ...args, fault: (value, which) => new Found(fault(value, which)) as never };
        try {
          run(inputs, outputs, kept);
        } catch (e) {
          if (!(e instanceof Found)) throw e;
          this.#fault ??= e.error;
        }
      },
    };
  }
  flush(): void {}
  async synchronize(): Promise<void> {}
}

let backend: DeferredBackend | null = null;
registerBackend("deferred", {
  start: async () => {
    await new Promise((resolve) => setTimeout(resolve, 0));
    backend ??= new DeferredBackend();
  },
  create: () => {
    if (backend === null) throw new DeviceError("the device was not started");
    return backend;
  },
  alignment: 16,
});

/** The devices that tests of awaited reads run on. A GPU that cannot be started is not in the list. */
export const awaitedDevices: readonly string[] = (await webgpu.isAvailable()) ? ["deferred", "webgpu"] : ["deferred"];

/** A figure that grows with every read of one of these devices. */
export const readsOf = (device: string): number => (device === "webgpu" ? webgpu.stats().bytesDown : (backend?.reads ?? 0));
