import { instantiate, newModule, type WasmFunction } from "../engine.ts";
import type { FunctionBuilder, ModuleBuilder } from "../wasm/assembler.ts";
import { type Lanes, lanesOf, type LaneType } from "./lanes.ts";
import { START_ELEMENTS, TILE_ROWS, TILE_VECTORS } from "./micro-kernel.ts";
import { transposed } from "./packing.ts";
import { tileColumns } from "./tiles.ts";

/**
 * `small(a, aRow, aStep, b, bStep, c, cRow, d, dRow, start, m, n, k)`: a product of small matrices, for which packing and tables of offsets
 * would cost more than the arithmetic. Rows and steps are strides in bytes; the columns of b, c and d lie side by side.
 */
const SMALL_PARAMETERS = 13;
/** The parameters of a tile: (a, aRow, aStep, b, bStep, c, cRow, d, dRow, start, width, k). */
const TILE_PARAMETERS = 12;

/** The functions for small products of a type. */
export interface SmallFunctions {
  readonly small: WasmFunction;
  /** `turn(b, bColumn, n, k, target, targetStep)`: copies b, whose steps lie side by side in columns `bColumn` apart, so that its columns do. */
  readonly turn: WasmFunction;
}

const compiled = new Map<string, SmallFunctions>();

/** The functions of a type, compiled once. */
export function smallFunctions(type: LaneType, relaxed: boolean): SmallFunctions {
  const key = relaxed ? `relaxed ${type}` : type;
  let functions = compiled.get(key);
  if (functions === undefined) compiled.set(key, (functions = compile(type, relaxed)));
  return functions;
}

function compile(type: LaneType, relaxed: boolean): SmallFunctions {
  const lanes = lanesOf(type, relaxed);
  const build = (name: "small" | "turn", emit: (module: ModuleBuilder, lanes: Lanes) => void): WasmFunction => {
    const module = newModule();
    emit(module, lanes);
    return instantiate(module, name);
  };
  return { small: build("small", emitSmall), turn: build("turn", emitTurn) };
}

function emitSmall(module: ModuleBuilder, lanes: Lanes): void {
  const tiles = Array.from({ length: TILE_ROWS }, (_, r) => Array.from({ length: TILE_VECTORS }, (_, v) => smallTile(module, lanes, r + 1, v + 1)));
  const columns = tileColumns(lanes);
  const f = module.func("small", Array.from({ length: SMALL_PARAMETERS }, () => "i32"));
  const [a, aRow, aStep, b, bStep, c, cRow, d, dRow, start, m, n, k] = Array.from({ length: SMALL_PARAMETERS }, (_, i) => i) as [
    number, number, number, number, number, number, number, number, number, number, number, number, number,
  ];
  const [bPanel, cTile, dTile, left] = [f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32")];
  const call = (tile: FunctionBuilder): void => {
    for (const q of [a, aRow, aStep, bPanel, bStep, cTile, cRow, dTile, dRow, start, left, k]) f.get(q);
    f.call(tile.index);
  };
  const byRows = (vectors: number, r: number = TILE_ROWS - 1): void => {
    if (r === 0) call(tiles[0]![vectors]!);
    else f.get(m).i32(r).op("i32.gt_s").if(() => call(tiles[r]![vectors]!), () => byRows(vectors, r - 1));
  };
  f.loop((nextRows) => {
    f.get(b).set(bPanel);
    f.get(c).set(cTile);
    f.get(d).set(dTile);
    f.get(n).set(left);
    f.loop((nextColumns) => {
      f.get(left).i32(lanes.count).op("i32.gt_s").if(() => byRows(1), () => byRows(0));
      f.bump(bPanel, columns * lanes.size).bump(cTile, columns * lanes.size);
      f.get(start).i32(START_ELEMENTS).op("i32.eq").if(() => f.bump(dTile, columns * lanes.size));
      f.get(left).i32(columns).op("i32.sub").tee(left).i32(0).op("i32.gt_s").brIf(nextColumns);
    });
    for (const [base, stride] of [[a, aRow], [c, cRow], [d, dRow]] as const) {
      f.get(base).get(stride).i32(2).op("i32.shl").op("i32.add").set(base);
    }
    f.get(m).i32(TILE_ROWS).op("i32.sub").tee(m).i32(0).op("i32.gt_s").brIf(nextRows);
  });
}

/** A tile of which the last vector may be partly filled: what lies beyond `width` columns is read (operands have slack) but not written. */
function smallTile(module: ModuleBuilder, lanes: Lanes, rows: number, vectors: number): FunctionBuilder {
  const f = module.func(`small${rows}x${vectors}`, Array.from({ length: TILE_PARAMETERS }, () => "i32"), [], false);
  const [a, aRow, aStep, b, bStep, c, cRow, d, dRow, start, width, k] = Array.from({ length: TILE_PARAMETERS }, (_, i) => i) as [
    number, number, number, number, number, number, number, number, number, number, number, number,
  ];
  const x = f.local("v128");
  const aRows = Array.from({ length: rows }, () => f.local("i32"));
  const y = Array.from({ length: vectors }, () => f.local("v128"));
  const sum = Array.from({ length: rows }, () => Array.from({ length: vectors }, () => f.local("v128")));
  f.get(start).if(() =>
    sum.forEach((row, i) => {
      f.get(start).i32(START_ELEMENTS).op("i32.eq").if(
        () => row.forEach((s, v) => f.get(d).load("v128.load", 16 * v).set(s)),
        () => {
          f.get(d).load(lanes.splat).set(x);
          for (const s of row) f.get(x).set(s);
        },
      );
      if (i < rows - 1) f.bumpBy(d, dRow);
    }),
  );
  aRows.forEach((row, i) => {
    f.get(a).set(row);
    if (i < rows - 1) f.bumpBy(a, aRow);
  });
  f.get(k).if(() =>
    f.loop((top) => {
      y.forEach((v, j) => f.get(b).load("v128.load", 16 * j).set(v));
      sum.forEach((row, i) => {
        f.get(aRows[i]!).load(lanes.splat).set(x);
        row.forEach((s, j) => lanes.multiplyAdd(f, s, x, y[j]!));
      });
      for (const row of aRows) f.bumpBy(row, aStep);
      f.bumpBy(b, bStep);
      f.get(k).i32(1).op("i32.sub").tee(k).brIf(top);
    }),
  );
  const last = vectors - 1;
  sum.forEach((row, i) => {
    for (let v = 0; v < last; v++) f.get(c).get(row[v]!).store("v128.store", 16 * v);
    f.get(width).i32(vectors * lanes.count).op("i32.ge_s").if(
      () => f.get(c).get(row[last]!).store("v128.store", 16 * last),
      () => storePart(f, lanes, c, row[last]!, width, 16 * last),
    );
    if (i < rows - 1) f.bumpBy(c, cRow);
  });
  return f;
}

/** Stores the first `width % count` lanes of a vector. */
function storePart(f: FunctionBuilder, lanes: Lanes, address: number, v: number, width: number, offset: number): void {
  if (lanes.count === 2) {
    f.get(address).get(v).storeLane(64, 0, offset);
    return;
  }
  f.get(width).i32(2).op("i32.and").if(
    () => {
      f.get(address).get(v).storeLane(64, 0, offset);
      f.get(width).i32(1).op("i32.and").if(() => f.get(address).get(v).storeLane(32, 2, offset + 8));
    },
    () => f.get(address).get(v).storeLane(32, 0, offset),
  );
}

function emitTurn(module: ModuleBuilder, lanes: Lanes): void {
  const f = module.func("turn", ["i32", "i32", "i32", "i32", "i32", "i32"]);
  const [b, column, n, k, target, step] = [0, 1, 2, 3, 4, 5];
  const { count, size } = lanes;
  const columns = Array.from({ length: count }, () => f.local("i32"));
  const vectors = Array.from({ length: count }, () => f.local("v128"));
  const [out, left] = [f.local("i32"), f.local("i32")];
  f.loop((next) => {
    columns.forEach((p, l) => {
      // Columns that are not there repeat the first.
      f.get(b);
      if (l > 0) f.get(column).i32(l).op("i32.mul").i32(0).get(n).i32(l).op("i32.gt_s").op("select").op("i32.add");
      f.set(p);
    });
    f.get(target).set(out);
    f.get(k).set(left);
    f.block((done) =>
      f.loop((top) => {
        f.get(left).i32(count).op("i32.lt_s").brIf(done);
        columns.forEach((p, l) => {
          f.get(p).load("v128.load").set(vectors[l]!);
          f.bump(p, 16);
        });
        transposed(f, vectors, (push) => {
          f.get(out);
          push();
          f.store("v128.store").bumpBy(out, step);
        });
        f.get(left).i32(count).op("i32.sub").set(left).br(top);
      }),
    );
    f.block((done) =>
      f.loop((top) => {
        f.get(left).op("i32.eqz").brIf(done);
        columns.forEach((p, l) => {
          f.get(out).get(p).load(lanes.load).store(lanes.store, l * size);
          f.bump(p, size);
        });
        f.bumpBy(out, step);
        f.get(left).i32(1).op("i32.sub").set(left).br(top);
      }),
    );
    f.bump(target, 16);
    f.get(b).get(column).i32(count).op("i32.mul").op("i32.add").set(b);
    f.get(n).i32(count).op("i32.sub").tee(n).i32(0).op("i32.gt_s").brIf(next);
  });
}
