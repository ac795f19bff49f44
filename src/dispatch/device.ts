import type { Backend } from "../backends/backend.ts";
import { unknownDevice } from "../core/errors.ts";
import { collectCycles } from "../memory/cycle-collector.ts";
import { watch } from "../memory/history.ts";
import { Pool, setReclaim } from "../memory/pool.ts";
import { addPool, removePool } from "../memory/pressure.ts";

/** A place where tensors live: a backend and the pool of its memory. There is one object per device, so devices compare with `===`. */
export class Device {
  /** `cpu`, `webgpu`, `reference`. */
  readonly type: string;
  readonly index: number | null = null;
  readonly backend: Backend;
  readonly pool: Pool;

  constructor(type: string, backend: Backend, alignment: number) {
    this.type = type;
    this.backend = backend;
    this.pool = new Pool(backend, type, alignment);
    watch(this.pool);
  }

  toString(): string {
    return this.type;
  }
}

// What console.log shows in Node: Python's `repr`, without the backend behind it.
Object.defineProperty(Device.prototype, Symbol.for("nodejs.util.inspect.custom"), {
  value(this: Device): string {
    return `device(type='${this.type}')`;
  },
});

/** How to make a backend, and the alignment its small blocks need. */
export interface BackendEntry {
  /** Makes the backend at once. Raises where it has to be started first. */
  readonly create: () => Backend;
  /** Gets a backend that takes time to start ready for `create`. */
  readonly start?: () => Promise<unknown>;
  readonly alignment: number;
}

const entries = new Map<string, BackendEntry>();
const devices = new Map<string, Device>();
let nextId = 0;

/** Makes a backend known under a name; it is created when the device is first asked for. */
export function registerBackend(name: string, entry: BackendEntry): void {
  entries.set(name, entry);
}

/** The device of a name: `torch.device("cpu")`. */
export function device(name: string | Device): Device {
  if (typeof name !== "string") return name;
  const known = devices.get(name);
  if (known !== undefined) return known;
  const entry = entries.get(name);
  if (entry === undefined) throw unknownDevice(name, [...entries.keys()]);
  const backend = entry.create();
  backend.id = nextId++;
  const made = new Device(name, backend, entry.alignment);
  devices.set(name, made);
  addPool(made.pool);
  return made;
}

/** The device of a name, started where that takes time, and anew where it was lost. */
export async function startDevice(name: string | Device): Promise<Device> {
  if (typeof name !== "string") return name;
  const known = devices.get(name);
  if (known?.backend.isLost) {
    devices.delete(name);
    removePool(known.pool);
  }
  if (!devices.has(name)) await entries.get(name)?.start?.();
  return device(name);
}

/** Every device in use so far. */
export const openDevices = (): readonly Device[] => [...devices.values()];

// Where memory is exhausted, garbage in cycles is the first to go.
setReclaim(() => void collectCycles());

let defaultDevice: Device | null = null;
/** The device of tensors made without one. */
export const getDefaultDevice = (): Device => (defaultDevice ??= device("cpu"));
/** Sets the device of tensors made without one. */
export function setDefaultDevice(name: string | Device): void {
  defaultDevice = device(name);
}
