import type { FunctionBuilder } from "./wasm/assembler.ts";
import type { Opcode } from "./wasm/opcodes.ts";

/** Elements as mere bytes: what moving them without computing takes. */
export type RawSize = 1 | 2 | 4 | 8;

const loads: { readonly [K in RawSize]: Opcode } = { 1: "i32.load8_u", 2: "i32.load16_u", 4: "i32.load", 8: "i64.load" };
const stores: { readonly [K in RawSize]: Opcode } = { 1: "i32.store8", 2: "i32.store16", 4: "i32.store", 8: "i64.store" };

/** Copies one element between the addresses in two locals. */
export function moveElement(f: FunctionBuilder, size: RawSize, to: number, from: number): void {
  f.get(to).get(from).load(loads[size]).store(stores[size]);
}

/** From here on the engine's own copy is faster than a loop. */
const LONG = 512;

/** Copies `bytes` (a local, which is used up) between the addresses in two locals, which move along. */
export function moveBytes(f: FunctionBuilder, bytes: number, to: number, from: number): void {
  f.get(bytes)
    .i32(LONG)
    .op("i32.ge_u")
    .if(
      () => f.get(to).get(from).get(bytes).memoryCopy(),
      () => {
        f.block((exit) => {
          f.get(bytes).i32(16).op("i32.lt_u").brIf(exit);
          f.loop((top) => {
            f.get(to).get(from).load("v128.load").store("v128.store").bump(to, 16).bump(from, 16);
            f.get(bytes).i32(16).op("i32.sub").tee(bytes).i32(16).op("i32.ge_u").brIf(top);
          });
        });
        for (const size of [8, 4, 2, 1] as const) {
          f.get(bytes)
            .i32(size)
            .op("i32.and")
            .if(() => {
              moveElement(f, size, to, from);
              f.bump(to, size).bump(from, size);
            });
        }
      },
    );
}

const splats: { readonly [K in RawSize]: Opcode } = {
  1: "v128.load8_splat",
  2: "v128.load16_splat",
  4: "v128.load32_splat",
  8: "v128.load64_splat",
};

/** Fills `bytes` (a local, used up) from the address in `to`, which moves along, with the element at the address in `from`. */
export function fillElements(f: FunctionBuilder, size: RawSize, bytes: number, to: number, from: number): void {
  const v = f.local("v128");
  f.get(from).load(splats[size]).set(v);
  f.block((exit) => {
    f.get(bytes).i32(16).op("i32.lt_u").brIf(exit);
    f.loop((top) => {
      f.get(to).get(v).store("v128.store").bump(to, 16);
      f.get(bytes).i32(16).op("i32.sub").tee(bytes).i32(16).op("i32.ge_u").brIf(top);
    });
  });
  for (const part of [8, 4, 2, 1] as const) {
    if (part < size) break;
    f.get(bytes)
      .i32(part)
      .op("i32.and")
      .if(() =>
        f
          .get(to)
          .get(v)
          .storeLane((8 * part) as 8 | 16 | 32 | 64, 0)
          .bump(to, part),
      );
  }
}
