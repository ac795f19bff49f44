import { rmSync } from "node:fs";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scratchFolder } from "../browser/bundle.ts";
import { withoutBrowser, withoutWebgpu } from "../browser/chromium.ts";
import { buildSoakPage, runInPage, soakBrowser } from "../soak/chromium.ts";
import { faultsOf } from "../soak/judge.ts";
import { loops } from "../soak/loops/index.ts";
import { runInNode } from "../soak/node.ts";
import type { RunRequest } from "../soak/run.ts";

const MB = 1024 * 1024;
const devices = withoutWebgpu ? ["cpu"] : ["cpu", "webgpu"];
const cases = devices.flatMap((device) => Object.keys(loops).map((loop) => [loop, device] as const));
/** In megabytes: less than the second half of 300 steps allocates. The soak has 6, and thousands of steps. */
const markOf = (loop: string, device: string): number => (loop !== "dqn" ? 1.5 : device === "cpu" ? 2 : 3);
const short = (loop: string, device: string): RunRequest => ({
  loop,
  device,
  steps: 300,
  keepEvery: 30,
  highWaterMark: markOf(loop, device) * MB,
});

const TIMEOUT = 240_000;

describe("loops as tutorials write them, in Node", () => {
  it.each(cases)("%s on %s stays flat and learns", { timeout: TIMEOUT }, async (loop, device) => {
    const result = await runInNode(short(loop, device));
    expect(faultsOf(result)).toEqual([]);
    expect([result.exact, result.kept]).toEqual([true, 10]);
  });
});

describe.skipIf(withoutBrowser)("loops as tutorials write them, in Chromium", () => {
  let browser: Browser;
  const root = withoutBrowser ? "" : scratchFolder("soak-page");
  beforeAll(async () => {
    await buildSoakPage(root);
    browser = await soakBrowser(true);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    rmSync(root, { recursive: true, force: true });
  }, 60_000);

  it.each(cases)("%s on %s stays flat and learns", { timeout: TIMEOUT }, async (loop, device) => {
    const result = await runInPage(root, browser, short(loop, device));
    expect(faultsOf(result)).toEqual([]);
    expect([result.exact, result.kept]).toEqual([true, 10]);
  });
});
