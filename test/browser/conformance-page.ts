/** The page that runs the corpus: the same runner as in Node, with fetched files. */
import { fetchFiles } from "../conformance/files.ts";
import { runOnDevice } from "../conformance/library.ts";
import type { Outcome } from "../conformance/outcome.ts";

/** What the page is asked to run. */
export interface PageRequest {
  /** The URL of the packed corpus. */
  readonly corpus: string;
  readonly device: string;
  readonly section: string | null;
  /** The source of a regular expression. */
  readonly match: string | null;
}

/** One case that ended. */
export type Entry = readonly [section: string, id: string, outcome: Outcome, group: string];

declare global {
  /** Of the host: takes the cases that have ended since the last call. */
  var reportEntries: (entries: readonly Entry[]) => Promise<void>;
  /** Of the page: runs a corpus. */
  var runConformance: (request: PageRequest) => Promise<void>;
}

globalThis.runConformance = async ({ corpus, device, section, match }) => {
  let entries: Entry[] = [];
  let last = performance.now();
  const flush = async (): Promise<void> => {
    const ended = entries;
    entries = [];
    last = performance.now();
    await globalThis.reportEntries(ended);
  };
  const selection = { section, match: match === null ? null : new RegExp(match) };
  await runOnDevice(await fetchFiles(corpus), device, selection, (...entry) => {
    entries.push(entry);
    if (performance.now() - last > 500) void flush();
  });
  await flush();
};
