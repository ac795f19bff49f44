/** Devices to run on, and what they can hold. */
import type { Api, TensorLike } from "./api.ts";

/** Makes new tensors go to a device. */
export async function startDevice(torch: object, device: string): Promise<void> {
  if (device === "cpu") return;
  const start: unknown = Reflect.get(Object(Reflect.get(torch, device)) as object, "isAvailable");
  if (typeof start === "function" && !(await Reflect.apply(start, Reflect.get(torch, device), []))) {
    throw new Error(`the device ${device} is not available here`);
  }
  call(torch, "setDefaultDevice", device);
}

const ALL = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64"] as const;

/** The dtypes that a device can hold and compute. */
export function deviceDTypes(torch: object, device: string): ReadonlySet<string> {
  const { backend } = call(torch, "device", device) as { backend: { supports(dtype: unknown): boolean } };
  return new Set(ALL.filter((name) => backend.supports(Reflect.get(torch, name))));
}

/** Whether values of a device can be read without waiting. */
export function readsAtOnce(torch: object, device: string): boolean {
  if (device === "cpu") return true;
  const { backend } = call(torch, "device", device) as { backend: object };
  return typeof Reflect.get(backend, "readSync") === "function";
}

/**
 * Begins to watch the generator of a device that has one of its own; the function says whether it has drawn since. The recorded random numbers
 * are those of PyTorch's CPU generator.
 */
export function draws({ torch, device }: Api): () => boolean {
  const namespace = Object(Reflect.get(torch, device)) as object;
  if (device === "cpu" || typeof Reflect.get(namespace, "getRngState") !== "function") return () => false;
  call(namespace, "manualSeed", 0);
  // The state is a seed and, in the last 8 bytes, how far it has got.
  return () =>
    (call(namespace, "getRngState") as { toTypedArraySync(): Uint8Array })
      .toTypedArraySync()
      .slice(8)
      .some((byte) => byte !== 0);
}

/** Waits for an error that the device may have kept for the next awaited read, and throws it. */
export function settler(api: Api): () => Promise<unknown> {
  if (!api.waits) return async () => {};
  const probe = call(api.torch, "ones", 1) as TensorLike;
  return async () => await probe.toTypedArray();
}

function call(owner: object, name: string, ...args: readonly unknown[]): unknown {
  const fn: unknown = Reflect.get(owner, name);
  if (typeof fn !== "function") throw new Error(`the library has no ${name}`);
  return Reflect.apply(fn, owner, args);
}
