import { describe, expect, test } from "vitest";
import { chartOf } from "../../bench/report/chart.ts";
import { amount, duration, withRate } from "../../bench/report/format.ts";
import { type Cell, figure, median, ratio } from "../../bench/report/statistics.ts";
import { tableOf, verdictText } from "../../bench/report/table.ts";
import { verdicts } from "../../bench/report/targets.ts";
import { rows } from "../../bench/rows/index.ts";
import { columnsOf } from "../../bench/run/columns.ts";
import { digest, mistake, positionsOf } from "../../bench/run/digest.ts";
import type { Measured } from "../../bench/run/measure.ts";

const columns = columnsOf(
  [
    { path: "node", major: 20 },
    { path: "node24", major: 24 },
  ],
  false,
  null,
);
const cell = (...rounds: (number | null)[]): Cell => ({ rounds, best: 0 });
const measured = (name: string, cells: Measured["cells"], limits: Measured["limits"] = {}): Measured => ({
  row: rows.find((r) => r.name === name)!,
  cells,
  limits,
});

describe("statistics", () => {
  test("medians over rounds; a column that sat out counts the rounds it took part in", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(figure(cell(2, null, 4))).toBe(3);
    expect(figure({ none: "why" })).toBeNull();
    expect(figure(undefined)).toBeNull();
  });

  test("a ratio is the median of the rounds' ratios, so that a slow round of both does not count", () => {
    expect(ratio(cell(1, 10, 1), cell(2, 20, 2))).toBe(0.5);
    expect(ratio(cell(1, 10, 3), cell(2, 20, 3))).toBe(0.5);
    // With one round in common the medians are what there is.
    expect(ratio(cell(1, 2, 3), cell(4, null, null))).toBe(0.5);
    expect(ratio(cell(1), { none: "why" })).toBeNull();
  });
});

describe("results", () => {
  test("are compared at places of all parts of them", () => {
    expect(positionsOf(3, 4)).toEqual([0, 1, 2]);
    const places = positionsOf(1e6, 512);
    expect(places).toHaveLength(512);
    expect(places.every((p, i) => p >= i * 1953 && p < (i + 1) * 1953)).toBe(true);
    expect(new Set(places.map((p) => p % 1000)).size).toBeGreaterThan(300);
  });

  test("that are wrong, of another length, or NaN are told; near ones are not", () => {
    const tolerance = { absolute: 0, relative: 1e-3 };
    const of = (...values: number[]) => [digest(values, 8)];
    expect(mistake(of(1, 2), of(1.0001, 2), tolerance)).toBeNull();
    expect(mistake(of(1, 2.1), of(1, 2), tolerance)).toBe("number 1 is 2.1, not 2");
    expect(mistake(of(1), of(1, 2), tolerance)).toBe("1 numbers in place of 2");
    expect(mistake([], of(1), tolerance)).toBe("0 results in place of 1");
    expect(mistake(JSON.parse(JSON.stringify(of(Number.NaN))), of(1), tolerance)).toBe("number 0 is null, not 1");
    // A number that no place looks at shows in the mean.
    const long = new Float64Array(1e4).fill(1);
    const wrong = long.slice();
    wrong[7] = 1e6;
    expect(mistake([digest(wrong, 8)], [digest(long, 8)], tolerance)).toContain("the mean is");
  });
});

describe("figures", () => {
  test("are shown with three digits and a rate", () => {
    expect([2e-9, 1.5e-6, 0.0123, 2].map(duration)).toEqual(["2.00 ns", "1.50 us", "12.3 ms", "2.00 s"]);
    const mm = rows.find((r) => r.name === "mm_512")!;
    expect(withRate(mm, 0.01)).toBe("10.0 ms, 26.8 GFLOP/s");
    expect(amount(rows.find((r) => r.name === "gzip")!, 61_234)).toBe("61.2 KB");
  });

  test("are held against the targets: PyTorch, the fastest peer, peak, one thread, the product's rate", () => {
    const add = measured("add4", { "WASM, Node 20": cell(1, 1), PyTorch: cell(4, 4), "jax-js": cell(9, 9) });
    const [first] = verdicts(add, columns, [add]);
    expect(first).toMatchObject({ column: "WASM, Node 20", value: 0.25, met: true });
    expect(verdictText(add, first!)).toBe("WASM, Node 20: 0.25x PyTorch, at most 0.30");

    const flops = 2 * 512 ** 3;
    const limit = { seconds: cell(1, 1), peak: cell(2 * flops, 2 * flops) };
    const mm = measured("mm_512", { "WASM, Node 24": cell(1, 1), "2 threads, Node 24": cell(0.5, 0.5) }, { "WASM, Node 24": limit });
    const found = verdicts(mm, columns, [mm]);
    expect(found.find((v) => v.target.of === "peak" && v.target.node === 24)).toMatchObject({ value: 0.5, met: false });
    expect(found.find((v) => v.target.of === "one thread" && v.column.endsWith("24"))).toMatchObject({ value: 2, met: true });
    expect(found.find((v) => v.column === "BLAS, Node 20")).toMatchObject({ value: null, met: null });
    expect(found.some((v) => v.target.of === "peak" && v.target.node === 24 && v.column.endsWith("20"))).toBe(false);

    const conv = measured("conv_32x1x28", { "WASM, Node 24": cell(14450688 / flops / 0.5) });
    expect(verdicts(conv, columns, [mm, conv]).find((v) => v.column === "WASM, Node 24")).toMatchObject({ other: "mm_512", met: false });
    expect(verdicts(conv, columns, [mm, conv])[1]!.value).toBeCloseTo(0.5, 10);

    const skinny = measured("mm_1x1024x1024", { "WASM, Node 20": cell(3, 3), "jax-js": cell(4, 4), "tfjs-wasm": cell(2, 2) });
    const against = verdicts(skinny, columns, [skinny])[0]!;
    expect(against).toMatchObject({ other: "tfjs-wasm", value: 1.5, met: false });
    expect(verdictText(skinny, against)).toContain("misses by 50 %");
  });

  test("make a table of the columns that have any, with the reasons of the others", () => {
    const add = measured("add4", { "WASM, Node 20": cell(1e-6), PyTorch: cell(4e-6), "tfjs-cpu": { none: "not installed" } });
    const lines = tableOf([add], columns, [add]);
    expect(lines[0]).toBe("|  | WASM, Node 20 | PyTorch | to the target |");
    expect(lines[2]).toContain("| add4 | 1.00 us | 4.00 us | WASM, Node 20: 0.25x PyTorch");
    expect(lines.at(-1)).toBe("Without a figure here: tfjs-cpu (not installed).");
  });

  test("say what profiles show of rows that miss, and of no others", () => {
    const of = (seconds: number): string[] => {
      const start = measured("start", { "WASM, Node 20": cell(seconds) });
      return tableOf([start], columns, [start]);
    };
    expect(of(0.08).at(-1)).toMatch(/^- start: \d+ ms go into parsing/);
    expect(of(0.04).join("\n")).not.toContain("profiles show");
  });
});

describe("charts", () => {
  const add = measured("add4", { "WASM, Node 20": cell(1), PyTorch: cell(10), "jax-js": cell(100) });

  test("are SVG with a bar for each column but the base, whose lengths are logarithms, for light and dark", () => {
    const svg = chartOf("overhead", [add], columns)!;
    const bars = [...svg.matchAll(/<rect x="150" y="[\d.]+" width="([\d.]+)"/g)].map((m) => Number(m[1]));
    // From 0.1 to 10 in two decades: a tenth stands at the left, ten at the right end.
    expect(bars).toEqual([1, 520]);
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" width="\d+" height="\d+"/);
    expect(svg).toContain("prefers-color-scheme: dark");
    expect(svg).toContain("0.10x");
    expect(svg.match(/<text/g)).toHaveLength(svg.match(/<\/text>/g)!.length);
  });

  test("are divided by Torchlet where there is no PyTorch, and none where there is nothing to compare", () => {
    const without = measured("add4", { "WASM, Node 20": cell(1), "jax-js": cell(100) });
    expect(chartOf("overhead", [without], columns)).toContain("multiple of WASM, Node 20");
    expect(chartOf("overhead", [measured("add4", { "WASM, Node 20": cell(1) })], columns)).toBeNull();
    expect(chartOf("overhead", [], columns)).toBeNull();
  });
});
