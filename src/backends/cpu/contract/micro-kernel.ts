import type { FunctionBuilder, ModuleBuilder } from "../wasm/assembler.ts";
import type { Lanes } from "./lanes.ts";
import { countDown, define, locals, offsetBy } from "./parameters.ts";

/**
 * Note [Tile shape]. A tile is 4 rows by 2 vectors. V8 schedules all loads of a basic block before the arithmetic, so the accumulators,
 * the vectors of b and the splatted elements of a are alive together: with one step of k in the loop, 8 + 2 + 4 of the 15 vector registers.
 * Larger tiles or an unrolled loop spill (measured on V8 11.3: 24 instead of 47 GFLOP/s). V8 13.6 takes any of them, but whole products do
 * not gain: tiles of 6 rows reach 49 instead of 47 in the first-level cache, which the strips and the rows that are left over cost again.
 */
export const TILE_ROWS = 4;
export const TILE_VECTORS = 2;

/** How a sum starts: from zero, from an element each, or from one element for each row. */
export const START_ZERO = 0;
export const START_ELEMENTS = 1;
export const START_ROW = 2;

/** The parameters of a micro-kernel. */
export const kernelParameters = ["a", "b", "k", "c", "cRows", "d", "dRows", "start"] as const;

/**
 * The functions that compute one tile, by rows - 1 and vectors - 1: c = start + sum over k of a * b. `a` is a packed panel: TILE_ROWS
 * elements for each step of k; `b` is one too: TILE_VECTORS vectors for each. The rows of c and d lie at the offsets in the tables
 * `cRows` and `dRows`; `start` says what is read from d.
 */
export function microKernels(module: ModuleBuilder, lanes: Lanes): FunctionBuilder[][] {
  const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);
  return upTo(TILE_ROWS).map((rows) => upTo(TILE_VECTORS).map((vectors) => microKernel(module, lanes, rows, vectors)));
}

function microKernel(module: ModuleBuilder, lanes: Lanes, rows: number, vectors: number): FunctionBuilder {
  const { f, p } = define(module, `tile${rows}x${vectors}`, kernelParameters);
  const at = f.local("i32");
  const x = f.local("v128");
  const y = locals(f, vectors, "v128");
  const sums = Array.from({ length: rows }, () => locals(f, vectors, "v128"));

  const eachRow = (base: number, table: number, body: (row: number[]) => void): void =>
    sums.forEach((row, i) => {
      offsetBy(f, base, table, i).set(at);
      body(row);
    });
  f.get(p.start).if(() =>
    f
      .get(p.start)
      .i32(START_ELEMENTS)
      .op("i32.eq")
      .if(
        () =>
          eachRow(p.d, p.dRows, (row) => {
            row.forEach((s, j) => {
              f.get(at)
                .load("v128.load", 16 * j)
                .set(s);
            });
          }),
        () =>
          eachRow(p.d, p.dRows, (row) => {
            f.get(at).load(lanes.splat).set(x);
            for (const s of row) f.get(x).set(s);
          }),
      ),
  );
  f.get(p.k).if(() =>
    countDown(f, p.k, () => {
      y.forEach((v, j) => {
        f.get(p.b)
          .load("v128.load", 16 * j)
          .set(v);
      });
      sums.forEach((row, i) => {
        f.get(p.a)
          .load(lanes.splat, lanes.size * i)
          .set(x);
        row.forEach((s, j) => {
          lanes.multiplyAdd(f, s, x, y[j]!);
        });
      });
      f.bump(p.a, TILE_ROWS * lanes.size).bump(p.b, 16 * TILE_VECTORS);
    }),
  );
  eachRow(p.c, p.cRows, (row) => {
    row.forEach((s, j) => {
      f.get(at)
        .get(s)
        .store("v128.store", 16 * j);
    });
  });
  return f;
}
