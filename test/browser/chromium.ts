/** Starts the Chromium that is installed here, without a window. */
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

/** Where systems put Chromium; the environment variable CHROMIUM names another one. */
const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** WebGPU on the CPU (SwiftShader), so that every machine computes the same, and nothing that talks to a network. */
const ARGUMENTS = [
  "--no-sandbox",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--enable-features=Vulkan",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** The path of the installed Chromium. Throws where there is none. */
export function chromiumPath(): string {
  const CHROMIUM = process.env["CHROMIUM"];
  const path = CHROMIUM ?? PLACES.find((place) => existsSync(place));
  if (path === undefined) throw new Error(`Chromium is not installed: neither CHROMIUM is set nor ${PLACES.join(", ")} there`);
  return path;
}

/**
 * A headless Chromium, with `more` arguments. `close()` ends it with all its processes; so does the end of this process.
 *
 * @example
 * const browser = await launchChromium();
 * try {
 *   const page = await browser.newPage();
 * } finally {
 *   await browser.close();
 * }
 */
export async function launchChromium(more: readonly string[] = []): Promise<Browser> {
  return await chromium.launch({ executablePath: chromiumPath(), headless: true, args: [...ARGUMENTS, ...more], timeout: 60_000 });
}

/** Whether tests in Chromium are switched off: TORCHLET_NO_BROWSER=1. Without it they fail where Chromium is not installed. */
export const withoutBrowser: boolean = process.env["TORCHLET_NO_BROWSER"] === "1";

/** Whether tests on WebGPU are switched off: TORCHLET_NO_WEBGPU=1. */
export const withoutWebgpu: boolean = process.env["TORCHLET_NO_WEBGPU"] === "1";
