/** Runs a corpus in Chromium, through the runner that Node uses too. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { pack } from "../conformance/files.ts";
import { filesBelow } from "../conformance/folder.ts";
import { Report } from "../conformance/report.ts";
import type { OnCase, Selection } from "../conformance/runner.ts";
import { bundlePage, repository, withScratch } from "./bundle.ts";
import type { Entry } from "./conformance-page.ts";
import { withPage } from "./page.ts";

/** A folder to serve: the page that runs a corpus, and the corpus. */
export interface ConformanceSite {
  readonly root: string;
  /** The folder that the corpus comes from. */
  readonly corpus: string;
}

export interface BrowserRun extends Selection {
  readonly device: string;
  /** On a cross-origin isolated page. */
  readonly isolated: boolean;
  /** A browser that runs already. */
  readonly browser?: Browser;
}

/** Makes the page of a corpus in an empty folder. */
export async function buildSite(corpus: string, root: string): Promise<ConformanceSite> {
  await bundlePage(join(repository, "test/browser/conformance-page.ts"), root);
  writeFileSync(join(root, "corpus.bin"), Buffer.concat(pack(filesBelow(corpus))));
  return { root, corpus };
}

/** The report of a run in Chromium; `onCase` hears of the cases in bunches. */
export async function runSite(site: ConformanceSite, run: BrowserRun, onCase: OnCase): Promise<Report> {
  const { device, section, match, isolated, browser } = run;
  const report = new Report(site.corpus, device);
  // The library warns where PyTorch does.
  const options = { root: site.root, isolated, warnings: true, ...(browser ? { browser } : {}) };
  await withPage(options, async (page) => {
    const found = await page.evaluate(() => globalThis.crossOriginIsolated);
    if (found !== isolated) throw new Error(`the page is ${found ? "" : "not "}cross-origin isolated`);
    await page.exposeFunction("reportEntries", (entries: readonly Entry[]) => {
      for (const [name, id, outcome, group] of entries) {
        report.add(name, group, id, outcome);
        onCase(name, id, outcome, group);
      }
    });
    const request = { corpus: "/corpus.bin", device, section, match: match?.source ?? null };
    await page.evaluate(async (asked) => await globalThis.runConformance(asked), request);
  });
  return report;
}

/** Makes the page, runs it and removes it. */
export async function runInChromium(corpus: string, run: BrowserRun, onCase: OnCase): Promise<Report> {
  return await withScratch("conformance-page", async (root) => await runSite(await buildSite(corpus, root), run, onCase));
}
