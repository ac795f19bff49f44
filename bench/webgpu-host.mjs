/**
 * Measures torchlet and WGSL written by hand on a GPU host, with Node, the built package (`node scripts/build.mjs`) and the npm package
 * `webgpu` alone, and prints JSON for bench/results; what happens meanwhile goes to stderr.
 *
 *     node bench/webgpu-host.mjs [--sizes 256,512,...] [--elements N] [--rounds N] [--time MS] [--filter RE] [--training] [--peak TFLOPS]
 *
 * Sizes are matmul's, up to 4096 on a GPU and up to 512 on one that computes on the CPU. `--peak` is the card's rate in float32 where it is
 * not known here. The driver is Vulkan's choice; on Debian without a GPU:
 *
 *     VK_ICD_FILENAMES=/usr/lib/chromium/vk_swiftshader_icd.json node bench/webgpu-host.mjs
 */
import { readFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import * as torch from "../dist/index.js";
import { bareColumn } from "./webgpu/bare.mjs";
import * as rows from "./webgpu/rows.mjs";
import { median, sample, warmUp } from "./webgpu/sampling.mjs";
import { torchletColumn, trainingReference } from "./webgpu/torchlet.mjs";

/** Float32 rates outside of tensor cores, TFLOP/s, from the makers' data sheets. */
const PEAKS = [
  [/H100.*PCIe/i, 51],
  [/H100|H200/i, 67],
];

const { values: options } = parseArgs({
  options: {
    sizes: { type: "string" },
    elements: { type: "string", default: "1000000" },
    rounds: { type: "string", default: "3" },
    time: { type: "string", default: "400" },
    filter: { type: "string", default: "" },
    training: { type: "boolean", default: false },
    peak: { type: "string" },
  },
});

/** The convolutional net of examples/mnist/model.ts, here in JavaScript. */
class LeNet extends torch.nn.Module {
  conv1 = new torch.nn.Conv2d(1, 8, 5);
  conv2 = new torch.nn.Conv2d(8, 16, 5);
  pool = new torch.nn.MaxPool2d(2);
  fc1 = new torch.nn.Linear(256, 128);
  fc2 = new torch.nn.Linear(128, 10);
  forward(x) {
    const h = this.pool(this.conv2(this.pool(this.conv1(x)).relu())).relu();
    return this.fc2(this.fc1(h.flatten(1)).relu());
  }
}
/** Of a step at 64 images: what examples/mnist/model.ts counts. */
const LENET_FLOPS = 121208832;

const say = (text) => process.stderr.write(`${text}\n`);

await torch.webgpu.start();
const device = torch.webgpu.gpuDevice();
const { vendor, architecture, description, isFallbackAdapter } = device.adapterInfo ?? {};
const adapter = torch.webgpu.deviceName();
const software = isFallbackAdapter === true || /swiftshader|llvmpipe|lavapipe/i.test(`${architecture} ${description}`);
const peak = options.peak === undefined ? (PEAKS.find(([name]) => name.test(adapter))?.[1] ?? null) : Number(options.peak);
const sizes = (options.sizes ?? (software ? "256,512" : "256,512,1024,2048,4096")).split(",").map(Number);
const elements = Number(options.elements);
const wanted = [
  ...sizes.map(rows.matmulRow),
  rows.pointwiseRow(elements),
  rows.sumRow(elements),
  rows.softmaxRow(128, 1000),
  ...(software ? [] : [rows.softmaxRow(8192, 1000)]),
  rows.convolutionRow(32, 32, 14, 64),
  ...(software ? [] : [rows.convolutionRow(8, 64, 56, 64)]),
  ...(options.training || !software ? [rows.trainingRow(LENET_FLOPS)] : []),
  rows.chainRow(),
].filter((r) => new RegExp(options.filter).test(`${r.group}: ${r.name}`));

const columns = { torchlet: torchletColumn(torch, LeNet), "bare WGSL": bareColumn(device) };
const time = Number(options.time);
const results = [];
for (const row of wanted) {
  const inputs = row.inputs();
  const reference = row.reference?.(inputs) ?? trainingReference(torch, LeNet, row.size, inputs);
  const tasks = {};
  const cells = {};
  for (const [name, column] of Object.entries(columns)) {
    const task = await column.prepare(row);
    if (typeof task === "string") {
      cells[name] = { none: task };
      continue;
    }
    await warmUp(task, time / 2);
    const values = await task.result();
    const wrong = rows.mistake(row, row.select?.(values) ?? values, reference);
    if (wrong === null) tasks[name] = task;
    else cells[name] = { none: `wrong: ${wrong}` };
  }
  const samples = Object.fromEntries(Object.keys(tasks).map((name) => [name, []]));
  for (let round = 0; round < Number(options.rounds); round++) {
    const order = Object.keys(tasks);
    if (round % 2 === 1) order.reverse();
    for (const name of order) samples[name].push(await sample(tasks[name], time));
  }
  for (const [name, task] of Object.entries(tasks)) {
    const seconds = median(samples[name].map((s) => s.median));
    const best = Math.min(...samples[name].map((s) => s.best));
    cells[name] = {
      seconds,
      best,
      completed: median(samples[name].map((s) => s.completed)),
      ...(row.flops ? { gflops: row.flops / seconds / 1e9, ...(peak ? { share: row.flops / seconds / (peak * 1e12) } : {}) } : {}),
      ...(row.bytes ? { gbs: row.bytes / seconds / 1e9 } : {}),
      ...(task.note ? { note: task.note } : {}),
    };
    task.dispose?.();
  }
  results.push({ group: row.group, name: row.name, flops: row.flops, bytes: row.bytes, cells });
  const shown = Object.entries(cells).map(([name, c]) =>
    c.none ? `${name}: ${c.none}` : `${name}: ${(c.seconds * 1e6).toPrecision(4)} us`,
  );
  say(`${row.group}: ${row.name}: ${shown.join(", ")}`);
}
const versionOf = (name) => JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), "utf8")).version;
const machine = {
  date: new Date().toISOString(),
  cpu: cpus()[0]?.model.trim(),
  cores: cpus().length,
  load: loadavg(),
  node: process.versions.node,
  webgpu: versionOf("webgpu"),
  adapter,
  vendor,
  architecture,
  software,
  peakTflops: peak,
};
console.log(JSON.stringify({ machine, limits: torch.webgpu.limits(), rows: results }, null, 1));
process.exit(0);
