import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scratchFolder } from "./bundle.ts";
import { launchChromium, withoutBrowser } from "./chromium.ts";
import { withPage } from "./page.ts";
import { serve } from "./server.ts";

describe.skipIf(withoutBrowser)("a page under test", () => {
  const scratch = withoutBrowser ? "" : scratchFolder("page");
  const root = join(scratch, "site");
  let browser: Browser;

  beforeAll(async () => {
    mkdirSync(root);
    writeFileSync(join(scratch, "secret.txt"), "secret");
    const page = (script: string): string => `<!doctype html><title>page</title><script>${script}</script>`;
    writeFileSync(join(root, "index.html"), page("console.log('hello')"));
    writeFileSync(join(root, "error.html"), page("console.error('broken')"));
    writeFileSync(join(root, "warning.html"), page("console.warn('careful')"));
    writeFileSync(join(root, "throws.html"), page("throw new Error('lost')"));
    writeFileSync(join(root, "missing.html"), "<!doctype html><title>page</title><img src='nowhere.png'>");
    browser = await launchChromium();
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    rmSync(scratch, { recursive: true, force: true });
  }, 60_000);

  const visit = async (path: string, options: { warnings?: boolean; isolated?: boolean } = {}): Promise<readonly unknown[]> =>
    await withPage({ root, path, browser, ...options }, async (page, { messages, requests }) => {
      const isolated = await page.evaluate(() => [globalThis.crossOriginIsolated, typeof SharedArrayBuffer]);
      return [await page.title(), ...isolated, [...messages], requests.map((url) => new URL(url).pathname)];
    });

  it("has SharedArrayBuffer only where it is isolated", async () => {
    expect(await visit("/")).toEqual(["page", false, "undefined", ["hello"], ["/"]]);
    expect(await visit("/", { isolated: true })).toEqual(["page", true, "function", ["hello"], ["/"]]);
  });

  it("fails by what it writes, throws and asks for in vain", async () => {
    await expect(visit("/error.html")).rejects.toThrow("console error: broken");
    await expect(visit("/warning.html")).rejects.toThrow("console warning: careful");
    await expect(visit("/throws.html")).rejects.toThrow("uncaught Error: lost");
    await expect(visit("/missing.html")).rejects.toThrow("/nowhere.png: status 404");
    expect((await visit("/warning.html", { warnings: true }))[3]).toEqual(["careful"]);
  });

  it("fails by its test, with what the page said before", async () => {
    const failing = withPage({ root, path: "/error.html", browser }, async () => {
      throw new Error("expected otherwise");
    });
    await expect(failing).rejects.toThrow(/expected otherwise\n[\s\S]*console error: broken/);
  });

  it("leaves a browser that was given running, and ends its own", async () => {
    const own = await withPage({ root }, async (page) => page.context().browser());
    expect(own?.isConnected()).toBe(false);
    expect(browser.isConnected()).toBe(true);
  });
});

describe("the server", () => {
  it("serves its folder, further folders, and nothing else", async () => {
    const { url, close } = await serve(import.meta.dirname, { mounts: { "/up": join(import.meta.dirname, "../support") } });
    try {
      expect((await fetch(`${url}/server.ts?x=1`)).status).toBe(200);
      expect((await fetch(`${url}/up/tiny-first.ts`)).status).toBe(200);
      for (const path of ["/", "/no.ts", "/..%2ftiny.test.ts", "/up/..%2ftiny.test.ts", "/%E0%A4%A"]) {
        expect((await fetch(`${url}${path}`)).status, path).toBe(404);
      }
      const { headers } = await fetch(`${url}/server.ts`);
      expect(headers.get("cross-origin-opener-policy")).toBeNull();
    } finally {
      await close();
    }
    await expect(fetch(`${url}/server.ts`)).rejects.toThrow();
  });
});
