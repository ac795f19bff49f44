/** Writes what was measured of the pointwise ops as the page `docs/accuracy.md`. */
import { type Accuracy, type AccuracyCase, integerOps, show, specialValues } from "./pointwise-accuracy.ts";

export interface Measured {
  readonly case: AccuracyCase;
  /** By device, in order. */
  readonly found: readonly Accuracy[];
}
export interface Circumstances {
  readonly devices: readonly string[];
  readonly date: string;
  readonly node: string;
  readonly cpu: string;
  readonly adapter: string | null;
  /** Arguments per op, those around points aside. */
  readonly samples: number;
}

function domain({ low, high }: AccuracyCase): string {
  const ends = [show(low), show(high)];
  if (ends[0] === "-largest" && ends[1] === "largest") return "all";
  return high === Math.fround(3.4028234663852886e38) ? `from ${ends[0]}` : `${ends[0]} to ${ends[1]}`;
}

const error = ({ ulps, at }: Accuracy): string => (ulps === 0 ? "exact" : `${ulps.toFixed(2)} at ${show(at)}`);
const special = ({ wrong }: Accuracy): string => (wrong.length === 0 ? "agree" : wrong.join("; "));
const subnormal = ({ subnormal: ulps }: Accuracy, bound: number): string => (ulps <= bound ? "kept" : "taken for 0");

/** A Markdown table whose columns are as wide as their widest cell. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, k) => Math.max(...rows.map((r) => r[k]!.length)));
  const line = (r: readonly string[]): string => `| ${r.map((cell, k) => cell.padEnd(widths[k]!)).join(" | ")} |`;
  return [line(rows[0]!), line(widths.map((w) => "-".repeat(w))), ...rows.slice(1).map(line)].join("\n");
}

/** The page's text. */
export function accuracyPage(rows: readonly Measured[], c: Circumstances): string {
  const head = [
    "op",
    "arguments",
    "bound",
    ...c.devices.map((d) => `${d}: ulp`),
    ...c.devices.map((d) => `${d}: special values`),
    ...c.devices.map((d) => `${d}: subnormal`),
  ];
  const body = rows.map(({ case: op, found }) => [
    `\`${op.name}\``,
    domain(op),
    String(op.ulps),
    ...found.map(error),
    ...found.map(special),
    ...found.map((f) => subnormal(f, op.ulps)),
  ]);
  const values = specialValues.filter((x) => x === 0 || !(Math.abs(x) < 2 ** -126)).map(show);
  return `# Accuracy

Written by \`npm run accuracy\` on ${c.date}: Node ${c.node.replace(/^v/, "")}, CPU ${c.cpu}${c.adapter === null ? "" : `, WebGPU on the adapter "${c.adapter}"`}. Figures of other
adapters are not claimed here; the command prints those of yours.

Every op of the table with one operand, in float32, against its formula in double precision: the greatest error in units in the last place
(ulp) of the exact result, and an argument where it was found. ${c.samples} arguments each, spread over all floats of the column "arguments" by their
bits, and dense around 0, 1, the ends of the domain and where a formula changes. The bound is the
[contract](design/numerics.md#elementary-functions); \`test/docs/accuracy.test.ts\` holds it on both devices.

Special values: ${values.join(", ")}. They agree if NaN, infinities and the signs of zeros are
right, and everything else is within the bound (of 0 and -0, \`relu\` may give either). Beyond their domain sin, cos and tan promise no digits.

Subnormal: whether numbers below ${show(2 ** -126)}, as arguments or as results, are computed as such. WebGPU allows devices to take them for 0,
and some figures for them would be errors of any size; they do not count in the other columns.

${table([head, ...body])}

${integerOps.map((name) => `\`${name}\``).join(", ")}: takes no floats; results are integers, and exact.
`;
}
