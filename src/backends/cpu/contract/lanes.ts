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
  /** Bytes of an element, its bits, and the power of two that the bytes are. */
  readonly size: 4 | 8;
  readonly bits: 32 | 64;
  readonly shift: 2 | 3;
  /** Elements of a vector. */
  readonly count: 4 | 2;
  /** Fills a vector with one element from memory; loads one element and leaves the other lanes zero. */
  readonly splat: Opcode;
  readonly loadOne: Opcode;
  /** Move one element as bits, whatever its type. */
  readonly load: Opcode;
  readonly store: Opcode;
  /** Appends `acc = x * y + acc` for locals. */
  multiplyAdd(f: FunctionBuilder, acc: number, x: number, y: number): void;
}

/** The vectors of a type. `relaxed` allows the fused multiply-add of the relaxed SIMD proposal. */
export function lanesOf(type: LaneType, relaxed: boolean): Lanes {
  const narrow = type === "f32" || type === "i32";
  const shape = shapes[type];
  const fused = relaxed && (shape === "f32x4" || shape === "f64x2");
  return {
    type,
    shape,
    size: narrow ? 4 : 8,
    bits: narrow ? 32 : 64,
    shift: narrow ? 2 : 3,
    count: narrow ? 4 : 2,
    splat: narrow ? "v128.load32_splat" : "v128.load64_splat",
    loadOne: narrow ? "v128.load32_zero" : "v128.load64_zero",
    load: narrow ? "i32.load" : "i64.load",
    store: narrow ? "i32.store" : "i64.store",
    multiplyAdd(f, acc, x, y) {
      if (fused) f.get(x).get(y).get(acc).op(`${shape}.relaxed_madd`).set(acc);
      else f.get(acc).get(x).get(y).op(`${shape}.mul`).op(`${shape}.add`).set(acc);
    },
  };
}
