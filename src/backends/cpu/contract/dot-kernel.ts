import type { FunctionBuilder, ModuleBuilder } from "../wasm/assembler.ts";
import type { Opcode } from "../wasm/opcodes.ts";
import type { Lanes } from "./lanes.ts";
import { countDown, define, locals, offsetBy } from "./parameters.ts";

/** Rows that are computed together, at most. */
export const DOT_TILE_ROWS = 4;
/** Columns that are computed together, by rows - 1: as many as the vector registers hold sums and operands for. */
const COLUMNS = [4, 4, 2, 2];

/** The parameters of a dot kernel: operands, tables of the offsets of their rows, columns and steps of k, and n columns to compute. */
export const dotParameters = [
  "a",
  "aRows",
  "aSteps",
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
  "n",
  "start",
] as const;

/**
 * The functions that compute 1 to DOT_TILE_ROWS rows of n columns where k lies side by side in both operands, in runs of whole vectors: each
 * sum is a vector of partial sums until its end, and nothing is packed.
 */
export const dotKernels = (module: ModuleBuilder, lanes: Lanes): FunctionBuilder[] =>
  Array.from({ length: DOT_TILE_ROWS }, (_, i) => dotKernel(module, lanes, i + 1, COLUMNS[i]!));

function dotKernel(module: ModuleBuilder, lanes: Lanes, rows: number, columns: number): FunctionBuilder {
  const { f, p } = define(module, `dot${rows}`, dotParameters);
  const { type, shape, count } = lanes;
  const aRow = locals(f, rows, "i32");
  const bColumn = locals(f, columns, "i32");
  const x = locals(f, rows, "v128");
  const y = locals(f, columns, "v128");
  const sums = aRow.map(() => locals(f, columns, "v128"));
  const [aAt, bAt, aStep, bStep, left] = locals(f, 5, "i32") as [number, number, number, number, number];
  const value = f.local(type);

  const accumulate = (load: Opcode, entries: number): void =>
    countDown(f, left, () => {
      f.get(aAt).load("i32.load").set(aStep);
      f.get(bAt).load("i32.load").set(bStep);
      x.forEach((v, i) => {
        f.get(aRow[i]!).get(aStep).op("i32.add").load(load).set(v);
      });
      y.forEach((v, j) => {
        f.get(bColumn[j]!).get(bStep).op("i32.add").load(load).set(v);
      });
      sums.forEach((row, i) => {
        row.forEach((s, j) => {
          lanes.multiplyAdd(f, s, x[i]!, y[j]!);
        });
      });
      f.bump(aAt, 4 * entries).bump(bAt, 4 * entries);
    });
  /** Leaves the sum of a vector's lanes on the stack. */
  const total = (v: number): FunctionBuilder => {
    f.get(v).get(v).get(v).shuffle32(2, 3, 2, 3).op(`${shape}.add`).set(v);
    if (count === 4) f.get(v).get(v).get(v).shuffle32(1, 1, 1, 1).op(`${shape}.add`).set(v);
    return f.get(v).lane(`${shape}.extract_lane`, 0);
  };
  const finish = (s: number, i: number, j: number): void => {
    total(s).set(value);
    f.get(p.start).if(() => {
      f.get(value);
      offsetBy(f, p.d, p.dRows, i)
        .get(p.dColumns)
        .load("i32.load", 4 * j)
        .op("i32.add")
        .load(`${type}.load`);
      f.op(`${type}.add`).set(value);
    });
    offsetBy(f, p.c, p.cRows, i)
      .get(p.cColumns)
      .load("i32.load", 4 * j)
      .op("i32.add")
      .get(value)
      .store(`${type}.store`);
  };

  aRow.forEach((row, i) => {
    offsetBy(f, p.a, p.aRows, i).set(row);
  });
  f.loop((next) => {
    // Columns that are not there repeat the first.
    offsetBy(f, p.b, p.bColumns, 0).set(bColumn[0]!);
    for (let j = 1; j < columns; j++) {
      f.get(p.n)
        .i32(j)
        .op("i32.gt_s")
        .if(
          () => offsetBy(f, p.b, p.bColumns, j).set(bColumn[j]!),
          () => f.get(bColumn[0]!).set(bColumn[j]!),
        );
    }
    for (const row of sums) for (const s of row) f.v128("i32x4", 0).set(s);
    f.get(p.aSteps).set(aAt);
    f.get(p.bSteps).set(bAt);
    f.get(p.k)
      .i32(count === 4 ? 2 : 1)
      .op("i32.shr_u")
      .tee(left)
      .if(() => accumulate("v128.load", count));
    // The last steps one by one: the other lanes are zero in both operands.
    f.get(p.k)
      .i32(count - 1)
      .op("i32.and")
      .tee(left)
      .if(() => accumulate(lanes.loadOne, 1));
    for (let j = 0; j < columns; j++)
      f.get(p.n)
        .i32(j)
        .op("i32.gt_s")
        .if(() =>
          sums.forEach((row, i) => {
            finish(row[j]!, i, j);
          }),
        );
    f.bump(p.bColumns, 4 * columns)
      .bump(p.cColumns, 4 * columns)
      .bump(p.dColumns, 4 * columns);
    f.get(p.n).i32(columns).op("i32.sub").tee(p.n).i32(0).op("i32.gt_s").brIf(next);
  });
  return f;
}
