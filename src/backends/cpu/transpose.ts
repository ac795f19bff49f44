import { moveElement, type RawSize } from "./raw.ts";
import type { FunctionBuilder } from "./wasm/assembler.ts";

/** A matrix whose rows are columns elsewhere: locals. */
export interface Transposition {
  /** Address of the target's first row; elements follow each other along a row. Used up. */
  readonly to: number;
  /** Address of the source's first column, in which elements follow each other. Used up. */
  readonly from: number;
  /** From a row of the target to the next, in bytes. */
  readonly rowStep: number;
  /** From a column of the source to the next. */
  readonly columnStep: number;
  readonly rows: number;
  readonly columns: number;
}

/** How many blocks lie one below the other in a strip: together they read whole cache lines of the source. */
const blocksPerStrip: { readonly [K in RawSize]: number } = { 1: 1, 2: 2, 4: 4, 8: 4 };

/**
 * Moves a matrix by square blocks of 16 bytes across: as many vectors as a vector has elements are loaded along the source's columns,
 * transposed in registers and stored along the target's rows. Strips of rows keep the number of cache lines in use small.
 */
export function transpose(f: FunctionBuilder, size: RawSize, t: Transposition): void {
  const side = 16 / size;
  const height = blocksPerStrip[size] * side;
  const rows = f.local("i32");
  f.get(t.rows).set(rows);
  for (const blocks of blocksPerStrip[size] === 1 ? [1] : [blocksPerStrip[size], 1]) {
    const strip = blocks * side;
    f.block((exit) => {
      f.get(rows).i32(strip).op("i32.lt_u").brIf(exit);
      f.loop((top) => {
        oneStrip(f, size, t, blocks);
        // The next rows of the target, and what follows in the columns of the source.
        f.get(t.to).get(t.rowStep).i32(strip).op("i32.mul").op("i32.add").set(t.to);
        f.bump(t.from, strip * size);
        f.get(rows).i32(strip).op("i32.sub").tee(rows).i32(strip).op("i32.ge_u").brIf(top);
      });
    });
    if (strip !== height) break;
  }
  const [to, from, count] = [f.local("i32"), f.local("i32"), f.local("i32")];
  f.block((exit) => {
    f.get(rows).op("i32.eqz").brIf(exit);
    f.loop((top) => {
      f.get(t.to).set(to).get(t.from).set(from).get(t.columns).set(count);
      f.loop((next) => {
        moveElement(f, size, to, from);
        f.bump(to, size).bumpBy(from, t.columnStep).get(count).i32(1).op("i32.sub").tee(count).brIf(next);
      });
      f.bumpBy(t.to, t.rowStep).bump(t.from, size).get(rows).i32(1).op("i32.sub").tee(rows).brIf(top);
    });
  });
}

/** One strip of rows: blocks from left to right, then the columns that are left over. */
function oneStrip(f: FunctionBuilder, size: RawSize, t: Transposition, blocks: number): void {
  const side = 16 / size;
  const [to, from, count, at, row] = [f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32")];
  f.get(t.to).set(to).get(t.from).set(from).get(t.columns).set(count);
  f.block((exit) => {
    f.get(count).i32(side).op("i32.lt_u").brIf(exit);
    f.loop((top) => {
      f.get(to).set(row);
      for (let b = 0; b < blocks; b++) {
        f.get(from).set(at);
        const loaded = Array.from({ length: side }, (_, k) => {
          const v = f.local("v128");
          f.get(at)
            .load("v128.load", 16 * b)
            .set(v);
          if (k < side - 1) f.bumpBy(at, t.columnStep);
          return v;
        });
        for (const v of turn(f, size, loaded)) f.get(row).get(v).store("v128.store").bumpBy(row, t.rowStep);
      }
      f.bump(to, 16).get(from).get(t.columnStep).i32(side).op("i32.mul").op("i32.add").set(from);
      f.get(count).i32(side).op("i32.sub").tee(count).i32(side).op("i32.ge_u").brIf(top);
    });
  });
  f.block((exit) => {
    f.get(count).op("i32.eqz").brIf(exit);
    f.loop((top) => {
      f.get(to).set(row).get(from).set(at);
      for (let k = 0; k < blocks * side; k++) {
        moveElement(f, size, row, at);
        f.bumpBy(row, t.rowStep).bump(at, size);
      }
      f.bump(to, size).bumpBy(from, t.columnStep).get(count).i32(1).op("i32.sub").tee(count).brIf(top);
    });
  });
}

/**
 * Transposes a square of as many vectors as a vector has elements: interleaving vector k with vector k + half, as often as a vector
 * can be halved, rotates the bits of (row, column) until rows are columns.
 */
function turn(f: FunctionBuilder, size: RawSize, vectors: readonly number[]): readonly number[] {
  const side = vectors.length;
  let now = vectors;
  for (let n = side; n > 1; n /= 2) {
    const next: number[] = [];
    for (let k = 0; k < side / 2; k++) {
      for (const half of [0, 8]) {
        const v = f.local("v128");
        f.get(now[k]!)
          .get(now[k + side / 2]!)
          .shuffle(interleaved(size, half))
          .set(v);
        next.push(v);
      }
    }
    now = next;
  }
  return now;
}

/** The bytes of two vectors' lower or upper halves, element by element in turn. */
function interleaved(size: number, from: number): number[] {
  return Array.from({ length: 16 }, (_, b) => {
    const element = Math.floor(b / size);
    return from + Math.floor(element / 2) * size + (b % size) + (element % 2) * 16;
  });
}
