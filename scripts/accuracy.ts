/**
 * Prints how far the f32 elementary functions are from float64, as a Markdown table: `npx tsx scripts/accuracy.ts [arguments per function]`.
 * "fused" and "not fused" say how the target computes multiply-add. "Coarse" allows its division and square root 2.5 ulp.
 */
import { lower } from "../src/kernel/elementary.ts";
import type { Expr } from "../src/kernel/expr.ts";
import { elementaryCases, worst } from "../test/support/elementary-cases.ts";

const n = Number(process.argv[2] ?? 200_000);

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
