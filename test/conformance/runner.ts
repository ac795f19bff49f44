/** Runs the cases of a corpus and gathers their outcomes. */
import type { Api } from "./api.ts";
import type { Context, Section } from "./context.ts";
import { type Case, Corpus } from "./corpus.ts";
import { type Outcome, outcomeOf } from "./outcome.ts";
import { Report } from "./report.ts";
import { sections } from "./sections/index.ts";

export interface Selection {
  readonly section: string | null;
  readonly match: RegExp | null;
}

/** Runs what is selected; `onCase` hears of every case as it ends. */
export async function runCorpus(
  dir: string,
  api: Api,
  deviceDTypes: ReadonlySet<string>,
  { section: only, match }: Selection,
  onCase: (section: string, id: string, outcome: Outcome) => void,
): Promise<Report> {
  const corpus = new Corpus(dir);
  const report = new Report(dir, api.device);
  const context: Context = { api, supports: (dtype) => deviceDTypes.has(dtype) };
  const names = Object.keys(corpus.manifest.sections).toSorted((a, b) => rank(a) - rank(b));
  for (const name of names) {
    if (only !== null && only !== name) continue;
    const section = sections[name];
    for (const { name: groupName } of corpus.manifest.sections[name] ?? []) {
      for (const test of corpus.group(name, groupName).cases) {
        if (match && !match.test(`${name}/${test.id}`)) continue;
        const outcome = section ? await runCase(section, test, context) : unknownSection(name);
        report.add(name, groupName, test.id, outcome);
        onCase(name, test.id, outcome);
      }
    }
  }
  return report;
}

async function runCase(section: Section, test: Case, context: Context): Promise<Outcome> {
  const needed = [...(section.dtypes?.(test) ?? test.dtypes)];
  const missing = needed.filter((dtype) => !context.supports(dtype));
  if (missing.length > 0) return { kind: "unsupported", why: `${context.api.device} has no ${missing.join(", ")}` };
  try {
    await section.run(test, context);
    return { kind: "passed" };
  } catch (error) {
    return outcomeOf(error);
  }
}

function unknownSection(name: string): Outcome {
  return { kind: "failed", why: `the section ${name} is not known to this runner` };
}

/** Known sections first, in their order. */
function rank(name: string): number {
  const at = Object.keys(sections).indexOf(name);
  return at < 0 ? Number.POSITIVE_INFINITY : at;
}
