import { execFile } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectAgreement } from "../conformance/agreement.ts";
import type { Report } from "../conformance/report.ts";
import { repository, scratchFolder, withScratch } from "./bundle.ts";
import { launchChromium, withoutBrowser, withoutWebgpu } from "./chromium.ts";
import { buildSite, type ConformanceSite, runSite } from "./conformance.ts";

const corpus = join(repository, "test/golden");

/** The devices that Chromium has. */
const devices: readonly string[] = ["cpu", "webgpu"];

type Outline = Pick<ReturnType<Report["toJSON"]>, "total" | "sections">;

/** The outcome of every case, without the words, which name places in the sources. */
function outline({ total, sections }: Outline): object {
  const groupsOf = (section: string): object =>
    Object.entries(sections[section]?.groups ?? {}).map(([name, { counts, failures }]) => ({
      name,
      counts,
      failed: failures.map((f) => f.id),
    }));
  return { total, sections: Object.keys(sections).map((name) => [name, groupsOf(name)]) };
}

/** The report of the same runner in Node: in a process of its own, so that it runs beside the browser. */
async function reportOfNode(): Promise<Outline> {
  return await withScratch("conformance-node", async (folder) => {
    const json = join(folder, "report.json");
    const args = ["--import", "tsx", join(repository, "test/conformance/main.ts"), "--json", json];
    // It exits with 1 where anything fails, differences that are meant among it: the report is what counts.
    await new Promise((done) => execFile(process.execPath, args, { cwd: repository, maxBuffer: 1 << 26 }, done));
    return JSON.parse(readFileSync(json, "utf8")) as Outline;
  });
}

describe.skipIf(withoutBrowser)("the corpus in Chromium", () => {
  let browser: Browser;
  const root = withoutBrowser ? "" : scratchFolder("conformance-page");
  let site: ConformanceSite;
  let inNode: Promise<Outline>;

  beforeAll(async () => {
    inNode = reportOfNode();
    inNode.catch(() => {}); // the test that waits for it tells
    browser = await launchChromium();
    site = await buildSite(corpus, root);
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    rmSync(root, { recursive: true, force: true });
  }, 60_000);

  describe.each(devices.filter((device) => device !== "webgpu" || !withoutWebgpu))("on %s", (device) => {
    it.each([false, true])(
      "agrees with PyTorch but for the differences that are meant (isolated: %s)",
      { timeout: 600_000 },
      async (isolated) => {
        // Isolation gives a page threads; the GPU does not notice. One section is enough there, on an adapter that takes minutes for all.
        const section = device === "webgpu" && isolated ? "modules" : null;
        const report = await runSite(site, { device, isolated, section, match: null, browser }, () => {});
        expectAgreement(report, null, section);
        if (device === "cpu") expect(outline(report.toJSON())).toEqual(outline(await inNode));
      },
    );
  });
});
