/** The command line of the runner. */
import { parseArgs } from "node:util";

export interface Options {
  readonly corpus: string;
  readonly device: string;
  /** In Chromium instead of Node. */
  readonly browser: boolean;
  /** On a cross-origin isolated page. */
  readonly isolated: boolean;
  readonly section: string | null;
  readonly match: RegExp | null;
  readonly json: string | null;
  readonly complete: boolean;
  readonly verbose: boolean;
}

export const USAGE =
  "npm run conformance -- [--corpus DIR] [--device NAME] [--browser [--isolated]] [--section S] [--match RE] [--json FILE] [--complete] [--verbose]";

export function parseOptions(args: readonly string[], defaultCorpus: string): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      corpus: { type: "string" },
      device: { type: "string" },
      browser: { type: "boolean" },
      isolated: { type: "boolean" },
      section: { type: "string" },
      match: { type: "string" },
      json: { type: "string" },
      complete: { type: "boolean" },
      verbose: { type: "boolean" },
    },
  });
  if (values.isolated === true && values.browser !== true) throw new Error("--isolated goes with --browser");
  return {
    corpus: values.corpus ?? defaultCorpus,
    device: values.device ?? "cpu",
    browser: values.browser === true,
    isolated: values.isolated === true,
    section: values.section ?? null,
    match: values.match === undefined ? null : new RegExp(values.match),
    json: values.json ?? null,
    complete: values.complete === true,
    verbose: values.verbose === true,
  };
}
