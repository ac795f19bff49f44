import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as torch from "../../src/index.ts";
import type { RawMemory } from "../../src/memory/block.ts";
import { Pool } from "../../src/memory/pool.ts";
import { type MemoryStats, poolStats } from "../../src/memory/statistics.ts";
import { summaryTable } from "../../src/memory/summary.ts";
import { caught } from "../support/caught.ts";
import { devices } from "../support/devices.ts";

const { memory } = torch;

/** A device of so many bytes. */
function deviceOf(capacity: number): RawMemory {
  let used = 0;
  return {
    capacity,
    allocate(size) {
      if (used + size > capacity) throw new torch.OutOfMemoryError("no room");
      used += size;
      return { buffer: {}, offset: 0, size };
    },
    release({ size }) {
      used -= size;
    },
  };
}

/** current, peak, allocated and freed, for all, the small and the large part. */
type Figures = readonly [number, number, number, number];
const keyed = (expected: Readonly<Record<string, readonly [all: Figures, small: Figures, large: Figures]>>): Record<string, number> =>
  Object.fromEntries(
    Object.entries(expected).flatMap(([metric, parts]) =>
      parts.flatMap((figures, p) =>
        figures.map((x, f) => [`${metric}.${["all", "small_pool", "large_pool"][p]}.${["current", "peak", "allocated", "freed"][f]}`, x]),
      ),
    ),
  );

describe("the figures of a pool", () => {
  test("every key, for known blocks", () => {
    const pool = new Pool(deviceOf(2 ** 30), "made-up", 64);
    const first = pool.allocate(4000); // 4096 of an arena of 262144
    pool.allocate(40); // 64 behind it: 257984 are left
    pool.allocate(400_000); // 425984, straight from the device
    pool.allocate(24, "int"); // 64 of an arena of its own: 262080 are left
    pool.free(first);

    const allocation = [
      [3, 4, 4, 1],
      [2, 3, 3, 1],
      [1, 1, 1, 0],
    ] as const;
    const bytes = [
      [426_112, 430_208, 430_208, 4096],
      [128, 4224, 4224, 4096],
      [425_984, 425_984, 425_984, 0],
    ] as const;
    const none = [0, 0, 0, 0] as const;
    // The tail of the first arena (258048) went when the second block was cut from it.
    const split = [3, 3, 4, 1] as const;
    const splitBytes = [4096 + 257_984 + 262_080, 524_160, 258_048 + 257_984 + 262_080 + 4096, 258_048] as const;
    expect(poolStats(pool)).toEqual({
      ...keyed({
        active: allocation,
        active_bytes: bytes,
        allocated_bytes: bytes,
        allocation,
        inactive_split: [split, split, none],
        inactive_split_bytes: [splitBytes, splitBytes, none],
        requested_bytes: [
          [400_064, 404_064, 404_064, 4000],
          [64, 4064, 4064, 4000],
          [400_000, 400_000, 400_000, 0],
        ],
        reserved_bytes: [
          [950_272, 950_272, 950_272, 0],
          [524_288, 524_288, 524_288, 0],
          [425_984, 425_984, 425_984, 0],
        ],
        segment: [
          [3, 3, 3, 0],
          [2, 2, 2, 0],
          [1, 1, 1, 0],
        ],
      }),
      num_alloc_retries: 0,
      num_ooms: 0,
      num_reused: 0,
    });
  });

  test("the keys are in PyTorch's order", () => {
    const keys = Object.keys(memory.stats("cpu"));
    expect(keys).toHaveLength(9 * 3 * 4 + 3);
    expect(keys).toEqual([...keys].sort());
    expect([keys[0], keys[12], keys.at(-1)]).toEqual(["active.all.allocated", "active_bytes.all.allocated", "segment.small_pool.peak"]);
  });

  test("retries, failures and reuse are counted", () => {
    const pool = new Pool(deviceOf(2 ** 20), "made-up", 64);
    pool.free(pool.allocate(500_000));
    pool.allocate(500_000);
    expect(caught(() => pool.allocate(2 ** 21))).toContain("out of memory");
    const { num_alloc_retries, num_ooms, num_reused } = poolStats(pool);
    expect([num_alloc_retries, num_ooms, num_reused]).toEqual([1, 1, 1]);
  });
});

describe.each(devices)("the figures of %s", (device) => {
  const change = (start: MemoryStats, key: keyof MemoryStats): number => memory.stats(device)[key] - start[key];

  test("follow tensors", async () => {
    await memory.collect();
    const start = memory.stats(device);
    const { alignment } = torch.device(device).pool;
    const small = torch.zeros([1024], { device });
    const large = torch.zeros([131_072], { device });
    const int = torch.zeros([120], { dtype: torch.int32, device });
    expect(change(start, "allocation.all.current")).toBe(3);
    expect(change(start, "allocation.small_pool.current")).toBe(2);
    expect(change(start, "allocation.large_pool.current")).toBe(1);
    expect(change(start, "requested_bytes.all.current")).toBe(4096 + 524_288 + 480);
    const ints = Math.ceil(480 / alignment) * alignment;
    expect(change(start, "allocated_bytes.all.current")).toBe(4096 + 524_288 + ints);
    expect(change(start, "allocated_bytes.large_pool.current")).toBe(524_288);
    expect(memory.memoryAllocated(device)).toBe(start["allocated_bytes.all.current"] + 528_384 + ints);
    large.dispose();
    expect(change(start, "allocated_bytes.all.current")).toBe(4096 + ints);
    expect(change(start, "allocated_bytes.all.freed")).toBe(524_288);
    expect(change(start, "allocated_bytes.all.allocated")).toBe(528_384 + ints);
    expect(memory.memoryReserved(device)).toBe(memory.stats(device)["reserved_bytes.all.current"]);
    small.dispose();
    int.dispose();
    expect(change(start, "allocation.all.current")).toBe(0);
  });

  test("peaks and sums can be begun anew", () => {
    const start = memory.memoryAllocated(device);
    torch.zeros([262_144], { device }).dispose();
    expect(memory.maxMemoryAllocated(device)).toBeGreaterThanOrEqual(start + 2 ** 20);
    memory.resetPeakMemoryStats(device);
    expect(memory.maxMemoryAllocated(device)).toBe(start);
    expect(memory.maxMemoryReserved(device)).toBe(memory.memoryReserved(device));
    torch.zeros([1024], { device }).dispose();
    expect(memory.maxMemoryAllocated(device)).toBe(start + 4096);

    memory.resetAccumulatedMemoryStats(device);
    expect(memory.stats(device)["allocation.all.allocated"]).toBe(0);
    torch.zeros([1024], { device }).dispose();
    const { "allocation.all.allocated": made, "allocation.all.freed": freed, num_ooms } = memory.stats(device);
    expect([made, freed, num_ooms]).toEqual([1, 1, 0]);
    expect(memory.memoryAllocated(device)).toBe(start);
  });

  test("print as a table", () => {
    const text = memory.summary(device);
    expect(text.split("\n")[1]!.trim()).toMatch(new RegExp(`^\\| +Torchlet memory summary, device ${device} +\\|$`));
    expect(text).toBe(summaryTable(memory.stats(device), device, false));
    expect(memory.summary(device, true)).toBe(summaryTable(memory.stats(device), device, true));
  });
});

interface Recorded {
  readonly cases: readonly { readonly stats: Record<string, number>; readonly table: string; readonly abbreviated: string }[];
}

describe("the table against the one that PyTorch prints", () => {
  const { cases } = JSON.parse(readFileSync(new URL("fixtures/memory-summary.json", import.meta.url), "utf8")) as Recorded;
  const rule = `|${"-".repeat(75)}|\n`;
  const end = `|${"=".repeat(75)}|\n`;

  /** PyTorch's table in the words of a library without CUDA, and without the rows of blocks that are too large to be split. */
  const translated = (table: string): string =>
    `${table.slice(0, table.indexOf(`${rule}| Oversize allocations`))}${end}`
      .replace(
        /\|.*PyTorch CUDA memory summary, device ID 0 *\|/,
        `|${" ".repeat(19)}Torchlet memory summary, device webgpu${" ".repeat(18)}|`,
      )
      .replace("     CUDA OOMs:", "          OOMs:")
      .replace(" cudaMalloc retries:", " Allocation retries:")
      .replace("GPU reserved memory  ", "Reserved memory      ")
      .replace("GPU reserved segments", "Reserved segments    ");
  /** Ours without the rows of requested bytes, which PyTorch 1.13 does not have. */
  const comparable = (table: string): string =>
    table.slice(0, table.indexOf("| Requested memory")) + table.slice(table.indexOf("| Reserved memory"));

  const requested = { current: 786_432, peak: 5000, allocated: 3 * 2 ** 40, freed: 0 };
  const extended = (stats: Record<string, number>): MemoryStats => {
    const extra = Object.entries(requested).flatMap(([figure, x]) => [
      [`requested_bytes.all.${figure}`, x],
      [`requested_bytes.large_pool.${figure}`, Math.floor(x / 2)],
      [`requested_bytes.small_pool.${figure}`, 12],
    ]);
    return { ...stats, ...Object.fromEntries(extra) } as MemoryStats;
  };

  test.each(cases.map((one, k) => [k, one] as const))("figures %i", (_, { stats, table, abbreviated }) => {
    expect(comparable(summaryTable(extended(stats), "webgpu", false))).toBe(translated(table));
    expect(comparable(summaryTable(extended(stats), "webgpu", true))).toBe(translated(abbreviated));
  });

  test("the rows of requested bytes", () => {
    const text = summaryTable(extended(cases[0]!.stats), "webgpu", false);
    expect(text.slice(text.indexOf("| Requested memory"), text.indexOf("| Reserved memory"))).toBe(
      "| Requested memory      |     768 KB |    5000 B  |    3072 GB |       0 B  |\n" +
        "|       from large pool |     384 KB |    2500 B  |    1536 GB |       0 B  |\n" +
        `|       from small pool |       0 KB |      12 B  |       0 GB |      12 B  |\n${rule}`,
    );
  });
});

describe("limits", () => {
  const total = memory.memGetInfo("cpu")[1];
  beforeAll(() => memory.emptyCache());
  afterAll(() => {
    for (const device of devices) memory.setMemoryLimit(null, device);
  });

  test("a fraction of what the CPU's heap can grow to", () => {
    expect(total % 65_536).toBe(0);
    expect(memory.memGetInfo()).toEqual([total - memory.memoryReserved(), total]);
    expect(memory.getMemoryFraction("cpu")).toBe(1);
    memory.setMemoryFraction(0.25, "cpu");
    expect([torch.device("cpu").pool.limit, memory.getMemoryFraction()]).toEqual([total / 4, 0.25]);
    memory.setMemoryFraction(2 ** -10);
    const most = total / 1024;
    expect(caught(() => torch.zeros([most / 4 + 1]))).toContain("out of memory. Tried to allocate");
    expect(memory.stats().num_ooms).toBe(1);
    memory.setMemoryFraction(1);
    torch.zeros([most / 4 + 1]).dispose();
    expect(memory.getMemoryFraction()).toBe(1);
  });

  test.each(devices)("in bytes on %s", (device) => {
    memory.emptyCache();
    memory.setMemoryLimit(memory.memoryReserved(device) + 2 ** 20, device);
    expect(caught(() => torch.zeros([2 ** 19], { device }))).toContain("out of memory. Tried to allocate 2.00 MiB");
    memory.setMemoryLimit(null, device);
    torch.zeros([2 ** 19], { device }).dispose();
  });

  test("what cannot be", () => {
    expect(caught(() => memory.setMemoryFraction(1.5))).toBe("ValueError: Invalid fraction value: 1.5. Allowed range: 0~1");
    expect(caught(() => memory.setMemoryFraction(-1))).toBe("ValueError: Invalid fraction value: -1.0. Allowed range: 0~1");
    expect(caught(() => memory.setMemoryFraction(Number.NaN))).toBe("ValueError: Invalid fraction value: nan. Allowed range: 0~1");
    expect(caught(() => memory.setMemoryFraction("0.5" as unknown as number))).toBe(
      "TypeError: Invalid type for fraction argument, must be `float`",
    );
    for (const bytes of [-1, Number.NaN]) expect(caught(() => memory.setMemoryLimit(bytes))).toMatch(/^ValueError: setMemoryLimit\(\)/);
    for (const ask of [
      () => memory.setMemoryFraction(0.5, "reference"),
      () => memory.getMemoryFraction("reference"),
      () => memory.memGetInfo("reference"),
    ])
      expect(caught(ask)).toMatch(/'reference' does not tell how much memory it has.*setMemoryLimit\(bytes, "reference"\)$/);
  });
});
