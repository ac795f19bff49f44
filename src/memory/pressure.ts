/**
 * Note [Making the collector run]. V8 does not see device memory: a few bytes of handles can hold gigabytes. Finalizers run only after a
 * macrotask. So an awaited read or a loader step, when more than the high-water mark has been allocated since the last collection, asks for
 * one (where the host gives `gc`) and yields a macrotask. A purely synchronous loop never gets there: it needs a scope.
 */
let highWater = 128 * 1024 * 1024;
let base = 0;

/** Bytes held by tensors on all devices; set by the device registry. */
let liveBytes: () => number = () => 0;
export function setLiveBytes(f: () => number): void {
  liveBytes = f;
}

/** How many bytes may be allocated beyond what the last collection left before the next is asked for. */
export const getHighWaterMark = (): number => highWater;
export function setHighWaterMark(bytes: number): void {
  highWater = bytes;
}

interface NodeLike {
  getBuiltinModule?: (name: string) => unknown;
}
let gc: (() => void) | null | undefined;

/** The collector's entry, where the host has one: Node through its flags module, a browser started with `--expose-gc`. */
function collector(): (() => void) | null {
  if (gc !== undefined) return gc;
  const exposed = (globalThis as { gc?: () => void }).gc;
  const host = (globalThis as { process?: NodeLike }).process;
  const v8 = host?.getBuiltinModule?.("node:v8") as { setFlagsFromString(flag: string): void } | undefined;
  const vm = host?.getBuiltinModule?.("node:vm") as { runInNewContext(code: string): () => void } | undefined;
  if (exposed !== undefined) gc = exposed;
  else if (v8 !== undefined && vm !== undefined) {
    v8.setFlagsFromString("--expose-gc");
    gc = vm.runInNewContext("gc");
  } else gc = null;
  return gc;
}

/** Resolves after a macrotask, when finalizers have had their chance. */
function macrotask(): Promise<void> {
  const immediate = (globalThis as { setImmediate?: (f: () => void) => unknown }).setImmediate;
  return new Promise((resolve) => {
    if (immediate !== undefined) immediate(() => resolve());
    else setTimeout(resolve, 0);
  });
}

/** Whether allocations since the last collection exceed the high-water mark. */
export const underPressure = (): boolean => liveBytes() > base + highWater;

/** Collects what is dead, so that its memory can be reused. `exact` is false where the host has no collector to call: then only a chance is given. */
export async function collect(): Promise<{ exact: boolean }> {
  const run = collector();
  run?.();
  await macrotask();
  await macrotask();
  base = liveBytes();
  return { exact: run !== null };
}

/** Called by awaited reads and loader steps. Costs nothing below the mark. */
export async function relieve(): Promise<void> {
  if (underPressure()) await collect();
}
