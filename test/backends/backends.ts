import type { Backend } from "../../src/backends/backend.ts";
import { CpuBackend } from "../../src/backends/cpu/backend.ts";
import type { Need } from "./case.ts";

/** A backend that the conformance tests hold against the reference. */
export interface Entry {
  readonly name: string;
  create(): Backend;
  /** What the device cannot promise. Runs that need it are left out. */
  readonly cannot: readonly Need[];
  /** Whether the device may take and give 0 for numbers below the smallest normal one. */
  readonly flushes: boolean;
}

export const backends: readonly Entry[] = [{ name: "cpu", create: () => new CpuBackend(), cannot: [], flushes: false }];
