import type { Frame, Walker } from "./frame.ts";
import { A, B, type Problem } from "./problem.ts";

/** A tile of outputs that one invocation computes. */
export interface DirectTile {
  readonly tm: number;
  readonly tn: number;
}

export const DIRECT_WORKGROUP = 64;

const times = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i));

/** The main function of a kernel in which each invocation computes a tile of outputs in registers, straight from storage. */
export function directText(frame: Frame, problem: Problem, { tm, tn }: DirectTile): string {
  const { shader: s, type } = frame;
  const load = (operand: number, at: string): string => {
    const x = s.load(frame.slot(operand), at);
    return s.type(frame.slot(operand)) === type ? x : `${type}(${x})`;
  };
  const inner = frame.inner(problem.k);
  const rows = times(tm, (i) => i);
  const columns = times(tn, (j) => j);
  const row = (i: number): string => `min(im * ${tm}u + ${i}u, ${frame.rows} - 1u)`;
  const column = (j: number): string => `min(jn * ${tn}u + ${j}u, ${frame.columns} - 1u)`;
  const body = `
  ${rows.map((i) => `let x${i} = ${load(A, `a${i} + pa`)};`).join(" ")}
  ${columns.map((j) => `let y${j} = ${load(B, `b${j} + pb`)};`).join(" ")}
  ${rows.map((i) => columns.map((j) => `s${i}_${j} += x${i} * y${j};`).join(" ")).join("\n  ")}
  pa += ${inner.step(A)}; pb += ${inner.step(B)};`;
  const places = (operands: readonly number[], prefix: string, start: (k: number) => string): Walker[] =>
    operands.map((k) => ({ operand: k, name: `${prefix}${k}`, start: start(k) }));
  const stored = frame.stored;
  const store =
    frame.stage === "partial"
      ? rows
          .map((i) =>
            columns
              .map(
                (j) =>
                  `if (im * ${tm}u + ${i}u < ${frame.rows} && jn * ${tn}u + ${j}u < ${frame.columns}) { ${frame.storeSum(`s${i}_${j}`, `((part * ${frame.batches} + ib) * ${frame.rows} + im * ${tm}u + ${i}u) * ${frame.columns} + jn * ${tn}u + ${j}u`)} }`,
              )
              .join("\n"),
          )
          .join("\n")
      : `${frame.walk(problem.batch, "ib", places(stored, "sb", frame.offset.bind(frame)), "sbatch")}
  ${columns.map((j) => frame.walk(problem.n, column(j), places(stored, `sc${j}_`, () => "0u"), `scolumn${j}`)).join("\n  ")}
  ${rows
    .map(
      (i) => `if (im * ${tm}u + ${i}u < ${frame.rows}) {
    ${frame.walk(problem.m, row(i), places(stored, "sr", (k) => `sb${k}`), "srow")}
    ${columns.map((j) => `if (jn * ${tn}u + ${j}u < ${frame.columns}) { ${frame.store(`s${i}_${j}`, (k) => `sr${k} + sc${j}_${k}`)} }`).join("\n    ")}
  }`,
    )
    .join("\n  ")}`;
  return `
let across = (${frame.columns} + ${tn - 1}u) / ${tn}u;
let down = (${frame.rows} + ${tm - 1}u) / ${tm}u;
let tiles = across * down * ${frame.batches} * ${frame.parts};
for (var t = gid; t < tiles; t += wgs * ${DIRECT_WORKGROUP}u) {
  let t1 = t / across; let jn = t - t1 * across;
  let t2 = t1 / down; let im = t1 - t2 * down;
  let part = t2 / ${frame.batches}; let ib = t2 - part * ${frame.batches};
  ${frame.walk(problem.batch, "ib", places([A, B], "f", frame.offset.bind(frame)), "batch")}
  ${rows.map((i) => frame.walk(problem.m, row(i), [{ operand: A, name: `a${i}`, start: `f${A}` }], `row${i}`)).join("\n  ")}
  ${columns.map((j) => frame.walk(problem.n, column(j), [{ operand: B, name: `b${j}`, start: `f${B}` }], `column${j}`)).join("\n  ")}
  ${rows.map((i) => columns.map((j) => `var s${i}_${j} = ${type}();`).join(" ")).join("\n  ")}
  var k = part * ${frame.part};
  let end = min(k + ${frame.part}, ${frame.depth});
  while (k < end) {
    let outer = k / ${inner.size};
    var ki = k - outer * ${inner.size};
    ${frame.walk(problem.k, "k", places([A, B], "k", () => "0u"), "kk")}
    let stop = min(${inner.size}, ki + (end - k));
    k += stop - ki;
    var pa = k${A}; var pb = k${B};
    for (; ki < stop; ki++) {${body}
    }
  }
  ${store}
}`;
}

