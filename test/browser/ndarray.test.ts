import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { bundlePage, repository, withScratch } from "./bundle.ts";
import { launchChromium, withoutBrowser } from "./chromium.ts";
import type { NdarrayReport } from "./ndarray-page.ts";
import { withPage } from "./page.ts";

declare const ndarrayReport: () => NdarrayReport;

describe.skipIf(withoutBrowser)("typed arrays over tensors in Chromium", () => {
  it("share the memory, isolated or not", { timeout: 120_000 }, async () => {
    await withScratch("ndarray", async (root) => {
      await bundlePage(join(repository, "test/browser/ndarray-page.ts"), root);
      const browser = await launchChromium();
      try {
        for (const isolated of [true, false]) {
          const report = await withPage({ root, browser, isolated }, async (page) => {
            await page.waitForFunction(() => "ndarrayReport" in globalThis);
            return await page.evaluate(() => ndarrayReport());
          });
          expect(report).toEqual({
            shares: { float32: true, int32: true, float16: true },
            grown: [1, 2, 3],
            half: [0.0999755859375, -2],
          });
        }
      } finally {
        await browser.close();
      }
    });
  });
});
