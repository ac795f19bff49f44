/** The usual file names of libraries with the C interface of BLAS, in the order in which they are tried. */
const files: Readonly<Record<string, readonly string[]>> = {
  linux: [
    // OpenBLAS: Fedora's with threads, then anybody's.
    "libopenblasp.so.0",
    "libopenblas.so.0",
    "libopenblas.so",
    "libmkl_rt.so.2",
    "libmkl_rt.so.1",
    "libmkl_rt.so",
    "libblis.so.4",
    "libblis.so.3",
    "libblis.so",
  ],
  darwin: [
    "/System/Library/Frameworks/Accelerate.framework/Accelerate",
    "/opt/homebrew/opt/openblas/lib/libopenblas.dylib",
    "/usr/local/opt/openblas/lib/libopenblas.dylib",
    "libmkl_rt.2.dylib",
    "libblis.4.dylib",
  ],
  win32: ["libopenblas.dll", "openblas.dll", "mkl_rt.2.dll", "mkl_rt.dll", "libblis.dll"],
};

/** The file names to try on a system. */
export const fileNames = (platform: string): readonly string[] => files[platform] ?? [];

/**
 * What the C environment says while a library loads: one thread until it is told otherwise, and the kernels of `core` for OpenBLAS.
 * MKL's threads need another library, without which it ends the process, so it gets none unless the user has chosen a layer.
 */
export function environmentFor(core: string | null, variable: (name: string) => string): Map<string, string> {
  const values = new Map([
    ["OPENBLAS_NUM_THREADS", "1"],
    ["VECLIB_MAXIMUM_THREADS", "1"],
  ]);
  if (core !== null && variable("OPENBLAS_CORETYPE") === "") values.set("OPENBLAS_CORETYPE", core);
  if (variable("MKL_THREADING_LAYER") === "") values.set("MKL_THREADING_LAYER", "SEQUENTIAL");
  return values;
}
