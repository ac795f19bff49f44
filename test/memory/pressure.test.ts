import { PerformanceObserver } from "node:perf_hooks";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Tensor } from "../../src/index.ts";
import * as torch from "../../src/index.ts";
import { bundlePage, withScratch } from "../browser/bundle.ts";
import { withoutBrowser, withoutWebgpu } from "../browser/chromium.ts";
import { withPage } from "../browser/page.ts";
import type { Outcome } from "./pressure-page.ts";

const MB = 1024 * 1024;
const { collect, getHighWaterMark, setHighWaterMark } = torch.memory;
const { pool } = torch.device("cpu");
const live = (): number => pool.all.allocatedBytes.current;
const mark = getHighWaterMark();

afterEach(() => {
  setHighWaterMark(mark);
  pool.limit = Number.POSITIVE_INFINITY;
});

const newTensor = (megabytes: number = 1): Tensor => torch.zeros([(megabytes * MB) / 4]);

/** An awaited read, as of a loss. */
const read = async (): Promise<void> => void (await torch.tensor(1).item());

/** Steps that leave a megabyte each to the collector, with a read after each. Gives the most that was live in a read, beyond what was at first. */
async function leave(steps: number): Promise<number> {
  const before = live();
  let most = 0;
  for (let i = 0; i < steps; i++) {
    newTensor();
    most = Math.max(most, live() - before);
    await read();
  }
  return most;
}

/** How many collections were asked for while `body` ran: those that are not the engine's own. */
async function collections(body: () => Promise<unknown>): Promise<number> {
  const FORCED = 4;
  let n = 0;
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (((entry as { detail?: { flags?: number } }).detail?.flags ?? 0) & FORCED) n++;
  });
  await collect();
  await new Promise((resolve) => setTimeout(resolve, 10));
  observer.observe({ entryTypes: ["gc"] });
  await body();
  await new Promise((resolve) => setTimeout(resolve, 10));
  observer.disconnect();
  return n;
}

describe("awaited reads", () => {
  test("keep what is live near the mark", async () => {
    await collect();
    setHighWaterMark(16 * MB);
    expect(await leave(200)).toBeLessThanOrEqual(1.3 * 16 * MB);
  });

  test("collect about once per mark, however much is held", async () => {
    const held = newTensor(256);
    setHighWaterMark(16 * MB);
    const n = await collections(() => leave(160));
    expect(n).toBeGreaterThanOrEqual(1);
    expect(n).toBeLessThanOrEqual(10);
    expect(held.numel()).toBe(64 * MB);
    expect(await collections(async () => await Promise.all(Array.from({ length: 100 }, read)))).toBe(0);
  });

  test("share a collection when they wait at the same time", async () => {
    setHighWaterMark(4 * MB);
    const n = await collections(async () => {
      for (let i = 0; i < 8; i++) newTensor();
      await Promise.all(Array.from({ length: 50 }, read));
    });
    expect(n).toBe(1);
  });

  test("count from what is held after something large was released", async () => {
    const large = newTensor(128);
    await collect();
    const before = live();
    large.dispose();
    await read();
    setHighWaterMark(16 * MB);
    const start = live();
    expect(before - start).toBeGreaterThan(127 * MB);
    expect(await leave(100)).toBeLessThanOrEqual(1.3 * 16 * MB);
  });

  test("of a loader too", async () => {
    await collect();
    setHighWaterMark(8 * MB);
    const loader = new torch.data.DataLoader(new torch.data.TensorDataset(torch.zeros([200, 1])));
    const before = live();
    let most = 0;
    for await (const _ of loader) {
      newTensor();
      most = Math.max(most, live() - before);
    }
    expect(most).toBeLessThanOrEqual(1.3 * 8 * MB);
  });
});

describe("a pool with a limit", () => {
  test("is collected before it is full, far below the mark", async () => {
    await collect();
    torch.memory.emptyCache();
    pool.limit = pool.all.reservedBytes.current + 32 * MB;
    expect(await leave(200)).toBeLessThanOrEqual(32 * MB);
  });

  test("that is full of what is held is not collected at every read", async () => {
    await collect();
    torch.memory.emptyCache();
    pool.limit = pool.all.reservedBytes.current + 100 * MB;
    const held = newTensor(90);
    expect(await collections(async () => await Promise.all(Array.from({ length: 100 }, read)))).toBe(0);
    const n = await collections(() => leave(60));
    expect(n).toBeGreaterThanOrEqual(1);
    expect(n).toBeLessThanOrEqual(30);
    expect(held.numel() * 4).toBe(90 * MB);
    pool.limit = Number.POSITIVE_INFINITY;
  });
});

describe("ballast", () => {
  test("is for plain pages", async () => {
    const { ballastFor } = await import("../../src/memory/ballast.ts");
    expect(ballastFor(1024 * MB)).toBeNull();
  });

  test("is as large as what it stands for, in pieces of a few megabytes", async () => {
    vi.resetModules();
    const { ballastFor, carryBallast } = await import("../../src/memory/ballast.ts");
    carryBallast(true);
    const given = [1, 2, 0.5, 0.5, 3, 64].map((n) => ballastFor(n * MB)).map((b) => (b as ArrayBuffer | null)?.byteLength ?? 0);
    expect(given.map((n) => n / MB)).toEqual([0, 0, 0, 4, 0, 67]);
    carryBallast(false);
    expect(ballastFor(64 * MB)).toBeNull();
  });
});

/** The modules as a host without an entry to its collector loads them. */
async function inPlainPage() {
  vi.resetModules();
  vi.stubGlobal("gc", undefined);
  vi.stubGlobal("process", undefined);
  try {
    return await import("../../src/memory/host-collector.ts");
  } finally {
    vi.unstubAllGlobals();
  }
}

describe("without a collector to call", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  test("V8 collects because it is asked for what it cannot give", async () => {
    const { collectGarbage, mayHaveEntry } = await inPlainPage();
    let found = 0;
    const registry = new FinalizationRegistry<number>((n) => {
      found += n;
    });
    (() => {
      for (let i = 0; i < 100; i++) registry.register({}, 1);
    })();
    // One that was under way does not find what has just died.
    const seen = [await collectGarbage(), await collectGarbage(), await collectGarbage()];
    expect(seen.filter(Boolean).length).toBeGreaterThanOrEqual(2);
    expect([mayHaveEntry, found]).toEqual([false, 100]);
  });

  test("an engine that does not is not asked for ever", async () => {
    const { collectGarbage } = await inPlainPage();
    let asked = 0;
    vi.stubGlobal("ArrayBuffer", function refuse() {
      asked++;
      throw new RangeError("Invalid array buffer length");
    });
    for (let i = 0; i < 6; i++) expect(await collectGarbage()).toBe(false);
    expect(asked).toBe(3);
  });
});

describe.skipIf(withoutBrowser)("in a plain page of Chromium", () => {
  test("training stays near the mark, and collect is exact", { timeout: 120_000 }, async () => {
    await withScratch("pressure", async (root) => {
      await bundlePage(new URL("./pressure-page.ts", import.meta.url).pathname, root);
      await withPage({ root, warnings: true, isolated: true }, async (page) => {
        expect(await page.evaluate("typeof gc")).toBe("undefined");
        for (const [device, steps] of withoutWebgpu
          ? ([["cpu", 300]] as const)
          : ([
              ["cpu", 300],
              ["webgpu", 60],
            ] as const)) {
          // Each step leaves half a megabyte.
          const { ratio, exact, left } = (await page.evaluate(`run("${device}", ${steps})`)) as Outcome;
          expect(ratio, device).toBeLessThan(1.3);
          expect([exact, left], device).toEqual([true, 0]);
        }
      });
    });
  });
});
