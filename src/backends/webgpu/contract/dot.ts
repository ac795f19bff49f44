import { element, quad, type Reading } from "./factor.ts";
import type { Frame, Walker } from "./frame.ts";
import { A, B, type Problem } from "./problem.ts";
import { storeTile } from "./store.ts";

/** One output for `lanes` invocations, which share k: for products with a vector. */
export interface DotVariant {
  readonly kind: "dot";
  readonly threads: number;
  readonly lanes: number;
}

/** The main function. Where both factors are read along k, four steps at a time. */
export function dotText(
  frame: Frame,
  problem: Problem,
  { threads, lanes }: DotVariant,
  readings: readonly [Reading, Reading],
  tail: boolean,
): string {
  const { type, shader } = frame;
  shader.declarations.push(`var<workgroup> sums: array<${type}, ${threads}>;`);
  const each = threads / lanes;
  const four = readings[0] === "alongK" && readings[1] === "alongK";
  const walkers = (prefix: string, start: (operand: number) => string): Walker[] =>
    [A, B].map((operand) => ({ operand, name: `${prefix}${operand}`, start: start(operand) }));
  const one = (k: string): string => `${frame.walk(
    problem.k,
    k,
    walkers("k", (o) => `c${o}`),
    "kk",
  )}
    s += ${element(frame, A, `k${A}`)} * ${element(frame, B, `k${B}`)};`;
  const loop = four
    ? `let fours = (end - begin) / 4u;
  var v = vec4<${type}>();
  for (var q = lane; q < fours; q += ${lanes}u) {
    ${frame.walk(
      problem.k,
      "(begin + 4u * q)",
      walkers("k", (o) => `c${o}`),
      "kk",
    )}
    v += ${quad(frame, A, `k${A}`)} * ${quad(frame, B, `k${B}`)};
  }
  s = (v.x + v.y) + (v.z + v.w);
  ${tail ? `for (var k = begin + 4u * fours + lane; k < end; k += ${lanes}u) {\n    ${one("k")}\n  }` : ""}`
    : `for (var k = begin + lane; k < end; k += ${lanes}u) {\n    ${one("k")}\n  }`;
  const steps: string[] = [];
  for (let n = lanes / 2; n >= 1; n /= 2) steps.push(`if (lane < ${n}u) { sums[lid] += sums[lid + ${n}u]; }\n  workgroupBarrier();`);
  return `
let lane = lid % ${lanes}u;
let count = ${frame.columns} * ${frame.rows} * ${frame.batches} * ${frame.parts};
for (var first = wid * ${each}u; first < count; first += wgs * ${each}u) {
  let t = min(first + lid / ${lanes}u, count - 1u);
  let t1 = t / ${frame.columns}; let column = t - t1 * ${frame.columns};
  let t2 = t1 / ${frame.rows}; let row = t1 - t2 * ${frame.rows};
  let part = t2 / ${frame.batches}; let batch = t2 - part * ${frame.batches};
  ${frame.walk(
    problem.batch,
    "batch",
    walkers("f", (k) => frame.offset(k)),
    "of",
  )}
  ${frame.walk(
    problem.m,
    "row",
    walkers("r", (k) => `f${k}`),
    "om",
  )}
  ${frame.walk(
    problem.n,
    "column",
    walkers("c", (k) => `r${k}`),
    "on",
  )}
  let begin = part * ${frame.part};
  let end = min(begin + ${frame.part}, ${frame.depth});
  var s = ${type}();
  ${loop}
  sums[lid] = s;
  workgroupBarrier();
  ${steps.join("\n  ")}
  if (lane == 0u && first + lid / ${lanes}u < count) {
    ${storeTile(frame, problem, { rows: 1, columns: 1, row: () => "row", column: () => "column", sums: ["sums[lid]"] })}
  }
  workgroupBarrier();
}`;
}
