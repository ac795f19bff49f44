/**
 * How a process that used Dawn (the npm package `webgpu`) ends. Two things bring it down instead:
 *
 * - The GPU object owns Dawn's instance, and its adapters, devices and buffers do not keep it alive. When it is collected while one of
 *   them lives, the process aborts or ends with a segmentation fault, at once or at the next call. A device that is collected rejects
 *   its pending promises with an AbortError. So both are held here, for as long as they can be used.
 * - `process.exit()`, or an error that nobody caught, ends the process while Dawn's threads compile and the driver's compute; the C
 *   library then takes from under them what they use, and now and then that is a segmentation fault in place of the exit status.
 *   `device.destroy()` waits for them.
 *
 * One case is left, in Dawn itself: a Worker thread that ends or is terminated while a read is pending aborts the process ("Promise not
 * resolved or rejected"), whether the device is destroyed or not. A worker should await its reads before it ends.
 */

interface Host {
  readonly versions?: { readonly node?: string };
  on?(event: "exit", listener: () => void): unknown;
}

const kept = new Set<object>();
const devices = new Set<GPUDevice>();
let listening = false;

/** Node, and what counts itself as Node. Browsers end a page's devices by themselves. */
function host(): Host | null {
  const { process } = globalThis as { process?: Host };
  return process?.versions?.node !== undefined && typeof process.on === "function" ? process : null;
}

function listen(node: Host): void {
  if (listening) return;
  listening = true;
  // Not on "beforeExit", after which a listener of the user's may go on computing. The listener, which the process holds, also holds the sets.
  node.on?.("exit", () => {
    for (const device of devices) device.destroy();
  });
}

/** Keeps an object of Dawn from being collected before the process ends. Does nothing in a browser. */
export function keepUntilExit(object: object): void {
  const node = host();
  if (node === null) return;
  kept.add(object);
  listen(node);
}

/**
 * Keeps a device from being collected until it is lost or destroyed, and destroys it when the process ends, so that the process ends
 * with its own exit status. Does nothing in a browser.
 */
export function endWithProcess(device: GPUDevice): void {
  const node = host();
  if (node === null) return;
  devices.add(device);
  listen(node);
  void device.lost.then(() => devices.delete(device));
}
