import type { FunctionBuilder, ModuleBuilder } from "../wasm/assembler.ts";
import type { Lanes } from "./lanes.ts";
import { TILE_VECTORS } from "./micro-kernel.ts";
import { countDown, define, locals, offsetBy } from "./parameters.ts";

/** The parameters of `strip`. */
export const stripParameters = ["source", "rows", "ks", "k", "target", "step", "width", "runs"] as const;

/**
 * Builds `strip`, which packs as many rows of a (or columns of b) as a vector has lanes: for each step of k it writes one vector of their
 * elements. The tables `rows` and `ks` hold the offsets of the rows and of the steps of k, `step` is the distance of the vectors written,
 * `width` how many rows there are (the lanes beyond repeat the first), and `runs` says that k lies in runs of whole vectors, so that square
 * blocks can be transposed in registers.
 */
export function stripPacker(module: ModuleBuilder, lanes: Lanes): FunctionBuilder {
  const { f, p } = define(module, "strip", stripParameters);
  const { count, size } = lanes;
  const [offset, blocks] = locals(f, 2, "i32") as [number, number];
  const rows = locals(f, count, "i32");
  const vectors = locals(f, count, "v128");

  offsetBy(f, p.source, p.rows, 0).set(rows[0]!);
  for (let l = 1; l < count; l++) {
    f.get(p.width)
      .i32(l)
      .op("i32.gt_s")
      .if(
        () => offsetBy(f, p.source, p.rows, l).set(rows[l]!),
        () => f.get(rows[0]!).set(rows[l]!),
      );
  }
  f.block((done) => {
    f.get(p.k).op("i32.eqz").brIf(done);
    // The rows lie side by side: one load is a vector.
    for (let l = 1; l < count; l++) {
      f.get(rows[l]!)
        .get(rows[0]!)
        .op("i32.sub")
        .i32(l * size)
        .op("i32.eq");
      if (l > 1) f.op("i32.and");
    }
    f.if(() => {
      countDown(f, p.k, () => {
        f.get(p.target).get(rows[0]!).get(p.ks).load("i32.load").op("i32.add").load("v128.load").store("v128.store");
        f.bumpBy(p.target, p.step).bump(p.ks, 4);
      });
      f.br(done);
    });
    f.get(p.runs).if(() => {
      f.get(p.k)
        .i32(count === 4 ? 2 : 1)
        .op("i32.shr_u")
        .tee(blocks)
        .if(() => {
          countDown(f, blocks, () => {
            f.get(p.ks).load("i32.load").set(offset);
            rows.forEach((row, l) => {
              f.get(row).get(offset).op("i32.add").load("v128.load").set(vectors[l]!);
            });
            storeTransposed(f, vectors, p.target, p.step);
            f.bump(p.ks, 4 * count);
          });
          f.get(p.k)
            .i32(count - 1)
            .op("i32.and")
            .tee(p.k)
            .op("i32.eqz")
            .brIf(done);
        });
    });
    countDown(f, p.k, () => {
      f.get(p.ks).load("i32.load").set(offset);
      rows.forEach((row, l) => {
        f.get(p.target)
          .get(row)
          .get(offset)
          .op("i32.add")
          .load(lanes.load)
          .store(lanes.store, l * size);
      });
      f.bumpBy(p.target, p.step).bump(p.ks, 4);
    });
  });
  return f;
}

/** The parameters of `pair`. */
export const pairParameters = ["source", "columns", "ks", "k", "target", "panel"] as const;

/**
 * Builds `pair`, which packs two panels of b at once where all their columns lie side by side, and otherwise nothing; returns whether it did.
 * The tables `columns` and `ks` hold the offsets of the columns and of the steps of k; the second panel begins `panel` bytes behind the
 * first. A pair of panels is a whole line of the cache wide, which is read once: with rows a power of two apart, lines do not stay until
 * their next part is wanted.
 */
export function pairPacker(module: ModuleBuilder, lanes: Lanes): FunctionBuilder {
  const f = module.func(
    "pair",
    pairParameters.map(() => "i32"),
    ["i32"],
    false,
  );
  const p = Object.fromEntries(pairParameters.map((name, i) => [name, i])) as Record<(typeof pairParameters)[number], number>;
  const [at, left, from] = locals(f, 3, "i32") as [number, number, number];
  const vectors = locals(f, 2 * TILE_VECTORS, "v128");
  f.get(p.columns).set(at);
  f.i32(2 * TILE_VECTORS * lanes.count - 1).set(left);
  countDown(f, left, () => {
    f.get(at)
      .load("i32.load", 4)
      .get(at)
      .load("i32.load")
      .op("i32.sub")
      .i32(lanes.size)
      .op("i32.ne")
      .if(() => f.i32(0).op("return"));
    f.bump(at, 4);
  });
  f.get(p.columns).load("i32.load").get(p.source).op("i32.add").set(p.source);
  f.get(p.target).get(p.panel).op("i32.add").set(p.panel);
  f.get(p.k).if(() =>
    countDown(f, p.k, () => {
      f.get(p.source).get(p.ks).load("i32.load").op("i32.add").set(from);
      vectors.forEach((v, i) => {
        f.get(from)
          .load("v128.load", 16 * i)
          .set(v);
      });
      vectors.forEach((v, i) => {
        f.get(i < TILE_VECTORS ? p.target : p.panel)
          .get(v)
          .store("v128.store", 16 * (i % TILE_VECTORS));
      });
      f.bump(p.ks, 4)
        .bump(p.target, 16 * TILE_VECTORS)
        .bump(p.panel, 16 * TILE_VECTORS);
    }),
  );
  f.i32(1);
  return f;
}

/** Stores the transposed square of some vectors, `step` apart from `target` on, and moves `target` behind it. */
export function storeTransposed(f: FunctionBuilder, v: readonly number[], target: number, step: number): void {
  const pick = (a: number, b: number, lanes: readonly number[]): FunctionBuilder =>
    f.get(a).get(b).shuffle32(lanes[0]!, lanes[1]!, lanes[2]!, lanes[3]!);
  const put = (a: number, b: number, lanes: readonly number[]): void => {
    f.get(target);
    pick(a, b, lanes).store("v128.store").bumpBy(target, step);
  };
  const [low, high] = [
    [0, 1, 4, 5],
    [2, 3, 6, 7],
  ] as const;
  if (v.length === 2) {
    put(v[0]!, v[1]!, low);
    put(v[0]!, v[1]!, high);
    return;
  }
  // Rows are interleaved in pairs, then the pairs of pairs are joined by halves.
  const [a, b, c, d] = locals(f, 4, "v128") as [number, number, number, number];
  pick(v[0]!, v[1]!, [0, 4, 1, 5]).set(a);
  pick(v[2]!, v[3]!, [0, 4, 1, 5]).set(b);
  pick(v[0]!, v[1]!, [2, 6, 3, 7]).set(c);
  pick(v[2]!, v[3]!, [2, 6, 3, 7]).set(d);
  put(a, b, low);
  put(a, b, high);
  put(c, d, low);
  put(c, d, high);
}

/** Bytes that `fill` may write beyond its table. */
export const FILL_OVERRUN = 16;

/**
 * Builds `fill(target, count, offset, dims)`: a table of the next `count` offsets of a group of dimensions, innermost first. `dims` points
 * to (size, stride in bytes, index) per dimension, the index being where the walk stands; `offset` is the first entry.
 */
export function tableFiller(module: ModuleBuilder): FunctionBuilder {
  const { f, p } = define(module, "fill", ["target", "count", "offset", "dims"], true);
  const [run, end, stride, dim] = locals(f, 4, "i32") as [number, number, number, number];
  const [vector, vectorStep, ramp] = locals(f, 3, "v128") as [number, number, number];
  const size = (at: number): FunctionBuilder => f.get(at).load("i32.load");
  const strideOf = (at: number): FunctionBuilder => f.get(at).load("i32.load", 4);
  const index = (at: number): FunctionBuilder => f.get(at).load("i32.load", 8);

  strideOf(p.dims).set(stride);
  f.v128Bytes([0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]).get(stride).op("i32x4.splat").op("i32x4.mul").set(ramp);
  f.get(stride).i32(2).op("i32.shl").op("i32x4.splat").set(vectorStep);
  f.loop((next) => {
    // The run along the innermost dimension, but no more than asked for.
    size(p.dims);
    index(p.dims).op("i32.sub").tee(run).get(p.count).get(run).get(p.count).op("i32.lt_s").op("select").set(run);
    f.get(p.target).get(run).i32(2).op("i32.shl").op("i32.add").set(end);
    f.get(p.offset).op("i32x4.splat").get(ramp).op("i32x4.add").set(vector);
    f.loop((top) => {
      f.get(p.target).get(vector).store("v128.store");
      f.get(vector).get(vectorStep).op("i32x4.add").set(vector);
      f.bump(p.target, 16);
      f.get(p.target).get(end).op("i32.lt_u").brIf(top);
    });
    f.get(end).set(p.target);
    f.get(p.count)
      .get(run)
      .op("i32.sub")
      .tee(p.count)
      .op("i32.eqz")
      .if(() => f.op("return"));
    // The innermost dimension is used up: step the ones around it, like an odometer.
    index(p.dims).get(stride).op("i32.mul").set(run);
    f.get(p.offset).get(run).op("i32.sub").set(p.offset);
    f.get(p.dims).i32(0).store("i32.store", 8);
    f.get(p.dims).set(dim);
    f.loop((carry) => {
      f.bump(dim, 12).get(p.offset);
      strideOf(dim).op("i32.add").set(p.offset);
      f.get(dim);
      index(dim).i32(1).op("i32.add").store("i32.store", 8);
      index(dim);
      size(dim)
        .op("i32.eq")
        .if(() => {
          f.get(p.offset);
          size(dim);
          strideOf(dim).op("i32.mul").op("i32.sub").set(p.offset);
          f.get(dim).i32(0).store("i32.store", 8).br(carry);
        });
    });
    f.br(next);
  });
  return f;
}
