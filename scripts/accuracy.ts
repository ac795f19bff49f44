/**
 * Measures how far float32 results are from double precision and writes `docs/accuracy.md`: `npm run accuracy [-- arguments per op]`, or
 * `npx tsx scripts/accuracy.ts`. TORCHLET_NO_WEBGPU=1 leaves WebGPU out, and then nothing is written but printed.
 *
 * With `--expressions` it prints instead what the elementary functions' expressions reach on targets that do not exist here: "fused" and "not
 * fused" say how the target computes multiply-add, "coarse" allows its division and square root 2.5 ulp.
 */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { lower } from "../src/kernel/elementary.ts";
import type { Expr } from "../src/kernel/expr.ts";
import { accuracyPage } from "../test/support/accuracy-page.ts";
import { elementaryCases, worst } from "../test/support/elementary-cases.ts";
import { accuracyCases, measure } from "../test/support/pointwise-accuracy.ts";
import "../test/support/webgpu-environment.ts";

const args = process.argv.slice(2);
const n = Number(args.find((a) => !a.startsWith("--")) ?? (args.includes("--expressions") ? 200_000 : 20_000));

/** The number of operations of an expression: constants, arguments and changes of type are none. */
function operations(root: Expr): number {
  const seen = new Set<Expr>();
  const visit = (e: Expr): void => {
    if (seen.has(e)) return;
    seen.add(e);
    for (const s of e.src) visit(s);
  };
  visit(root);
  return [...seen].filter((e) => e.src.length > 0 && e.prim !== "bitcast").length;
}

function expressions(): void {
  console.log("| op | bound | max ulp fused | worst x | max ulp not fused | worst x | coarse, fused | coarse, not fused | operations |");
  console.log("|---|---|---|---|---|---|---|---|---|");
  for (const c of elementaryCases) {
    const [fused, plain] = [true, false].map((f) => worst(c, { fused: f }, n));
    const coarse = [true, false].map((f) => worst(c, { fused: f, coarse: true }, n).ulps.toFixed(2));
    const bound = c.coarse === undefined ? c.ulps : `${c.ulps} (coarse ${c.coarse})`;
    const cells = [
      c.name,
      bound,
      fused!.ulps.toFixed(2),
      fused!.at,
      plain!.ulps.toFixed(2),
      plain!.at,
      ...coarse,
      operations(lower(c.value)),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
}

async function table(): Promise<void> {
  const torch = await import("../src/index.ts");
  const without = process.env["TORCHLET_NO_WEBGPU"] === "1";
  if (!without) await torch.webgpu.start();
  const devices = without ? ["cpu"] : ["cpu", "webgpu"];
  const rows = [];
  for (const c of accuracyCases) {
    const found = [];
    for (const device of devices) found.push(await measure(c, device, n));
    rows.push({ case: c, found });
  }
  const page = accuracyPage(rows, {
    devices,
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    cpu: cpus()[0]?.model ?? "unknown",
    adapter: without ? null : torch.webgpu.deviceName(),
    samples: n,
  });
  if (without) console.log(page);
  else writeFileSync(fileURLToPath(new URL("../docs/accuracy.md", import.meta.url)), page);
  const above = rows.filter((r) => r.found.some((f) => f.ulps > r.case.ulps || f.wrong.length > 0)).map((r) => r.case.name);
  console.log(above.length === 0 ? `${rows.length} ops, all within their bounds` : `above their bounds: ${above.join(", ")}`);
  if (above.length > 0) process.exitCode = 1;
}

if (args.includes("--expressions")) expressions();
else await table();
