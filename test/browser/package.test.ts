import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { build, createServer } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { collectingLogger, scratchFolder } from "./bundle.ts";
import { launchChromium, withoutBrowser } from "./chromium.ts";
import { buildPackage, installedAt, type Reported, writePage } from "./package.ts";
import { type PageLog, withPage, withUrl } from "./page.ts";

/** What the page computed; a page that never reports fails here. */
async function reportedBy(page: Page): Promise<Reported> {
  await page.waitForFunction(() => Reflect.has(globalThis, "reported"), undefined, { timeout: 30_000 });
  return (await page.evaluate(() => Reflect.get(globalThis, "reported") as unknown)) as Reported;
}

function expectRight({ grad, model, losses, error, devices }: Reported): void {
  expect(grad).toEqual([
    [2, 4],
    [6, 8],
  ]);
  expect(losses).toHaveLength(60);
  expect(losses.at(-1)).toBeLessThan((losses[0] as number) / 4);
  expect(error[1]).toBe("The size of tensor a (2) must match the size of tensor b (3) at non-singleton dimension 0");
  expect(devices).toEqual(["cpu"]);
  expect(model).toContain("(0): Linear(in_features=2, out_features=8, bias=True)\n  (1): Tanh()\n");
  expect(error[0]).toBe("ShapeError");
}

/** Every request goes to the page's own server, and none asks for what only Node has. */
function expectNoBuiltins({ requests }: PageLog, url: string): void {
  const origin = new URL(url).origin;
  expect(requests.length).toBeGreaterThan(1);
  const strange = requests.filter((request) => {
    const own = request.startsWith(`${origin}/`) || request.startsWith("blob:") || request.startsWith("data:");
    return !own || /node:|__vite-browser-external/.test(request);
  });
  expect(strange).toEqual([]);
}

describe.skipIf(withoutBrowser)("the built package in Chromium", () => {
  const scratch = withoutBrowser ? "" : scratchFolder("package-page");
  const project = join(scratch, "project");
  let browser: Browser;

  beforeAll(async () => {
    writePage(project, "torchlet");
    buildPackage(join(scratch, "build"), installedAt(project));
    browser = await launchChromium();
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    rmSync(scratch, { recursive: true, force: true });
  }, 60_000);

  it.each([false, true])("runs as plain modules, without a bundler (isolated: %s)", async (isolated) => {
    const root = join(scratch, `plain-${isolated}`);
    writePage(root, "./torchlet/dist/index.js");
    await withPage({ root, mounts: { "/torchlet": installedAt(project) }, isolated, browser }, async (page, log) => {
      expectRight(await reportedBy(page));
      expectNoBuiltins(log, page.url());
    });
  });

  it("runs from a production build of Vite's, without a warning", { timeout: 180_000 }, async () => {
    const warnings: string[] = [];
    await build({ configFile: false, root: project, customLogger: collectingLogger(warnings) });
    expect(warnings).toEqual([]);
    await withPage({ root: join(project, "dist"), browser }, async (page, log) => {
      const [script = ""] = log.requests.filter((request) => request.endsWith(".js"));
      const bundle = readFileSync(join(project, "dist", new URL(script).pathname), "utf8");
      expect(bundle).not.toMatch(/(from|import\()\s*["'`]node:|__vite-browser-external/);
      expectRight(await reportedBy(page));
      expectNoBuiltins(log, page.url());
    });
  });

  it("runs on Vite's development server, without a warning", { timeout: 180_000 }, async () => {
    const warnings: string[] = [];
    const server = await createServer({
      configFile: false,
      root: project,
      customLogger: collectingLogger(warnings),
      server: { host: "127.0.0.1", port: 0, watch: null },
    });
    try {
      await server.listen();
      const url = server.resolvedUrls?.local[0] ?? "";
      await withUrl(url, { browser }, async (page, log) => {
        expectRight(await reportedBy(page));
        expectNoBuiltins(log, url);
      });
      expect(warnings).toEqual([]);
    } finally {
      await server.close();
    }
  });
});
