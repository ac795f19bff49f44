import type { Frame, Kind, PoolBlock, Segment } from "./block.ts";
import { historyOf, type TraceEntry } from "./history.ts";
import type { Pool } from "./pool.ts";
import type { Category } from "./storage.ts";

/** A block of a segment, used or free. */
export interface BlockInfo {
  readonly address: number;
  /** In bytes, rounding included. */
  readonly size: number;
  /** How many of them were asked for; 0 while it is free. */
  readonly requested_size: number;
  readonly state: "active_allocated" | "inactive";
  /** Where it was handed out, innermost first; empty unless history was recorded then. */
  readonly frames: readonly Frame[];
  /** What the tensor that holds it is for. */
  readonly category: Category | "unknown" | null;
}

/** A piece of memory that a pool took from its device, with its blocks in order: they cover it without a gap. */
export interface SegmentInfo {
  /** The device's place in `devices` and `device_traces`. */
  readonly device: number;
  readonly address: number;
  readonly total_size: number;
  readonly allocated_size: number;
  readonly active_size: number;
  readonly requested_size: number;
  readonly stream: 0;
  readonly segment_type: "small" | "large";
  readonly segment_pool_id: readonly [0, 0];
  readonly is_expandable: false;
  readonly kind: Kind;
  readonly frames: readonly Frame[];
  readonly blocks: readonly BlockInfo[];
}

/** All memory of the devices and what is recorded of it, in the form of PyTorch's `torch.cuda.memory._snapshot()`. */
export interface Snapshot {
  readonly segments: readonly SegmentInfo[];
  /** What happened on each device, oldest first; empty unless history is recorded. */
  readonly device_traces: readonly (readonly TraceEntry[])[];
  /** The names of the devices that `device` counts. */
  readonly devices: readonly string[];
  readonly allocator_settings: Readonly<Record<string, { alignment: number; limit: number | null; capacity: number | null }>>;
  readonly external_annotations: readonly never[];
}

const none: readonly Frame[] = [];

const blockInfo = (block: PoolBlock): BlockInfo => ({
  address: block.address,
  size: block.size,
  requested_size: block.requested,
  state: block.isFree ? "inactive" : "active_allocated",
  frames: block.frames ?? none,
  category: block.isFree ? null : (block.holder?.category ?? "unknown"),
});

function segmentInfo(segment: Segment, device: number): SegmentInfo {
  const blocks = [...segment];
  let allocated = 0;
  let requested = 0;
  for (const block of blocks) {
    if (block.isFree) continue;
    allocated += block.size;
    requested += block.requested;
  }
  return {
    device,
    address: segment.address,
    total_size: segment.size,
    allocated_size: allocated,
    active_size: allocated,
    requested_size: requested,
    stream: 0,
    segment_type: segment.isSmall ? "small" : "large",
    segment_pool_id: [0, 0],
    is_expandable: false,
    kind: segment.kind,
    frames: segment.frames ?? none,
    blocks: blocks.map(blockInfo),
  };
}

/** The state of pools, in order of address. Each that is recorded notes the snapshot among its events. */
export function takeSnapshot(pools: readonly Pool[]): Snapshot {
  for (const pool of pools) historyOf(pool)?.snapshot();
  return {
    segments: pools.flatMap((pool, k) =>
      [...pool.segments].sort((a, b) => a.address - b.address).map((segment) => segmentInfo(segment, k)),
    ),
    device_traces: pools.map((pool) => (historyOf(pool)?.entries ?? []).map((entry) => ({ ...entry }))),
    devices: pools.map((pool) => pool.name),
    allocator_settings: Object.fromEntries(
      pools.map(({ name, alignment, limit, capacity = null }) => [
        name,
        { alignment, limit: Number.isFinite(limit) ? limit : null, capacity },
      ]),
    ),
    external_annotations: [],
  };
}
