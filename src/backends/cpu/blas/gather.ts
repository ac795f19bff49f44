import { instantiate, newModule, type WasmFunction } from "../engine.ts";
import type { FunctionBuilder } from "../wasm/assembler.ts";

/** Functions that copy elements of a size. All distances are in bytes. */
export interface Copies {
  /**
   * `gather(source, rows, rowCount, runs, runCount, length, step, target, targetRow)`: writes `rowCount` rows, `targetRow` apart. Each holds
   * `runCount` runs of `length` elements that lie `step` apart; row i and run j begin at the offsets `rows[i] + runs[j]` (tables of i32).
   */
  readonly gather: WasmFunction;
  /** `spread(source, row, step, target, targetRow, rows, length)`: the same with rows that lie evenly, of one run each. */
  readonly spread: WasmFunction;
}

const made = new Map<4 | 8, Copies>();

/** The functions for elements of `size` bytes, compiled once. */
export function copiesOf(size: 4 | 8): Copies {
  let copies = made.get(size);
  if (copies === undefined) {
    copies = { gather: build(size, "gather"), spread: build(size, "spread") };
    made.set(size, copies);
  }
  return copies;
}

function build(size: 4 | 8, name: "gather" | "spread"): WasmFunction {
  const module = newModule();
  const f = module.func(name, new Array<"i32">(name === "gather" ? 9 : 7).fill("i32"), [], true);
  if (name === "gather") emitGather(f, size);
  else emitSpread(f, size);
  return instantiate(module, name);
}

/** Repeats `body` while the counter, which goes down by one and must not be 0 at first, is above 0. */
function times(f: FunctionBuilder, counter: number, body: () => void): void {
  f.loop((top) => {
    body();
    f.get(counter).i32(1).op("i32.sub").tee(counter).brIf(top);
  });
}

/** The locals of a run: where it comes from and goes to, how many elements it has, and how far apart they lie in the source. */
interface Run {
  readonly source: number;
  readonly target: number;
  readonly length: number;
  readonly step: number;
}

/**
 * Appends loops over runs, `each` of which goes through them and calls what it is given for every one; a way to copy them is chosen outside
 * of the loops. Nothing beyond a run is written.
 */
function emitRuns(f: FunctionBuilder, size: 4 | 8, run: Run, each: (copy: () => void) => void): void {
  const { source, target, length, step } = run;
  const count = 16 / size;
  const [at, from, left, last] = [f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32")];
  /** The place of the vector that ends where the run ends. */
  const setLast = (): FunctionBuilder =>
    f.get(length).i32(count).op("i32.sub").i32(Math.log2(size)).op("i32.shl").get(target).op("i32.add").set(last);
  /** Whole vectors, and one more, which may overlap the one before. */
  const vectors = (whole: () => void, end: () => void): void => {
    setLast();
    f.get(target).set(at);
    f.block((done) =>
      f.loop((top) => {
        f.get(at).get(last).op("i32.ge_u").brIf(done);
        whole();
        f.bump(at, 16).br(top);
      }),
    );
    end();
  };
  const near = (): void => {
    f.get(source).set(from);
    vectors(
      () => f.get(at).get(from).load("v128.load").store("v128.store").bump(from, 16),
      () => f.get(last).get(source).get(last).get(target).op("i32.sub").op("i32.add").load("v128.load").store("v128.store"),
    );
  };
  const v = f.local("v128");
  const equal = (): void => {
    f.get(source)
      .load(size === 4 ? "v128.load32_splat" : "v128.load64_splat")
      .set(v);
    vectors(
      () => f.get(at).get(v).store("v128.store"),
      () => f.get(last).get(v).store("v128.store"),
    );
  };
  const apart = (): void => {
    f.get(source).set(from).get(target).set(at).get(length).set(left);
    times(f, left, () => {
      f.get(at)
        .get(from)
        .load(size === 4 ? "i32.load" : "i64.load")
        .store(size === 4 ? "i32.store" : "i64.store");
      f.bump(at, size).bumpBy(from, step);
    });
  };
  f.get(length)
    .i32(count)
    .op("i32.lt_s")
    .if(
      () => each(apart),
      () =>
        f
          .get(step)
          .i32(size)
          .op("i32.eq")
          .if(
            () => each(near),
            () =>
              f.get(step).if(
                () => each(apart),
                () => each(equal),
              ),
          ),
    );
}

function emitGather(f: FunctionBuilder, size: 4 | 8): void {
  const [from, rows, rowCount, runs, runCount, length, step, to, toRow] = [0, 1, 2, 3, 4, 5, 6, 7, 8] as const;
  const [row, source, target, entry, left, bytes] = Array.from({ length: 6 }, () => f.local("i32")) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  f.get(length).i32(Math.log2(size)).op("i32.shl").set(bytes);
  emitRuns(f, size, { source, target, length, step }, (copy) =>
    times(f, rowCount, () => {
      f.get(from).get(rows).load("i32.load").op("i32.add").set(row);
      f.get(to).set(target).get(runs).set(entry).get(runCount).set(left);
      times(f, left, () => {
        f.get(row).get(entry).load("i32.load").op("i32.add").set(source);
        copy();
        f.bumpBy(target, bytes).bump(entry, 4);
      });
      f.bump(rows, 4).bumpBy(to, toRow);
    }),
  );
}

function emitSpread(f: FunctionBuilder, size: 4 | 8): void {
  const [source, row, step, target, targetRow, rows, length] = [0, 1, 2, 3, 4, 5, 6] as const;
  emitRuns(f, size, { source, target, length, step }, (copy) =>
    times(f, rows, () => {
      copy();
      f.bumpBy(source, row).bumpBy(target, targetRow);
    }),
  );
}
