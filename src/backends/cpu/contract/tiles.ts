import type { FunctionBuilder, ModuleBuilder } from "../wasm/assembler.ts";
import type { Lanes } from "./lanes.ts";
import { kernelParameters, microKernels, TILE_ROWS, TILE_VECTORS, ways } from "./micro-kernel.ts";
import { call, define, entry, locals } from "./parameters.ts";

/** Columns of a tile. */
export const tileColumns = (lanes: Lanes): number => TILE_VECTORS * lanes.count;

/**
 * What a tile is called with, beside a micro-kernel's parameters: `rows` and `width` are what is left of the block (more than a tile counts
 * as a tile), `way` is an index of `ways`; then tables of the columns' offsets from c and d, a buffer for one tile and the table of its
 * rows.
 */
type TileParameter = (typeof kernelParameters)[number] | "rows" | "width" | "way" | "cColumns" | "dColumns" | "tile" | "tileRows";
const anyParameters: readonly TileParameter[] = [...kernelParameters, "rows", "width", "way"];
const edgeParameters: readonly TileParameter[] = [...anyParameters, "cColumns", "dColumns", "tile", "tileRows"];

/** The arguments of a tile: each pushes its value. */
export type TileArguments = Readonly<Record<TileParameter, () => void>>;

/** Appends the call of a tile. */
export interface Tiles {
  /** A tile of full size; `way` is known. */
  full(f: FunctionBuilder, way: number, values: TileArguments): void;
  /** A tile of any size. */
  any(f: FunctionBuilder, values: TileArguments): void;
  /** The same for columns that do not follow each other in memory, or do not fill vectors: `c` and `d` come without a column's offset. */
  edge(f: FunctionBuilder, values: TileArguments): void;
}

export function buildTiles(module: ModuleBuilder, lanes: Lanes): Tiles {
  const kernels = ways.map((way) => microKernels(module, lanes, way));
  const any = anyTile(module, lanes, kernels);
  const edge = edgeTile(module, lanes, any);
  return {
    full: (f, way, values) => call(f, kernels[way]![TILE_ROWS - 1]![TILE_VECTORS - 1]!, kernelParameters, values),
    any: (f, values) => call(f, any, anyParameters, values),
    edge: (f, values) => call(f, edge, edgeParameters, values),
  };
}

function anyTile(module: ModuleBuilder, lanes: Lanes, kernels: readonly FunctionBuilder[][][]): FunctionBuilder {
  const { f, p } = define(module, "any", anyParameters);
  const pass = (kernel: FunctionBuilder): void => {
    for (const name of kernelParameters) f.get(p[name]);
    f.call(kernel.index);
  };
  const byWidth = (row: FunctionBuilder[]): void => {
    f.get(p.width)
      .i32(lanes.count)
      .op("i32.gt_s")
      .if(
        () => pass(row[1]!),
        () => pass(row[0]!),
      );
  };
  const byRows = (of: FunctionBuilder[][], r: number): void => {
    if (r === 0) byWidth(of[0]!);
    else
      f.get(p.rows)
        .i32(r)
        .op("i32.gt_s")
        .if(
          () => byWidth(of[r]!),
          () => byRows(of, r - 1),
        );
  };
  const byWay = (w: number): void => {
    if (w === 0) byRows(kernels[0]!, TILE_ROWS - 1);
    else
      f.get(p.way)
        .i32(w)
        .op("i32.eq")
        .if(
          () => byRows(kernels[w]!, TILE_ROWS - 1),
          () => byWay(w - 1),
        );
  };
  byWay(ways.length - 1);
  return f;
}

/** The tile is computed in the buffer and moved to its place element by element. */
function edgeTile(module: ModuleBuilder, lanes: Lanes, any: FunctionBuilder): FunctionBuilder {
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
  call(f, any, anyParameters, {
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
