import type { Backend } from "../../src/backends/backend.ts";
import { CpuBackend } from "../../src/backends/cpu/backend.ts";
import { hasRelaxedMadd, setRelaxedMadd } from "../../src/backends/cpu/engine.ts";
import type { Need } from "./case.ts";

/** A backend that the conformance tests hold against the reference. */
export interface Entry {
  readonly name: string;
  create(): Backend;
  /** Settings for the time of the tests; returns what undoes them. */
  setUp?(): () => void;
  /** What the device cannot promise. Runs that need it are left out. */
  readonly cannot: readonly Need[];
  /** Whether the device may take and give 0 for numbers below the smallest normal one. */
  readonly flushes: boolean;
}

const cpu: Entry = { name: "cpu", create: () => new CpuBackend(), cannot: [], flushes: false };

/** The CPU with its multiply-add rounding twice, as it does where the engine has none that rounds once. */
function unfused(): () => void {
  const before = setRelaxedMadd(false);
  return () => setRelaxedMadd(before);
}

export const backends: readonly Entry[] = hasRelaxedMadd ? [cpu, { ...cpu, name: "cpu, multiply-add unfused", setUp: unfused }] : [cpu];
