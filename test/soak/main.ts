/**
 * Runs training loops as tutorials write them, without a word about memory, and measures what they hold:
 *
 *     npm run soak -- [--steps N] [--loops RE] [--devices cpu,webgpu] [--hosts node,chromium] [--variants plain,kept]
 *                     [--mark MB] [--no-gc] [--json FILE] [--markdown FILE]
 *     npm run soak -- --peers [--steps N]    the MLP beside tfjs, jax-js and PyTorch: bench/memory
 *
 * Each run has a process, or a browser, of its own. In the variant `kept` a loss is kept as tensor every hundred steps. `--no-gc` starts
 * Chromium without `gc`.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { repository, withScratch } from "../browser/bundle.ts";
import { buildSoakPage, runInPage, soakBrowser } from "./chromium.ts";
import { faultsOf, type Rss, rssFaults, rssOf } from "./judge.ts";
import { loops } from "./loops/index.ts";
import { runInNode } from "./node.ts";
import { browserProcesses, withRss } from "./rss.ts";
import type { RunRequest, RunResult } from "./run.ts";

const { values: options } = parseArgs({
  options: {
    steps: { type: "string", default: "10000" },
    loops: { type: "string", default: "" },
    devices: { type: "string", default: "cpu,webgpu" },
    hosts: { type: "string", default: "node,chromium" },
    variants: { type: "string", default: "plain,kept" },
    mark: { type: "string", default: "6" },
    "no-gc": { type: "boolean", default: false },
    json: { type: "string" },
    markdown: { type: "string" },
    peers: { type: "boolean", default: false },
  },
});

const MB = 1024 * 1024;
/** Milliseconds that a browser's processes grow after its start. */
const SETTLING = 3000;
const steps = Number(options.steps);
if (options.peers) {
  const args = ["run", "bench:memory", "--", "--steps", options.steps];
  process.exit(spawnSync("npm", args, { cwd: repository, stdio: "inherit" }).status ?? 1);
}
if (!(steps > 0 && steps % 20 === 0)) throw new Error(`--steps has to be a multiple of 20, not ${options.steps}`);

/** The names in a flag. */
function among(flag: "devices" | "hosts" | "variants", all: readonly string[]): string[] {
  const names = options[flag].split(",");
  const strange = names.find((name) => !all.includes(name));
  if (strange !== undefined) throw new Error(`--${flag}: ${strange} is none of ${all.join(", ")}`);
  return names;
}
const devices = among("devices", ["cpu", "webgpu"]);
const hosts = among("hosts", ["node", "chromium"]);
const variants = among("variants", ["plain", "kept"]);
const wanted = Object.keys(loops).filter((name) => new RegExp(options.loops).test(name));

interface Run {
  readonly host: string;
  readonly variant: string;
  readonly request: RunRequest;
  readonly result: RunResult | null;
  readonly rss: Rss | null;
  readonly faults: readonly string[];
  readonly seconds: number;
}

async function measured(host: string, request: RunRequest, root: string): Promise<[RunResult, Rss | null]> {
  if (host === "node") {
    let pid = 0;
    const run = (): Promise<RunResult> => runInNode(request, (process) => void (pid = process.pid ?? 0));
    const [result, samples] = await withRss(() => (pid === 0 ? [] : [pid]), run);
    return [result, rssOf(samples, result)];
  }
  const browser = await soakBrowser(!options["no-gc"]);
  try {
    const [result, samples] = await withRss(browserProcesses, () => runInPage(root, browser, request, SETTLING));
    return [result, rssOf(samples, result)];
  } finally {
    await browser.close();
  }
}

async function runOne(host: string, variant: string, request: RunRequest, root: string): Promise<Run> {
  const start = performance.now();
  const seconds = (): number => (performance.now() - start) / 1000;
  try {
    const [result, rss] = await measured(host, request, root);
    return { host, variant, request, result, rss, faults: [...faultsOf(result), ...rssFaults(rss, steps)], seconds: seconds() };
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error);
    return { host, variant, request, result: null, rss: null, faults: [fault], seconds: seconds() };
  }
}

const kb = (bytes: number): string => `${(bytes / 1024).toFixed(1)}`;
const mb = (bytes: number): string => `${(bytes / MB).toFixed(1)}`;
const COLUMNS = [
  "loop, device, host, variant",
  "held, then live beyond it (KB), at a tenth",
  "and at the end",
  "peak (MB)",
  "allocated (MB)",
  "RSS, second tenth to last (MB)",
  "ms a step",
  "score",
  "",
];
const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
const header = `${row(COLUMNS)}\n|${COLUMNS.map(() => "---").join("|")}|`;

function line({ host, variant, request, result, rss, faults }: Run): string {
  const name = [request.loop, request.device, host, variant].join(", ");
  const verdict = faults.length === 0 ? "well" : faults.join("; ").replaceAll("\n", " ").replaceAll("|", "\\|");
  if (result === null) return row([name, "", "", "", "", "", "", "", verdict]);
  const [first, last] = result.checkpoints.map(({ live, heldBytes }) => `${kb(heldBytes)} + ${kb(live - heldBytes)}`) as [string, string];
  const size = rss === null ? "" : `${mb(rss.second)} to ${mb(rss.last)}`;
  const score = result.score.map((x) => x.toFixed(2)).join(" to ");
  return row([name, first, last, mb(result.peak), mb(result.allocated), size, result.stepTime.toFixed(2), score, verdict]);
}

const runs: Run[] = [];
const before = loadavg();
console.log(header);
await withScratch("soak-page", async (root) => {
  if (hosts.includes("chromium")) await buildSoakPage(root);
  for (const host of hosts) {
    for (const device of devices) {
      for (const loop of wanted) {
        for (const variant of variants) {
          const keepEvery = variant === "kept" ? Math.min(100, steps / 20) : 0;
          const run = await runOne(host, variant, { loop, device, steps, keepEvery, highWaterMark: Number(options.mark) * MB }, root);
          runs.push(run);
          console.log(line(run));
        }
      }
    }
  }
});

const failed = runs.filter(({ faults }) => faults.length > 0).length;
const total = runs.reduce((sum, { seconds }) => sum + seconds, 0);
const loads = (load: readonly number[]): string => load.map((x) => x.toFixed(1)).join(", ");
const about = [
  `${steps} steps; high-water mark ${options.mark} MB; ${runs.length - failed} of ${runs.length} runs well; ${(total / 60).toFixed(1)} minutes`,
  `${cpus()[0]!.model.trim()}, ${cpus().length} cores; Node ${process.versions.node}; load average before ${loads(before)}, after ${loads(loadavg())}`,
];
console.log(`\n${about.join("\n")}`);
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ about, steps, runs }, null, 1)}\n`);
if (options.markdown !== undefined) writeFileSync(options.markdown, `${header}\n${runs.map(line).join("\n")}\n\n${about.join("\n\n")}\n`);
process.exit(failed === 0 ? 0 : 1);
