import type { Pool } from "./pool.ts";
import type { PoolFigures, Stat } from "./stat.ts";

type Metric =
  | "allocation"
  | "segment"
  | "active"
  | "inactive_split"
  | "allocated_bytes"
  | "reserved_bytes"
  | "active_bytes"
  | "inactive_split_bytes"
  | "requested_bytes";
type Part = "all" | "small_pool" | "large_pool";
type Figure = "current" | "peak" | "allocated" | "freed";

/** The figures of a device's pool under the keys of PyTorch's `torch.cuda.memory_stats`; `num_reused` is Torchlet's own. */
export type MemoryStats = Readonly<Record<`${Metric}.${Part}.${Figure}` | "num_alloc_retries" | "num_ooms" | "num_reused", number>>;

/** What is active is what is allocated: there are no streams that could still use a freed block. */
const statOf: Readonly<Record<Metric, (figures: PoolFigures) => Stat>> = {
  active: (figures) => figures.allocation,
  active_bytes: (figures) => figures.allocatedBytes,
  allocated_bytes: (figures) => figures.allocatedBytes,
  allocation: (figures) => figures.allocation,
  inactive_split: (figures) => figures.inactiveSplit,
  inactive_split_bytes: (figures) => figures.inactiveSplitBytes,
  requested_bytes: (figures) => figures.requestedBytes,
  reserved_bytes: (figures) => figures.reservedBytes,
  segment: (figures) => figures.segment,
};
const figuresOf: Readonly<Record<Part, (pool: Pool) => PoolFigures>> = {
  all: (pool) => pool.all,
  large_pool: (pool) => pool.large,
  small_pool: (pool) => pool.small,
};
const valueOf: Readonly<Record<Figure, (stat: Stat) => number>> = {
  allocated: (stat) => stat.allocated,
  current: (stat) => stat.current,
  freed: (stat) => stat.freed,
  peak: (stat) => stat.peak,
};

/** How to get each figure, in the order in which PyTorch sorts its keys. */
const figures: readonly (readonly [string, (pool: Pool) => number])[] = [
  ...Object.entries(statOf).flatMap(([metric, stat]) =>
    Object.entries(figuresOf).flatMap(([part, ofPart]) =>
      Object.entries(valueOf).map(([figure, value]): [string, (pool: Pool) => number] => [
        `${metric}.${part}.${figure}`,
        (pool) => value(stat(ofPart(pool))),
      ]),
    ),
  ),
  ["num_alloc_retries", (pool: Pool) => pool.retries] as const,
  ["num_ooms", (pool: Pool) => pool.outOfMemories] as const,
  ["num_reused", (pool: Pool) => pool.reused] as const,
].sort(([a], [b]) => (a < b ? -1 : 1));

/** All figures of a pool, as they are now. */
export const poolStats = (pool: Pool): MemoryStats =>
  Object.fromEntries(figures.map(([key, figure]) => [key, figure(pool)])) as MemoryStats;
