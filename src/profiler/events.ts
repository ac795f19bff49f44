import type { DeviceTime } from "../backends/backend.ts";
import { formatTime } from "./format.ts";
import type { RawEvent, Recording, Scope, Shapes } from "./recording.ts";

/** A stretch of time, in microseconds since the profile began. */
export interface Interval {
  readonly start: number;
  readonly end: number;
  elapsedUs(): number;
}

/** A kernel's time on a device with a clock of its own. */
export interface KernelTime {
  readonly name: string;
  readonly device: string;
  /** In microseconds: since the profile began, and of computing. */
  readonly start: number;
  readonly duration: number;
}

/** One call of an operation, node of backward, kernel or named part of a program. Times are in microseconds, memory in bytes. */
export class FunctionEvent {
  readonly id: number;
  readonly name: string;
  readonly scope: Scope;
  readonly timeRange: Interval;
  /** The shapes of its arguments, empty for what is no tensor. */
  readonly inputShapes: Shapes;
  /** Where it was called, innermost first: `file(line): function`. */
  readonly stack: readonly string[];
  /** Bytes that were allocated and not given back: on the host, and on the device. */
  readonly cpuMemoryUsage: number;
  readonly deviceMemoryUsage: number;
  readonly isAsync: boolean;
  /** The device that a kernel was handed to. */
  readonly device: string | null;
  /** Its time on a device with a clock of its own. */
  readonly kernels: KernelTime[] = [];
  readonly cpuChildren: FunctionEvent[] = [];
  cpuParent: FunctionEvent | null = null;
  readonly count: number = 1;
  readonly thread: number = 1;

  constructor(id: number, raw: RawEvent, origin: number) {
    const [start, end] = [raw.start - origin, raw.end - origin];
    this.id = id;
    this.name = raw.name;
    this.scope = raw.scope;
    this.timeRange = { start, end, elapsedUs: () => end - start };
    this.inputShapes = raw.shapes;
    this.stack = raw.stack;
    this.cpuMemoryUsage = raw.hostBytes;
    this.deviceMemoryUsage = raw.deviceBytes;
    this.isAsync = raw.isAsync;
    this.device = raw.device?.type ?? null;
  }

  get key(): string {
    return this.name;
  }
  get cpuTimeTotal(): number {
    return this.timeRange.elapsedUs();
  }
  get selfCpuTimeTotal(): number {
    return this.cpuTimeTotal - total(this.cpuChildren, (c) => c.cpuTimeTotal);
  }
  get selfCpuMemoryUsage(): number {
    return this.cpuMemoryUsage - total(this.cpuChildren, (c) => c.cpuMemoryUsage);
  }
  get selfDeviceMemoryUsage(): number {
    return this.deviceMemoryUsage - total(this.cpuChildren, (c) => c.deviceMemoryUsage);
  }
  /** Time on a device with a clock of its own. */
  get deviceTimeTotal(): number {
    return this.selfDeviceTimeTotal + total(this.cpuChildren, (c) => c.deviceTimeTotal);
  }
  get selfDeviceTimeTotal(): number {
    return total(this.kernels, (k) => k.duration);
  }

  toString(): string {
    return (
      `<FunctionEvent id=${this.id} name=${this.name} cpu_time=${formatTime(this.cpuTimeTotal)} start_us=${this.timeRange.start} ` +
      `end_us=${this.timeRange.end} cpu_children=[${this.cpuChildren.map((c) => c.id).join(", ")}] ` +
      `device_time=${formatTime(this.deviceTimeTotal)} cpu_memory_usage=${this.cpuMemoryUsage}>`
    );
  }
}

const total = <T>(list: readonly T[], of: (item: T) => number): number => list.reduce((sum, item) => sum + of(item), 0);

/** The events of a recording in the order in which they began, each knowing those inside it. */
export function eventsOf(recording: Recording, times: ReadonlyMap<unknown, readonly (DeviceTime | null)[]>): FunctionEvent[] {
  const raw = recording.events;
  const events = raw.map((r, id) => new FunctionEvent(id, r, recording.start));
  const offsets = new Map([...times].map(([device, list]) => [device, offsetOf(recording, device, list)]));
  // An event is inside another that began before it and ended after it. Those of overlapping tasks are inside neither.
  const open: number[] = [];
  raw.forEach((r, i) => {
    while (open.length > 0 && raw[open.at(-1)!]!.ended < r.ended) open.pop();
    const parent = open.at(-1);
    if (parent !== undefined) {
      events[i]!.cpuParent = events[parent]!;
      events[parent]!.cpuChildren.push(events[i]!);
    }
    open.push(i);
    const time = times.get(r.device)?.[r.step];
    if (time == null) return;
    const start = time.start + offsets.get(r.device)!;
    events[i]!.kernels.push({ name: r.name, device: r.device!.type, start, duration: time.duration });
  });
  return withoutRepeats(events);
}

/** From a device's clock to ours: the least shift at which no kernel begins before it was handed over. */
function offsetOf({ events, start }: Recording, device: unknown, times: readonly (DeviceTime | null)[]): number {
  let offset = Number.NEGATIVE_INFINITY;
  for (const e of events) {
    const time = e.device === device ? times[e.step] : null;
    if (time != null) offset = Math.max(offset, e.start - start - time.start);
  }
  return Number.isFinite(offset) ? offset : 0;
}

/** Leaves out what is the only part of an event of its own name: an op and its building block are one. */
function withoutRepeats(events: readonly FunctionEvent[]): FunctionEvent[] {
  return events.filter((event) => {
    const parent = event.cpuParent;
    if (parent === null || parent.name !== event.name || parent.cpuChildren.length !== 1) return true;
    parent.cpuChildren.splice(0, 1, ...event.cpuChildren);
    for (const child of event.cpuChildren) child.cpuParent = parent;
    parent.kernels.push(...event.kernels);
    return false;
  });
}
