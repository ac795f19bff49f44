import type { MemoryStats } from "./statistics.ts";

const WIDTH = 75;
const rule = (mark: string): string => mark.repeat(WIDTH);
/** In the middle; what cannot be halved stands to the left of it. */
const centred = (text: string, width: number): string => text.padStart(text.length + Math.ceil((width - text.length) / 2)).padEnd(width);

/** Writes a figure in the unit that its whole suits: the parts of a metric share its unit. */
type Format = (value: number, whole: number) => string;

const inUnits =
  (units: readonly string[], base: number, enough: number): Format =>
  (value, whole) => {
    let k = 0;
    let [shown, left] = [value, whole];
    while (k < units.length - 1 && left >= enough) {
      shown = Math.floor(shown / base);
      left /= base;
      k++;
    }
    return `${String(shown).padStart(7)} ${units[k]}`;
  };
const bytes = inUnits(["B ", "KB", "MB", "GB", "TB", "PB"], 1024, 768 * 1024);
const count = inUnits(["  ", "K ", "M "], 1000, 750 * 1000);

const metrics = [
  ["allocated_bytes", "Allocated memory", bytes],
  ["active_bytes", "Active memory", bytes],
  ["requested_bytes", "Requested memory", bytes],
  ["reserved_bytes", "Reserved memory", bytes],
  ["inactive_split_bytes", "Non-releasable memory", bytes],
  ["allocation", "Allocations", count],
  ["active", "Active allocs", count],
  ["segment", "Reserved segments", count],
  ["inactive_split", "Non-releasable allocs", count],
] as const;
const parts = [
  ["large_pool", "      from large pool"],
  ["small_pool", "      from small pool"],
] as const;
const columns = ["current", "peak", "allocated", "freed"] as const;

/** The figures of a pool as the table that PyTorch's `torch.cuda.memory_summary` prints. */
export function summaryTable(stats: MemoryStats, device: string, abbreviated: boolean): string {
  const lines = [
    rule("="),
    centred(`Torchlet memory summary, device ${device}`, WIDTH),
    rule("-"),
    `${" ".repeat(17)}OOMs: ${String(stats.num_ooms).padEnd(12)} | ${" ".repeat(7)}Allocation retries: ${String(stats.num_alloc_retries).padEnd(8)}  `,
    rule("="),
    "        Metric         | Cur Usage  | Peak Usage | Tot Alloc  | Tot Freed  ",
  ];
  for (const [metric, title, format] of metrics) {
    lines.push(rule("-"));
    for (const [part, name] of [["all", title] as const, ...(abbreviated ? [] : parts)]) {
      const cells = columns.map((column) => format(stats[`${metric}.${part}.${column}`], stats[`${metric}.all.${column}`]));
      lines.push(` ${name.padEnd(21)} | ${cells.join(" | ")} `);
    }
  }
  lines.push(rule("="));
  return `|${lines.join("|\n|")}|\n`;
}
