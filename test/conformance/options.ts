/** The command line of the runner. */
import { parseArgs } from "node:util";

export interface Options {
  readonly corpus: string;
  readonly device: string;
  readonly section: string | null;
  readonly match: RegExp | null;
  readonly json: string | null;
  readonly complete: boolean;
  readonly verbose: boolean;
}

export const USAGE =
  "npm run conformance -- [--corpus DIR] [--device NAME] [--section S] [--match RE] [--json FILE] [--complete] [--verbose]";

export function parseOptions(args: readonly string[], defaultCorpus: string): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      corpus: { type: "string" },
      device: { type: "string" },
      section: { type: "string" },
      match: { type: "string" },
      json: { type: "string" },
      complete: { type: "boolean" },
      verbose: { type: "boolean" },
    },
  });
  return {
    corpus: values.corpus ?? defaultCorpus,
    device: values.device ?? "cpu",
    section: values.section ?? null,
    match: values.match === undefined ? null : new RegExp(values.match),
    json: values.json ?? null,
    complete: values.complete === true,
    verbose: values.verbose === true,
  };
}
