/**
 * Measures the library on this machine beside others, each in a process of its own, in turns, and prints a table; see README.md.
 *
 *     npm run bench -- [--only NAME,...] [--columns RE] [--full] [--node24] [--rounds N] [--time MS] [--warmup MS] [--out FOLDER] [--python PATH]
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openBlasCoreType } from "../src/backends/cpu/blas/core-type.ts";
import { installPeers, packagedNode, versionOf } from "./columns/peers.ts";
import { chosen, readOptions, USAGE } from "./options.ts";
import { chartOf } from "./report/chart.ts";
import { tableOf } from "./report/table.ts";
import { verdicts } from "./report/targets.ts";
import { rows } from "./rows/index.ts";
import { groups } from "./rows/row.ts";
import { columnsOf, type Engine } from "./run/columns.ts";
import { Group, type Measured } from "./run/measure.ts";
import { Pace } from "./run/pace.ts";

/** The text of a file that only Linux has. */
function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function start() {
  try {
    const options = readOptions(process.argv.slice(2), fileURLToPath(new URL("results/latest", import.meta.url)));
    return { options, wanted: chosen(rows, options.only) };
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    process.exit(2);
  }
}

const { options, wanted } = start();
const here: Engine = { path: process.execPath, major: Number(process.versions.node.split(".")[0]) };
const coreType = openBlasCoreType(textOf("/proc/cpuinfo"));
const wantedColumns = (engines: readonly Engine[]) =>
  columnsOf(engines, options.everywhere, coreType).filter((c) => options.columns.test(c.name));
if (wantedColumns([here]).some(({ own, node }) => own === null && node !== null)) installPeers();
const other = packagedNode();
const columns = wantedColumns(other === null || other.major === here.major ? [here] : [here, other]);
const pace = new Pace();
const about: Record<string, string> = {};
const all: Measured[] = [];
const report: string[] = [];
const say = (...lines: readonly string[]): void => {
  report.push(...lines);
  console.log(lines.join("\n"));
};
const loads = (): string =>
  loadavg()
    .map((x) => x.toFixed(1))
    .join(", ");

const begin = performance.now();
const [date, before] = [new Date().toISOString().slice(0, 10), loads()];
const minutes: Record<string, number> = {};
say(
  `${cpus()[0]!.model.trim()}, ${cpus().length} cores; ${date}; medians of ${options.rounds} rounds in turns; tinybench ${versionOf("tinybench")}`,
);
// Products before what is compared with them: that is the order of the groups.
for (const name of groups) {
  const found = wanted.filter((row) => row.group === name);
  if (found.length === 0) continue;
  const started = performance.now();
  const group = new Group(columns, options, pace);
  const measured: Measured[] = [];
  for (const row of found) {
    console.error(`${((performance.now() - begin) / 1000).toFixed(0)} s: ${row.name}, ${row.title}`);
    measured.push(await group.measure(row));
  }
  group.end();
  Object.assign(about, group.about);
  all.push(...measured);
  minutes[name] = (performance.now() - started) / 60_000;
  say("", `## ${name[0]!.toUpperCase()}${name.slice(1)}`, "", ...tableOf(measured, columns, all));
}
const judged = all.flatMap((m) => verdicts(m, columns, all));
say(
  "",
  `Targets: ${judged.filter((v) => v.met === true).length} met, ${judged.filter((v) => v.met === false).length} missed, ${judged.filter((v) => v.met === null).length} without a figure.`,
  `${((performance.now() - begin) / 60_000).toFixed(1)} minutes; load average before ${before}, after ${loads()}.`,
  "",
  ...Object.entries(about).map(([name, text]) => `- ${name}: ${text}`),
);

if (options.out !== null) {
  mkdirSync(options.out, { recursive: true });
  const path = (name: string): string => join(options.out!, name);
  const machine = { cpu: cpus()[0]!.model.trim(), cores: cpus().length, date, load: { before, after: loads() }, about };
  const found = all.map((m) => ({ ...m, verdicts: verdicts(m, columns, all) }));
  const { rounds, time, warmup, longest, patience } = options;
  const settings = { rounds, time, warmup, longest, patience: Number.isFinite(patience) ? patience : null };
  writeFileSync(path("bench.json"), `${JSON.stringify({ machine, settings, minutes, rows: found }, null, 1)}\n`);
  writeFileSync(path("bench.md"), `${report.join("\n")}\n`);
  for (const name of groups) {
    const chart = chartOf(
      name,
      all.filter((m) => m.row.group === name),
      columns,
    );
    if (chart !== null) writeFileSync(path(`${name}.svg`), chart);
  }
  console.error(`written to ${options.out}`);
}
process.exit(0);
