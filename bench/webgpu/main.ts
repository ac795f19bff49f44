/**
 * Measures torchlet on device webgpu beside other libraries and WGSL written by hand, all through Dawn in Node on the same adapter, and prints
 * one table in Markdown.
 *
 *     npm run bench:webgpu -- [--filter RE] [--columns RE] [--rounds N] [--time MS] [--warmup MS] [--patience S] [--json]
 *
 * Each library has a process of its own (torchlet and the bare WGSL share one, and the device too); they take turns, one at a time. A
 * result is compared with float64 before it is measured, and each run is awaited until the GPU has done it. For "one op, batched" JavaScript's
 * time counts instead: from the first op to the submit at the end. Medians over rounds of medians, and the best run.
 *
 * Without a GPU the adapter is SwiftShader, which computes on the CPU. The other libraries are packages of bench/ alone, installed when they are
 * missing.
 */
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import * as torch from "torchlet";
import { LeNet } from "../../examples/mnist/model.ts";
import { installPeers, versionOf } from "../columns/peers.ts";
import { digits, duration } from "../report/format.ts";
import { Pace } from "../run/pace.ts";
import { rows } from "./all-rows.ts";
import { Library } from "./library.ts";
import { mistake, type Row } from "./rows.mjs";
import { median, type Sample } from "./sampling.mjs";
import { trainingReference } from "./torchlet.mjs";

const { values: options } = parseArgs({
  options: {
    filter: { type: "string", default: "" },
    columns: { type: "string", default: "" },
    rounds: { type: "string", default: "3" },
    time: { type: "string", default: "500" },
    warmup: { type: "string", default: "500" },
    patience: { type: "string", default: "120" },
    json: { type: "boolean", default: false },
  },
});
const [rounds, time, warmup, patience] = [options.rounds, options.time, options.warmup, options.patience].map(Number) as [
  number,
  number,
  number,
  number,
];

installPeers();
/** A column of a row: its times, or why there are none. */
type Result = { readonly samples: Sample[]; readonly note: string } | { readonly none: string };

const column = new RegExp(options.columns);
const libraries = [
  new Library("own", ["torchlet", "bare WGSL"], patience * 1000),
  new Library("jax-js", ["jax-js"], patience * 1000),
  new Library("tfjs", ["tfjs"], patience * 1000),
  new Library("webgpu-torch", ["webgpu-torch"], patience * 1000),
  new Library("gpujs", ["gpu.js"], patience * 1000),
];
const columns = libraries.flatMap((library) => library.columns.filter((c) => column.test(c)).map((name) => ({ library, name })));
const pace = new Pace();

async function measureRow(row: Row): Promise<Record<string, Result>> {
  const inputs = row.inputs();
  const reference = row.reference?.(inputs) ?? trainingReference(torch, LeNet, row.size, inputs);
  const results: Record<string, Result> = {};
  let running: { library: Library; name: string; samples: Sample[] }[] = [];
  for (const { library, name } of columns) {
    const answer = await library.ask({ type: "prepare", column: name, row: rows.indexOf(row), warmup });
    if (answer.type !== "prepared") {
      results[name] = { none: answer.type === "none" ? answer.why : answer.type };
      continue;
    }
    const values = row.select?.(answer.values) ?? answer.values;
    const wrong = mistake(row, values, reference);
    if (wrong !== null) results[name] = { none: `wrong: ${wrong}` };
    else {
      const samples: Sample[] = [];
      running.push({ library, name, samples });
      results[name] = { samples, note: answer.note };
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < running.length; i++) {
      const { library, name, samples } = running[(i + round) % running.length]!;
      await pace.wait(1000);
      const answer = await library.ask({ type: "sample", column: name, time });
      if (answer.type === "sampled") samples.push(answer.sample);
      else results[name] = { none: answer.type === "none" ? answer.why : answer.type };
    }
    running = running.filter(({ name }) => "samples" in results[name]!);
  }
  for (const { library, name } of running) await library.ask({ type: "dispose", column: name });
  return results;
}

const timeOf = (result: Result | undefined): number | null =>
  result !== undefined && "samples" in result ? median(result.samples.map((s) => s.median)) : null;

function cell(row: Row, result: Result | undefined): string {
  const seconds = timeOf(result);
  if (seconds === null) return result !== undefined && "none" in result ? `(${result.none})` : "";
  const rate = row.flops
    ? `, ${digits(row.flops / seconds / 1e9)} GFLOP/s`
    : row.bytes
      ? `, ${digits(row.bytes / seconds / 1e9)} GB/s`
      : "";
  const best = Math.min(...(result as { samples: Sample[] }).samples.map((s) => s.best));
  return `${duration(seconds)}${rate} (best ${duration(best)})`;
}

/** The fastest other column, and how many times its time torchlet takes. */
function verdict(results: Record<string, Result>): string {
  const own = timeOf(results["torchlet"]);
  const others = columns.map((c) => c.name).filter((name) => name !== "torchlet" && timeOf(results[name]) !== null);
  if (own === null || others.length === 0) return "";
  const best = others.reduce((a, b) => (timeOf(results[a])! <= timeOf(results[b])! ? a : b));
  return `${digits(own / timeOf(results[best])!)}x of ${best}`;
}

const wanted = rows.filter((row) => new RegExp(options.filter).test(`${row.group}: ${row.name}`));
const before = loadavg();
const all: { row: Row; results: Record<string, Result> }[] = [];
if (!options.json) {
  const names = ["", ...columns.map((c) => c.name), "torchlet's time"];
  console.log(`| ${names.join(" | ")} |\n|${names.map(() => "---").join("|")}|`);
}
for (const row of wanted) {
  const results = await measureRow(row);
  all.push({ row, results });
  if (options.json) continue;
  const cells = columns.map(({ name }) => cell(row, results[name]));
  console.log(`| ${row.group}: ${row.name} | ${cells.join(" | ")} | ${verdict(results)} |`);
}
const about = [...new Set(columns.map((c) => c.library))].map((library) => library.about).filter((text) => text !== "");
const machine = {
  cpu: cpus()[0]!.model.trim(),
  cores: cpus().length,
  node: process.versions.node,
  webgpu: versionOf("webgpu"),
  about,
  load: { before, after: loadavg() },
};
if (options.json) {
  const shown = all.map(({ row, results }) => ({ group: row.group, name: row.name, flops: row.flops, bytes: row.bytes, results }));
  console.log(JSON.stringify({ machine, rounds, time, rows: shown }, null, 1));
} else {
  const loads = (load: readonly number[]): string => load.map((x) => x.toFixed(1)).join(", ");
  console.log(`\n${machine.cpu}, ${machine.cores} cores; Node ${machine.node}; ${about.join("; ")}`);
  console.log(`load average before ${loads(before)}, after ${loads(machine.load.after)}`);
  for (const { row, results } of all) {
    for (const [name, result] of Object.entries(results)) {
      if ("note" in result && result.note !== "") console.log(`${row.group}: ${row.name}, ${name}: ${result.note}`);
    }
  }
}
for (const library of libraries) library.end();
process.exit(0);
