import type { FunctionBuilder, ModuleBuilder } from "../wasm/assembler.ts";
import type { Lanes } from "./lanes.ts";

/**
 * Builds `strip`, which packs as many rows of a (or columns of b) as a vector has lanes: for each step of k it writes one vector of their
 * elements. Parameters: (source, rows, ks, k, target, step, width, runs): the tables `rows` and `ks` hold the offsets of the rows and of the
 * steps of k, `step` is the distance of the vectors written, `width` how many rows there are (the lanes beyond repeat the first), and `runs`
 * says that k lies in runs of whole vectors, so that square blocks can be transposed in registers.
 */
export function stripPacker(module: ModuleBuilder, lanes: Lanes): FunctionBuilder {
  const f = module.func("strip", ["i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32"], [], false);
  const [source, rows, ks, k, target, step, width, runs] = [0, 1, 2, 3, 4, 5, 6, 7];
  const { count, size } = lanes;
  const offset = f.local("i32");
  const blocks = f.local("i32");
  const row = Array.from({ length: count }, () => f.local("i32"));
  const vectors = Array.from({ length: count }, () => f.local("v128"));

  f.get(source).get(rows).load("i32.load").op("i32.add").set(row[0]!);
  for (let l = 1; l < count; l++) {
    f.get(width).i32(l).op("i32.gt_s").if(
      () => f.get(source).get(rows).load("i32.load", 4 * l).op("i32.add").set(row[l]!),
      () => f.get(row[0]!).set(row[l]!),
    );
  }
  const nextVector = (): FunctionBuilder => f.bumpBy(target, step);

  f.block((done) => {
    f.get(k).op("i32.eqz").brIf(done);
    // The rows lie side by side: one load is a vector.
    for (let l = 1; l < count; l++) {
      f.get(row[l]!).get(row[0]!).op("i32.sub").i32(l * size).op("i32.eq");
      if (l > 1) f.op("i32.and");
    }
    f.if(() => {
      f.loop((top) => {
        f.get(target).get(row[0]!).get(ks).load("i32.load").op("i32.add").load("v128.load").store("v128.store");
        nextVector();
        f.bump(ks, 4);
        f.get(k).i32(1).op("i32.sub").tee(k).brIf(top);
      });
      f.br(done);
    });
    f.get(runs).if(() => {
      f.get(k).i32(count === 4 ? 2 : 1).op("i32.shr_u").tee(blocks).if(() => {
        f.loop((top) => {
          f.get(ks).load("i32.load").set(offset);
          for (let l = 0; l < count; l++) f.get(row[l]!).get(offset).op("i32.add").load("v128.load").set(vectors[l]!);
          transposed(f, vectors, (push) => {
            f.get(target);
            push();
            f.store("v128.store");
            nextVector();
          });
          f.bump(ks, 4 * count);
          f.get(blocks).i32(1).op("i32.sub").tee(blocks).brIf(top);
        });
        f.get(k).i32(count - 1).op("i32.and").tee(k).op("i32.eqz").brIf(done);
      });
    });
    f.loop((top) => {
      f.get(ks).load("i32.load").set(offset);
      for (let l = 0; l < count; l++) {
        f.get(target).get(row[l]!).get(offset).op("i32.add").load(lanes.load).store(lanes.store, l * size);
      }
      nextVector();
      f.bump(ks, 4);
      f.get(k).i32(1).op("i32.sub").tee(k).brIf(top);
    });
  });
  return f;
}

/** Transposes a square of vectors in locals; `each` is called once per result, in order, with what pushes it. */
export function transposed(f: FunctionBuilder, v: readonly number[], each: (push: () => void) => void): void {
  const pick = (a: number, b: number, lanes: readonly [number, number, number, number]) => () =>
    f.get(v[a]!).get(v[b]!).shuffle32(...lanes);
  if (v.length === 2) {
    each(pick(0, 1, [0, 1, 4, 5]));
    each(pick(0, 1, [2, 3, 6, 7]));
    return;
  }
  // Pairs of rows are interleaved, then pairs of pairs; the first two results overwrite nothing that is still needed.
  const t = [0, 1, 2, 3].map(() => f.local("v128"));
  pick(0, 1, [0, 4, 1, 5])().set(t[0]!);
  pick(2, 3, [0, 4, 1, 5])().set(t[1]!);
  pick(0, 1, [2, 6, 3, 7])().set(t[2]!);
  pick(2, 3, [2, 6, 3, 7])().set(t[3]!);
  const join = (a: number, b: number, high: boolean) => () =>
    high ? f.get(t[a]!).get(t[b]!).shuffle32(2, 3, 6, 7) : f.get(t[a]!).get(t[b]!).shuffle32(0, 1, 4, 5);
  each(join(0, 1, false));
  each(join(0, 1, true));
  each(join(2, 3, false));
  each(join(2, 3, true));
}

/** Bytes that `fill` may write beyond its table. */
export const FILL_OVERRUN = 16;

/**
 * Builds `fill(target, count, offset, dims)`: a table of the next `count` offsets of a group of dimensions, innermost first. `dims` points to
 * (size, stride in bytes, index) per dimension, the index being where the walk stands, and `offset` is the first entry.
 */
export function tableFiller(module: ModuleBuilder): FunctionBuilder {
  const f = module.func("fill", ["i32", "i32", "i32", "i32"], []);
  const [target, count, offset, dims] = [0, 1, 2, 3];
  const run = f.local("i32");
  const end = f.local("i32");
  const stride = f.local("i32");
  const p = f.local("i32");
  const vector = f.local("v128");
  const vectorStep = f.local("v128");
  const ramp = f.local("v128");

  f.get(dims).load("i32.load", 4).set(stride);
  f.v128Bytes([0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]).get(stride).op("i32x4.splat").op("i32x4.mul").set(ramp);
  f.get(stride).i32(2).op("i32.shl").op("i32x4.splat").set(vectorStep);
  f.loop((next) => {
    // run = min(size - index, count)
    f.get(dims).load("i32.load").get(dims).load("i32.load", 8).op("i32.sub").tee(run).get(count).get(run).get(count).op("i32.lt_s").op("select").set(run);
    f.get(target).get(run).i32(2).op("i32.shl").op("i32.add").set(end);
    f.get(offset).op("i32x4.splat").get(ramp).op("i32x4.add").set(vector);
    f.loop((top) => {
      f.get(target).get(vector).store("v128.store");
      f.get(vector).get(vectorStep).op("i32x4.add").set(vector);
      f.bump(target, 16);
      f.get(target).get(end).op("i32.lt_u").brIf(top);
    });
    f.get(end).set(target);
    f.get(count).get(run).op("i32.sub").tee(count).op("i32.eqz").if(() => f.op("return"));
    // The innermost dimension is used up: step the ones around it, like an odometer.
    f.get(offset).get(dims).load("i32.load", 8).get(stride).op("i32.mul").op("i32.sub").set(offset);
    f.get(dims).i32(0).store("i32.store", 8);
    f.get(dims).set(p);
    f.loop((carry) => {
      f.bump(p, 12);
      f.get(offset).get(p).load("i32.load", 4).op("i32.add").set(offset);
      f.get(p).get(p).load("i32.load", 8).i32(1).op("i32.add").store("i32.store", 8);
      f.get(p).load("i32.load", 8).get(p).load("i32.load").op("i32.eq").if(() => {
        f.get(offset).get(p).load("i32.load").get(p).load("i32.load", 4).op("i32.mul").op("i32.sub").set(offset);
        f.get(p).i32(0).store("i32.store", 8);
        f.br(carry);
      });
    });
    f.br(next);
  });
  return f;
}
