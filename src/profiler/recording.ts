import type { DeviceTimer } from "../backends/backend.ts";
import { type Device, openDevices } from "../dispatch/device.ts";
import { framesOf } from "../memory/frames.ts";
import { Tensor } from "../tensor/tensor.ts";

/** What is recorded beside times. */
export interface ProfileOptions {
  /** The shapes of the tensors among each operation's arguments. */
  readonly recordShapes?: boolean;
  /** How many bytes each operation allocated and did not give back. */
  readonly profileMemory?: boolean;
  /** Where in your code each operation was called. */
  readonly withStack?: boolean;
}

/** What an event stands for: an operation, a node of backward, a named part of your program, or a kernel handed to a device. */
export type Scope = "function" | "backward" | "user" | "kernel";
export type Shapes = readonly (readonly number[])[];

/** An event as it was noted. Times are in microseconds; ticks count beginnings and ends, because clocks are too coarse to order them. */
export interface RawEvent {
  readonly name: string;
  readonly scope: Scope;
  readonly began: number;
  readonly start: number;
  ended: number;
  end: number;
  readonly shapes: Shapes;
  readonly stack: readonly string[];
  /** Bytes in use, on the host and on the device: at the beginning, then how many more at the end. */
  hostBytes: number;
  deviceBytes: number;
  /** Ends when a promise settles: what happens in between may be another task's. */
  isAsync: boolean;
  /** For a kernel: the device that it was handed to, and which of the device's timed steps it is. */
  readonly device: Device | null;
  readonly step: number;
}

const DEPTH = 64;
const none: Shapes = [];
const noStack: readonly string[] = [];
/** Microseconds since the program began. */
const now = (): number => performance.now() * 1000;

/** The user's frames of the current stack, innermost first, in PyTorch's form. */
function currentFrames(): readonly string[] {
  const limited = Error as { stackTraceLimit?: number };
  const limit = limited.stackTraceLimit;
  if (limit !== undefined) limited.stackTraceLimit = DEPTH;
  const stack = new Error().stack ?? "";
  if (limit !== undefined) limited.stackTraceLimit = limit;
  return framesOf(stack).map(({ filename, line, name }) => `${filename}(${line}): ${name}`);
}

/** Notes what happens between its making and `stop`. */
export class Recording {
  readonly options: ProfileOptions;
  readonly events: RawEvent[] = [];
  readonly start: number = now();
  end = 0;
  /** The clocks of the devices that kernels were handed to; null where a device has none. */
  readonly timers: Map<Device, DeviceTimer | null> = new Map();
  #ticks = 0;
  #open = true;

  constructor(options: ProfileOptions) {
    this.options = options;
  }

  begin(name: string, scope: Scope, args: readonly unknown[], device: Device | null = null, step: number = -1): RawEvent {
    const { recordShapes, profileMemory, withStack } = this.options;
    const shapes = recordShapes ? args.map((x) => (x instanceof Tensor ? x.shape : [])) : none;
    const stack = withStack ? currentFrames() : noStack;
    const [hostBytes, deviceBytes] = profileMemory ? bytesInUse() : [0, 0];
    const began = this.#ticks++;
    const event: RawEvent = {
      name,
      scope,
      began,
      start: now(),
      ended: -1,
      end: 0,
      shapes,
      stack,
      hostBytes,
      deviceBytes,
      isAsync: false,
      device,
      step,
    };
    this.events.push(event);
    return event;
  }

  finish(event: RawEvent): void {
    if (!this.#open || event.ended >= 0) return;
    event.end = now();
    event.ended = this.#ticks++;
    const [host, device] = this.options.profileMemory ? bytesInUse() : [0, 0];
    event.hostBytes = host - event.hostBytes;
    event.deviceBytes = device - event.deviceBytes;
  }

  /** Runs `f` as an event, which lasts until a promise that it returns has settled. */
  during<T>(event: RawEvent, f: () => T): T {
    let result: T;
    try {
      result = f();
    } catch (error) {
      this.finish(event);
      throw error;
    }
    if (result instanceof Promise) {
      event.isAsync = true;
      const done = (): void => this.finish(event);
      result.then(done, done);
    } else this.finish(event);
    return result;
  }

  /** The number of the next step on a device's clock; -1 where it has none. */
  nextStep(device: Device): number {
    let timer = this.timers.get(device);
    if (timer === undefined) {
      timer = device.backend.startTimer?.() ?? null;
      this.timers.set(device, timer);
    }
    return timer === null ? -1 : timer.step();
  }

  /** Ends the recording; what is still going on ends now. */
  stop(): void {
    if (!this.#open) return;
    for (const event of this.events.toReversed()) this.finish(event);
    this.#open = false;
    this.end = now();
  }
}

/** Bytes that tensors asked for and hold: in memory that the host can read, and in that of other devices. */
function bytesInUse(): readonly [host: number, device: number] {
  let host = 0;
  let device = 0;
  for (const { backend, pool } of openDevices()) {
    const bytes = pool.all.requestedBytes.current;
    if (backend.readSync !== undefined) host += bytes;
    else device += bytes;
  }
  return [host, device];
}
