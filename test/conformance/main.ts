/** Runs a corpus of recorded PyTorch answers through the public API and says how much of it agrees. */
import "../support/webgpu-environment.ts";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { folder } from "./folder.ts";
import type { Options } from "./options.ts";
import { parseOptions, USAGE } from "./options.ts";
import type { Outcome } from "./outcome.ts";
import type { Report } from "./report.ts";

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

async function run(onCase: (section: string, id: string, outcome: Outcome) => void): Promise<Report> {
  const { corpus, device, section, match, isolated } = options;
  if (options.browser) {
    const { runInChromium } = await import("../browser/conformance.ts");
    return await runInChromium(corpus, { device, section, match, isolated }, onCase);
  }
  const { runOnDevice } = await import("./library.ts");
  return await runOnDevice(folder(corpus), device, { section, match }, onCase);
}

const report = await run((section, id, outcome) => {
  if (outcome.kind === "failed" || (options.verbose && outcome.kind !== "passed")) {
    console.log(`${outcome.kind}  ${section}/${id}: ${outcome.why}`);
  }
});
console.log(report.text(options.verbose));
if (options.json) writeFileSync(options.json, `${JSON.stringify(report, null, 1)}\n`);
if (!report.succeeded(options.complete)) process.exitCode = 1;
