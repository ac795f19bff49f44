import type { FunctionBuilder, ModuleBuilder } from "../wasm/assembler.ts";
import type { Lanes } from "./lanes.ts";
import { START_ELEMENTS } from "./micro-kernel.ts";

/** Rows of b that pass by together. */
const TOGETHER = 4;

/**
 * Builds `stream(a, aSteps, b, bSteps, k, c, d, n, start)`: one row of the output where the columns lie side by side in b, c and d (d has one
 * element if `start` is START_ROW). Rows of b are read as they lie in memory and added to the row of c: a matrix that is used only once comes
 * from memory at full speed.
 */
export function streamKernel(module: ModuleBuilder, lanes: Lanes): FunctionBuilder {
  const f = module.func("stream", Array.from({ length: 9 }, () => "i32"), [], false);
  const [a, aSteps, b, bSteps, k, c, d, n, start] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
  const { size, count } = lanes;
  const many = (of: "i32" | "v128"): number[] => Array.from({ length: TOGETHER }, () => f.local(of));
  const factors = many("v128");
  const rows = many("i32");
  const y = many("v128");
  const sum = f.local("v128");
  const end = f.local("i32");
  const p = f.local("i32");
  const vectorEnd = f.local("i32");

  f.get(c).get(n).i32(size === 4 ? 2 : 3).op("i32.shl").op("i32.add").set(end);
  f.get(c).get(n).i32(-count).op("i32.and").i32(size === 4 ? 2 : 3).op("i32.shl").op("i32.add").set(vectorEnd);
  // The start.
  f.get(c).set(p);
  f.loop((top) => {
    f.get(p).get(start).if(() => f.get(d).load(lanes.load), () => (size === 4 ? f.i32(0) : f.i64(0)), size === 4 ? "i32" : "i64");
    f.store(lanes.store);
    f.get(start).i32(START_ELEMENTS).op("i32.eq").if(() => f.bump(d, size));
    f.bump(p, size);
    f.get(p).get(end).op("i32.lt_u").brIf(top);
  });
  const pass = (together: number): void => {
    for (let i = 0; i < together; i++) {
      f.get(a).get(aSteps).load("i32.load", 4 * i).op("i32.add").load(lanes.splat).set(factors[i]!);
      f.get(b).get(bSteps).load("i32.load", 4 * i).op("i32.add").set(rows[i]!);
    }
    f.get(c).set(p);
    f.get(p).get(vectorEnd).op("i32.lt_u").if(() =>
      f.loop((top) => {
        f.get(p).load("v128.load").set(sum);
        for (let i = 0; i < together; i++) {
          f.get(rows[i]!).load("v128.load").set(y[i]!);
          lanes.multiplyAdd(f, sum, factors[i]!, y[i]!);
          f.bump(rows[i]!, 16);
        }
        f.get(p).get(sum).store("v128.store");
        f.bump(p, 16);
        f.get(p).get(vectorEnd).op("i32.lt_u").brIf(top);
      }),
    );
    // The columns that fill no vector.
    f.get(p).get(end).op("i32.lt_u").if(() =>
      f.loop((top) => {
        f.get(p).load(size === 4 ? "v128.load32_zero" : "v128.load64_zero").set(sum);
        for (let i = 0; i < together; i++) {
          f.get(rows[i]!).load(lanes.splat).set(y[i]!);
          lanes.multiplyAdd(f, sum, factors[i]!, y[i]!);
          f.bump(rows[i]!, size);
        }
        f.get(p).get(sum).storeLane(size === 4 ? 32 : 64, 0);
        f.bump(p, size);
        f.get(p).get(end).op("i32.lt_u").brIf(top);
      }),
    );
    f.bump(aSteps, 4 * together).bump(bSteps, 4 * together);
  };
  const repeat = (together: number): void => {
    f.block((done) =>
      f.loop((top) => {
        f.get(k).i32(together).op("i32.lt_s").brIf(done);
        pass(together);
        f.get(k).i32(together).op("i32.sub").set(k).br(top);
      }),
    );
  };
  repeat(TOGETHER);
  repeat(1);
  return f;
}
