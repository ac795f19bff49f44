/**
 * The overhead of calls, forward and backward, on tensors of a few elements, beside PyTorch (the system's python3-torch): each in a process of its own,
 * in turns.
 *
 *     npm run bench:small -- [--rounds N] [--markdown FILE] [--python PATH]
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { median } from "../measure.ts";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    markdown: { type: "string" },
    python: { type: "string", default: "/usr/bin/python3" },
  },
});

interface Found {
  readonly about: string;
  readonly microseconds: Readonly<Record<string, number>>;
}
/** What a ratio to PyTorch is to be at most. */
const TARGETS: Readonly<Record<string, number>> = {
  "add of 4 elements": 0.3,
  "add of 4 elements, recorded": 0.3,
  "that add, sum, backward": 0.25,
  "the same, forward and backward": 0.25,
  "MLP 2-16-16-1, batch 4, a step of SGD": 0.3,
};

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Found {
  return JSON.parse(execFileSync(command, args, { encoding: "utf8", env: { ...process.env, ...env } })) as Found;
}
const torchlet = (): Found =>
  run(process.execPath, ["--import", "tsx", path("torchlet.ts")], { TSX_TSCONFIG_PATH: path("../tsconfig.json") });
/** Where PyTorch is not installed there is no column of it. */
function pytorch(): Found | null {
  try {
    return run(options.python, [path("pytorch.py")], {});
  } catch (error) {
    console.error(`no column PyTorch: ${(error as Error).message.split("\n")[0]}`);
    return null;
  }
}

const rounds: { ours: Found; theirs: Found | null }[] = [];
for (let i = 0; i < Number(options.rounds); i++) {
  const theirs = rounds.length > 0 && rounds[0]!.theirs === null ? null : pytorch();
  rounds.push({ ours: torchlet(), theirs });
}
const [{ ours, theirs }] = rounds as [(typeof rounds)[number]];
const shown = (us: number): string => us.toPrecision(3);
const lines = [`| microseconds | ${ours.about} | ${theirs?.about ?? "PyTorch"} | ratio | target |`, "|---|---|---|---|---|"];
for (const name of Object.keys(ours.microseconds)) {
  const mine = median(rounds.map((r) => r.ours.microseconds[name]!));
  const other = theirs === null ? null : median(rounds.map((r) => r.theirs!.microseconds[name]!));
  const ratio = other === null ? "" : (mine / other).toFixed(2);
  lines.push(`| ${name} | ${shown(mine)} | ${other === null ? "" : shown(other)} | ${ratio} | ${TARGETS[name] ?? ""} |`);
}
const load = loadavg().map((l) => l.toFixed(1));
lines.push("", `${cpus()[0]!.model.trim()}, ${cpus().length} cores; medians of ${rounds.length} rounds; load average ${load.join(", ")}`);
console.log(lines.join("\n"));
if (options.markdown !== undefined) writeFileSync(options.markdown, `${lines.join("\n")}\n`);
