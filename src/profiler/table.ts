import { sortKey } from "../core/errors.ts";
import type { Circumstances, FunctionEventAvg } from "./averages.ts";
import { formatMemory, formatShapes, formatShare, formatTime } from "./format.ts";

/** What rows can be sorted by, the largest first. */
export type SortKey =
  | "cpuTime"
  | "cpuTimeTotal"
  | "selfCpuTimeTotal"
  | "deviceTime"
  | "deviceTimeTotal"
  | "selfDeviceTimeTotal"
  | "cpuMemoryUsage"
  | "selfCpuMemoryUsage"
  | "deviceMemoryUsage"
  | "selfDeviceMemoryUsage"
  | "count";

export interface TableOptions {
  /** Without it, rows are in the order in which names first occurred. */
  readonly sortBy?: SortKey;
  /** 100 by default; -1: all. */
  readonly rowLimit?: number;
  /** Above the table. */
  readonly header?: string;
  /** Only what was not called by another event. */
  readonly topLevelEventsOnly?: boolean;
  readonly maxNameColumnWidth?: number | null;
  readonly maxShapesColumnWidth?: number | null;
  readonly maxSrcColumnWidth?: number | null;
}

const keys: readonly SortKey[] = [
  "cpuTime",
  "cpuTimeTotal",
  "selfCpuTimeTotal",
  "deviceTime",
  "deviceTimeTotal",
  "selfDeviceTimeTotal",
  "cpuMemoryUsage",
  "selfCpuMemoryUsage",
  "deviceMemoryUsage",
  "selfDeviceMemoryUsage",
  "count",
];
const WIDTH = 12;
const GAP = "  ";
const MOST_FRAMES = 5;

/** How a device is called in a table's head. */
const titles: Readonly<Record<string, string>> = { webgpu: "WebGPU" };

interface Column {
  readonly title: string;
  readonly width: number;
  readonly left?: true;
  readonly of: (e: FunctionEventAvg) => string;
}

const limited = (width: number, most: number | null): number => (most === null ? width : Math.min(width, most));
const longest = (texts: readonly string[]): number => texts.reduce((n, t) => Math.max(n, t.length), 0);
/** `WebGPU time avg` needs more room than PyTorch gives to `CUDA time avg`, which stands out of line there. */
const plain = (title: string, of: Column["of"]): Column => ({ title, width: Math.max(WIDTH, title.length), of });
const shortened = (text: string, most: number | null): string =>
  most !== null && text.length >= most - 3 ? `${text.slice(0, most - 3)}...` : text;
const endOf = (text: string, width: number): string => (text.length > width ? `...${text.slice(text.length - width + 3)}` : text);

function columnsOf(events: readonly FunctionEventAvg[], { profileMemory, device }: Circumstances, options: TableOptions): Column[] {
  const { maxNameColumnWidth = 55, maxShapesColumnWidth = 80 } = options;
  const cpu = sum(events, (e) => e.selfCpuTimeTotal);
  const columns: Column[] = [
    {
      title: "Name",
      width: limited(longest(events.map((e) => e.key)) + 4, maxNameColumnWidth),
      of: (e) => shortened(e.key, maxNameColumnWidth),
    },
    plain("Self CPU %", (e) => formatShare(e.selfCpuTimeTotal, cpu)),
    plain("Self CPU", (e) => formatTime(e.selfCpuTimeTotal)),
    plain("CPU total %", (e) => formatShare(e.cpuTimeTotal, cpu)),
    plain("CPU total", (e) => formatTime(e.cpuTimeTotal)),
    plain("CPU time avg", (e) => formatTime(e.cpuTime)),
  ];
  const title = device === null ? "" : (titles[device.name] ?? device.name);
  if (device !== null) {
    const all = sum(events, (e) => e.selfDeviceTimeTotal);
    const timed = (head: string, of: Column["of"]): Column => plain(head, device.timed ? of : () => "n/a");
    columns.push(
      timed(`Self ${title}`, (e) => formatTime(e.selfDeviceTimeTotal)),
      timed(`Self ${title} %`, (e) => formatShare(e.selfDeviceTimeTotal, all)),
      timed(`${title} total`, (e) => formatTime(e.deviceTimeTotal)),
      timed(`${title} time avg`, (e) => formatTime(e.deviceTime)),
    );
  }
  if (profileMemory) {
    columns.push(
      plain("CPU Mem", (e) => formatMemory(e.cpuMemoryUsage)),
      plain("Self CPU Mem", (e) => formatMemory(e.selfCpuMemoryUsage)),
    );
    if (device !== null) {
      columns.push(
        plain(`${title} Mem`, (e) => formatMemory(e.deviceMemoryUsage)),
        plain(`Self ${title} Mem`, (e) => formatMemory(e.selfDeviceMemoryUsage)),
      );
    }
  }
  columns.push(plain("# of Calls", (e) => String(e.count)));
  if (events.some((e) => (e.inputShapes?.length ?? 0) > 0)) {
    const width = limited(longest(events.map((e) => formatShapes(e.inputShapes ?? []))) + 4, maxShapesColumnWidth);
    columns.push({ title: "Input Shapes", width, of: (e) => formatShapes(e.inputShapes ?? []).slice(0, width) });
  }
  return columns;
}

const sum = (events: readonly FunctionEventAvg[], of: (e: FunctionEventAvg) => number): number => events.reduce((n, e) => n + of(e), 0);

/** Averages as text, in the columns of PyTorch's profiler. */
export function table(events: readonly FunctionEventAvg[], circumstances: Circumstances, options: TableOptions): string {
  const { sortBy, rowLimit = 100, header, topLevelEventsOnly = false, maxSrcColumnWidth = 75 } = options;
  if (sortBy !== undefined && !keys.includes(sortBy)) throw sortKey(sortBy, keys);
  if (events.length === 0) return "";
  const columns = columnsOf(events, circumstances, options);
  const frames = longest(events.flatMap((e) => e.stack));
  if (frames > 0) {
    const width = limited(frames + 4, maxSrcColumnWidth);
    columns.push({ title: "Source Location", width, left: true, of: (e) => endOf(e.stack[0] ?? "", width) });
  }
  const line = (cells: readonly string[]): string =>
    columns.map(({ width, left }, i) => (left ? cells[i]!.padEnd(width) : cells[i]!.padStart(width)) + GAP).join("");
  const rule = columns.map(({ width }) => "-".repeat(width) + GAP).join("");
  const double = "=".repeat(rule.length - GAP.length);

  const lines: string[] = [];
  if (header !== undefined) lines.push(double, header);
  if (topLevelEventsOnly) lines.push(double, "This report only display top-level ops statistics");
  lines.push(rule, line(columns.map((c) => c.title)), rule);
  const sorted = sortBy === undefined ? events : [...events].sort((a, b) => b[sortBy] - a[sortBy]);
  const shown = topLevelEventsOnly ? sorted.filter((e) => e.cpuParent === null) : sorted;
  for (const e of rowLimit < 0 ? shown : shown.slice(0, rowLimit)) {
    lines.push(line(columns.map((c) => c.of(e))));
    if (frames === 0) continue;
    const { width } = columns.at(-1)!;
    const indented = (text: string): string => line([...columns.slice(1).map(() => ""), text]);
    for (const frame of e.stack.slice(1, MOST_FRAMES)) lines.push(indented(endOf(frame, width)));
    lines.push(indented(""));
  }
  lines.push(rule, `Self CPU time total: ${formatTime(sum(events, (e) => e.selfCpuTimeTotal))}`);
  const { device } = circumstances;
  if (device !== null) {
    const time = device.timed ? formatTime(sum(events, (e) => e.selfDeviceTimeTotal)) : "n/a";
    lines.push(`Self ${titles[device.name] ?? device.name} time total: ${time}`);
  }
  return `${lines.join("\n")}\n`;
}
