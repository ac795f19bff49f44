import { blasLibrary, blasNumThreads, isBlasEnabled, setBlasEnabled, setBlasNumThreads, whyNoBlas } from "./state.ts";

/** The system's library for products of matrices, which Node uses through the optional package `koffi`. */
export interface BlasSettings {
  /** Whether there is one. The first look at this or at the fields that describe it loads it. */
  readonly isAvailable: boolean;
  /** Why there is none, or "". */
  readonly reason: string;
  /** OpenBLAS, MKL, BLIS, Accelerate, or BLAS for any other; "" where there is none. */
  readonly name: string;
  /** The file that it was loaded from. */
  readonly path: string;
  /** What it says about its version and how it was built; "" where it says nothing. */
  readonly version: string;
  /** The kernels that it chose for this CPU, where it says so. */
  readonly coreType: string;
  /** How many threads it computes in: 1, until it is told otherwise. */
  readonly numThreads: number;
  /** Whether large products are given to it. Settable at any time. */
  enabled: boolean;
  /** Sets how many threads it computes in. A library that cannot be told decides by itself. */
  setNumThreads(n: number): void;
}

/**
 * `torch.backends.blas`: which library computes large products of matrices, and whether it does.
 *
 * @example
 * torch.backends.blas.name; // "OpenBLAS"
 * torch.backends.blas.enabled = false; // WebAssembly computes them from now on
 */
export const blas: BlasSettings = {
  get isAvailable() {
    return blasLibrary() !== null;
  },
  get reason() {
    return whyNoBlas();
  },
  get name() {
    return blasLibrary()?.name ?? "";
  },
  get path() {
    return blasLibrary()?.path ?? "";
  },
  get version() {
    return blasLibrary()?.version ?? "";
  },
  get coreType() {
    return blasLibrary()?.coreType ?? "";
  },
  get numThreads() {
    return blasNumThreads();
  },
  get enabled() {
    return isBlasEnabled();
  },
  set enabled(on: boolean) {
    setBlasEnabled(on);
  },
  setNumThreads(n: number) {
    setBlasNumThreads(n);
  },
};
