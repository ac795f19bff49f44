/**
 * Measures the library on this machine and prints one table. Columns take turns, medians are shown; each row stands beside what the machine
 * could do at most.
 */
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { collectorTable } from "./collector.ts";
import { startPeer } from "./gpujs.ts";
import { allocation } from "./groups/allocation.ts";
import { convolution } from "./groups/convolution.ts";
import { matmul } from "./groups/matmul.ts";
import { memory } from "./groups/memory.ts";
import { mnist } from "./groups/mnist.ts";
import { overhead } from "./groups/overhead.ts";
import { type Limits, measureLimits } from "./limits.ts";
import { measure, type Row, type Times } from "./measure.ts";
import { Pace } from "./pace.ts";
import { duration, limitOf, Table } from "./table.ts";

const USAGE = "npm run bench -- [--filter RE] [--json] [--rounds N] [--time MS] [--warmup MS]";

function readOptions(): { filter: RegExp; json: boolean; rounds: number; time: number; warmup: number } {
  try {
    const { values } = parseArgs({
      options: {
        filter: { type: "string", default: "" },
        json: { type: "boolean", default: false },
        rounds: { type: "string", default: "3" },
        time: { type: "string", default: "150" },
        warmup: { type: "string", default: "600" },
      },
    });
    return {
      filter: new RegExp(values.filter),
      json: values.json,
      rounds: Number(values.rounds),
      time: Number(values.time),
      warmup: Number(values.warmup),
    };
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    process.exit(2);
  }
}

const versionOf = (name: string): string =>
  (JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), "utf8")) as { version: string }).version;

const { filter, json, rounds, time, warmup } = readOptions();
const peer = startPeer();
const limits: Limits = await measureLimits();
const columns = ["torchlet", ...peer.columns];
const rows = [overhead, allocation, matmul, convolution, memory, mnist]
  .flatMap((group) => group(peer))
  .filter((r) => filter.test(`${r.group}: ${r.name}`));
const machine = {
  cpu: cpus()[0]!.model.trim(),
  cores: cpus().length,
  node: process.versions.node,
  v8: process.versions.v8,
  "gpu.js": versionOf("gpu.js"),
  tinybench: versionOf("tinybench"),
};
const table = new Table(columns, limits);
const pace = new Pace();

if (!json) {
  console.log(`${machine.cpu}, ${machine.cores} cores; Node ${machine.node}, V8 ${machine.v8}; gpu.js ${machine["gpu.js"]}; one thread`);
  console.log(
    `multiply-add in WebAssembly, ${limits.fused ? "fused" : "not fused"}: ${(limits.flops / 1e9).toFixed(1)} GFLOP/s; a call into it: ${duration(limits.call)}`,
  );
  for (const [name, why] of Object.entries(peer.missing)) console.log(`no column ${name}: ${why}`);
  console.log(`\n${table.header}`);
}
const results: { row: Row; times: Times }[] = [];
for (const row of rows) {
  const times = await measure(row, { rounds, time, warmup, pace });
  results.push({ row, times });
  if (!json) console.log(table.line(row, times));
}
if (json) {
  const lines = results.map(({ row: { group, name, flops, bytes, kernels }, times }) => ({
    group,
    name,
    flops,
    bytes,
    kernels,
    seconds: times,
    limit: limitOf({ flops, bytes, kernels }, limits),
  }));
  console.log(
    JSON.stringify(
      { machine, limits: { flops: limits.flops, fused: limits.fused, call: limits.call }, missing: peer.missing, rows: lines },
      null,
      1,
    ),
  );
}
if (!json && filter.test("collector")) console.log(`\nThe collector of cycles:\n\n${collectorTable().join("\n")}`);
// gpu.js leaves workers and contexts open.
process.exit(0);
