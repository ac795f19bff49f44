/**
 * Trains the same MLP in several libraries, each in a process of its own, one after the other, and prints what they hold on to:
 *
 *     npm run bench:memory -- [--steps N] [--filter RE] [--gpu] [--markdown FILE]
 *     npm run bench:memory -- --collector    what the collector of cycles takes of training steps
 *
 * `--gpu` adds device webgpu, on which tfjs takes an eighth to a quarter of a second for a step with a read on SwiftShader.
 * Same data, initial weights, order of batches and SGD everywhere: the last loss has to agree. tfjs and jax-js are packages of bench/ alone,
 * installed when they are missing; PyTorch is the system's python3-torch.
 */
import { fork, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { installPeers } from "../columns/peers.ts";
import { collectorTable } from "./collector.ts";
import { BATCH, CLASSES, FEATURES, HIDDEN, LEARNING_RATE, problem } from "./problem.ts";
import type { Measured } from "./protocol.ts";

const { values: options } = parseArgs({
  options: {
    steps: { type: "string", default: "10000" },
    filter: { type: "string", default: "" },
    gpu: { type: "boolean", default: false },
    collector: { type: "boolean", default: false },
    markdown: { type: "string" },
    python: { type: "string", default: "/usr/bin/python3" },
  },
});
if (options.collector) {
  console.log((await collectorTable()).join("\n"));
  process.exit(0);
}
const steps = Number(options.steps);
if (!(steps > 0 && steps % 20 === 0)) throw new Error(`--steps has to be a multiple of 20, not ${options.steps}`);

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** What the library said where its process ended without a result: the line with an error in it. */
const whyOf = (faults: string, code: number | null): Error =>
  new Error(faults.split("\n").find((text) => /error|not installed/i.test(text)) ?? `its process ended with ${code}`);

function inNode(module: string, device: string, variant: string): Promise<Measured> {
  return new Promise((resolve, reject) => {
    const running = fork(path("child.ts"), [module, device, variant, options.steps], {
      execArgv: ["--import", "tsx"],
      env: { ...process.env, TSX_TSCONFIG_PATH: path("../tsconfig.json") },
      silent: true,
    });
    let faults = "";
    running.stderr?.on("data", (chunk: Buffer) => void (faults += chunk));
    running.stdout?.resume();
    running.once("message", (measured: Measured) => resolve(measured));
    running.once("exit", (code) => reject(whyOf(faults, code)));
  });
}

function inPython(): Promise<Measured> {
  const { points, labels, weights } = problem();
  const asked = {
    points: [...points],
    labels: [...labels],
    weights: weights.map((w) => [...w]),
    features: FEATURES,
    hidden: HIDDEN,
    classes: CLASSES,
    batch: BATCH,
    learningRate: LEARNING_RATE,
  };
  return new Promise((resolve, reject) => {
    const running = spawn(options.python, [path("columns/pytorch.py"), options.steps]);
    let [said, faults] = ["", ""];
    running.stdout.on("data", (chunk: Buffer) => void (said += chunk));
    running.stderr.on("data", (chunk: Buffer) => void (faults += chunk));
    running.once("error", reject);
    running.once("close", (code) => (code === 0 ? resolve(JSON.parse(said) as Measured) : reject(whyOf(faults, code))));
    running.stdin.on("error", () => {}); // it ended before it read: `close` tells
    running.stdin.end(JSON.stringify(asked));
  });
}

const columns: Readonly<Record<string, () => Promise<Measured>>> = {
  "torchlet, cpu": () => inNode("torchlet", "cpu", ""),
  "torchlet, webgpu": () => inNode("torchlet", "webgpu", ""),
  "tfjs, cpu, plain": () => inNode("tfjs", "cpu", "plain"),
  "tfjs, cpu, tidy": () => inNode("tfjs", "cpu", "tidy"),
  "tfjs, webgpu, plain": () => inNode("tfjs", "webgpu", "plain"),
  "tfjs, webgpu, tidy": () => inNode("tfjs", "webgpu", "tidy"),
  "jax-js, wasm": () => inNode("jax-js", "wasm", ""),
  "jax-js, webgpu": () => inNode("jax-js", "webgpu", ""),
  "PyTorch, cpu": inPython,
};

const kb = (bytes: number | null): string => (bytes === null ? "not told" : (bytes / 1024).toFixed(1));
const mb = (bytes: number): string => (bytes / 1024 ** 2).toFixed(1);

const lines = [
  `| | live KB, step ${steps / 10} | live KB, step ${steps} | RSS MB at the end | its growth since step ${steps / 10} | ms a step | last loss | |`,
  "|---|---|---|---|---|---|---|---|",
];
installPeers();
const before = loadavg();
console.log(lines.join("\n"));
for (const [name, measure] of Object.entries(columns)) {
  if (!new RegExp(options.filter).test(name) || (name.includes("webgpu") && !options.gpu)) continue;
  let cells: string[];
  try {
    const { about, live, rss, stepTime, loss, note } = await measure();
    cells = [about, kb(live[0]), kb(live[1]), mb(rss[1]), mb(rss[1] - rss[0]), stepTime.toFixed(3), loss.toFixed(5), note];
  } catch (error) {
    cells = [name, "", "", "", "", "", "", (error as Error).message];
  }
  lines.push(`| ${cells.join(" | ")} |`);
  console.log(lines.at(-1));
}
const loads = (load: readonly number[]): string => load.map((x) => x.toFixed(1)).join(", ");
lines.push(
  "",
  `${cpus()[0]!.model.trim()}, ${cpus().length} cores; Node ${process.versions.node}; load average before ${loads(before)}, after ${loads(loadavg())}`,
);
console.log(lines.slice(-2).join("\n"));
if (options.markdown !== undefined) writeFileSync(options.markdown, `${lines.join("\n")}\n`);
