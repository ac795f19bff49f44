import { describe, expect, it } from "vitest";
import { type Circumstances, EventList, FunctionEventAvg } from "../../src/profiler/averages.ts";
import { formatMemory, formatShapes, formatShare, formatTime } from "../../src/profiler/format.ts";

const cpu: Circumstances = { profileMemory: false, device: null };
const average = (
  key: string,
  figures: Partial<FunctionEventAvg>,
  shapes: number[][] | null = null,
  stack: string[] = [],
): FunctionEventAvg => Object.assign(new FunctionEventAvg(key, shapes, stack), { count: 1 }, figures);

// Formats and tables as PyTorch 1.13.1 prints them (torch/autograd/profiler_util.py) for the same figures.
describe("numbers", () => {
  it("are in PyTorch's units", () => {
    expect([0, 12, 999.9996, 1000, 1500, 2e6].map(formatTime)).toEqual([
      "0.000us",
      "12.000us",
      "1000.000us",
      "1.000ms",
      "1.500ms",
      "2.000s",
    ]);
    expect([formatShare(1, 3), formatShare(0, 0)]).toEqual(["33.33%", "NaN"]);
    expect([64, -1536, 3 * 2 ** 20, 2 ** 31].map(formatMemory)).toEqual(["64 b", "-1.50 Kb", "3.00 Mb", "2.00 Gb"]);
    expect(formatShapes([[4, 2], [], [3]])).toBe("[[4, 2], [], [3]]");
  });
});

describe("a table", () => {
  it("has PyTorch's columns", () => {
    const rows = [
      average("mul", { cpuTimeTotal: 30, selfCpuTimeTotal: 10, count: 3 }),
      average("step", { cpuTimeTotal: 1500, selfCpuTimeTotal: 1470 }),
    ];
    expect(EventList.of_(rows, cpu).table({ sortBy: "cpuTimeTotal" })).toBe(
      [
        "--------  ------------  ------------  ------------  ------------  ------------  ------------  ",
        "    Name    Self CPU %      Self CPU   CPU total %     CPU total  CPU time avg    # of Calls  ",
        "--------  ------------  ------------  ------------  ------------  ------------  ------------  ",
        "    step        99.32%       1.470ms       101.35%       1.500ms       1.500ms             1  ",
        "     mul         0.68%      10.000us         2.03%      30.000us      10.000us             3  ",
        "--------  ------------  ------------  ------------  ------------  ------------  ------------  ",
        "Self CPU time total: 1.480ms",
        "",
      ].join("\n"),
    );
  });

  it("has more of them for memory, a device, shapes and stacks", () => {
    const rows = [
      average(
        "mul",
        { cpuTimeTotal: 3, selfCpuTimeTotal: 3, deviceTimeTotal: 7, selfDeviceTimeTotal: 7, cpuMemoryUsage: 64, deviceMemoryUsage: 2048 },
        [[2, 2], []],
        ["train.ts(3): step", "train.ts(9): <anonymous>"],
      ),
    ];
    const circumstances = { profileMemory: true, device: { name: "webgpu", timed: true } };
    const lines = EventList.of_(rows, circumstances).table({ header: "of one step" }).trimEnd().split("\n");
    expect(lines[0]).toMatch(/^=+$/);
    expect(lines[1]).toBe("of one step");
    expect(lines[3]!.trim().split(/\s{2,}/)).toEqual([
      ...["Name", "Self CPU %", "Self CPU", "CPU total %", "CPU total", "CPU time avg"],
      ...["Self WebGPU", "Self WebGPU %", "WebGPU total", "WebGPU time avg"],
      ...["CPU Mem", "Self CPU Mem", "WebGPU Mem", "Self WebGPU Mem", "# of Calls", "Input Shapes", "Source Location"],
    ]);
    expect(lines[5]!.trim().split(/\s{2,}/)).toEqual([
      ...["mul", "100.00%", "3.000us", "100.00%", "3.000us", "3.000us", "7.000us", "100.00%", "7.000us", "7.000us"],
      ...["64 b", "0 b", "2.00 Kb", "0 b", "1", "[[2, 2], []]", "train.ts(3): step"],
    ]);
    expect(lines[6]!.trim()).toBe("train.ts(9): <anonymous>");
    expect(lines.slice(-2)).toEqual(["Self CPU time total: 3.000us", "Self WebGPU time total: 7.000us"]);
    // Every line is as wide as the rule.
    expect(new Set(lines.slice(2, -2).map((l) => l.length)).size).toBe(1);
  });

  it("says n/a where a device does not tell its times", () => {
    const rows = [average("mul", { cpuTimeTotal: 3, selfCpuTimeTotal: 3 })];
    const text = EventList.of_(rows, { profileMemory: false, device: { name: "webgpu", timed: false } }).table();
    expect(text.match(/n\/a/g)).toHaveLength(5);
    expect(text).toContain("Self WebGPU time total: n/a");
  });

  it("is limited in rows and widths, and sorted by what there is", () => {
    const rows = ["a".repeat(60), "b", "c"].map((key, i) => average(key, { cpuTimeTotal: 3 - i, selfCpuTimeTotal: 1, count: i }));
    const list = EventList.of_(rows, cpu);
    const names = (text: string): string[] =>
      text
        .split("\n")
        .slice(3, -3)
        .map((l) => l.trim().split(/\s/)[0]!);
    expect(names(list.table({ rowLimit: 2 }))).toEqual([`${"a".repeat(52)}...`, "b"]);
    expect(names(list.table({ maxNameColumnWidth: null }))[0]).toBe("a".repeat(60));
    expect(names(list.table({ sortBy: "count", rowLimit: -1 }))).toEqual(["c", "b", `${"a".repeat(52)}...`]);
    expect(() => list.table({ sortBy: "cudaTime" as never })).toThrow(/cannot sort by 'cudaTime', only by cpuTime, /);
    expect(EventList.of_([], cpu).table()).toBe("");
    expect(String(list)).toBe(list.table());
    expect([list.selfCpuTimeTotal, list.totalAverage().cpuTimeTotal]).toEqual([3, 6]);
    expect(list.map((e) => e.count)).toEqual([0, 1, 2]);
  });
});
