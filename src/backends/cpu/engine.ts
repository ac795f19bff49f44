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

/** Compiles a module at once and returns the function exported under `name`. */
export function instantiate(m: ModuleBuilder, name: string = "run"): WasmFunction {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(m.toBytes()), imports);
  return instance.exports[name] as WasmFunction;
}
