import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { bundlePage, repository, withScratch } from "./bundle.ts";
import { launchChromium, withoutBrowser } from "./chromium.ts";
import { withPage } from "./page.ts";
import type { ThreadsReport } from "./threads-page.ts";

declare const threadsReport: () => Promise<ThreadsReport>;

describe.skipIf(withoutBrowser)("threads in Chromium", () => {
  it("take part in isolated pages, and nowhere else", { timeout: 120_000 }, async () => {
    await withScratch("threads", async (root) => {
      await bundlePage(join(repository, "test/browser/threads-page.ts"), root);
      const browser = await launchChromium();
      try {
        const reportOf = (isolated: boolean): Promise<ThreadsReport> =>
          withPage({ root, browser, isolated }, async (page) => {
            await page.waitForFunction(() => "threadsReport" in globalThis);
            return await page.evaluate(() => threadsReport());
          });
        const isolated = await reportOf(true);
        expect(isolated).toMatchObject({ isolated: true, ready: [0, 0, 2], same: true });
        expect(isolated.jobs).toBeGreaterThanOrEqual(10);
        expect(await reportOf(false)).toEqual({ isolated: false, several: false, ready: [0, 0, 0], jobs: 0, same: true });
      } finally {
        await browser.close();
      }
    });
  });
});
