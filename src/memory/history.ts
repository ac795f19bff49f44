import type { Frame, Kind, PoolBlock, PoolEvents, Segment } from "./block.ts";
import { captureStack, framesOf, setTracing } from "./frames.ts";
import type { Pool } from "./pool.ts";
import type { Category } from "./storage.ts";

/** What to record of the memory of all devices. */
export interface HistoryOptions {
  /** Whether to record where in the code things happen. True by default. */
  readonly context?: boolean;
  /** How many events each device keeps; later ones take the place of the first. 100,000 by default. */
  readonly maxEntries?: number;
}

/** Something that happened to a device's memory, under PyTorch's names. */
export interface TraceEntry {
  readonly action: "alloc" | "free_requested" | "free_completed" | "segment_alloc" | "segment_free" | "oom" | "snapshot";
  /** Where: the address of the block or segment. 0 for a snapshot, absent for an oom. */
  readonly addr?: number;
  /** In bytes: what was asked for, or a segment's size. For a snapshot all that is allocated. */
  readonly size: number;
  /** For an oom: how many bytes the device still had; 0 where it does not tell. */
  readonly device_free?: number;
  /** Always 0: there are no streams. */
  readonly stream: 0;
  /** When, in microseconds since 1970. */
  readonly time_us: number;
  readonly frames: readonly Frame[];
  readonly kind?: Kind;
  /** What the memory is, or was when it was freed, used for. */
  category?: Category | "unknown";
}

const none: readonly Frame[] = [];
const here = (): readonly Frame[] => {
  const stack = captureStack();
  return stack === null ? none : framesOf(stack);
};
/** Microseconds since 1970. */
const now = (): number => Math.round((performance.timeOrigin + performance.now()) * 1000);

/** Records what happens in one pool: the latest events in a ring. */
export class History implements PoolEvents {
  readonly #pool: Pool;
  readonly #limit: number;
  readonly #ring: TraceEntry[] = [];
  #next = 0;
  /** The events that handed out the blocks in use: what these are for is only known later. */
  readonly #made = new Map<PoolBlock, TraceEntry>();

  constructor(pool: Pool, limit: number) {
    this.#pool = pool;
    this.#limit = limit;
  }

  #add(entry: TraceEntry): void {
    this.#ring[this.#next] = entry;
    this.#next = (this.#next + 1) % this.#limit;
  }

  allocated(block: PoolBlock): void {
    const frames = here();
    block.frames = frames;
    block.time = now();
    const { kind } = block.segment;
    const entry: TraceEntry = {
      action: "alloc",
      addr: block.address,
      size: block.requested,
      stream: 0,
      time_us: block.time,
      frames,
      kind,
      category: "unknown",
    };
    this.#made.set(block, entry);
    this.#add(entry);
  }

  freed(block: PoolBlock): void {
    const made = this.#made.get(block);
    const category = block.holder?.category ?? "unknown";
    if (made !== undefined) {
      made.category = category;
      this.#made.delete(block);
    }
    const { kind } = block.segment;
    const what = { addr: block.address, size: block.requested, stream: 0, time_us: now(), frames: here(), kind, category } as const;
    // Without streams nobody has to be waited for: what is asked for is done.
    this.#add({ action: "free_requested", ...what });
    this.#add({ action: "free_completed", ...what });
  }

  #segment(action: "segment_alloc" | "segment_free", segment: Segment): void {
    const frames = here();
    if (action === "segment_alloc") segment.frames = frames;
    this.#add({ action, addr: segment.address, size: segment.size, stream: 0, time_us: now(), frames, kind: segment.kind });
  }
  segmentAllocated(segment: Segment): void {
    this.#segment("segment_alloc", segment);
  }
  segmentFreed(segment: Segment): void {
    this.#segment("segment_free", segment);
  }

  outOfMemory(size: number): void {
    const room = Math.min(this.#pool.limit, this.#pool.capacity ?? Number.POSITIVE_INFINITY) - this.#pool.all.reservedBytes.current;
    this.#add({ action: "oom", device_free: Number.isFinite(room) ? room : 0, size, stream: 0, time_us: now(), frames: here() });
  }

  /** Notes that a snapshot is taken. */
  snapshot(): void {
    const size = this.#pool.all.allocatedBytes.current;
    // PyTorch's visualiser needs one entry of this category wherever there are any.
    this.#add({ action: "snapshot", addr: 0, size, stream: 0, time_us: now(), frames: here(), category: "unknown" });
  }

  /** What is kept, oldest first. */
  get entries(): readonly TraceEntry[] {
    for (const [block, entry] of this.#made) entry.category = block.holder?.category ?? "unknown";
    return this.#ring.length < this.#limit ? this.#ring : [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)];
  }
}

/** How many events each pool keeps; null while nothing is recorded. */
let recording: number | null = null;

/** Records what happens in a pool if history is recorded. */
export function watch(pool: Pool): void {
  pool.events = recording === null ? null : new History(pool, recording);
}

/** Starts recording anew in these pools and those that `watch` learns of, or stops it. */
export function record(enabled: boolean, { context = true, maxEntries = 100_000 }: HistoryOptions, pools: Iterable<Pool>): void {
  recording = enabled ? maxEntries : null;
  setTracing(enabled && context);
  for (const pool of pools) watch(pool);
}

/** What is recorded of a pool; null where nothing is. */
export const historyOf = (pool: Pool): History | null => (pool.events instanceof History ? pool.events : null);
