/**
 * An assembler for WebAssembly binary modules.
 *
 * A module is built in one pass: imports first, then functions. A function appends instructions in stack order; every method that appends
 * returns the function, so that short sequences chain:
 *
 *     const m = new ModuleBuilder();
 *     m.importMemory("env", "memory", { initial: 1, maximum: 65536, shared: true });
 *     const exp = m.importFunction("host", "exp", ["f64"], ["f64"]);     // an index for `call`
 *     const f = m.func("run", ["i32", "i32", "i32"]);                    // exported; parameters are locals 0, 1, 2
 *     const x = f.local("v128");
 *     f.loop((top) => {                                                  // while locals[2] -= 4: out[i] = a[i] + a[i]
 *       f.get(0).load("v128.load").tee(x).get(x).op("f32x4.add").set(x);
 *       f.get(1).get(x).store("v128.store", 0);
 *       f.bump(0, 16).bump(1, 16);
 *       f.get(2).i32(4).op("i32.sub").tee(2).brIf(top);
 *     });
 *     const { run } = new WebAssembly.Instance(new WebAssembly.Module(m.toBytes()), imports).exports;
 *
 * - `op(name)` any instruction without immediates; `get`/`set`/`tee` locals; `i32`/`i64`/`f32`/`f64`/`v128` constants;
 *   `load(name, offset)`/`store(name, offset)` memory; `loadLane`/`storeLane`/`lane`/`shuffle` what names lanes.
 * - `block`/`loop`/`if` take the body as a function of a label; `br(label)` and `brIf(label)` leave a block or repeat a loop.
 * - `hoist(type, key, make)` makes a local that is computed once, in the function's prologue, before anything appended otherwise.
 * - `functionText` and `moduleText` (text.ts) show what was generated.
 *
 * Nothing is validated here: `new WebAssembly.Module` does that.
 */
export type { ValueType } from "./encoding.ts";
export { FunctionBuilder, type Label } from "./function.ts";
export { type MemoryType, ModuleBuilder } from "./module.ts";
