import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import * as torch from "../../src/index.ts";
import { devices } from "../support/devices.ts";

const { Timer } = torch.utils.benchmark;
const { setNumThreads, getNumThreads } = torch;
const before = getNumThreads();
afterEach(() => setNumThreads(before));

/** A statement that is busy for so many milliseconds. */
const busy = (ms: number) => (): void => {
  for (const end = performance.now() + ms; performance.now() < end; );
};

describe("Timer", () => {
  it("runs the statement as often as it is told, after a warm-up", async () => {
    let [runs, setups] = [0, 0];
    const timer = new Timer({
      stmt: () => runs++,
      setup: () => void setups++,
      label: "count",
      subLabel: "one",
      description: "here",
      env: "E",
    });
    const m = await timer.timeit(500);
    expect([runs, setups]).toEqual([505, 2]);
    expect([m.numberPerRun, m.rawTimes.length, m.stmt]).toEqual([500, 1, "runs++"]);
    expect([m.label, m.subLabel, m.description, m.env, m.setup]).toEqual(["count", "one", "here", "E", "void setups++"]);
  });

  it("measures seconds of a run", async () => {
    const m = await new Timer({ stmt: busy(2) }).timeit({ number: 10 });
    expect(m.median).toBeGreaterThanOrEqual(0.002);
    expect(m.median).toBeLessThan(0.02);
  });

  it("fills the time that it is given with blocks", async () => {
    const seen: [number, number][] = [];
    const timer = new Timer({ stmt: busy(0.1) });
    const m = await timer.blockedAutorange({ minRunTime: 0.1, callback: (number, seconds) => seen.push([number, seconds]) });
    expect(m.rawTimes.reduce((x, y) => x + y)).toBeGreaterThanOrEqual(0.1);
    expect(seen).toEqual(m.rawTimes.map((t) => [m.numberPerRun, t]));
    expect(Math.log10(m.numberPerRun) % 1).toBe(0);
    expect(m.rawTimes[0]!).toBeGreaterThanOrEqual(0.0001);
  });

  it("goes on until the times agree, or to the end of its time", async () => {
    const steady = await new Timer({ stmt: busy(1) }).adaptiveAutorange({ threshold: 0.9, minRunTime: 0.005 });
    expect(steady.rawTimes.length).toBeGreaterThan(3);
    expect(steady.meetsConfidence(0.9)).toBe(true);
    let i = 0;
    const uneven = new Timer({ stmt: () => busy(60 * (1 + (i++ % 3)))() });
    const m = await uneven.adaptiveAutorange({ threshold: 0.0001, maxRunTime: 0.4 });
    expect(m.rawTimes.length).toBeLessThan(8);
  });

  it("hands globals and what the setup gives to the statement", async () => {
    const seen: unknown[] = [];
    const timer = new Timer({
      stmt: (g: { n: number; made: number }) => seen.push([g.n, g.made]),
      setup: async (g: { n: number }) => ({ made: 10 * g.n }),
      globals: { n: 3 },
    });
    await timer.timeit(1);
    expect(seen.at(-1)).toEqual([3, 30]);
  });

  it("awaits promises, one after the other", async () => {
    let [open, most, done] = [0, 0, 0];
    const stmt = async (): Promise<void> => {
      most = Math.max(most, ++open);
      await new Promise((resolve) => setTimeout(resolve, 1));
      open--;
      done++;
    };
    const m = await new Timer({ stmt }).timeit(5);
    expect([most, done]).toEqual([1, 7]);
    expect(m.median).toBeGreaterThan(0.0005);
  });

  it("computes with so many threads, and gives them back", async () => {
    setNumThreads(2);
    const seen = new Set<number>();
    await new Timer({ stmt: () => seen.add(getNumThreads()) }).timeit(2);
    await new Timer({ stmt: () => seen.add(10 * getNumThreads()), numThreads: 2 }).timeit(2);
    expect([...seen]).toEqual([1, 20]);
    const failing = new Timer({
      stmt: () => {
        throw new TypeError("mine");
      },
    });
    await expect(failing.timeit(1)).rejects.toThrow(new TypeError("mine"));
    expect(getNumThreads()).toBe(2);
  });

  it("keeps memory bounded in blocks of a synchronous statement", async () => {
    const x = torch.ones(1 << 18); // 1 MB
    const held = torch.memory.memoryReserved("cpu");
    await new Timer({ stmt: () => x.add(1) }).timeit(1500);
    expect(torch.memory.memoryReserved("cpu") - held).toBeLessThan(700 * 2 ** 20);
  });

  it.runIf(devices.includes("webgpu"))("waits for the GPU at the end of a measurement", async () => {
    const x = await torch.ones(256, 256).to("webgpu");
    const before = torch.webgpu.stats().submits;
    const m = await new Timer({ stmt: () => x.matmul(x) }).timeit(4);
    const after = torch.webgpu.stats().submits;
    expect(after - before).toBeGreaterThanOrEqual(2); // warm-up and measurement
    // The commands of a product are recorded within a millisecond; the product of a GPU on the CPU takes longer.
    if (torch.webgpu.deviceName().includes("SwiftShader")) expect(m.median).toBeGreaterThan(0.001);
  });

  it("names what it needs", () => {
    expect(() => new Timer({ stmt: "x.add(y)" } as never)).toThrow("Timer(): stmt has to be a function");
    expect(() => new Timer({ stmt: () => 1, setup: 3 } as never)).toThrow("Timer(): setup has to be a function");
  });

  it("says what to install where the package that measures is not there", () => {
    const folder = mkdtempSync(join(tmpdir(), "torchlet-timer-"));
    try {
      cpSync(fileURLToPath(new URL("../../src", import.meta.url)), join(folder, "src"), { recursive: true });
      writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
      const program = `import { Timer } from ${JSON.stringify(join(folder, "src/utils/benchmark/timer.ts"))};
        new Timer({ stmt: () => 1 }).timeit(1).catch((e) => console.log(e.name, e.message));`;
      const tsx = import.meta.resolve("tsx");
      const text = execFileSync(process.execPath, ["--import", tsx, "--input-type=module", "-e", program], {
        encoding: "utf8",
        cwd: folder,
      });
      expect(text).toMatch(/^UnsupportedError torch\.utils\.benchmark needs the package tinybench.*npm install tinybench/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
