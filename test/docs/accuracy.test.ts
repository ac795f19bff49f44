/** The contract of accuracy, on fewer arguments than the table in docs/accuracy.md has; and that table. */
import { describe, expect, it } from "vitest";
import * as torch from "../../src/index.ts";
import { accuracyCases, integerOps, measure, unaryOps } from "../support/pointwise-accuracy.ts";
import { readPage } from "./pages.ts";

const withGpu = process.env["TORCHLET_NO_WEBGPU"] !== "1";
if (withGpu) await torch.webgpu.start();

describe.each(["cpu", ...(withGpu ? ["webgpu"] : [])])("on %s", (device) => {
  it.each(accuracyCases)("$name is within $ulps ulp of double precision, and right at special values", async (c) => {
    const found = await measure(c, device, 2000);
    expect(found.ulps, `at ${found.at}`).toBeLessThanOrEqual(c.ulps);
    expect(found.wrong).toEqual([]);
    if (device === "cpu") expect(found.subnormal, "subnormal numbers").toBeLessThanOrEqual(c.ulps);
  });
});

describe("docs/accuracy.md", () => {
  const rows = readPage("docs/accuracy.md")
    .lines.map((line) => /^\| `(\w+)` +\|/.exec(line)?.[1])
    .filter((name) => name !== undefined);

  it("lists every op of one operand", () => {
    expect([...rows, ...integerOps].sort()).toEqual(unaryOps);
  });

  it("claims nothing above the bounds", () => {
    for (const line of readPage("docs/accuracy.md").lines.filter((l) => l.startsWith("| `"))) {
      const [, , bound, cpu, webgpu, ...special] = line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim());
      for (const cell of [cpu!, webgpu!]) expect(cell === "exact" ? 0 : Number.parseFloat(cell), line).toBeLessThanOrEqual(Number(bound));
      expect(special.slice(0, 2), line).toEqual(["agree", "agree"]);
    }
  });
});
