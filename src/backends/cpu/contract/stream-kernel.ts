import type { FunctionBuilder, ModuleBuilder } from "../wasm/assembler.ts";
import type { Lanes } from "./lanes.ts";
import { START_ELEMENTS } from "./micro-kernel.ts";
import { define, locals, offsetBy } from "./parameters.ts";

/** Rows of b that pass by together. */
const TOGETHER = 4;

/** The parameters of `stream`. */
export const streamParameters = ["a", "aSteps", "b", "bSteps", "k", "c", "d", "n", "start"] as const;

/**
 * Builds `stream`: one row of the output where the n columns lie side by side in b, c and d (d has one element if `start` is START_ROW).
 * Rows of b are read as they lie in memory and added to the row of c: a matrix that is used only once comes from memory at full speed.
 */
export function streamKernel(module: ModuleBuilder, lanes: Lanes): FunctionBuilder {
  const { f, p } = define(module, "stream", streamParameters);
  const { size, count } = lanes;
  const factors = locals(f, TOGETHER, "v128");
  const rows = locals(f, TOGETHER, "i32");
  const y = locals(f, TOGETHER, "v128");
  const sum = f.local("v128");
  const [at, end, vectorEnd] = locals(f, 3, "i32") as [number, number, number];

  /** while (at < limit) at += by */
  const each = (limit: number, by: number, body: () => void): void => {
    f.get(at)
      .get(limit)
      .op("i32.lt_u")
      .if(() =>
        f.loop((top) => {
          body();
          f.bump(at, by);
          f.get(at).get(limit).op("i32.lt_u").brIf(top);
        }),
      );
  };
  /** Adds some rows of b to c. */
  const pass = (together: number): void => {
    for (let i = 0; i < together; i++) {
      offsetBy(f, p.a, p.aSteps, i).load(lanes.splat).set(factors[i]!);
      offsetBy(f, p.b, p.bSteps, i).set(rows[i]!);
    }
    f.get(p.c).set(at);
    const add = (load: () => void, step: number): void => {
      load();
      f.set(sum);
      for (let i = 0; i < together; i++) {
        f.get(rows[i]!)
          .load(step === 16 ? "v128.load" : lanes.loadOne)
          .set(y[i]!);
        lanes.multiplyAdd(f, sum, factors[i]!, y[i]!);
        f.bump(rows[i]!, step);
      }
    };
    each(vectorEnd, 16, () => {
      add(() => f.get(at).load("v128.load"), 16);
      f.get(at).get(sum).store("v128.store");
    });
    each(end, size, () => {
      add(() => f.get(at).load(lanes.loadOne), size);
      f.get(at).get(sum).storeLane(lanes.bits, 0);
    });
    f.bump(p.aSteps, 4 * together).bump(p.bSteps, 4 * together);
  };
  const repeat = (together: number): void => {
    f.block((done) =>
      f.loop((top) => {
        f.get(p.k).i32(together).op("i32.lt_s").brIf(done);
        pass(together);
        f.get(p.k).i32(together).op("i32.sub").set(p.k).br(top);
      }),
    );
  };

  f.get(p.c).get(p.n).i32(lanes.shift).op("i32.shl").op("i32.add").set(end);
  f.get(p.c).get(p.n).i32(-count).op("i32.and").i32(lanes.shift).op("i32.shl").op("i32.add").set(vectorEnd);
  f.get(p.c).set(at);
  f.get(p.start)
    .i32(START_ELEMENTS)
    .op("i32.eq")
    .if(
      () => {
        f.get(p.d)
          .get(p.c)
          .op("i32.ne")
          .if(() => {
            each(vectorEnd, 16, () => f.get(at).get(p.d).load("v128.load").store("v128.store").bump(p.d, 16));
            each(end, size, () => f.get(at).get(p.d).load(lanes.load).store(lanes.store).bump(p.d, size));
          });
      },
      () => {
        f.get(p.start).if(() => f.get(p.d).load(lanes.splat).set(sum));
        each(vectorEnd, 16, () => f.get(at).get(sum).store("v128.store"));
        each(end, size, () => f.get(at).get(sum).storeLane(lanes.bits, 0));
      },
    );
  repeat(TOGETHER);
  repeat(1);
  return f;
}
