import { instantiate, newModule, type WasmFunction } from "../engine.ts";
import type { FunctionBuilder, ModuleBuilder } from "../wasm/assembler.ts";
import { type Lanes, type LaneType, lanesOf } from "./lanes.ts";
import { START_ELEMENTS, TILE_ROWS, TILE_VECTORS } from "./micro-kernel.ts";
import { storeTransposed } from "./packing.ts";
import { countDown, define, locals } from "./parameters.ts";
import { tileColumns } from "./tiles.ts";

/** The functions for small products of a type, for which packing and tables of offsets would cost more than the arithmetic. */
export interface SmallFunctions {
  /**
   * `small(a, aRow, aStep, b, bStep, c, cRow, d, dRow, start, m, n, k)`: c = start + a * b. Rows and steps are strides in bytes; the
   * columns of b and c, and of d where every element has its own start, lie side by side.
   */
  readonly small: WasmFunction;
  /**
   * `turn(b, column, n, k, target, step)`: copies b, whose steps lie side by side in columns `column` bytes apart, so that its columns do.
   */
  readonly turn: WasmFunction;
}

const compiled = new Map<string, SmallFunctions>();

/** The functions of a type, compiled once. */
export function smallFunctions(type: LaneType, relaxed: boolean): SmallFunctions {
  const key = relaxed ? `relaxed ${type}` : type;
  let functions = compiled.get(key);
  if (functions === undefined) {
    const lanes = lanesOf(type, relaxed);
    const build = (name: string, emit: (module: ModuleBuilder, lanes: Lanes) => void): WasmFunction => {
      const module = newModule();
      emit(module, lanes);
      return instantiate(module, name);
    };
    functions = { small: build("small", emitSmall), turn: build("turn", emitTurn) };
    compiled.set(key, functions);
  }
  return functions;
}

const tileParameters = ["a", "aRow", "aStep", "b", "bStep", "c", "cRow", "d", "dRow", "start", "n", "k"] as const;

function emitSmall(module: ModuleBuilder, lanes: Lanes): void {
  const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);
  const tiles = upTo(TILE_ROWS).map((rows) => upTo(TILE_VECTORS).map((vectors) => smallTile(module, lanes, rows, vectors)));
  const width = tileColumns(lanes) * lanes.size;
  const names = ["a", "aRow", "aStep", "b", "bStep", "c", "cRow", "d", "dRow", "start", "m", "n", "k"] as const;
  const { f, p } = define(module, "small", names, true);
  const [b, c, d, n] = locals(f, 4, "i32") as [number, number, number, number];
  const tile = { ...p, b, c, d, n };
  const byRows = (vectors: number, r: number): void => {
    if (r > 0)
      f.get(p.m)
        .i32(r)
        .op("i32.gt_s")
        .if(
          () => call(r, vectors),
          () => byRows(vectors, r - 1),
        );
    else call(0, vectors);
  };
  const call = (r: number, vectors: number): void => {
    for (const name of tileParameters) f.get(tile[name]);
    f.call(tiles[r]![vectors - 1]!.index);
  };
  f.loop((nextRows) => {
    f.get(p.b).set(b).get(p.c).set(c).get(p.d).set(d).get(p.n).set(n);
    f.loop((nextColumns) => {
      f.get(n)
        .i32(lanes.count)
        .op("i32.gt_s")
        .if(
          () => byRows(2, TILE_ROWS - 1),
          () => byRows(1, TILE_ROWS - 1),
        );
      f.bump(b, width).bump(c, width);
      f.get(p.start)
        .i32(START_ELEMENTS)
        .op("i32.eq")
        .if(() => f.bump(d, width));
      f.get(n).i32(tileColumns(lanes)).op("i32.sub").tee(n).i32(0).op("i32.gt_s").brIf(nextColumns);
    });
    for (const [base, stride] of [
      [p.a, p.aRow],
      [p.c, p.cRow],
      [p.d, p.dRow],
    ] as const) {
      f.get(base).get(stride).i32(TILE_ROWS).op("i32.mul").op("i32.add").set(base);
    }
    f.get(p.m).i32(TILE_ROWS).op("i32.sub").tee(p.m).i32(0).op("i32.gt_s").brIf(nextRows);
  });
}

/** A tile of which the last vector may be partly filled: what lies beyond n columns is read (the heap has slack) but not written. */
function smallTile(module: ModuleBuilder, lanes: Lanes, rows: number, vectors: number): FunctionBuilder {
  const { f, p } = define(module, `small${rows}x${vectors}`, tileParameters);
  const x = f.local("v128");
  const aRows = locals(f, rows, "i32");
  const y = locals(f, vectors, "v128");
  const sums = aRows.map(() => locals(f, vectors, "v128"));
  f.get(p.start).if(() =>
    sums.forEach((row, i) => {
      f.get(p.start)
        .i32(START_ELEMENTS)
        .op("i32.eq")
        .if(
          () =>
            row.forEach((s, j) => {
              f.get(p.d)
                .load("v128.load", 16 * j)
                .set(s);
            }),
          () => {
            f.get(p.d).load(lanes.splat).set(x);
            for (const s of row) f.get(x).set(s);
          },
        );
      if (i < rows - 1) f.bumpBy(p.d, p.dRow);
    }),
  );
  aRows.forEach((row, i) => {
    f.get(p.a).set(row);
    if (i < rows - 1) f.bumpBy(p.a, p.aRow);
  });
  f.get(p.k).if(() =>
    countDown(f, p.k, () => {
      y.forEach((v, j) => {
        f.get(p.b)
          .load("v128.load", 16 * j)
          .set(v);
      });
      sums.forEach((row, i) => {
        f.get(aRows[i]!).load(lanes.splat).set(x);
        row.forEach((s, j) => {
          lanes.multiplyAdd(f, s, x, y[j]!);
        });
      });
      for (const row of aRows) f.bumpBy(row, p.aStep);
      f.bumpBy(p.b, p.bStep);
    }),
  );
  sums.forEach((row, i) => {
    row.forEach((s, j) => {
      const store = (): FunctionBuilder =>
        f
          .get(p.c)
          .get(s)
          .store("v128.store", 16 * j);
      if (j < vectors - 1) store();
      else
        f.get(p.n)
          .i32(vectors * lanes.count)
          .op("i32.ge_s")
          .if(store, () => storePart(f, lanes, p.c, s, p.n, 16 * j));
    });
    if (i < rows - 1) f.bumpBy(p.c, p.cRow);
  });
  return f;
}

/** Stores the first `n % count` lanes of a vector. */
function storePart(f: FunctionBuilder, lanes: Lanes, address: number, v: number, n: number, offset: number): void {
  const one = (lane: number): FunctionBuilder =>
    f
      .get(address)
      .get(v)
      .storeLane(lanes.bits, lane, offset + lane * lanes.size);
  if (lanes.count === 2) {
    one(0);
    return;
  }
  f.get(n)
    .i32(2)
    .op("i32.and")
    .if(
      () => {
        f.get(address).get(v).storeLane(64, 0, offset);
        f.get(n)
          .i32(1)
          .op("i32.and")
          .if(() => one(2));
      },
      () => one(0),
    );
}

function emitTurn(module: ModuleBuilder, lanes: Lanes): void {
  const { f, p } = define(module, "turn", ["b", "column", "n", "k", "target", "step"], true);
  const { count, size } = lanes;
  const columns = locals(f, count, "i32");
  const vectors = locals(f, count, "v128");
  const [out, left] = locals(f, 2, "i32") as [number, number];
  const each = (counter: number, body: () => void): void => {
    f.get(counter).if(() => countDown(f, counter, body));
  };
  f.loop((next) => {
    columns.forEach((column, l) => {
      f.get(p.b);
      // Columns that are not there repeat the first.
      if (l > 0) f.get(p.column).i32(l).op("i32.mul").i32(0).get(p.n).i32(l).op("i32.gt_s").op("select").op("i32.add");
      f.set(column);
    });
    f.get(p.target).set(out);
    f.get(p.k).i32(Math.log2(count)).op("i32.shr_u").set(left);
    each(left, () => {
      columns.forEach((column, l) => {
        f.get(column).load("v128.load").set(vectors[l]!).bump(column, 16);
      });
      storeTransposed(f, vectors, out, p.step);
    });
    f.get(p.k)
      .i32(count - 1)
      .op("i32.and")
      .set(left);
    each(left, () => {
      columns.forEach((column, l) => {
        f.get(out)
          .get(column)
          .load(lanes.load)
          .store(lanes.store, l * size)
          .bump(column, size);
      });
      f.bumpBy(out, p.step);
    });
    f.bump(p.target, 16).get(p.b).get(p.column).i32(count).op("i32.mul").op("i32.add").set(p.b);
    f.get(p.n).i32(count).op("i32.sub").tee(p.n).i32(0).op("i32.gt_s").brIf(next);
  });
}
