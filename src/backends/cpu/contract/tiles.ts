import type { FunctionBuilder, ModuleBuilder } from "../wasm/assembler.ts";
import type { Lanes } from "./lanes.ts";
import { KERNEL_PARAMETERS, microKernels, TILE_ROWS, TILE_VECTORS, ways } from "./micro-kernel.ts";

/** Columns of a tile. */
export const tileColumns = (lanes: Lanes): number => TILE_VECTORS * lanes.count;

/** The functions that compute tiles. */
export interface Tiles {
  /** By way: the tile of full size, of a micro-kernel's parameters. */
  readonly full: readonly FunctionBuilder[];
  /** The same for any size: the parameters and (rows, width, way). `width` beyond a tile counts as one. */
  readonly any: FunctionBuilder;
  /** Like `any` for columns that do not follow each other in memory, or do not fill whole vectors: see `edgeTile`. */
  readonly edge: FunctionBuilder;
}

export function buildTiles(module: ModuleBuilder, lanes: Lanes): Tiles {
  const kernels = ways.map((way) => microKernels(module, lanes, way));
  const any = anyTile(module, lanes, kernels);
  return { full: kernels.map((k) => k[TILE_ROWS - 1]![TILE_VECTORS - 1]!), any, edge: edgeTile(module, lanes, any) };
}

const parameters = (n: number): "i32"[] => Array.from({ length: n }, () => "i32");

/** `any(...kernel, rows, width, way)`. */
function anyTile(module: ModuleBuilder, lanes: Lanes, kernels: readonly FunctionBuilder[][][]): FunctionBuilder {
  const f = module.func("any", parameters(KERNEL_PARAMETERS + 3), [], false);
  const [rows, width, way] = [KERNEL_PARAMETERS, KERNEL_PARAMETERS + 1, KERNEL_PARAMETERS + 2];
  const call = (kernel: FunctionBuilder): void => {
    for (let q = 0; q < KERNEL_PARAMETERS; q++) f.get(q);
    f.call(kernel.index);
  };
  const byWidth = (row: FunctionBuilder[]): void => {
    f.get(width).i32(lanes.count).op("i32.gt_s").if(() => call(row[1]!), () => call(row[0]!));
  };
  const byRows = (of: FunctionBuilder[][], r: number = TILE_ROWS - 1): void => {
    if (r === 0) byWidth(of[0]!);
    else f.get(rows).i32(r).op("i32.gt_s").if(() => byWidth(of[r]!), () => byRows(of, r - 1));
  };
  const byWay = (w: number): void => {
    if (w === 0) byRows(kernels[0]!);
    else f.get(way).i32(w).op("i32.eq").if(() => byRows(kernels[w]!), () => byWay(w - 1));
  };
  byWay(ways.length - 1);
  return f;
}

/**
 * `edge(...kernel, rows, width, way, cColumns, dColumns, tile, tileRows)`: the tile is computed in the buffer `tile` and moved to its place
 * element by element; `cColumns` and `dColumns` are tables of the columns' offsets from c and d.
 */
function edgeTile(module: ModuleBuilder, lanes: Lanes, any: FunctionBuilder): FunctionBuilder {
  const f = module.func("edge", parameters(KERNEL_PARAMETERS + 7), [], false);
  const [c, cRows, d, dRows, start] = [5, 6, 7, 8, 9];
  const [rows, width, way, cColumns, dColumns, tile, tileRows] = [0, 1, 2, 3, 4, 5, 6].map((q) => KERNEL_PARAMETERS + q) as [
    number, number, number, number, number, number, number,
  ];
  const [i, j, row, buffer] = [f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32")];
  const atMost = (local: number, limit: number): void => {
    f.get(local).i32(limit).get(local).i32(limit).op("i32.lt_s").op("select").set(local);
  };
  const entry = (table: number, index: number): FunctionBuilder => f.get(table).get(index).i32(2).op("i32.shl").op("i32.add").load("i32.load");
  /** Calls `body` for every element, with the address of its row in `row` and its own in the buffer in `buffer`. */
  const each = (base: number, table: number, body: () => void): void => {
    f.i32(0).set(i);
    f.loop((nextRow) => {
      f.get(base);
      entry(table, i).op("i32.add").set(row);
      f.get(tile);
      entry(tileRows, i).op("i32.add").set(buffer);
      f.i32(0).set(j);
      f.loop((nextColumn) => {
        body();
        f.bump(buffer, lanes.size);
        f.get(j).i32(1).op("i32.add").tee(j).get(width).op("i32.lt_s").brIf(nextColumn);
      });
      f.get(i).i32(1).op("i32.add").tee(i).get(rows).op("i32.lt_s").brIf(nextRow);
    });
  };
  const element = (table: number): FunctionBuilder => {
    f.get(row);
    return entry(table, j).op("i32.add");
  };
  atMost(rows, TILE_ROWS);
  atMost(width, tileColumns(lanes));
  f.get(start).if(() =>
    each(d, dRows, () => {
      f.get(buffer);
      element(dColumns).load(lanes.load).store(lanes.store);
    }),
  );
  for (let q = 0; q < c; q++) f.get(q);
  // A start, whichever it was, lies in the buffer element by element.
  f.get(tile).get(tileRows).get(tile).get(tileRows).get(start).i32(0).op("i32.ne");
  f.get(rows).get(width).get(way).call(any.index);
  each(c, cRows, () => {
    element(cColumns).get(buffer).load(lanes.load).store(lanes.store);
  });
  return f;
}
