/** Dawn in this process, as libraries made for browsers expect it. */
import { useSoftwareGpu } from "../../../test/support/webgpu-environment.ts";

/** What the GPU has rejected so far: a library's results are then worth nothing. */
export const rejections: string[] = [];

/** Sets `navigator.gpu` and WebGPU's globals; gives a function for the device that a library has asked for last. */
export async function browserLike(): Promise<() => GPUDevice> {
  useSoftwareGpu();
  const { create, globals } = await import("webgpu");
  const gpu = create([]);
  Object.assign(globalThis, globals, { self: globalThis, dawn: gpu });
  Object.defineProperty(globalThis, "navigator", { value: { gpu, userAgent: "Node", hardwareConcurrency: 1 }, configurable: true });
  let last: GPUDevice | null = null;
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (descriptor) {
    const device = await requestDevice.call(this, descriptor);
    device.addEventListener("uncapturederror", ({ error }) => void rejections.push(error.message.split("\n")[0]!));
    last = device;
    return device;
  };
  return () => {
    if (last === null) throw new Error("no device has been asked for");
    return last;
  };
}
