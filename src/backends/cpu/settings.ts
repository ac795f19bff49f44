import { hasRelaxedMadd, hasSimd, setRelaxedMadd, usesRelaxedMadd } from "./features.ts";

export { type BlasSettings, blas } from "./blas/settings.ts";

/** What the CPU backend runs on, and what can be switched. */
export interface CpuSettings {
  /** Whether the engine runs 128-bit vectors. */
  readonly simd: boolean;
  /** Whether the engine can multiply and add in one instruction. */
  readonly relaxedSimd: boolean;
  /** Whether kernels compiled from now on fuse multiply-add. Settable where the engine can. */
  fusedMultiplyAdd: boolean;
}

/** `torch.backends.cpu`. */
export const cpu: CpuSettings = {
  simd: hasSimd,
  relaxedSimd: hasRelaxedMadd,
  get fusedMultiplyAdd() {
    return usesRelaxedMadd();
  },
  set fusedMultiplyAdd(on: boolean) {
    setRelaxedMadd(on);
  },
};
