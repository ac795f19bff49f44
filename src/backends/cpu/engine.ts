import { heap } from "./heap.ts";
import { hostFunctions } from "./spelling.ts";
import { ModuleBuilder } from "./wasm/assembler.ts";

export { hasRelaxedMadd, hasSimd, setRelaxedMadd, usesRelaxedMadd } from "./features.ts";

/** Modules on the heap and their instances. */

const imports: WebAssembly.Imports = { env: { memory: heap.memory }, host: hostFunctions };

/** A module builder that imports the heap. */
export function newModule(): ModuleBuilder {
  const m = new ModuleBuilder();
  m.importMemory("env", "memory", heap.type);
  return m;
}

/** A compiled function: all parameters are numbers. */
export type WasmFunction = (...args: number[]) => number;

/** What a function was compiled from. */
export interface FunctionSource {
  readonly bytes: Uint8Array;
  readonly name: string;
}
const sources = new WeakMap<WasmFunction, FunctionSource>();

/** Compiles a module at once and returns the function exported under `name`. */
export function instantiate(m: ModuleBuilder, name: string = "run"): WasmFunction {
  const bytes = m.toBytes();
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), imports);
  const f = instance.exports[name] as WasmFunction;
  if (heap.type.shared === true && m.imported.length === 0) sources.set(f, { bytes, name });
  return f;
}

/** What other threads can compile a function from; undefined where it needs JavaScript, which they do not have. */
export const sourceOf = (f: WasmFunction): FunctionSource | undefined => sources.get(f);
