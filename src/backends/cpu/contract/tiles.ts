import type { FunctionBuilder, ModuleBuilder } from "../wasm/assembler.ts";
import type { Lanes } from "./lanes.ts";
import { kernelParameters, microKernels, TILE_ROWS, TILE_VECTORS } from "./micro-kernel.ts";
import { call, define, entry, locals } from "./parameters.ts";

/** Columns of a tile. */
export const tileColumns = (lanes: Lanes): number => TILE_VECTORS * lanes.count;

/**
 * What tiles are called with, beside a micro-kernel's parameters: `rows` and `width` are what is left of the block (a width of more than a
 * tile counts as a tile); then tables of the columns' offsets from c and d, a buffer for one tile and the
 * table of its rows.
 */
type TileParameter = (typeof kernelParameters)[number] | "rows" | "width" | "cColumns" | "dColumns" | "tile" | "tileRows";
const panelParameters: readonly TileParameter[] = [...kernelParameters, "rows", "width"];
const edgeParameters: readonly TileParameter[] = [...panelParameters, "cColumns", "dColumns", "tile", "tileRows"];

/** The arguments of tiles: each pushes its value. */
export type TileArguments = Readonly<Record<TileParameter, () => void>>;

/** Appends the call of tiles. */
export interface Tiles {
  /** All rows of a panel of b. */
  panel(f: FunctionBuilder, values: TileArguments): void;
  /**
   * At most one tile, whose columns do not follow each other in memory, or do not fill vectors: `c` and `d` come without a column's offset.
   */
  edge(f: FunctionBuilder, values: TileArguments): void;
}

export function buildTiles(module: ModuleBuilder, lanes: Lanes): Tiles {
  const kernels = microKernels(module, lanes);
  const panel = panelOfTiles(module, lanes, kernels);
  const edge = edgeTile(module, lanes, panel);
  return {
    panel: (f, values) => call(f, panel, panelParameters, values),
    edge: (f, values) => call(f, edge, edgeParameters, values),
  };
}

/** Tiles of all rows, one below the other, then the rows that are left. */
function panelOfTiles(module: ModuleBuilder, lanes: Lanes, kernels: readonly FunctionBuilder[][]): FunctionBuilder {
  const { f, p } = define(module, "panel", panelParameters);
  const panelBytes = f.local("i32");
  const pass = (kernel: FunctionBuilder): void => {
    for (const name of kernelParameters) f.get(p[name]);
    f.call(kernel.index);
  };
  const byWidth = (row: readonly FunctionBuilder[], body: (kernel: FunctionBuilder) => void): void => {
    f.get(p.width)
      .i32(lanes.count)
      .op("i32.gt_s")
      .if(
        () => body(row[1]!),
        () => body(row[0]!),
      );
  };
  const byRows = (r: number): void => {
    if (r === 0) byWidth(kernels[0]!, pass);
    else
      f.get(p.rows)
        .i32(r)
        .op("i32.gt_s")
        .if(
          () => byWidth(kernels[r]!, pass),
          () => byRows(r - 1),
        );
  };
  const hasTile = (): FunctionBuilder => f.get(p.rows).i32(TILE_ROWS).op("i32.ge_s");
  const repeat = (kernel: FunctionBuilder): void => {
    f.loop((next) => {
      pass(kernel);
      f.bumpBy(p.a, panelBytes)
        .bump(p.cRows, 4 * TILE_ROWS)
        .bump(p.dRows, 4 * TILE_ROWS);
      f.get(p.rows).i32(TILE_ROWS).op("i32.sub").set(p.rows);
      hasTile().brIf(next);
    });
  };

  f.get(p.k)
    .i32(TILE_ROWS * lanes.size)
    .op("i32.mul")
    .set(panelBytes);
  hasTile().if(() => byWidth(kernels[TILE_ROWS - 1]!, repeat));
  f.get(p.rows).if(() => byRows(TILE_ROWS - 2));
  return f;
}

/** The tile is computed in the buffer and moved to its place element by element. */
function edgeTile(module: ModuleBuilder, lanes: Lanes, panel: FunctionBuilder): FunctionBuilder {
  const { f, p } = define(module, "edge", edgeParameters);
  const [i, j, row, buffer] = locals(f, 4, "i32") as [number, number, number, number];
  const atMost = (local: number, limit: number): void => {
    f.get(local).i32(limit).get(local).i32(limit).op("i32.lt_s").op("select").set(local);
  };
  /** Calls `body` for every element, with the address of its row in `row` and its own in the buffer in `buffer`. */
  const each = (base: number, table: number, body: () => void): void => {
    f.i32(0).set(i);
    f.loop((nextRow) => {
      entry(f.get(base), table, i).op("i32.add").set(row);
      entry(f.get(p.tile), p.tileRows, i).op("i32.add").set(buffer);
      f.i32(0).set(j);
      f.loop((nextColumn) => {
        body();
        f.bump(buffer, lanes.size);
        f.get(j).i32(1).op("i32.add").tee(j).get(p.width).op("i32.lt_s").brIf(nextColumn);
      });
      f.get(i).i32(1).op("i32.add").tee(i).get(p.rows).op("i32.lt_s").brIf(nextRow);
    });
  };
  const element = (columns: number): FunctionBuilder => entry(f.get(row), columns, j).op("i32.add");

  atMost(p.rows, TILE_ROWS);
  atMost(p.width, tileColumns(lanes));
  f.get(p.start).if(() =>
    each(p.d, p.dRows, () => {
      f.get(buffer);
      element(p.dColumns).load(lanes.load).store(lanes.store);
    }),
  );
  const values = Object.fromEntries(edgeParameters.map((name) => [name, () => void f.get(p[name])])) as Record<TileParameter, () => void>;
  call(f, panel, panelParameters, {
    ...values,
    c: () => f.get(p.tile),
    cRows: () => f.get(p.tileRows),
    d: () => f.get(p.tile),
    dRows: () => f.get(p.tileRows),
    // A start, whichever it was, lies in the buffer element by element.
    start: () => f.get(p.start).i32(0).op("i32.ne"),
  });
  each(p.c, p.cRows, () => {
    element(p.cColumns).get(buffer).load(lanes.load).store(lanes.store);
  });
  return f;
}
