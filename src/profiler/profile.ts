import type { DeviceTime } from "../backends/backend.ts";
import { profilerRunning, profileTimes } from "../core/errors.ts";
import type { Device } from "../dispatch/device.ts";
import { averagesOf, type Circumstances, type EventList, type GroupOptions } from "./averages.ts";
import { chromeTrace, writeText } from "./chrome-trace.ts";
import { eventsOf, type FunctionEvent } from "./events.ts";
import { instrument } from "./instrument.ts";
import { type ProfileOptions, Recording } from "./recording.ts";

/** The profile that is being made. */
let active: Profile | null = null;

/** What a program did, operation by operation: see `torch.profiler.profile`. */
export class Profile {
  readonly #recording: Recording;
  readonly #uninstall: () => void;
  #stopped: Promise<this> | null = null;
  #times: ReadonlyMap<Device, readonly (DeviceTime | null)[]> | null = null;
  #events: FunctionEvent[] | null = null;

  /** For `profile`. */
  constructor(options: ProfileOptions) {
    if (active !== null) throw profilerRunning();
    this.#recording = new Recording(options);
    this.#uninstall = instrument(this.#recording);
    active = this;
  }

  static get recording(): Recording | null {
    return active === null ? null : active.#recording;
  }

  /** Ends the profile at once. Resolves when the devices' own times are there. Calling it again gives the same. */
  stop(): Promise<this> {
    if (this.#stopped !== null) return this.#stopped;
    this.#uninstall();
    active = null;
    this.#recording.stop();
    const timers = [...this.#recording.timers].flatMap(([device, timer]) => (timer === null ? [] : [{ device, timer }]));
    if (timers.length === 0) this.#times = new Map();
    this.#stopped = Promise.all(timers.map(async ({ device, timer }) => [device, await timer.stop()] as const)).then((times) => {
      this.#times ??= new Map(times);
      return this;
    });
    return this.#stopped;
  }
  /** `using prof = torch.profiler.profile(...)`. Where a GPU was used, its times still have to be awaited: `await prof.stop()`. */
  [Symbol.dispose](): void {
    this.stop().catch(() => {}); // whoever awaits `stop` is told
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Every event, in the order in which they began. */
  events(): readonly FunctionEvent[] {
    if (this.#times === null) throw profileTimes(this.#stopped !== null);
    this.#events ??= eventsOf(this.#recording, this.#times);
    return this.#events;
  }

  /**
   * The events added up by name.
   * @example console.log(prof.keyAverages({ groupByInputShape: true }).table({ sortBy: "cpuTimeTotal", rowLimit: 10 }));
   */
  keyAverages(options: GroupOptions = {}): EventList {
    return averagesOf(this.events(), this.#circumstances(), options);
  }

  #circumstances(): Circumstances {
    const profileMemory = this.#recording.options.profileMemory ?? false;
    // The device that works beside the host: there is at most one.
    const [found] = [...this.#recording.timers].filter(([device]) => device.backend.readSync === undefined);
    return { profileMemory, device: found === undefined ? null : { name: found[0].type, timed: found[1] !== null } };
  }

  /**
   * The events as a trace for chrome://tracing or ui.perfetto.dev. @returns the JSON text.
   * @param path In Node: a file to write it to.
   */
  exportChromeTrace(path?: string): string {
    const text = chromeTrace(this.events(), this.#circumstances().device?.timed ?? false);
    if (path !== undefined) writeText(path, text);
    return text;
  }
}

/**
 * Records every operation, node of backward, optimizer step and kernel that a function runs, and how long each took. Nothing else is slower for
 * it: a program that is not being profiled asks nobody whether it is.
 *
 * On the CPU kernels (`cpu::map`) are parts of the operations that run them; an operation's own time is what it takes to call them. On WebGPU the host's time
 * is that of recording commands, and the device's comes from timestamps where the adapter has them. Kernels are timed one by one then, so
 * that a profiled program is slower as a whole.
 *
 * @example
 * const prof = await torch.profiler.profile(async () => {
 *   loss(model(x), y).backward();
 *   optimizer.step();
 * }, { recordShapes: true });
 * console.log(prof.keyAverages().table({ sortBy: "cpuTimeTotal", rowLimit: 10 }));
 * prof.exportChromeTrace("trace.json");
 *
 * @example
 * await using prof = torch.profiler.profile({ profileMemory: true }); // to the end of the block, or until `await prof.stop()`
 * @throws TorchletError while another profile is being made.
 */
export function profile(f: () => unknown, options?: ProfileOptions): Promise<Profile>;
export function profile(options?: ProfileOptions): Profile;
export function profile(f?: (() => unknown) | ProfileOptions, options: ProfileOptions = {}): Profile | Promise<Profile> {
  return typeof f === "function" ? during(f, options) : new Profile(f ?? {});
}

async function during(f: () => unknown, options: ProfileOptions): Promise<Profile> {
  const made = new Profile(options);
  try {
    await f();
  } finally {
    await made.stop();
  }
  return made;
}

/** A part of a program that is being named. */
export interface RecordGuard extends Disposable {
  /** Ends the part. */
  end(): void;
}

/**
 * Gives a part of a program a name in profiles: a function, also an async one, or a block by `using _ = torch.profiler.recordFunction("part")`.
 * Without a profile it only runs the function.
 * @example const y = torch.profiler.recordFunction("forward", () => model(x));
 */
export function recordFunction<T>(name: string, f: () => T): T;
export function recordFunction(name: string): RecordGuard;
export function recordFunction<T>(name: string, f?: () => T): T | RecordGuard {
  const recording = Profile.recording;
  if (f !== undefined) return recording === null ? f() : recording.during(recording.begin(name, "user", []), f);
  const event = recording?.begin(name, "user", []);
  const end = (): void => {
    if (event !== undefined) recording!.finish(event);
  };
  return { end, [Symbol.dispose]: end };
}
