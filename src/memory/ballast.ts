/**
 * Note [Ballast]. An untouched ArrayBuffer takes no memory, but V8 counts its bytes as held. One that hangs on a handle makes V8 collect by itself
 * as it would if the device memory of the handle were its own, while other threads do most of the marking. It is what plain pages use; where a
 * collection can be had by calling, as in Node, it is not needed and costs nothing.
 *
 * One buffer per 4 MB and as large as the device memory it stands for: an MLP that leaves 2 MB a step to the collector, 1000 steps in Chromium 156
 * without `gc`, at a mark of 128 MB, had at most 129 MB live and needed no collection by force; without ballast one or two. Buffers of twice
 * and four times the size changed nothing.
 */
const CHUNK = 4 * 1024 * 1024;

let carried = false;
let due = 0;

/** Whether handles get ballast from now on. */
export function carryBallast(value: boolean): void {
  carried = value;
  due = 0;
}

/**
 * For a new handle on `bytes` of device memory: what it has to refer to as long as it holds them, or null. One handle in every few megabytes
 * gets ballast, for all that have come since the last one; so each large one gets its own.
 */
export function ballastFor(bytes: number): object | null {
  if (!carried) return null;
  due += bytes;
  if (due < CHUNK) return null;
  const size = due;
  due = 0;
  try {
    return new ArrayBuffer(size);
  } catch {
    return null; // The engine has no more, and it has collected before it said so.
  }
}
