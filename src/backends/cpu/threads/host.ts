import { program } from "./program.ts";

/** What the platform offers: cores, workers, and whether a thread may sleep. */

interface NodeWorker {
  unref(): void;
  on(event: "error", listener: () => void): void;
  on(event: "exit", listener: () => void): void;
}
interface WorkerThreads {
  readonly Worker: new (source: string, options: object) => NodeWorker;
}
interface Process {
  readonly env?: Readonly<Record<string, string | undefined>>;
  getBuiltinModule?(name: string): unknown;
}

const { process } = globalThis as { process?: Process };
const builtin = (name: string): unknown => process?.getBuiltinModule?.(name);

/** How many threads can run at the same time. As for PyTorch, the environment variable OMP_NUM_THREADS can say it. */
export function cores(): number {
  const wanted = Number(process?.env?.["OMP_NUM_THREADS"]);
  if (Number.isInteger(wanted) && wanted > 0) return wanted;
  const os = builtin("node:os") as { availableParallelism?(): number } | undefined;
  return os?.availableParallelism?.() ?? (globalThis.navigator as Navigator | undefined)?.hardwareConcurrency ?? 1;
}

/** Whether workers can see a shared memory: in Node, and in pages that are cross-origin isolated. */
export function hasThreads(): boolean {
  if (builtin("node:worker_threads") !== undefined) return true;
  return globalThis.crossOriginIsolated === true && typeof Worker === "function";
}

/** Whether this thread may sleep: a browser's main thread may not. `words` are shared. */
export function maySleep(words: Int32Array, at: number): boolean {
  try {
    Atomics.wait(words, at, Atomics.load(words, at), 0);
    return true;
  } catch {
    return false;
  }
}

let url: string | null = null;

/**
 * Starts a worker that takes part as number `slot`. It does not keep the process alive. `ended` is called when it is gone, or did not come to
 * anything. False says that the platform refused at once.
 */
export function startWorker(memory: WebAssembly.Memory, slot: number, ended: () => void): boolean {
  const name = `torchlet ${slot + 1}`;
  try {
    const threads = builtin("node:worker_threads") as WorkerThreads | undefined;
    if (threads !== undefined) {
      // Without the options of this process: a loader for TypeScript, say, has no business there.
      const options = { eval: true, workerData: { memory, slot }, execArgv: [], env: {}, name };
      const worker = new threads.Worker(program, options);
      worker.on("error", ended);
      worker.on("exit", ended);
      worker.unref();
      return true;
    }
    url ??= URL.createObjectURL(new Blob([program], { type: "text/javascript" }));
    const worker = new Worker(url, { name });
    worker.onerror = ended;
    worker.postMessage({ memory, slot });
    return true;
  } catch {
    return false;
  }
}
