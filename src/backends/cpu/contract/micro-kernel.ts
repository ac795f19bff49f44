import type { FunctionBuilder, ModuleBuilder } from "../wasm/assembler.ts";
import type { Lanes } from "./lanes.ts";

/**
 * Note [Tile shape]. A tile is 4 rows by 2 vectors. V8 schedules all loads of a basic block before the arithmetic, so the accumulators, the
 * vectors of b and the splatted elements of a are alive together: with one step of k in the loop that is 8 + 2 + 4 of the 15 vector registers.
 * Larger tiles, or an unrolled loop, spill (measured on V8 11.3 and 12.4: 24 instead of 47 GFLOP/s; V8 13.6 takes either).
 */
export const TILE_ROWS = 4;
export const TILE_VECTORS = 2;

/** How a sum starts: from zero, from an element each, or from one element for each row. */
export const START_ZERO = 0;
export const START_ELEMENTS = 1;
export const START_ROW = 2;

/**
 * Where a tile finds b. "packed": vectors lie one after the other, TILE_VECTORS for each step of k. Otherwise they are read from the operand
 * itself, at the offsets in the table `steps`: "joined" vectors lie side by side, "split" ones begin at two addresses.
 */
export const ways = ["packed", "joined", "split"] as const;
export type Way = (typeof ways)[number];

/** How many parameters a micro-kernel has: (a, b, b2, steps, k, c, cRows, d, dRows, start). */
export const KERNEL_PARAMETERS = 10;

/**
 * The functions that compute one tile, by rows - 1 and vectors - 1: c = start + sum over k of a * b. `a` is a packed panel: TILE_ROWS elements
 * for each step of k. The rows of c and d lie at the offsets in the tables `cRows` and `dRows`; `start` says what is read from d.
 */
export function microKernels(module: ModuleBuilder, lanes: Lanes, way: Way): FunctionBuilder[][] {
  const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);
  return upTo(TILE_ROWS).map((rows) => upTo(TILE_VECTORS).map((vectors) => microKernel(module, lanes, way, rows, vectors)));
}

function microKernel(module: ModuleBuilder, lanes: Lanes, way: Way, rows: number, vectors: number): FunctionBuilder {
  const f = module.func(`${way}${rows}x${vectors}`, Array.from({ length: KERNEL_PARAMETERS }, () => "i32"), [], false);
  const [a, b, b2, steps, k, c, cRows, d, dRows, start] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  const p = f.local("i32");
  const x = f.local("v128");
  const y = Array.from({ length: vectors }, () => f.local("v128"));
  const sum = Array.from({ length: rows }, () => Array.from({ length: vectors }, () => f.local("v128")));

  const eachRow = (base: number, table: number, body: (row: number[]) => void): void =>
    sum.forEach((row, i) => {
      f.get(base).get(table).load("i32.load", 4 * i).op("i32.add").set(p);
      body(row);
    });
  f.get(start).i32(START_ELEMENTS).op("i32.eq").if(
    () => eachRow(d, dRows, (row) => row.forEach((s, v) => f.get(p).load("v128.load", 16 * v).set(s))),
    () =>
      f.get(start).if(() =>
        eachRow(d, dRows, (row) => {
          f.get(p).load(lanes.splat).set(x);
          for (const s of row) f.get(x).set(s);
        }),
      ),
  );
  const loadB = (): void => {
    if (way === "packed") y.forEach((v, j) => f.get(b).load("v128.load", 16 * j).set(v));
    else {
      f.get(steps).load("i32.load").set(p);
      y.forEach((v, j) => {
        f.get(way === "split" && j === 1 ? b2 : b).get(p).op("i32.add").load("v128.load", way === "joined" ? 16 * j : 0).set(v);
      });
    }
  };
  f.get(k).if(() =>
    f.loop((top) => {
      loadB();
      sum.forEach((row, i) => {
        f.get(a).load(lanes.splat, lanes.size * i).set(x);
        row.forEach((s, j) => lanes.multiplyAdd(f, s, x, y[j]!));
      });
      f.bump(a, TILE_ROWS * lanes.size);
      if (way === "packed") f.bump(b, 16 * TILE_VECTORS);
      else f.bump(steps, 4);
      f.get(k).i32(1).op("i32.sub").tee(k).brIf(top);
    }),
  );
  eachRow(c, cRows, (row) => row.forEach((s, v) => f.get(p).get(s).store("v128.store", 16 * v)));
  return f;
}
