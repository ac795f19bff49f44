import { matmulRow } from "../rows/matmul.ts";
import type { Row, Target } from "../rows/row.ts";
import type { ColumnSpec } from "../run/columns.ts";
import type { Measured } from "../run/measure.ts";
import { type Cell, figure, ratio } from "./statistics.ts";

/** A target and what came of it; `value` is null where it could not be measured. */
export interface Verdict {
  readonly column: string;
  readonly target: Target;
  /** What it was compared with: of the peers, the fastest. */
  readonly other: string;
  readonly value: number | null;
  readonly met: boolean | null;
}

const inverse = (x: number | null): number | null => (x === null ? null : 1 / x);

/** The fastest column of another library in JavaScript. */
function bestPeer(cells: Measured["cells"], columns: readonly ColumnSpec[]): string | null {
  const peers = columns.filter(({ own, node, name }) => own === null && node !== null && figure(cells[name]) !== null).map((c) => c.name);
  return peers.length === 0 ? null : peers.reduce((a, b) => (figure(cells[a])! <= figure(cells[b])! ? a : b));
}

/** How many times the rate of its matmul a column reaches: `matmul` is what was measured of that row. */
function shareOfMatmul(row: Row, cell: Cell | undefined, column: string, matmul: Measured | undefined): number | null {
  const [own, other] = [figure(cell), figure(matmul?.cells[column])];
  if (own === null || other === null || matmul === undefined) return null;
  return row.flops! / own / (matmul.row.flops! / other);
}

function valueOf(
  measured: Measured,
  target: Target,
  column: ColumnSpec,
  columns: readonly ColumnSpec[],
  all: readonly Measured[],
): readonly [string, number | null] {
  const { row, cells, limits } = measured;
  const cell = cells[column.name];
  const engine = columns.find((c) => c.own === "WASM" && c.node!.major === column.node!.major)?.name ?? "";
  switch (target.of) {
    case "PyTorch":
      return ["PyTorch", ratio(cell, cells["PyTorch"])];
    case "best peer": {
      const name = bestPeer(cells, columns);
      return [name ?? "best peer", name === null ? null : ratio(cell, cells[name])];
    }
    case "limit":
      return ["limit", ratio(cell, limits[engine]?.seconds)];
    case "peak": {
      const peak = limits[engine]?.peak;
      // Operations a second over the peak: the figure is a time, so that the product of both is what their ratio would be.
      if (cell === undefined || "none" in cell || peak === undefined || "none" in peak) return ["peak", null];
      const share = { best: 0, rounds: peak.rounds.map((p) => (p === null ? null : row.flops! / p)) };
      return ["peak", inverse(ratio(cell, share))];
    }
    case "its matmul":
      return [
        matmulRow,
        shareOfMatmul(
          row,
          cell,
          column.name,
          all.find((m) => m.row.name === matmulRow),
        ),
      ];
    case "one thread":
      return ["one thread", inverse(ratio(cell, cells[engine]))];
    case "itself":
      return ["", figure(cell)];
  }
}

/** What came of the targets of a row, in each of the columns that they are for. */
export function verdicts(measured: Measured, columns: readonly ColumnSpec[], all: readonly Measured[]): Verdict[] {
  return measured.row.targets.flatMap((target) =>
    columns
      .filter(({ own, node }) => own === target.column && (target.node === undefined || node!.major === target.node))
      .map((column): Verdict => {
        const [other, value] = valueOf(measured, target, column, columns, all);
        const { most = Number.POSITIVE_INFINITY, least = Number.NEGATIVE_INFINITY } = target;
        return { column: column.name, target, other, value, met: value === null ? null : value <= most && value >= least };
      }),
  );
}
