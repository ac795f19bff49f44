/** The browser example as a visitor uses it, in Chromium: it learns, reads what is drawn, and its page stays responsive meanwhile. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DeviceName } from "../../examples/browser/protocol.ts";
import { launchChromium } from "../browser/chromium.ts";
import { type Server, serve } from "../browser/server.ts";
import { mainThreadTasks } from "./browser-trace.ts";

const DEVICES: readonly DeviceName[] = ["cpu", "webgpu"];
/** How far each has to get. A GPU that a processor imitates makes a step or two a second. */
const GOALS: Readonly<Record<DeviceName, { steps: number; loss: number; accuracy: number | null }>> = {
  cpu: { steps: 120, loss: 0.6, accuracy: 80 },
  webgpu: { steps: 12, loss: 2.2, accuracy: null },
};
/** Set to keep the page's picture for the README. */
const KEEP = process.env["TORCHLET_SCREENSHOT"] !== undefined;

const example = fileURLToPath(new URL("../../examples/browser/", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "browser-example-"));
let server: Server;
let browser: Browser;
let page: Page;
const faults: string[] = [];

beforeAll(async () => {
  const site = join(scratch, "site");
  await build({ configFile: join(example, "vite.config.ts"), logLevel: "error", build: { outDir: site } });
  [server, browser] = await Promise.all([serve(site), launchChromium()]);
  page = await open();
}, 120_000);
afterAll(async () => {
  await browser?.close();
  await server?.close();
  rmSync(scratch, { recursive: true });
});

/** The page, with the digits fetched. `workerPrelude` runs in the worker before all else. */
async function open(workerPrelude: string = ""): Promise<Page> {
  const opened = await browser.newPage({ viewport: { width: 1400, height: 1000 } });
  opened.on("pageerror", (e) => faults.push(e.message));
  opened.on("console", (m) => m.type() === "error" && faults.push(m.text()));
  if (workerPrelude !== "") {
    await opened.route("**/worker-*.js", async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: workerPrelude + (await response.text()) });
    });
  }
  await opened.goto(server.url);
  await opened.getByRole("status").filter({ hasText: "Ready" }).waitFor();
  return opened;
}

const text = async (id: string): Promise<string> => (await page.locator(`#${id}`).textContent()) ?? "";
const number = async (id: string): Promise<number> => Number.parseFloat((await text(id)).replaceAll(",", ""));
const click = (name: string): Promise<void> => page.getByRole("button", { name }).click();
const choose = (device: DeviceName): Promise<void> => page.getByRole("radio", { name: device }).check();
const status = (expected: RegExp): Promise<void> => page.getByRole("status").filter({ hasText: expected }).waitFor();

async function stepReaches(steps: number): Promise<void> {
  const arrived = (least: number) => Number((document.getElementById("step")?.textContent ?? "").replaceAll(",", "")) >= least;
  await page.waitForFunction(arrived, steps, { timeout: 40_000 });
}

/** The probabilities that the page shows, in percent. */
const probabilities = (): Promise<number[]> =>
  page
    .getByRole("list", { name: "Probability of each digit" })
    .evaluate((list) => Array.from(list.children, (item) => Number.parseFloat(item.lastElementChild?.textContent ?? "")));

/** Draws a line through places on the pad, in parts of its side. */
async function stroke(...places: readonly (readonly [number, number])[]): Promise<void> {
  const { x, y, width, height } = (await page.getByLabel("Drawing pad").boundingBox())!;
  for (const [i, [px, py]] of places.entries()) {
    await page.mouse.move(x + px * width, y + py * height, { steps: i === 0 ? 1 : 10 });
    if (i === 0) await page.mouse.down();
  }
  await page.mouse.up();
}
const ONE = [
  [0.54, 0.15],
  [0.48, 0.85],
] as const;

describe("the page", () => {
  it("waits for the visitor", async () => {
    expect(await text("step")).toBe("0");
    expect(await text("guess")).toBe("Nothing drawn yet");
    expect(await page.evaluate(() => globalThis.crossOriginIsolated)).toBe(false);
    const unnamed = await page
      .locator("button, input, canvas:not([aria-hidden]), progress")
      .evaluateAll((all) =>
        all.filter((e) => !(e.ariaLabel ?? e.closest("label")?.textContent ?? e.textContent)?.trim()).map((e) => e.outerHTML),
      );
    expect(unnamed).toEqual([]);
  });

  it("guesses at a drawing before it has learned anything", async () => {
    await stroke(...ONE);
    await page.getByText(/^Perhaps a \d$/).waitFor();
    const untrained = await probabilities();
    expect(Math.max(...untrained)).toBeLessThan(30);
    expect(Math.abs(untrained.reduce((a, b) => a + b) - 100)).toBeLessThan(1);
  });

  it.each(DEVICES)(
    "learns on %s",
    async (device) => {
      const { steps, loss, accuracy } = GOALS[device];
      await click("Reset");
      await choose(device);
      await click("Start");
      await status(new RegExp(`Training on ${device}`));
      await stepReaches(steps);
      expect(await number("loss-value")).toBeLessThan(loss);
      expect(await number("speed")).toBeGreaterThan(0);
      if (accuracy !== null) {
        expect(await number("accuracy")).toBeGreaterThan(accuracy);
        expect(await text("mistake-count")).toMatch(/^\d+ of 1,000 test digits/);
        expect(await page.locator("#mistakes li").first().textContent()).toMatch(/^\d, not \d$/);
      }
      await click("Pause");
      await status(/Paused at step/);
    },
    60_000,
  );

  it("stays responsive while it trains and is drawn on", async () => {
    await click("Reset");
    await choose("cpu");
    await click("Start");
    await browser.startTracing(page, { categories: ["toplevel", "devtools.timeline"] });
    const before = await number("step");
    await click("Clear");
    await stroke([0.3, 0.25], [0.7, 0.25], [0.45, 0.85]);
    await stepReaches(before + 150);
    const milliseconds = mainThreadTasks(await browser.stopTracing(), server.url).sort((a, b) => a - b);
    expect(milliseconds.length).toBeGreaterThan(100);
    expect(milliseconds[Math.floor(0.95 * milliseconds.length)]).toBeLessThan(50);
    expect(milliseconds.at(-1)).toBeLessThan(100);
  }, 60_000);

  it("reads what is drawn while it learns", async () => {
    await stepReaches(250);
    await page.getByText("Looks like a 7").waitFor();
    await click("Clear");
    await stroke(...ONE);
    await page.getByText("Looks like a 1").waitFor();
    const now = await probabilities();
    expect(now.indexOf(Math.max(...now))).toBe(1);
    expect(now[1]).toBeGreaterThan(50);
  }, 60_000);

  it("goes on with the same net on another device", async () => {
    for (const device of [...DEVICES, "cpu"] as const) {
      await choose(device);
      await status(new RegExp(`Training on ${device}`));
      const before = await number("step");
      await stepReaches(before + 8);
      expect(await number("loss-value")).toBeLessThan(GOALS.cpu.loss);
    }
  }, 60_000);

  it("can be drawn on by keyboard", async () => {
    await click("Clear");
    await page.getByText("Nothing drawn yet").waitFor();
    await page.getByLabel("Drawing pad").focus();
    await page.keyboard.press("Space");
    for (let i = 0; i < 12; i++) await page.keyboard.press("ArrowDown");
    await page.getByText("Looks like a 1").waitFor();
    await page.keyboard.press("Escape");
    await page.getByText("Nothing drawn yet").waitFor();
  });

  it("fits narrow and wide windows, in light and dark", async () => {
    await stroke(...ONE);
    await page.getByLabel("Drawing pad").blur();
    for (const width of [360, 768, 1400]) {
      await page.setViewportSize({ width, height: 1000 });
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    }
    const ground = (): Promise<string> => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await ground();
    await page.emulateMedia({ colorScheme: "dark" });
    expect(await ground()).not.toBe(light);
    await page.emulateMedia({ colorScheme: "light" });
    await page.screenshot({ path: join(KEEP ? example : scratch, "screenshot.png"), fullPage: true });
  });

  it("pauses", async () => {
    await click("Pause");
    await status(/Paused at step/);
    const step = await number("step");
    await page.waitForTimeout(400);
    expect(await number("step")).toBe(step);
    await click("Start");
    await stepReaches(step + 8);
  });

  it("begins anew", async () => {
    await click("Reset");
    await status(/Ready/);
    expect([await text("step"), await text("accuracy"), await text("loss-value")]).toEqual(["0", "–", "–"]);
    expect(await page.locator("#mistakes li").count()).toBe(0);
    await page.getByText(/^Perhaps a \d$/).waitFor(); // the drawing is still there, the knowledge is not
    expect(Math.max(...(await probabilities()))).toBeLessThan(30);
  });

  it("says why a device cannot be used", async () => {
    await page.close();
    page = await open('Object.defineProperty(navigator, "gpu", { value: undefined });');
    expect(await page.getByRole("radio", { name: "webgpu" }).isDisabled()).toBe(true);
    expect(await page.getByText("device 'webgpu' cannot be started: this browser has no WebGPU").isVisible()).toBe(true);
  });

  it("says what is wrong where the digits are missing", async () => {
    const other = await browser.newPage();
    await other.route("**/mnist/*", (route) => route.fulfill({ status: 404 }));
    await other.goto(server.url);
    await other
      .getByRole("alert")
      .filter({ hasText: /mnist\/\S+ubyte cannot be fetched: 404/ })
      .waitFor();
    expect(await other.getByRole("button", { name: "Start" }).isDisabled()).toBe(true);
    await other.close();
  });

  it("has raised no error", () => expect(faults).toEqual([]));
});
