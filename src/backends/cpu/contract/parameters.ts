import type { FunctionBuilder, ModuleBuilder } from "../wasm/assembler.ts";

/** The numbers of a function's parameters, by name. */
export type Parameters<K extends string> = Readonly<Record<K, number>>;

/** Starts a function whose parameters are all i32; `names` gives their order. It is exported if `exported` is true. */
export function define<K extends string>(
  module: ModuleBuilder,
  name: string,
  names: readonly K[],
  exported: boolean = false,
): { f: FunctionBuilder; p: Parameters<K> } {
  const f = module.func(
    name,
    names.map(() => "i32"),
    [],
    exported,
  );
  return { f, p: Object.fromEntries(names.map((n, i) => [n, i])) as Record<K, number> };
}

/** Pushes an entry of a table of i32. */
export const entry = (f: FunctionBuilder, table: number, index: number): FunctionBuilder =>
  f.get(table).get(index).i32(2).op("i32.shl").op("i32.add").load("i32.load");

/** Pushes the address `base` plus entry `index` of a table. */
export const offsetBy = (f: FunctionBuilder, base: number, table: number, index: number): FunctionBuilder =>
  f
    .get(base)
    .get(table)
    .load("i32.load", 4 * index)
    .op("i32.add");

/** Several new locals. */
export const locals = (f: FunctionBuilder, n: number, type: "i32" | "v128"): number[] => Array.from({ length: n }, () => f.local(type));

/** Repeats `body` until `counter`, which must not be 0, has been counted down to 0. */
export function countDown(f: FunctionBuilder, counter: number, body: () => void): void {
  f.loop((top) => {
    body();
    f.get(counter).i32(1).op("i32.sub").tee(counter).brIf(top);
  });
}

/** Calls a function; each of `values` pushes the parameter of its name. */
export function call<K extends string>(
  f: FunctionBuilder,
  callee: FunctionBuilder,
  names: readonly K[],
  values: Readonly<Record<K, () => void>>,
): void {
  for (const name of names) values[name]();
  f.call(callee.index);
}
