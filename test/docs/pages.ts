/** Reads the pages of the documentation and the code on them. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const root: string = fileURLToPath(new URL("../..", import.meta.url));

/** A fenced block: its code, the line of the page that its first line is on (from 0), and what stands after the language. */
export interface Snippet {
  readonly lines: readonly string[];
  readonly start: number;
  readonly info: string;
}
export interface Page {
  /** The path from the root. */
  readonly file: string;
  readonly text: string;
  readonly lines: readonly string[];
  readonly snippets: readonly Snippet[];
}

/** What a `console.log` on a line of the page is said to print. */
export interface Expectation {
  readonly line: number;
  readonly text: string;
}

/** The fenced blocks of TypeScript on a page. */
export function snippetsOf(lines: readonly string[]): Snippet[] {
  const found: Snippet[] = [];
  for (let i = 0; i < lines.length; i++) {
    const fence = /^```ts\b\s*(.*)$/.exec(lines[i]!);
    if (fence === null) continue;
    const end = lines.indexOf("```", i);
    if (end < 0) throw new Error(`line ${i + 1}: a fence that does not end`);
    found.push({ lines: lines.slice(i + 1, end), start: i + 1, info: fence[1]!.trim() });
    i = end;
  }
  return found;
}

export function readPage(file: string): Page {
  const text = readFileSync(join(root, file), "utf8");
  const lines = text.split("\n");
  return { file, text, lines, snippets: snippetsOf(lines) };
}

/** README, CONTRIBUTING, CHANGELOG, and everything under docs/. */
export function allPages(): Page[] {
  const docs = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" }).filter((f) => f.endsWith(".md"));
  return ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...docs.map((f) => relative(root, join(root, "docs", f))).sort()].map(readPage);
}

/** Blocks marked with the name of a file quote it: ` ```ts src/ops/softmax.ts `. All others run. */
export const isQuote = (s: Snippet): boolean => s.info.includes("/");

/**
 * The page as a module: its code at the lines where it stands on the page, and nothing else, so that messages point to the page.
 */
export function moduleText(page: Page): string {
  const out = page.lines.map(() => "");
  for (const s of page.snippets) if (!isQuote(s)) out.splice(s.start, s.lines.length, ...s.lines);
  return out.join("\n");
}

const LOG = /^(\s*)console\.log\(/;

/**
 * What the calls of `console.log` are said to print: the comment behind the call, or the comment lines below it. A call in a loop or callback
 * lists the lines of all its calls.
 */
export function expectations(page: Page): Expectation[] {
  const found: Expectation[] = [];
  for (const s of page.snippets.filter((x) => !isQuote(x))) {
    s.lines.forEach((line, i) => {
      if (!LOG.test(line)) return;
      const behind = /;\s*\/\/ (.*)$/.exec(line);
      const below: string[] = [];
      for (let j = i + 1; behind === null && j < s.lines.length; j++) {
        const comment = /^\s*\/\/ ?(.*)$/.exec(s.lines[j]!);
        if (comment === null) break;
        below.push(comment[1]!);
      }
      found.push({ line: s.start + i, text: behind === null ? below.join("\n") : behind[1]! });
    });
  }
  return found;
}

/** The module with each `console.log(` at the beginning of a line replaced by `log(line, `. */
export function instrumented(page: Page, log: string): string {
  return moduleText(page)
    .split("\n")
    .map((line, i) => line.replace(LOG, `$1${log}(${i}, `))
    .join("\n");
}
