import { describe, expect, it } from "vitest";
import * as torch from "../../src/index.ts";

const { Compare, Measurement } = torch.utils.benchmark;
type Spec = Partial<torch.utils.benchmark.TaskSpec>;

const measured = (rawTimes: readonly number[], numberPerRun: number, spec: Spec): torch.utils.benchmark.Measurement =>
  new Measurement(numberPerRun, rawTimes, {
    stmt: "x.add(x)",
    setup: "",
    label: null,
    subLabel: null,
    description: null,
    env: null,
    numThreads: 1,
    ...spec,
  });
const a = measured([1e-4, 1.1e-4, 1.2e-4, 1.05e-4, 1.3e-4], 100, { label: "add", subLabel: "4x4", description: "ours" });
const b = measured([2e-4, 2.1e-4, 2.2e-4, 2.05e-4, 4.3e-4], 100, { label: "add", subLabel: "4x4", description: "theirs" });
const c = measured([2e-3, 2.1e-3, 2.2e-3, 2.05e-3, 2.3e-3], 100, { label: "add", subLabel: "big", description: "ours" });
const d = measured([2e-2, 2.1e-2, 3.2e-2, 2.05e-2, 2.3e-2], 100, { label: "add", subLabel: "big", description: "theirs", numThreads: 2 });
const e = measured([2e-2], 10, { stmt: "a\nb", setup: "x = 1" });
const f = measured([2e-2, 2e-2, 2e-2], 10, { stmt: "a b", setup: "x = 1\ny = 2", subLabel: "sub", description: "d" });
const head = "<torch.utils.benchmark.utils.common.Measurement object>\n";

// The texts and figures below were printed by PyTorch 1.13.1 for the same times; only the object's address is left out.
describe("a measurement", () => {
  it("knows its statistics", () => {
    expect(a.median).toBeCloseTo(1.1e-6, 12);
    expect(a.mean).toBeCloseTo(1.13e-6, 12);
    expect(a.iqr).toBeCloseTo(1.5e-7, 12);
    expect([a, b, c, d, e, f].map((m) => m.significantFigures)).toEqual([1, 1, 1, 1, 4, 4]);
    expect([a, b, c, d, e, f].map((m) => m.hasWarnings)).toEqual([true, false, false, true, false, false]);
    expect([a.asRowName, f.asRowName, e.asRowName]).toEqual(["4x4", "sub", "a\nb"]);
    expect(a.times.map((t) => t.toFixed(8))).toEqual(["0.00000100", "0.00000110", "0.00000120", "0.00000105", "0.00000130"]);
    expect([a.numberPerRun, a.rawTimes.length, a.label, a.description, a.numThreads]).toEqual([100, 5, "add", "ours", 1]);
  });

  it.each([
    [
      a,
      "add: 4x4\nours\n  Median: 1.10 us\n  IQR:    0.15 us (1.05 to 1.20)\n  5 measurements, 100 runs per measurement, 1 thread\n" +
        "  WARNING: Interquartile range is 13.6% of the median measurement.\n           This could indicate system fluctuation.",
    ],
    [b, "add: 4x4\ntheirs\n  Median: 2.10 us\n  IQR:    0.15 us (2.05 to 2.20)\n  5 measurements, 100 runs per measurement, 1 thread"],
    [
      d,
      "add: big\ntheirs\n  Median: 210.00 us\n  IQR:    25.00 us (205.00 to 230.00)\n  5 measurements, 100 runs per measurement, 2 threads\n" +
        "  WARNING: Interquartile range is 11.9% of the median measurement.\n           This could indicate system fluctuation.",
    ],
    [e, "stmt:\n  a\n  b\n\nsetup: x = 1\n  2.00 ms\n  1 measurement, 10 runs , 1 thread"],
    [f, "a b: sub\nd\nsetup:\n  x = 1\n  y = 2\n\n  Median: 2.00 ms\n  3 measurements, 10 runs per measurement, 1 thread"],
  ])("prints itself (%#)", (m, text) => {
    expect(String(m)).toBe(head + text);
  });
});

const plain = `[----------- add -----------]
           |  ours  |  theirs
1 threads: ------------------
      4x4  |   1.1  |    2.1 
      big  |  21.0  |        
2 threads: ------------------
      big  |        |  210.0 

Times are in microseconds (us).

[-------  ------]
           |   d 
1 threads: ------
      sub  |  2.0

Times are in milliseconds (ms).
`;
const trimmed = `[----------- add -----------]
           |  ours  |  theirs
1 threads: ------------------
      4x4  |    1   |     2  
      big  |   20   |        
2 threads: ------------------
      big  |        |   200  

Times are in microseconds (us).

[--------  -------]
           |    d  
1 threads: --------
      sub  |  2.000

Times are in milliseconds (ms).
`;
const warned = `[------------------ add -------------------]
           |      ours      |      theirs   
1 threads: ---------------------------------
      4x4  |   1.1 (! 14%)  |     2.1       
      big  |  21.0          |               
2 threads: ---------------------------------
      big  |                |  210.0 (! 12%)

Times are in microseconds (us).
(! XX%) Measurement has high variance, where XX is the IQR / median * 100.

[-------  ------]
           |   d 
1 threads: ------
      sub  |  2.0

Times are in milliseconds (ms).
`;
const columnwise = `[----------- add -----------]
           |  ours  |  theirs
1 threads: ------------------
      4x4  |  ESC[92mESC[1m 1.1ESC[0mESC[0m  |  ESC[92mESC[1m  2.1 ESC[0mESC[0m
      big  |  ESC[31mESC[1m21.0ESC[0mESC[0m  |        
2 threads: ------------------
      big  |        |  ESC[92mESC[1m210.0 ESC[0mESC[0m

Times are in microseconds (us).

[-------  ------]
           |   d 
1 threads: ------
      sub  |  ESC[92mESC[1m2.0ESC[0mESC[0m

Times are in milliseconds (ms).
`;
const rowwise = `[------------------ add -------------------]
           |      ours      |      theirs   
1 threads: ---------------------------------
      4x4  |  ESC[92mESC[1m 1.1 (! 14%)ESC[0mESC[0m  |     2.1       
      big  |  ESC[92mESC[1m21.0        ESC[0mESC[0m  |               
2 threads: ---------------------------------
      big  |                |  ESC[92mESC[1m210.0 (! 12%)ESC[0mESC[0m

Times are in microseconds (us).
(! XX%) Measurement has high variance, where XX is the IQR / median * 100.

[-------  ------]
           |   d 
1 threads: ------
      sub  |  ESC[92mESC[1m2.0ESC[0mESC[0m

Times are in milliseconds (ms).
`;

describe("a comparison", () => {
  type Comparison = torch.utils.benchmark.Compare;
  it.each<[string, (compare: Comparison) => void, string]>([
    ["is a table for each label", () => {}, plain],
    ["leaves out digits that do not count", (t) => t.trimSignificantFigures(), trimmed],
    ["marks what varies", (t) => t.highlightWarnings(), warned],
    ["colours columns", (t) => t.colorize(), columnwise],
    [
      "colours rows",
      (t) => {
        t.colorize({ rowwise: true });
        t.highlightWarnings();
      },
      rowwise,
    ],
  ])("%s, to the byte as PyTorch's", (_, prepare, text) => {
    const compare = new Compare([a, b, c]);
    compare.extendResults([d, f, a]);
    prepare(compare);
    expect(String(compare).replaceAll("\u001b", "ESC")).toBe(text);
  });

  it("takes measurements alone", () => {
    expect(() => new Compare([1] as never)).toThrow("Expected an instance of `Measurement`, got number instead.");
  });
});
