/**
 * The documentation runs. The code of each page is one module: it is type-checked, run, and what it prints is compared with the comments beside
 * it. Code that quotes a source file has to be found there, and links have to lead somewhere.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { format } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { allPages, expectations, instrumented, isQuote, moduleText, type Page, root } from "./pages.ts";

const pages = allPages();
// Two folders below the root, as the pages of docs/learn and docs/design are: their relative imports work from here.
const checked = join(root, ".cache/docs-types");
const run = join(root, ".cache/docs-run");
const moduleName = (page: Page): string => `${page.file.replaceAll("/", "-").replace(/\.md$/, "")}.ts`;
const hasCode = (page: Page): boolean => page.snippets.some((s) => !isQuote(s));
const runnable = pages.filter(hasCode);
/** Pages whose code needs the GPU. */
const needsGpu = (page: Page): boolean => moduleText(page).includes("torch.webgpu.start()");
const without = process.env["TORCHLET_NO_WEBGPU"] === "1";

/** What was printed, by page and line. */
const printed = new Map<string, Map<number, string[]>>();
type Logger = (page: string) => (line: number, ...values: unknown[]) => void;
const logger: Logger =
  (page) =>
  (line, ...values) => {
    const lines = printed.get(page)!;
    lines.set(line, [...(lines.get(line) ?? []), format(...values)]);
  };

beforeAll(() => {
  for (const folder of [checked, run]) mkdirSync(folder, { recursive: true });
  for (const page of runnable) {
    writeFileSync(join(checked, moduleName(page)), moduleText(page));
    writeFileSync(
      join(run, moduleName(page)),
      `const __log = globalThis.__docs(${JSON.stringify(page.file)}); ${instrumented(page, "__log")}`,
    );
  }
  Object.assign(globalThis, { __docs: logger });
});
afterAll(() => {
  for (const folder of [checked, run]) rmSync(folder, { recursive: true, force: true });
});

it("the code of all pages type-checks", () => {
  const config = {
    extends: "../../tsconfig.json",
    // A page exports nothing that others import.
    compilerOptions: { isolatedDeclarations: false, declaration: false, paths: { torchlet: ["../../src/index.ts"] } },
    include: ["*.ts"],
    exclude: [],
  };
  writeFileSync(join(checked, "tsconfig.json"), JSON.stringify(config));
  let complaints = "";
  try {
    execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", checked, "--noEmit", "--pretty", "false"], {
      cwd: checked,
      encoding: "utf8",
    });
  } catch (error) {
    complaints = String((error as { stdout?: string }).stdout ?? error);
  }
  // What is wrong in src/ itself is for the type check of the project to say.
  expect(
    complaints
      .split("\n")
      .filter((line) => !line.startsWith("../../"))
      .join("\n")
      .trim(),
  ).toBe("");
});

describe.each(runnable.map((page) => [page.file, page] as const))("%s", (file, page) => {
  it.skipIf(without && needsGpu(page))("runs, and prints what it says", async () => {
    printed.set(file, new Map());
    await import(/* @vite-ignore */ pathToFileURL(join(run, moduleName(page))).href);
    const said = Object.fromEntries(expectations(page).map(({ line, text }) => [`line ${line + 1}`, text]));
    const got = Object.fromEntries(
      expectations(page).map(({ line }) => [`line ${line + 1}`, printed.get(file)!.get(line)?.join("\n") ?? "(nothing)"]),
    );
    expect(got).toEqual(said);
  });
});

const quotes = pages.flatMap((page) => page.snippets.filter(isQuote).map((s) => [`${page.file}:${s.start}`, s] as const));
it.runIf(quotes.length > 0).each(quotes)("%s quotes a source file", (_, snippet) => {
  const source = readFileSync(join(root, snippet.info.split(" ")[0]!), "utf8");
  // Passages may be left out, with a line of three dots in their place.
  const passages = snippet.lines.join("\n").split(/\n?^\s*(?:\/\/ )?\.\.\.$\n?/m);
  let at = 0;
  for (const passage of passages) {
    const found = source.indexOf(passage, at);
    expect(found, `not in ${snippet.info}:\n${passage}`).toBeGreaterThanOrEqual(0);
    at = found + passage.length;
  }
});

/** The anchor of a heading, as code hosts make it. */
const anchor = (heading: string): string =>
  heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(" ", "-");
const withoutCode = (page: Page): string => page.text.replace(/^```[\s\S]*?^```$/gm, "");

it.each(pages.map((page) => [page.file, page] as const))("the links of %s lead somewhere", (file, page) => {
  for (const [, target] of withoutCode(page).matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^https?:/.test(target!)) continue;
    const [path, fragment] = target!.split("#") as [string, string?];
    const full = path === "" ? join(root, file) : join(root, dirname(file), path);
    expect(existsSync(full), `${file} links to ${target}`).toBe(true);
    if (fragment === undefined) continue;
    const headings = [...readFileSync(full, "utf8").matchAll(/^#+ (.*)$/gm)].map((m) => anchor(m[1]!));
    expect(headings, `${file} links to ${target}`).toContain(fragment);
  }
});

it.each(pages.map((page) => [page.file, page] as const))("source files that %s names exist", (_, page) => {
  for (const [, path] of withoutCode(page).matchAll(/`((?:src|test|bench|scripts|examples|docs)\/[\w./-]*)`/g)) {
    expect(existsSync(join(root, path!)), path).toBe(true);
  }
});
