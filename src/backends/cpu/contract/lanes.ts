import type { ComputeType } from "../../../core/dtype.ts";
import type { FunctionBuilder } from "../wasm/assembler.ts";
import type { Opcode } from "../wasm/opcodes.ts";

/** Types that contractions compute in. */
export type LaneType = Exclude<ComputeType, "bool">;
const shapes = { f32: "f32x4", f64: "f64x2", i32: "i32x4", i64: "i64x2" } as const;

/** How the vectors of one compute type are spelled. */
export interface Lanes {
  readonly type: LaneType;
  readonly shape: (typeof shapes)[LaneType];
  /** Bytes of an element. */
  readonly size: 4 | 8;
  /** Elements of a vector. */
  readonly count: 4 | 2;
  /** Fills a vector with one element from memory. */
  readonly splat: Opcode;
  /** Moves one element as bits, whatever its type. */
  readonly load: Opcode;
  readonly store: Opcode;
  /** Appends `acc = x * y + acc` for locals. */
  multiplyAdd(f: FunctionBuilder, acc: number, x: number, y: number): void;
}

/** The vectors of a type. `relaxed` allows the fused multiply-add of the relaxed SIMD proposal. */
export function lanesOf(type: LaneType, relaxed: boolean): Lanes {
  const size = type === "f32" || type === "i32" ? 4 : 8;
  const shape = shapes[type];
  const fused = relaxed && (shape === "f32x4" || shape === "f64x2");
  return {
    type,
    shape,
    size,
    count: size === 4 ? 4 : 2,
    splat: size === 4 ? "v128.load32_splat" : "v128.load64_splat",
    load: size === 4 ? "i32.load" : "i64.load",
    store: size === 4 ? "i32.store" : "i64.store",
    multiplyAdd(f, acc, x, y) {
      if (fused) f.get(x).get(y).get(acc).op(`${shape}.relaxed_madd`).set(acc);
      else f.get(acc).get(x).get(y).op(`${shape}.mul`).op(`${shape}.add`).set(acc);
    },
  };
}
