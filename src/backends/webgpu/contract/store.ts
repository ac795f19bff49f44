import type { Frame, Walker } from "./frame.ts";
import type { Problem } from "./problem.ts";

/** A tile of sums at the end of a kernel. */
export interface Tile {
  readonly rows: number;
  readonly columns: number;
  /** The number of row `i` or column `j` of the tile, as an expression of a variable. */
  readonly row: (i: string) => string;
  readonly column: (j: string) => string;
  /** The sums in row-major order: vectors of four columns where `columns` is a multiple of 4, else single. */
  readonly sums: readonly string[];
}

/**
 * Statements that store a tile, where `batch` and `part` are its place; what lies beyond the last row or column is left out. Loops keep the
 * text short, for the sake of compilers; the sums go through memory once for that.
 */
export function storeTile(frame: Frame, problem: Problem, { rows, columns, row, column, sums }: Tile): string {
  const quads = columns % 4 === 0;
  const type = quads ? `vec4<${frame.type}>` : frame.type;
  const sum = quads ? `tile[i * ${columns / 4}u + (j >> 2u)][j & 3u]` : `tile[i * ${columns}u + j]`;
  const walkers = (prefix: string, start: (operand: number) => string): Walker[] =>
    frame.stored.map((operand) => ({ operand, name: `${prefix}${operand}`, start: start(operand) }));
  const partial = frame.stage === "partial";
  const head = partial
    ? `let plane = (part * ${frame.batches} + batch) * ${frame.rows};`
    : frame.walk(
        problem.batch,
        "batch",
        walkers("o", (k) => frame.offset(k)),
        "ob",
      );
  const store = partial
    ? frame.storeSum(sum, `(plane + r) * ${frame.columns} + c`)
    : `${frame.walk(
        problem.m,
        "r",
        walkers("to", (k) => `at${k}`),
        "or",
      )} ${frame.store(sum, (k) => `to${k}`)}`;
  return `var tile = array<${type}, ${sums.length}>(${sums.join(", ")});
  ${head}
  for (var j = 0u; j < ${columns}u; j++) {
    let c = ${column("j")};
    if (c >= ${frame.columns}) { break; }
    ${
      partial
        ? ""
        : frame.walk(
            problem.n,
            "c",
            walkers("at", (k) => `o${k}`),
            "oc",
          )
    }
    for (var i = 0u; i < ${rows}u; i++) {
      let r = ${row("i")};
      if (r >= ${frame.rows}) { break; }
      ${store}
    }
  }`;
}
