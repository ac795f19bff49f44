import type { FunctionEvent } from "./events.ts";
import { formatShapes, formatTime } from "./format.ts";
import type { Shapes } from "./recording.ts";
import { type TableOptions, table } from "./table.ts";

/** The events of one name, added up. Times are in microseconds, memory in bytes. */
export class FunctionEventAvg {
  readonly key: string;
  count = 0;
  cpuTimeTotal = 0;
  selfCpuTimeTotal = 0;
  deviceTimeTotal = 0;
  selfDeviceTimeTotal = 0;
  cpuMemoryUsage = 0;
  selfCpuMemoryUsage = 0;
  deviceMemoryUsage = 0;
  selfDeviceMemoryUsage = 0;
  /** Where shapes were grouped by; null otherwise. */
  readonly inputShapes: Shapes | null;
  readonly stack: readonly string[];
  /** What the first of them was part of. */
  readonly cpuParent: FunctionEvent | null;

  constructor(key: string, inputShapes: Shapes | null = null, stack: readonly string[] = [], cpuParent: FunctionEvent | null = null) {
    this.key = key;
    this.inputShapes = inputShapes;
    this.stack = stack;
    this.cpuParent = cpuParent;
  }

  /** The mean time of a call. */
  get cpuTime(): number {
    return this.count === 0 ? 0 : this.cpuTimeTotal / this.count;
  }
  get deviceTime(): number {
    return this.count === 0 ? 0 : this.deviceTimeTotal / this.count;
  }

  add(other: FunctionEvent | FunctionEventAvg): this {
    this.count += other.count;
    this.cpuTimeTotal += other.cpuTimeTotal;
    this.selfCpuTimeTotal += other.selfCpuTimeTotal;
    this.deviceTimeTotal += other.deviceTimeTotal;
    this.selfDeviceTimeTotal += other.selfDeviceTimeTotal;
    this.cpuMemoryUsage += other.cpuMemoryUsage;
    this.selfCpuMemoryUsage += other.selfCpuMemoryUsage;
    this.deviceMemoryUsage += other.deviceMemoryUsage;
    this.selfDeviceMemoryUsage += other.selfDeviceMemoryUsage;
    return this;
  }

  toString(): string {
    return (
      `<FunctionEventAvg key=${this.key} self_cpu_time=${formatTime(this.selfCpuTimeTotal)} cpu_time=${formatTime(this.cpuTime)} ` +
      ` self_device_time=${formatTime(this.selfDeviceTimeTotal)} device_time=${formatTime(this.deviceTime)} ` +
      `input_shapes=${this.inputShapes === null ? "" : formatShapes(this.inputShapes)} cpu_memory_usage=${this.cpuMemoryUsage}>`
    );
  }
}

/** What a profile knows beside its events. */
export interface Circumstances {
  readonly profileMemory: boolean;
  /** `webgpu`: a device that works beside the host was used, and whether it told its times. null: none was. */
  readonly device: { readonly name: string; readonly timed: boolean } | null;
}

export interface GroupOptions {
  /** Calls with other shapes count apart. Needs `recordShapes`. */
  readonly groupByInputShape?: boolean;
  /** Calls from other places count apart, by so many innermost frames. Needs `withStack`. */
  readonly groupByStackN?: number;
}

/** Averages by name, as an array that prints itself. */
export class EventList extends Array<FunctionEventAvg> {
  #circumstances: Circumstances = { profileMemory: false, device: null };

  static of_(list: readonly FunctionEventAvg[], circumstances: Circumstances): EventList {
    const events = new EventList();
    events.push(...list);
    events.#circumstances = circumstances;
    return events;
  }
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  get selfCpuTimeTotal(): number {
    return this.reduce((sum, e) => sum + e.selfCpuTimeTotal, 0);
  }
  /** All events as one. */
  totalAverage(): FunctionEventAvg {
    return this.reduce((sum, e) => sum.add(e), new FunctionEventAvg("Total"));
  }
  /**
   * A table in PyTorch's columns.
   * @example console.log(prof.keyAverages().table({ sortBy: "selfCpuTimeTotal", rowLimit: 10 }));
   */
  table(options: TableOptions = {}): string {
    return table(this, this.#circumstances, options);
  }
  override toString(): string {
    return this.table();
  }
}

/** Adds events up by name and, where asked for, by shapes and stack. */
export function averagesOf(
  events: readonly FunctionEvent[],
  circumstances: Circumstances,
  { groupByInputShape = false, groupByStackN = 0 }: GroupOptions = {},
): EventList {
  const found = new Map<string, FunctionEventAvg>();
  for (const event of events) {
    const shapes = groupByInputShape ? event.inputShapes : null;
    const stack = event.stack.slice(0, groupByStackN);
    const key = [event.name, shapes === null ? "" : formatShapes(shapes), ...stack].join("\n");
    let average = found.get(key);
    if (average === undefined) {
      average = new FunctionEventAvg(event.name, shapes, stack, event.cpuParent);
      found.set(key, average);
    }
    average.add(event);
  }
  return EventList.of_([...found.values()], circumstances);
}
