import { ModuleBuilder } from "./wasm/assembler.ts";

/** What this JavaScript engine's WebAssembly can do. */

interface V8 {
  setFlagsFromString(flags: string): void;
}

function relaxedMadd(): ModuleBuilder {
  const m = new ModuleBuilder();
  const f = m.func("f", ["v128"], ["v128"]);
  f.get(0).get(0).get(0).op("f32x4.relaxed_madd");
  return m;
}

function plainSimd(): ModuleBuilder {
  const m = new ModuleBuilder();
  const f = m.func("f", ["v128"], ["v128"]);
  f.get(0).get(0).op("f32x4.add");
  return m;
}

const valid = (m: ModuleBuilder): boolean => WebAssembly.validate(m.toBytes());

function detectRelaxed(): boolean {
  if (valid(relaxedMadd())) return true;
  // Node 20 has relaxed SIMD behind a flag, which counts for modules compiled after it is set.
  const node = (globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }).process;
  const v8 = node?.getBuiltinModule?.("node:v8") as V8 | undefined;
  if (v8 === undefined) return false;
  v8.setFlagsFromString("--experimental-wasm-relaxed-simd");
  return valid(relaxedMadd());
}

/** Whether the engine runs 128-bit vectors at all. The CPU backend needs them. */
export const hasSimd: boolean = valid(plainSimd());
/** Whether the engine multiplies and adds in one instruction. */
export const hasRelaxedMadd: boolean = hasSimd && detectRelaxed();

let relaxed = hasRelaxedMadd;
/** Whether kernels compiled from now on fuse multiply-add. */
export const usesRelaxedMadd = (): boolean => relaxed;
/** Turns fused multiply-add off, or on where the engine has it, for kernels compiled from now on. Returns what it was. */
export function setRelaxedMadd(on: boolean): boolean {
  const before = relaxed;
  relaxed = on && hasRelaxedMadd;
  return before;
}
