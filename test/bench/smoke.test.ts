import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** A run on the sources, with no other library: nothing is installed for it. */
function bench(...args: string[]): string {
  return execFileSync(process.execPath, ["--import", "tsx", "bench/main.ts", "--rounds", "2", "--time", "2", "--warmup", "2", ...args], {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, TSX_TSCONFIG_PATH: join(root, "tsconfig.json") },
    stdio: ["ignore", "pipe", "ignore"],
  });
}

test("a row is measured in a process of its own and written as table, JSON and, where there is something to compare, as a chart", () => {
  const out = mkdtempSync(join(tmpdir(), "torchlet-bench-"));
  try {
    const major = process.versions.node.split(".")[0]!;
    const printed = bench("--only", "add4,mm_32", "--columns", `^(WASM|BLAS), Node ${major}$`, "--out", out);
    expect(printed).toMatch(/\| add4 \| [\d.]+ (ns|us|ms) \|/);
    expect(readFileSync(join(out, "bench.md"), "utf8")).toBe(printed);
    const { rows } = JSON.parse(readFileSync(join(out, "bench.json"), "utf8")) as {
      rows: { row: { name: string }; cells: Record<string, { rounds: number[] }>; limits: Record<string, unknown> }[];
    };
    expect(rows.map((r) => r.row.name)).toEqual(["add4", "mm_32"]);
    const { cells, limits } = rows[0]!;
    expect(cells[`WASM, Node ${major}`]!.rounds.every((seconds) => seconds > 0 && seconds < 1)).toBe(true);
    expect(Object.keys(limits)).toEqual([`WASM, Node ${major}`]);
    expect(existsSync(join(out, "overhead.svg"))).toBe(false);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}, 60_000);

test("an unknown row is refused with the names of all, before anything is measured", () => {
  expect(() => bench("--only", "nothing")).toThrow(expect.objectContaining({ status: 2 }));
});
