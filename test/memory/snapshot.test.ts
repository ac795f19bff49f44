import { afterEach, describe, expect, test } from "vitest";
import { ReferenceBackend } from "../../src/backends/reference/backend.ts";
import { registerBackend } from "../../src/dispatch/device.ts";
import * as torch from "../../src/index.ts";
import { historyOf, type TraceEntry } from "../../src/memory/history.ts";
import type { Pool } from "../../src/memory/pool.ts";
import { caught } from "../support/caught.ts";
import { devices } from "../support/devices.ts";
import { linesOf } from "./lines.ts";
import { plain, unpickle } from "./unpickle.ts";

const { memory } = torch;
const lineOf = linesOf(import.meta.url);
const poolOf = (device: string): Pool => torch.device(device).pool;
afterEach(() => memory.recordHistory(false));

/** The part of a snapshot that is one device's. */
function snapshotOf(device: string): { segments: readonly torch.memory.SegmentInfo[]; trace: readonly TraceEntry[] } {
  const taken = memory.snapshot();
  const index = taken.devices.indexOf(device);
  expect(index).toBeGreaterThanOrEqual(0);
  return { segments: taken.segments.filter((s) => s.device === index), trace: taken.device_traces[index]! };
}
const place = (entry: { readonly frames: readonly torch.memory.Frame[] }): string =>
  `${entry.frames[0]?.filename}:${entry.frames[0]?.line}`;

describe.each(devices)("a snapshot of %s", (device) => {
  test("covers every segment with its blocks, and adds up to the figures", () => {
    const xs = [10, 1000, 300, 100_000, 20].map((n) => torch.zeros([n], { device }));
    const ints = torch.zeros([7], { dtype: torch.int32, device });
    xs[1]!.dispose();
    xs[3]!.dispose();
    const { segments } = snapshotOf(device);
    const figures = memory.stats(device);
    const blocks = segments.flatMap((s) => s.blocks);
    const used = blocks.filter((b) => b.state === "active_allocated");
    const sum = <T>(of: readonly T[], f: (x: T) => number): number => of.reduce((total, x) => total + f(x), 0);
    let end = -1;
    for (const segment of segments) {
      expect(segment.address).toBeGreaterThanOrEqual(end);
      let address = segment.address;
      for (const block of segment.blocks) {
        expect(block.address).toBe(address);
        expect(block.requested_size).toBeLessThanOrEqual(block.size);
        address += block.size;
      }
      end = segment.address + segment.total_size;
      expect(address).toBe(end);
      const active = segment.blocks.filter((b) => b.state === "active_allocated");
      expect(segment.allocated_size).toBe(sum(active, (b) => b.size));
      expect(segment.active_size).toBe(segment.allocated_size);
      expect(segment.requested_size).toBe(sum(active, (b) => b.requested_size));
    }
    expect(segments.length).toBe(figures["segment.all.current"]);
    expect(segments.filter((s) => s.segment_type === "large").length).toBe(figures["segment.large_pool.current"]);
    expect(sum(segments, (s) => s.total_size)).toBe(figures["reserved_bytes.all.current"]);
    expect(used.length).toBe(figures["allocation.all.current"]);
    expect(sum(used, (b) => b.size)).toBe(figures["allocated_bytes.all.current"]);
    expect(sum(used, (b) => b.requested_size)).toBe(figures["requested_bytes.all.current"]);
    expect(new Set(segments.map((s) => s.kind))).toContain("int");
    for (const x of [...xs, ints]) x.dispose();
  });

  test("without history it tells neither events nor frames", () => {
    const x = torch.zeros([500], { device });
    const { segments, trace } = snapshotOf(device);
    expect(trace).toEqual([]);
    expect(poolOf(device).events).toBeNull();
    const block = segments.flatMap((s) => s.blocks).find((b) => b.requested_size === 2000)!;
    expect([block.state, block.frames]).toEqual(["active_allocated", []]);
    x.dispose();
  });

  test("tells what happened, where and to what", () => {
    memory.emptyCache();
    memory.recordHistory();
    const x = torch.zeros([50_000], { device }); // where x is made
    const y = torch.ones([70], { device }); // where y is made
    x.untypedStorage().category = "gradient";
    y.untypedStorage().category = "parameter";
    x.dispose(); // where x goes
    memory.emptyCache(); // where its segment goes
    const { segments, trace } = snapshotOf(device);

    const ofX = trace.filter((e) => e.size === 200_000);
    expect(ofX.map((e) => [e.action, e.category, e.kind, place(e)])).toEqual([
      ["alloc", "gradient", "float", lineOf("where x is made")],
      ["free_requested", "gradient", "float", lineOf("where x goes")],
      ["free_completed", "gradient", "float", lineOf("where x goes")],
    ]);
    expect(new Set(ofX.map((e) => e.addr)).size).toBe(1);
    const address = ofX[0]!.addr;
    const ofSegment = trace.filter((e) => e.addr === address && e.action.startsWith("segment"));
    expect(ofSegment.map((e) => [e.action, place(e)])).toEqual([
      ["segment_alloc", lineOf("where x is made")],
      ["segment_free", lineOf("where its segment goes")],
    ]);

    const [made, ...more] = trace.filter((e) => e.size === 280);
    expect([made!.action, made!.category, place(made!), more]).toEqual(["alloc", "parameter", lineOf("where y is made"), []]);
    const block = segments.flatMap((s) => s.blocks).find((b) => b.address === made!.addr)!;
    expect([block.requested_size, block.state, block.category, place(block)]).toEqual([
      280,
      "active_allocated",
      "parameter",
      lineOf("where y is made"),
    ]);

    const times = trace.map((e) => e.time_us);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(Math.abs(times[0]! / 1000 - Date.now())).toBeLessThan(60_000);
    expect(trace.at(-1)).toMatchObject({ action: "snapshot", size: memory.memoryAllocated(device), category: "unknown" });
    y.dispose();
  });

  test("its events lead from what was there to what is", async () => {
    await memory.collect();
    memory.emptyCache();
    memory.recordHistory();
    const start = snapshotOf(device);
    const blocksOf = (segments: readonly torch.memory.SegmentInfo[]): Map<number, number> =>
      new Map(segments.flatMap((s) => s.blocks.filter((b) => b.state === "active_allocated").map((b) => [b.address, b.requested_size])));
    const blocks = blocksOf(start.segments);
    const segments = new Map(start.segments.map((s) => [s.address, s.total_size]));
    memory.recordHistory();

    const kept: torch.Tensor[] = [];
    for (let k = 0; k < 60; k++) {
      const x = torch.full([(k * 7919) % 20_000], k, { device });
      if (k % 3 === 0) kept.push(x.mul(2));
      x.dispose();
      if (k % 10 === 9) kept.shift()!.dispose();
      if (k === 40) memory.emptyCache();
    }
    const end = snapshotOf(device);
    for (const e of end.trace) {
      const [map, size] = e.action.startsWith("segment") ? [segments, e.size] : [blocks, e.size];
      if (e.action.endsWith("alloc")) {
        expect(map.has(e.addr!)).toBe(false);
        map.set(e.addr!, size);
      } else if (e.action === "free_completed" || e.action === "segment_free") {
        expect(map.get(e.addr!)).toBe(size);
        map.delete(e.addr!);
      }
    }
    const sorted = (map: Map<number, number>): [number, number][] => [...map].sort(([a], [b]) => a - b);
    expect(sorted(blocks)).toEqual(sorted(blocksOf(end.segments)));
    expect(sorted(segments)).toEqual(end.segments.map((s) => [s.address, s.total_size]));
    expect(end.trace.filter((e) => e.action === "segment_free").length).toBeGreaterThan(0);
    for (const x of kept) x.dispose();
  });
});

describe("recording", () => {
  test("keeps the latest events", () => {
    memory.recordHistory({ maxEntries: 4 });
    for (let k = 1; k <= 5; k++) torch.zeros(k).dispose();
    const x = torch.zeros(6);
    expect(snapshotOf("cpu").trace.map((e) => [e.action, e.size])).toEqual([
      ["free_requested", 20],
      ["free_completed", 20],
      ["alloc", 24],
      ["snapshot", memory.memoryAllocated("cpu")],
    ]);
    x.dispose();
  });

  test("begins anew with each call, and stops", () => {
    memory.recordHistory();
    torch.zeros(3).dispose();
    memory.recordHistory();
    expect(snapshotOf("cpu").trace.map((e) => e.action)).toEqual(["snapshot"]);
    memory.recordHistory(false);
    expect(devices.map((device) => [poolOf(device).events, snapshotOf(device).trace])).toEqual(devices.map(() => [null, []]));
  });

  test("without context", () => {
    memory.recordHistory({ context: false });
    const since = memory.mark();
    const x = torch.zeros(90);
    expect(snapshotOf("cpu").trace.map((e) => [e.action, e.frames])).toEqual([
      ["alloc", []],
      ["snapshot", []],
    ]);
    const [one] = memory.leaks({ since });
    expect([one!.createdAt, typeof one!.seconds]).toEqual([null, "number"]);
    x.dispose();
  });

  test("reaches devices that are opened later", () => {
    memory.recordHistory();
    registerBackend("late", { create: () => new ReferenceBackend(), alignment: 16 });
    const x = torch.zeros([5], { device: "late" }); // where the first of a new device is made
    const { segments, trace } = snapshotOf("late");
    expect(segments.length).toBe(1);
    expect(trace.map((e) => [e.action, e.size])).toEqual([
      ["segment_alloc", segments[0]!.total_size],
      ["alloc", 20],
      ["snapshot", 32],
    ]);
    expect(place(trace[1]!)).toBe(lineOf("where the first of a new device is made"));
    x.dispose();
  });

  test("tells of memory that ran out", () => {
    memory.recordHistory();
    const pool = poolOf("cpu");
    memory.setMemoryLimit(memory.memoryReserved("cpu"), "cpu");
    expect(caught(() => torch.zeros(2 ** 22))).toContain("out of memory"); // where it ran out
    memory.setMemoryLimit(null, "cpu");
    const ooms = historyOf(pool)!.entries.filter((e) => e.action === "oom");
    expect(ooms.map((e) => [e.size, place(e)])).toEqual([[2 ** 24, lineOf("where it ran out")]]);
    expect(ooms[0]!.device_free).toBeGreaterThanOrEqual(0);
  });

  test("refuses a ring without room", () => {
    for (const maxEntries of [0, -1, 1.5, Number.NaN])
      expect(caught(() => memory.recordHistory({ maxEntries }))).toBe(
        `ValueError: recordHistory(): maxEntries has to be a positive whole number, but is ${maxEntries}`,
      );
  });
});

describe("the dumped snapshot", () => {
  test("holds the same as the snapshot", () => {
    const kept = Array.from({ length: 3 }, (_, k) => torch.zeros(200 + k));
    const { external_annotations, ...taken } = memory.snapshot();
    expect(plain(unpickle(memory.dumpSnapshot()))).toEqual({ ...taken, external_annotations });
    memory.recordHistory();
    kept.push(torch.zeros(77), torch.zeros([3], { device: "reference" }));
    const dumped = plain(unpickle(memory.dumpSnapshot())) as torch.memory.Snapshot;
    expect(dumped.segments).toEqual(memory.snapshot().segments);
    expect(dumped.device_traces.map((trace) => trace.map((e) => e.action).at(-1))).toEqual(dumped.devices.map(() => "snapshot"));
    for (const x of kept) x.dispose();
  });

  test("has what PyTorch's visualiser reads", () => {
    memory.recordHistory();
    const x = torch.zeros(1234);
    x.dispose();
    const y = torch.zeros(55);
    const { segments, device_traces, allocator_settings } = plain(unpickle(memory.dumpSnapshot())) as torch.memory.Snapshot;
    for (const trace of device_traces) {
      for (const e of trace) {
        expect(e).toMatchObject({ size: expect.any(Number), stream: 0, time_us: expect.any(Number), frames: expect.any(Array) });
        for (const f of e.frames) expect(f).toEqual({ filename: expect.any(String), line: expect.any(Number), name: expect.any(String) });
      }
      // Where events have categories, it needs one of them to be "unknown".
      expect(trace.map((e) => e.category)).toContain("unknown");
    }
    for (const s of segments) {
      expect(s.device).toBeLessThan(device_traces.length);
      expect(s).toMatchObject({ stream: 0, segment_pool_id: [0, 0], is_expandable: false });
      for (const b of s.blocks)
        expect(b).toMatchObject({ size: expect.any(Number), requested_size: expect.any(Number), frames: expect.any(Array) });
    }
    expect(allocator_settings["cpu"]).toEqual({ alignment: 64, limit: null, capacity: memory.memGetInfo("cpu")[1] });
    y.dispose();
  });
});
