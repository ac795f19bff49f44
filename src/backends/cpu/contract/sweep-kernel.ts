import type { FunctionBuilder, ModuleBuilder } from "../wasm/assembler.ts";
import type { Lanes } from "./lanes.ts";
import { START_ELEMENTS, TILE_ROWS } from "./micro-kernel.ts";
import { call, countDown, define, locals, offsetBy } from "./parameters.ts";

/** Vectors that are computed together, by rows - 1: with fewer, a multiply-add would wait for the one before it. */
const VECTORS = [4, 4, 2, 2];
/** A stretch is a multiple of so many vectors, so that tiles fill it whatever the rows. */
export const SWEEP_VECTORS = 4;

/**
 * The parameters of `sweep`: the packed panels of `rows` rows of a; the operand b, with tables of the offsets of its columns and steps of k;
 * tables of the rows and columns of c and d; and how many columns a stretch has, which are whole vectors.
 */
export const sweepParameters = [
  "a",
  "b",
  "bColumns",
  "bSteps",
  "k",
  "c",
  "cRows",
  "cColumns",
  "d",
  "dRows",
  "dColumns",
  "start",
  "rows",
  "n",
] as const;

const kernelParameters = [
  "a",
  "b",
  "bColumns",
  "bSteps",
  "k",
  "c",
  "cRows",
  "cColumns",
  "d",
  "dRows",
  "dColumns",
  "start",
  "tiles",
] as const;

/**
 * Builds `sweep`: a stretch of columns for all rows of packed panels, where the columns of b, c and d lie side by side in runs of whole
 * vectors. Nothing of b is packed: it stays in the first-level cache while the rows pass by. The kernels go from tile to tile by themselves,
 * since a call for each tile of few steps would cost as much as its arithmetic.
 */
export function sweepFunction(module: ModuleBuilder, lanes: Lanes): FunctionBuilder {
  const kernels = VECTORS.map((vectors, i) => [sweepKernel(module, lanes, i + 1, vectors), sweepKernel(module, lanes, i + 1, 1)] as const);
  const { f, p } = define(module, "sweep", sweepParameters);
  const [whole, tiles, panelBytes] = locals(f, 3, "i32") as [number, number, number];
  const columns: readonly string[] = ["bColumns", "cColumns", "dColumns"];

  /** Whole tiles, then the vectors that are left. */
  const stretch = (rows: number): void => {
    const [many, one] = kernels[rows - 1]!;
    const pass = (kernel: FunctionBuilder, behind: boolean): void => {
      const value = (name: (typeof kernelParameters)[number]) => (): void => {
        f.get(name === "tiles" ? tiles : p[name]);
        if (behind && columns.includes(name)) f.get(whole).i32(2).op("i32.shl").op("i32.add");
      };
      call(f, kernel, kernelParameters, Object.fromEntries(kernelParameters.map((name) => [name, value(name)])) as Arguments);
    };
    const width = VECTORS[rows - 1]! * lanes.count;
    f.get(p.n).i32(-width).op("i32.and").tee(whole).i32(Math.log2(width)).op("i32.shr_u").tee(tiles);
    f.if(() => pass(many, false));
    f.get(p.n).get(whole).op("i32.sub").i32(Math.log2(lanes.count)).op("i32.shr_u").tee(tiles);
    f.if(() => pass(one, true));
  };
  const byRows = (rows: number): void => {
    if (rows === 1) stretch(1);
    else
      f.get(p.rows)
        .i32(rows)
        .op("i32.ge_s")
        .if(
          () => stretch(rows),
          () => byRows(rows - 1),
        );
  };
  f.get(p.k)
    .i32(TILE_ROWS * lanes.size)
    .op("i32.mul")
    .set(panelBytes);
  f.loop((next) => {
    byRows(TILE_ROWS);
    f.bumpBy(p.a, panelBytes)
      .bump(p.cRows, 4 * TILE_ROWS)
      .bump(p.dRows, 4 * TILE_ROWS);
    f.get(p.rows).i32(TILE_ROWS).op("i32.sub").tee(p.rows).i32(0).op("i32.gt_s").brIf(next);
  });
  return f;
}

type Arguments = Readonly<Record<(typeof kernelParameters)[number], () => void>>;

/** Some rows of a panel by `tiles` tiles of some vectors, at least one. */
function sweepKernel(module: ModuleBuilder, lanes: Lanes, rows: number, vectors: number): FunctionBuilder {
  const { f, p } = define(module, `sweep${rows}x${vectors}`, kernelParameters);
  const [at, a, steps, left] = locals(f, 4, "i32") as [number, number, number, number];
  const columns = locals(f, vectors, "i32");
  const x = f.local("v128");
  const y = locals(f, vectors, "v128");
  const sums = Array.from({ length: rows }, () => locals(f, vectors, "v128"));

  /** Finds the vectors of an operand's columns. */
  const locate = (base: number, table: number): void =>
    columns.forEach((column, j) => {
      f.get(base)
        .get(table)
        .load("i32.load", 4 * j * lanes.count)
        .op("i32.add")
        .set(column);
    });
  const eachElement = (table: number, body: (sum: number) => void): void =>
    sums.forEach((row, i) => {
      f.get(table)
        .load("i32.load", 4 * i)
        .set(at);
      row.forEach((s, j) => {
        f.get(columns[j]!).get(at).op("i32.add");
        body(s);
      });
    });
  f.loop((next) => {
    for (const row of sums) for (const s of row) f.v128("i32x4", 0).set(s);
    f.get(p.start).if(() =>
      f
        .get(p.start)
        .i32(START_ELEMENTS)
        .op("i32.eq")
        .if(
          () => {
            locate(p.d, p.dColumns);
            eachElement(p.dRows, (s) => f.load("v128.load").set(s));
          },
          () =>
            sums.forEach((row, i) => {
              offsetBy(f, p.d, p.dRows, i).load(lanes.splat).set(x);
              for (const s of row) f.get(x).set(s);
            }),
        ),
    );
    locate(p.b, p.bColumns);
    f.get(p.a).set(a).get(p.bSteps).set(steps).get(p.k).tee(left);
    f.if(() =>
      countDown(f, left, () => {
        f.get(steps).load("i32.load").set(at);
        y.forEach((v, j) => {
          f.get(columns[j]!).get(at).op("i32.add").load("v128.load").set(v);
        });
        sums.forEach((row, i) => {
          f.get(a)
            .load(lanes.splat, lanes.size * i)
            .set(x);
          row.forEach((s, j) => {
            lanes.multiplyAdd(f, s, x, y[j]!);
          });
        });
        f.bump(a, TILE_ROWS * lanes.size).bump(steps, 4);
      }),
    );
    locate(p.c, p.cColumns);
    eachElement(p.cRows, (s) => f.get(s).store("v128.store"));
    const entries = 4 * vectors * lanes.count;
    f.bump(p.bColumns, entries).bump(p.cColumns, entries).bump(p.dColumns, entries);
    f.get(p.tiles).i32(1).op("i32.sub").tee(p.tiles).brIf(next);
  });
  return f;
}
