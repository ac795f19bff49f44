/** Runs loops in Chromium. */
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { bundlePage, repository } from "../browser/bundle.ts";
import { launchChromium } from "../browser/chromium.ts";
import { withPage } from "../browser/page.ts";
import type { RunRequest, RunResult } from "./run.ts";

/** Makes the page in an empty folder. */
export async function buildSoakPage(root: string): Promise<void> {
  await bundlePage(join(repository, "test/soak/page.ts"), root);
}

/**
 * V8 lets its young generation grow with what is allocated, up to some 64 MB, over ten thousand steps and more, while the live part of its heap
 * stays at 5 MB: with room for 4 MB what is left of the growth of a process is the loop's.
 */
const V8_FLAGS = ["--max-semi-space-size=4"];

/** A browser whose pages can ask for a collection, or, without `gc`, cannot. */
export const soakBrowser = (gc: boolean): Promise<Browser> =>
  launchChromium([`--js-flags=${[...(gc ? ["--expose-gc"] : []), ...V8_FLAGS].join(",")}`]);

/** Runs a loop in a fresh page, `settling` milliseconds after it was opened: by then the browser's other processes have started up. */
export async function runInPage(root: string, browser: Browser, request: RunRequest, settling: number = 0): Promise<RunResult> {
  return await withPage({ root, browser }, async (page) => {
    await page.waitForTimeout(settling);
    return await page.evaluate((asked) => globalThis.runSoak(asked), request);
  });
}
