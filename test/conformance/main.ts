/** Runs a corpus of recorded PyTorch answers through the public API and says how much of it agrees. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as torch from "../../src/index.ts";
import { Api } from "./api.ts";
import { deviceDTypes, startDevice } from "./devices.ts";
import type { Options } from "./options.ts";
import { parseOptions, USAGE } from "./options.ts";
import { runCorpus } from "./runner.ts";

const DEFAULT_CORPUS = fileURLToPath(new URL("../golden", import.meta.url));

function readOptions(): Options {
  try {
    return parseOptions(process.argv.slice(2), DEFAULT_CORPUS);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    process.exit(2);
  }
}

const options = readOptions();
await startDevice(torch, options.device);
const api = new Api(torch, options.device);
const report = await runCorpus(options.corpus, api, deviceDTypes(torch, options.device), options, (section, id, outcome) => {
  if (outcome.kind === "failed" || (options.verbose && outcome.kind !== "passed")) {
    console.log(`${outcome.kind}  ${section}/${id}: ${outcome.why}`);
  }
});
console.log(report.text(options.verbose));
if (options.json) writeFileSync(options.json, `${JSON.stringify(report, null, 1)}\n`);
if (!report.succeeded(options.complete)) process.exitCode = 1;
