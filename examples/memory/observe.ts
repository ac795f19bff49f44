/** What `torch.memory` tells, in the form that the page shows. */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { memory } from "torchlet";
import type { MemoryEvent, Place, SegmentMap } from "./recording.ts";

const DEVICE = "cpu";
const ACTIONS = { alloc: "alloc", free_completed: "free", segment_alloc: "segment_alloc", segment_free: "segment_free" } as const;

/** Begins a record: nothing is held and nothing has happened yet. Raises where tensors are alive that the record would not know. */
export function beginRecord(): void {
  memory.emptyCache();
  const bytes = memory.memoryAllocated(DEVICE);
  if (bytes > 0) throw new Error(`${bytes} bytes are in use already: record in a process of its own`);
  memory.recordHistory();
}

function placeOf({ frames }: memory.TraceEntry): Place {
  const [frame] = frames;
  if (frame === undefined) throw new Error("an event does not say which line it comes from");
  return { file: basename(frame.filename), line: frame.line };
}

/** What has happened since `beginRecord`. A block is asked for and given back at once here, so that one of the two entries does. */
export function events(): MemoryEvent[] {
  return trace().flatMap((entry) => {
    const { action, addr, size, kind, category } = entry;
    if (!(action in ACTIONS)) return [];
    const isBlock = action === "alloc" || action === "free_completed";
    return {
      action: ACTIONS[action as keyof typeof ACTIONS],
      address: addr!,
      size,
      kind: kind!,
      category: isBlock ? (category ?? "unknown") : null,
      place: placeOf(entry),
    };
  });
}

function trace(): readonly memory.TraceEntry[] {
  const { devices, device_traces } = memory.snapshot();
  return device_traces[devices.indexOf(DEVICE)] ?? [];
}

/** The segments that are held, in order of address. */
export function segments(): SegmentMap[] {
  const { devices, segments } = memory.snapshot();
  return segments
    .filter(({ device }) => devices[device] === DEVICE)
    .map(({ address, total_size, kind, segment_type, blocks }) => ({
      address,
      size: total_size,
      kind,
      part: segment_type,
      blocks: blocks.map((b) => ({ address: b.address, size: b.size, requested: b.requested_size, category: b.category })),
    }));
}

/** A figure of `stats()`. */
export const stat = (key: keyof memory.MemoryStats): number => memory.stats(DEVICE)[key];

/** How many allocations there have been: the last one's number. */
export const allocations = (): number => stat("allocation.all.allocated");

/** The numbered live storages: the number is that of the allocation that made it, which no other storage ever has. */
export function living(): ReadonlyMap<number, memory.LiveMemory> {
  const last = allocations();
  return new Map(memory.leaks({ device: DEVICE }).map((live) => [last - live.age, live]));
}

/**
 * The code of a program that stands before each call of `step`, so that the page shows what really ran: lines between one such statement and the
 * next, from the line `// program` on.
 */
export function codeBeforeSteps(url: string): string[] {
  const source = readFileSync(fileURLToPath(url), "utf8");
  const program = /^ *\/\/ program\n([\s\S]*?)\n^ *\/\/ end$/m.exec(source)?.[1];
  if (program === undefined) throw new Error(`${basename(url)} has no lines between // program and // end`);
  return program.split(/^ *step\([\s\S]*?\);$/m).map(dedent);
}

function dedent(code: string): string {
  const lines = code.split("\n").filter((line) => line.trim() !== "");
  const indent = Math.min(...lines.map((line) => line.search(/\S/)));
  return lines.map((line) => line.slice(indent)).join("\n");
}
