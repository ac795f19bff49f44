import type { FunctionBuilder, ModuleBuilder } from "../wasm/assembler.ts";
import type { Opcode } from "../wasm/opcodes.ts";
import type { Lanes } from "./lanes.ts";
import { TILE_ROWS } from "./micro-kernel.ts";

/** Columns that are computed together, by rows - 1: as many as the vector registers hold sums and operands for. */
const COLUMNS = [4, 4, 2, 2];

/** How many parameters a dot kernel has: (a, aRows, aSteps, b, bColumns, bSteps, k, c, cRows, cColumns, d, dRows, dColumns, n, start). */
export const DOT_PARAMETERS = 15;

/**
 * The functions that compute up to TILE_ROWS rows of n columns where k lies side by side in both operands (in runs of whole vectors): each sum
 * is a vector of partial sums until its end, and nothing is packed. Tables hold the offsets of rows, columns and steps of k.
 */
export const dotKernels = (module: ModuleBuilder, lanes: Lanes): FunctionBuilder[] =>
  Array.from({ length: TILE_ROWS }, (_, i) => dotKernel(module, lanes, i + 1, COLUMNS[i]!));

function dotKernel(module: ModuleBuilder, lanes: Lanes, rows: number, columns: number): FunctionBuilder {
  const f = module.func(`dot${rows}`, Array.from({ length: DOT_PARAMETERS }, () => "i32"), [], false);
  const [a, aRows, aSteps, b, bColumns, bSteps, k, c, cRows, cColumns, d, dRows, dColumns, n, start] = Array.from({ length: DOT_PARAMETERS }, (_, i) => i) as [
    number, number, number, number, number, number, number, number, number, number, number, number, number, number, number,
  ];
  const { type, size, count, shape } = lanes;
  const many = (length: number, of: "i32" | "v128"): number[] => Array.from({ length }, () => f.local(of));
  const aRow = many(rows, "i32");
  const bColumn = many(columns, "i32");
  const x = many(rows, "v128");
  const y = many(columns, "v128");
  const sums = aRow.map(() => many(columns, "v128"));
  const [pa, pb, oa, ob, steps] = many(5, "i32") as [number, number, number, number, number];
  const value = f.local(type);
  const scalarLoad: Opcode = `${type}.load`;
  const scalarStore: Opcode = `${type}.store`;

  aRow.forEach((row, i) => f.get(a).get(aRows).load("i32.load", 4 * i).op("i32.add").set(row));
  const accumulate = (load: Opcode, entries: number): void => {
    f.loop((top) => {
      f.get(pa).load("i32.load").set(oa);
      f.get(pb).load("i32.load").set(ob);
      x.forEach((v, i) => f.get(aRow[i]!).get(oa).op("i32.add").load(load).set(v));
      y.forEach((v, j) => f.get(bColumn[j]!).get(ob).op("i32.add").load(load).set(v));
      sums.forEach((row, i) => row.forEach((s, j) => lanes.multiplyAdd(f, s, x[i]!, y[j]!)));
      f.bump(pa, 4 * entries).bump(pb, 4 * entries);
      f.get(steps).i32(1).op("i32.sub").tee(steps).brIf(top);
    });
  };
  /** Leaves the sum of a vector's lanes on the stack. */
  const total = (v: number): void => {
    f.get(v).get(v).get(v).shuffle32(2, 3, 2, 3).op(`${shape}.add`).set(v);
    if (count === 4) f.get(v).get(v).get(v).shuffle32(1, 1, 1, 1).op(`${shape}.add`).set(v);
    f.get(v).lane(`${shape}.extract_lane` as Opcode, 0);
  };
  f.loop((next) => {
    // Columns that are not there repeat the first.
    bColumn.forEach((column, j) => {
      const load = (at: number) => (): void => void f.get(b).get(bColumns).load("i32.load", 4 * at).op("i32.add").set(column);
      if (j === 0) load(0)();
      else f.get(n).i32(j).op("i32.gt_s").if(load(j), load(0));
    });
    for (const row of sums) for (const s of row) f.v128("i32x4", 0).set(s);
    f.get(aSteps).set(pa);
    f.get(bSteps).set(pb);
    f.get(k).i32(count === 4 ? 2 : 1).op("i32.shr_u").tee(steps).if(() => accumulate("v128.load", count));
    // The last steps one by one: the other lanes are zero in both operands.
    f.get(k).i32(count - 1).op("i32.and").tee(steps).if(() => accumulate(size === 4 ? "v128.load32_zero" : "v128.load64_zero", 1));
    for (let j = 0; j < columns; j++) {
      f.get(n).i32(j).op("i32.gt_s").if(() =>
        sums.forEach((row, i) => {
          total(row[j]!);
          f.set(value);
          f.get(start).if(() => {
            f.get(value).get(d).get(dRows).load("i32.load", 4 * i).op("i32.add").get(dColumns).load("i32.load", 4 * j).op("i32.add");
            f.load(scalarLoad).op(`${type}.add`).set(value);
          });
          f.get(c).get(cRows).load("i32.load", 4 * i).op("i32.add").get(cColumns).load("i32.load", 4 * j).op("i32.add");
          f.get(value).store(scalarStore);
        }),
      );
    }
    f.bump(bColumns, 4 * columns).bump(cColumns, 4 * columns).bump(dColumns, 4 * columns);
    f.get(n).i32(columns).op("i32.sub").tee(n).i32(0).op("i32.gt_s").brIf(next);
  });
  return f;
}
