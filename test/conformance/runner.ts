/** Runs the cases of a corpus and gathers their outcomes. */
import type { Api } from "./api.ts";
import type { Context, Section } from "./context.ts";
import { type Case, Corpus } from "./corpus.ts";
import { draws, settler } from "./devices.ts";
import type { CorpusFiles } from "./files.ts";
import { Mismatch, type Outcome, outcomeOf } from "./outcome.ts";
import { Report } from "./report.ts";
import { sections } from "./sections/index.ts";

export interface Selection {
  readonly section: string | null;
  readonly match: RegExp | null;
}

export type OnCase = (section: string, id: string, outcome: Outcome, group: string) => void;

/** Runs what is selected; `onCase` hears of every case as it ends. */
export async function runCorpus(
  files: CorpusFiles,
  api: Api,
  deviceDTypes: ReadonlySet<string>,
  { section: only, match }: Selection,
  onCase: OnCase,
): Promise<Report> {
  const corpus = await Corpus.open(files);
  const report = new Report(files.name, api.device);
  const context: Context = { api, supports: (dtype) => deviceDTypes.has(dtype), flushes: api.device === "webgpu" };
  const settle = settler(api);
  const names = Object.keys(corpus.manifest.sections).toSorted((a, b) => rank(a) - rank(b));
  for (const name of names) {
    if (only !== null && only !== name) continue;
    const section = sections[name];
    for (const { name: groupName } of corpus.manifest.sections[name] ?? []) {
      for (const test of (await corpus.group(name, groupName)).cases) {
        if (match && !match.test(`${name}/${test.id}`)) continue;
        const outcome = section ? await runCase(section, test, context, settle) : unknownSection(name);
        report.add(name, groupName, test.id, outcome);
        onCase(name, test.id, outcome, groupName);
      }
    }
  }
  return report;
}

async function runCase(section: Section, test: Case, context: Context, settle: () => Promise<unknown>): Promise<Outcome> {
  const needed = [...(section.dtypes?.(test) ?? test.dtypes)];
  const missing = needed.filter((dtype) => !context.supports(dtype));
  if (missing.length > 0) return { kind: "unsupported", why: `${context.api.device} has no ${missing.join(", ")}` };
  const drawn = draws(context.api);
  try {
    await section.run(test, context);
    await settle();
    return { kind: "passed" };
  } catch (error) {
    await settle().catch(() => {}); // the next case must not hear of it
    const outcome = outcomeOf(error);
    if (/holds int64 in 32 bits/.test(String(error))) return { kind: "unsupported", why: (error as Error).message };
    if (outcome.kind === "failed" && error instanceof Mismatch && context.flushes && hasSubnormals(test))
      return { kind: "unsupported", why: `${context.api.device} may take numbers below the smallest normal one for 0: ${outcome.why}` };
    if (outcome.kind === "failed" && error instanceof Mismatch && / element \d+: /.test(outcome.why) && drawn())
      return { kind: "unsupported", why: `${context.api.device} has random numbers of its own: ${outcome.why}` };
    return outcome;
  }
}

/** Whether a float32 operand of the case holds a number below the smallest normal one. */
function hasSubnormals(test: Case): boolean {
  return test.record.tensors.some((_, i) => {
    const { dtype, storage } = test.tensor(i);
    return dtype === "float32" && (storage as Float32Array).some((x) => x !== 0 && Math.abs(x) < 2 ** -126);
  });
}

function unknownSection(name: string): Outcome {
  return { kind: "failed", why: `the section ${name} is not known to this runner` };
}

/** Known sections first, in their order. */
function rank(name: string): number {
  const at = Object.keys(sections).indexOf(name);
  return at < 0 ? Number.POSITIVE_INFINITY : at;
}
