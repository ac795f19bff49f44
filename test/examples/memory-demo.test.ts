/** The page about memory as a reader gets it: made by the command, opened in Chromium, compared with what was recorded. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MemoryEvent, Recording, SegmentMap } from "../../examples/memory/recording.ts";
import { launchChromium, withoutBrowser } from "../browser/chromium.ts";
import { withUrl } from "../browser/page.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "memory-demo-"));
const file = join(scratch, "page.html");
let recording: Recording;
let browser: Browser | null = null;

beforeAll(async () => {
  const launching = withoutBrowser ? null : launchChromium();
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ["--import", "tsx", "examples/memory/main.ts", file], {
    cwd: root,
  });
  expect([stdout, stderr]).toEqual([expect.stringContaining(file), ""]);
  const json = /<script type="application\/json" id="recording">([\s\S]*?)<\/script>/.exec(readFileSync(file, "utf8"))?.[1];
  recording = JSON.parse(json ?? "") as Recording;
  browser = await launching;
}, 120_000);
afterAll(async () => {
  await browser?.close();
  rmSync(scratch, { recursive: true });
});

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
const requested = (events: readonly MemoryEvent[]): number =>
  sum(events.map(({ action, size }) => (action === "alloc" ? size : action === "free" ? -size : 0)));
const blocksOf = (segments: readonly SegmentMap[]): number => sum(segments.map(({ blocks }) => blocks.length));
const addressOf = (step: string, tensor: string): number =>
  recording.reuse.find(({ code }) => code.includes(`const ${step} =`))!.blocks[tensor]!;

describe("what is recorded", () => {
  it("adds up to what the library says is in use, at each phase of the training", () => {
    const { events, phases } = recording.training;
    expect(phases.map(({ end }) => requested(events.slice(0, end)))).toEqual(phases.map((phase) => phase.requested));
    expect(new Set(events.map(({ category }) => category))).toEqual(
      new Set(["parameter", "optimizerState", "gradient", "activation", "temporary", null]),
    );
    // From the second step on each is like the other.
    expect(phases.at(-1)!.requested).toBe(phases.find(({ step, name }) => step === 2 && name === "end")!.requested);
  });

  it("tells the lines of the program, and no path of this machine", () => {
    const lines = readFileSync(join(root, "examples/memory/programs/training.ts"), "utf8").split("\n");
    const { firstLine, lines: shown } = recording.training.source;
    expect(shown).toEqual(lines.slice(firstLine - 1, firstLine - 1 + shown.length));
    const gradients = recording.training.events.filter(({ action, category }) => action === "alloc" && category === "gradient");
    expect(new Set(gradients.map(({ place }) => lines[place.line - 1]!.trim()))).toEqual(new Set(["loss.backward();"]));
    expect(readFileSync(file, "utf8")).not.toContain(root);
  });

  it("has segments that their blocks fill, and holes that keep them", () => {
    for (const { segments, reserved, allocated } of recording.moments) {
      for (const { blocks, size } of segments) expect(sum(blocks.map((b) => b.size))).toBe(size);
      expect(sum(segments.map(({ size }) => size))).toBe(reserved);
      expect(sum(segments.flatMap(({ blocks }) => blocks.map((b) => (b.category === null ? 0 : b.size))))).toBe(allocated);
    }
    const [filled, dropped, emptied] = recording.moments.slice(-3);
    expect(dropped!.reserved).toBe(filled!.reserved);
    expect(dropped!.inactiveSplit).toBeGreaterThan(filled!.inactiveSplit);
    expect(emptied!.allocated).toBe(dropped!.allocated);
    expect(emptied!.reserved).toBeLessThan(dropped!.reserved);
    expect(emptied!.reserved - emptied!.allocated).toBe(emptied!.inactiveSplit); // what could go has gone
  });

  it("counts each storage down to 0, which is when its block is free", () => {
    for (const { storages } of recording.owners) {
      for (const { owners, isFree } of storages) expect(isFree).toBe(sum(Object.values(owners)) === 0);
    }
    expect(recording.owners.at(-1)!.storages.every(({ isFree }) => isFree)).toBe(true);
    const roles = recording.owners.flatMap(({ storages }) => storages.flatMap(({ owners }) => Object.entries(owners)));
    expect(new Set(roles.flatMap(([role, n]) => (n > 0 ? role : [])))).toEqual(new Set(["handle", "view", "saved", "state"]));
  });

  it("finds the ring and nothing else", () => {
    const { steps, objects, found } = recording.cycle;
    expect([objects.length, found]).toEqual([10, 6]);
    const [dropped, swept] = [steps.find(({ title }) => title === "Handles go")!, steps.at(-1)!];
    expect(dropped.states.every(({ count }) => count! > 0)).toBe(true);
    expect(swept.states.filter(({ count }) => count === null)).toHaveLength(6);
    expect(dropped.allocated - swept.allocated).toBe(3 * 4096);
    expect(recording.gradientCycle).toMatchObject({ found: recording.gradientCycle.objects.length, after: 0 });
  });

  it("collects when thresholds are passed, and promotes what survives", () => {
    const { collections, threshold } = recording.generations;
    expect(threshold).toEqual([700, 10, 10]);
    for (const { generation, countBefore, trackedBefore, trackedAfter, collected } of collections) {
      expect(countBefore[generation]).toBe(threshold[generation]! + 1);
      expect(sum(trackedBefore) - sum(trackedAfter)).toBe(collected);
      expect(trackedAfter.slice(0, Math.min(2, generation + 1))).toEqual(new Array(Math.min(2, generation + 1)).fill(0));
    }
    expect([...new Set(collections.map(({ followed }) => followed))]).toEqual([1, 2]);
    expect(collections.at(-1)!.collections.map((n) => n > 0)).toEqual([true, true, true]);
  });

  it("gives a freed block to the next of its size and kind only", () => {
    const [a, b] = [addressOf("a", "a"), addressOf("b", "b")];
    expect(addressOf("d", "d")).toBe(a);
    expect(addressOf("e", "e")).toBe(a);
    expect(addressOf("f", "f")).toBe(b);
    expect([a, b]).not.toContain(addressOf("c", "c"));
    expect(recording.reuse.map(({ reused }) => reused)).toEqual([0, 0, 0, 0, 1, 1, 2, 3]);
  });
});

describe.skipIf(withoutBrowser)("the page", () => {
  const open = (body: (page: Page) => Promise<void>): Promise<void> =>
    withUrl(String(pathToFileURL(file)), { browser: browser! }, async (page, { requests }) => {
      await body(page);
      expect(requests).toHaveLength(1);
    });
  const button = (page: Page, section: string, name: string): Locator =>
    page.locator(`#${section}-controls`).getByRole("button", { name, exact: true });
  const number = async (locator: Locator): Promise<number> => Number((await locator.textContent())!.replaceAll(",", ""));
  const cells = (rows: Locator): Promise<string[][]> =>
    rows.evaluateAll((all) => all.map((row) => Array.from(row.children, (cell) => cell.textContent ?? "")));
  /** What each step of a section shows, from the first to the last. */
  async function walk<T>(page: Page, section: string, read: () => Promise<T>): Promise<T[]> {
    const slider = page.locator(`#${section}-controls`).getByRole("slider");
    await slider.press("Home");
    const last = Number(await slider.getAttribute("max"));
    const seen = [await read()];
    for (let i = 0; i < last; i++) {
      await button(page, section, "Next").press("Enter");
      seen.push(await read());
    }
    expect(await button(page, section, "Next").getAttribute("aria-disabled")).toBe("true");
    return seen;
  }

  it("shows the bytes in use after each event, and its line", () =>
    open(async (page) => {
      const { events, phases, source } = recording.training;
      const total = page.locator("#timeline-total");
      expect(await page.locator("#timeline-chart .area").count()).toBe(5);
      expect(await page.locator("#timeline-chart .tick").count()).toBe(events.filter(({ category }) => category !== null).length);
      const peak = Math.max(...events.map((_, i) => requested(events.slice(0, i + 1))));
      expect(await number(total)).toBe(peak);
      const slider = page.getByRole("slider", { name: "Events of the training" });
      await slider.press("Home");
      expect(await number(total)).toBe(requested(events.slice(0, 1)));
      for (const { end } of phases.slice(0, 4)) {
        await button(page, "timeline", "Next phase").click();
        await button(page, "timeline", "Back").click(); // the last event of the phase
        expect(await number(total)).toBe(requested(events.slice(0, end)));
        const { line } = events[end - 1]!.place;
        expect(await page.locator("#timeline-source .current").textContent()).toBe(source.lines[line - source.firstLine]);
        await slider.press("ArrowRight");
      }
      const box = (await page.locator("#timeline-chart svg").boundingBox())!;
      await page.mouse.click(box.x + box.width - 12, box.y + box.height / 2);
      expect(await number(total)).toBe(
        requested(events.slice(0, Number(/Event (\d+)/.exec((await page.locator("#timeline-event").textContent())!)![1]))),
      );
      expect(Number(await slider.inputValue())).toBeGreaterThan(events.length - 5);
    }));

  it("draws every block of every segment, at each moment", () =>
    open(async (page) => {
      const seen = await walk(page, "arenas", async () => ({
        blocks: await page.locator("#arenas-maps .block").count(),
        segments: await page.locator("#arenas-maps .segment").evaluateAll((all) => all.map((e) => [e.dataset["kind"], e.dataset["part"]])),
        free: await page.locator("#arenas-maps .block.free").count(),
      }));
      expect(seen).toEqual(
        recording.moments.map(({ segments }) => ({
          blocks: blocksOf(segments),
          segments: segments.map(({ kind, part }) => [kind, part]),
          free: sum(segments.map(({ blocks }) => blocks.filter(({ category }) => category === null).length)),
        })),
      );
      const kinds = recording.moments.flatMap(({ segments }) => segments.map(({ kind, part }) => `${kind} ${part}`));
      expect(new Set(kinds)).toEqual(new Set(["float small", "float large", "int small", "bool small"]));
      await page
        .locator("#arenas-maps .block")
        .first()
        .hover({ position: { x: 9, y: 2 } });
      expect(await page.locator("#arenas-block").textContent()).toMatch(/^0x[0-9a-f]+: [\d,]+ bytes/);
    }));

  it("walks counts down to 0, and back", () =>
    open(async (page) => {
      const table = (): Promise<string[][]> => cells(page.locator("#owners-table tbody tr"));
      const counts = await walk(page, "owners", async () => (await table()).map((row) => Number(row.at(-2))));
      expect(counts).toEqual(recording.owners.map(({ storages }) => storages.map(({ owners }) => sum(Object.values(owners)))));
      expect(counts.at(-1)!.every((n) => n === 0)).toBe(true);
      const last = await table();
      expect(last.every((row) => row.at(-1)!.startsWith("free"))).toBe(true);
      await button(page, "owners", "Back").click();
      expect(await table()).not.toEqual(last);
    }));

  it("collects the ring", () =>
    open(async (page) => {
      const { objects, steps, found } = recording.cycle;
      const seen = await walk(page, "cycle", async () => ({
        nodes: await page.locator("#cycle-graph .node").count(),
        table: (await cells(page.locator("#cycle-table tbody tr"))).map((row) => row.slice(0, 3)),
      }));
      const text = (n: number | null): string => (n === null ? "–" : String(n));
      expect(seen).toEqual(
        steps.map(({ states }) => ({
          nodes: states.filter(({ count }) => count !== null).length,
          table: states.map(({ count, copy }, i) => [objects[i]!.name, text(count), text(copy)]),
        })),
      );
      expect(await page.locator("#cycle-text").textContent()).toContain(`gc.collect() returned ${found}`);
      expect(await page.locator("#cycle-table .gone").count()).toBe(found);
      expect(await page.locator("#gradient-graph .node").count()).toBe(recording.gradientCycle.objects.length);
      expect(await page.locator("#gradient-result").textContent()).toContain(`finds ${recording.gradientCycle.found} unreachable`);
    }));

  it("promotes", () =>
    open(async (page) => {
      const { collections } = recording.generations;
      const heading = page.locator("#generations-text .strong");
      for (const generation of [1, 2]) {
        const at = collections.findIndex((c) => c.generation === generation);
        await page.getByRole("slider", { name: "Collections" }).press("Home");
        await button(page, "generations", `Next of generation ${generation}`).click();
        expect(await heading.textContent()).toBe(
          `Collection ${at + 1}: generation ${generation}, ${collections[at]!.collected} unreachable`,
        );
        const [, , tracked] = (await cells(page.locator(`#generations-table [data-generation="${generation}"]`)))[0]!;
        expect(tracked!.replaceAll(",", "")).toBe(
          `${collections[at]!.trackedBefore[generation]} → ${collections[at]!.trackedAfter[generation]}`,
        );
        expect(await page.locator("#generations-text").textContent()).toContain(`is in generation ${collections[at]!.followed}`);
      }
      expect(await page.locator("#generations-chart .lane").count()).toBe(3);
    }));

  it("shows the same address again", () =>
    open(async (page) => {
      const seen = await walk(page, "reuse", async () => ({
        addresses: (await cells(page.locator("#reuse-table tbody tr"))).map((row) => row.slice(0, 2)),
        blocks: await page.locator("#reuse-maps .block").count(),
      }));
      expect(seen.map(({ blocks }) => blocks)).toEqual(recording.reuse.map(({ segments }) => blocksOf(segments)));
      const at = new Map(seen.at(-1)!.addresses as [string, string][]);
      expect(at.get("d")).toBe(at.get("a"));
      expect(Number(at.get("d"))).toBe(addressOf("d", "d"));
      expect([at.get("a"), at.get("b")]).not.toContain(at.get("c"));
    }));

  it("has names for all that is drawn or can be pressed, fits any window, and is dark in the dark", () =>
    open(async (page) => {
      const unnamed = await page
        .locator("svg, button, input")
        .evaluateAll((all) => all.filter((e) => !(e.getAttribute("aria-label") ?? e.textContent)?.trim()).map((e) => e.outerHTML));
      expect(unnamed).toEqual([]);
      expect(await page.locator("svg:not(:has(> title))").count()).toBe(0);
      for (const slider of await page.getByRole("slider").all()) await slider.press("End");
      for (const width of [390, 768, 1280]) {
        await page.setViewportSize({ width, height: 900 });
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
      }
      const ground = (): Promise<string> => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const light = await ground();
      await page.emulateMedia({ colorScheme: "dark" });
      expect(await ground()).not.toBe(light);
    }));
});
