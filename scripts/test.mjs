// Everything that has to hold, in one command: lint, types, tests, conformance, and the packed package. Ends with a line `N passed, N failed`.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const scratch = mkdtempSync(join(tmpdir(), "torchlet-test-"));
const report = join(scratch, "vitest.json");
let passed = 0;
let failed = 0;

/** Runs one step; a step without a count of its own counts as one. */
function step(name, command, args, count) {
  console.log(`\n== ${name}`);
  const { status } = spawnSync(command, args, { cwd: root, stdio: "inherit", shell: false });
  const counted = count?.(status);
  passed += counted?.passed ?? (status === 0 ? 1 : 0);
  failed += counted?.failed ?? (status === 0 ? 0 : 1);
  // A runner that dies before it reports has failed, whatever it counted.
  if (counted && status !== 0 && counted.failed === 0) failed++;
}

const bin = (name) => join(root, "node_modules/.bin", name);
const vitestCounts = () => {
  try {
    const { numPassedTests, numFailedTests, numFailedTestSuites, numTotalTests } = JSON.parse(readFileSync(report, "utf8"));
    return { passed: numPassedTests, failed: numTotalTests === 0 ? 1 : Math.max(numFailedTests, Math.min(numFailedTestSuites, 1)) };
  } catch {
    return { passed: 0, failed: 1 };
  }
};

if (process.env["TORCHLET_NO_WEBGPU"] !== "1") step("system packages", process.execPath, ["scripts/setup.mjs"]);
step("lint and format", bin("biome"), ["ci", "."]);
step("types", bin("tsc"), ["-p", "tsconfig.json"]);
step("build", process.execPath, ["scripts/build.mjs"]);
step("tests", bin("vitest"), ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`], vitestCounts);
step("packed package", process.execPath, ["scripts/check-package.mjs"]);

console.log(`\n${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
