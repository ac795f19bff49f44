/** Opens one page of a served folder in Chromium, and watches over it. */
import type { Browser, Page } from "playwright-core";
import { launchChromium } from "./chromium.ts";
import { type ServeOptions, serve } from "./server.ts";

export interface PageOptions extends ServeOptions {
  /** The folder that is served. */
  readonly root: string;
  /** The page: `/` is `index.html`. */
  readonly path?: string;
  /** A browser that runs already; it is left running. Without one, a browser is started for this page and ended after it. */
  readonly browser?: Browser;
  /** Whether the page may write warnings to the console. */
  readonly warnings?: boolean;
}

/** What a page did until now. */
export interface PageLog {
  /** Every URL that it asked for. */
  readonly requests: readonly string[];
  /** What it wrote to the console, but for what is a fault. */
  readonly messages: readonly string[];
  /** Errors on the console, warnings unless they are allowed, uncaught exceptions, requests without an answer. */
  readonly faults: readonly string[];
}

/**
 * Serves `root`, opens a page of it, and gives what `body` gives. Ends page, server and browser in any case. Raises where the page had a
 * fault that `body` did not: a console error, a warning unless `warnings`, an uncaught exception, a request that failed.
 *
 * @example
 * const title = await withPage({ root: "examples/browser/dist" }, async (page) => {
 *   await page.click("button");
 *   return await page.title();
 * });
 */
export async function withPage<T>(options: PageOptions, body: (page: Page, log: PageLog) => Promise<T>): Promise<T> {
  const server = await serve(options.root, options);
  try {
    return await withUrl(`${server.url}${options.path ?? "/"}`, options, body);
  } finally {
    await server.close();
  }
}

/** The same for a page that somebody else serves. */
export async function withUrl<T>(
  url: string,
  { browser: running, warnings = false }: Pick<PageOptions, "browser" | "warnings">,
  body: (page: Page, log: PageLog) => Promise<T>,
): Promise<T> {
  const browser = running ?? (await launchChromium());
  try {
    const context = await browser.newContext();
    try {
      const page = await context.newPage();
      const log = watch(page, warnings);
      let result: T;
      try {
        await page.goto(url, { waitUntil: "load" });
        const run = body(page, log);
        run.catch(() => {}); // heard of below, or too late
        result = await Promise.race([run, afterFault(log)]);
      } catch (error) {
        if (log.faults.length === 0) throw error;
        throw new Error(`${error instanceof Error ? error.message : String(error)}\nThe page said before:\n${log.faults.join("\n")}`, {
          cause: error,
        });
      }
      if (log.faults.length > 0) throw new Error(`the page ${url} had faults:\n${log.faults.join("\n")}`);
      return result;
    } finally {
      await context.close();
    }
  } finally {
    if (!running) await browser.close();
  }
}

/** Fails shortly after the first fault: a page that is broken may never do what the test waits for. */
async function afterFault({ faults, first }: Watched): Promise<never> {
  await first;
  await new Promise((resolve) => setTimeout(resolve, 1000));
  throw new Error(`the page went on no further than to ${faults.length} faults`);
}

interface Watched extends PageLog {
  /** Resolves with the first fault. */
  readonly first: Promise<void>;
}

function watch(page: Page, warnings: boolean): Watched {
  const requests: string[] = [];
  const messages: string[] = [];
  const faults: string[] = [];
  let seen = (): void => {};
  const first = new Promise<void>((resolve) => {
    seen = resolve;
  });
  const fault = (text: string): void => {
    faults.push(text);
    seen();
  };
  page.on("request", (request) => requests.push(request.url()));
  page.on("requestfailed", (request) => fault(`${request.url()}: ${request.failure()?.errorText ?? "failed"}`));
  page.on("response", (response) => {
    if (response.status() >= 400) fault(`${response.url()}: status ${response.status()}`);
  });
  page.on("console", (message) => {
    const wrong = message.type() === "error" || (message.type() === "warning" && !warnings);
    if (wrong) fault(`console ${message.type()}: ${message.text()} (${message.location().url})`);
    else messages.push(message.text());
  });
  page.on("pageerror", (error) => fault(`uncaught ${error.stack ?? error.message}`));
  page.on("crash", () => fault("the page crashed"));
  return { requests, messages, faults, first };
}
