/**
 * The kernels that OpenBLAS should take on this CPU: a value of OPENBLAS_CORETYPE, or null to leave the choice to it. OpenBLAS knows CPUs
 * by their model numbers and takes its oldest kernels on one that came out after it; the instructions that a CPU has say enough.
 * `cpuinfo` is the text of /proc/cpuinfo.
 */
export function openBlasCoreType(cpuinfo: string): string | null {
  const field = (name: string): string => new RegExp(`^${name}[ \t]*:[ \t]*(.*)$`, "m").exec(cpuinfo)?.[1] ?? "";
  const flags = new Set(field("flags").split(" "));
  const has = (...names: string[]): boolean => names.every((name) => flags.has(name));
  if (has("avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl")) return "SkylakeX";
  if (has("avx2", "fma")) return /AMD|Hygon/.test(field("vendor_id")) ? "Zen" : "Haswell";
  return null;
}
