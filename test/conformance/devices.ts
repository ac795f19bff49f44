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

/** Waits for an error that the device may have kept for the next awaited read, and throws it. */
export function settler(api: Api): () => Promise<unknown> {
  if (!api.waits) return async () => {};
  const probe = call(api.torch, "ones", 1) as TensorLike;
  return async () => await probe.toTypedArray();
}

function call(torch: object, name: string, ...args: readonly unknown[]): unknown {
  const fn: unknown = Reflect.get(torch, name);
  if (typeof fn !== "function") throw new Error(`the library has no ${name}`);
  return Reflect.apply(fn, torch, args);
}
