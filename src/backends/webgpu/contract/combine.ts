import type { Frame, Walker } from "./frame.ts";
import type { Problem } from "./problem.ts";

export const COMBINE_THREADS = 64;

/** The main function of the second dispatch where k is split: adds the partial sums of each output in the order of k, and finishes it. */
export function combineText(frame: Frame, problem: Problem): string {
  const walkers = (prefix: string, start: (operand: number) => string): Walker[] =>
    frame.stored.map((operand) => ({ operand, name: `${prefix}${operand}`, start: start(operand) }));
  return `
let count = ${frame.batches} * ${frame.rows} * ${frame.columns};
for (var i = gid; i < count; i += wgs * ${COMBINE_THREADS}u) {
  let line = i / ${frame.columns}; let column = i - line * ${frame.columns};
  let batch = line / ${frame.rows}; let row = line - batch * ${frame.rows};
  var sum = ${frame.type}();
  var at = i;
  for (var part = 0u; part < ${frame.parts}; part++) {
    sum += ${frame.loadSum("at")};
    at += count;
  }
  ${frame.walk(
    problem.batch,
    "batch",
    walkers("o", (k) => frame.offset(k)),
    "ob",
  )}
  ${frame.walk(
    problem.m,
    "row",
    walkers("r", (k) => `o${k}`),
    "or",
  )}
  ${frame.walk(
    problem.n,
    "column",
    walkers("c", (k) => `r${k}`),
    "oc",
  )}
  ${frame.store("sum", (k) => `c${k}`)}
}`;
}
