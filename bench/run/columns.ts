import type { Own, Row } from "../rows/row.ts";

/** A column of the table: a library on an engine. Rows that it cannot differ in have no cell in it. */
export interface ColumnSpec {
  readonly name: string;
  /** The module in columns/ and its variant; for Torchlet the variant is what it computes with. */
  readonly module: string;
  readonly variant: string;
  /** The Node that it runs in; null for Python. */
  readonly node: { readonly path: string; readonly major: number } | null;
  readonly env: Readonly<Record<string, string>>;
  /** Flags of the engine. */
  readonly flags: readonly string[];
  readonly own: Own | null;
}

export interface Engine {
  readonly path: string;
  readonly major: number;
}

/** One thread in every library underneath. */
const ONE = { OPENBLAS_NUM_THREADS: "1", OMP_NUM_THREADS: "1", MKL_NUM_THREADS: "1", VECLIB_MAXIMUM_THREADS: "1" };
/** Without the flag this engine lacks the multiply-add that jax-js looks for. */
const flagsOf = (module: string, { major }: Engine): string[] =>
  module === "jax-js" && major < 22 ? ["--experimental-wasm-relaxed-simd"] : [];
/** numpy-ts asks for this Node at least. */
const LEAST_NODE: Readonly<Record<string, number>> = { "numpy-ts": 22 };

const PEERS: readonly (readonly [name: string, module: string, variant: string])[] = [
  ["jax-js", "jax-js", ""],
  ["tfjs-wasm", "tfjs", "wasm"],
  ["tfjs-cpu", "tfjs", "cpu"],
  ["numpy-ts", "numpy-ts", ""],
  ["gpu.js", "gpujs", ""],
];

/**
 * The columns: Torchlet's three on each engine, the peers on the first of them that they run in (on all, if `everywhere`), PyTorch.
 * `coreType` is the kernels that OpenBLAS should take.
 */
export function columnsOf(engines: readonly Engine[], everywhere: boolean, coreType: string | null): ColumnSpec[] {
  const own = (["WASM", "BLAS", "2 threads"] as const).flatMap((variant) =>
    engines.map((node): ColumnSpec => {
      const env = variant === "BLAS" ? ONE : { ...ONE, TORCHLET_BLAS: "off" };
      return { name: `${variant}, Node ${node.major}`, module: "torchlet", variant, node, env, flags: [], own: variant };
    }),
  );
  const peers = PEERS.flatMap(([name, module, variant]) => {
    const able = engines.filter((e) => e.major >= (LEAST_NODE[module] ?? 0));
    const [first = engines[0]!, ...rest] = able;
    return [first, ...(everywhere ? rest : [])].map((node): ColumnSpec => {
      const suffix = node === engines[0] ? "" : `, Node ${node.major}`;
      return { name: `${name}${suffix}`, module, variant, node, env: ONE, flags: flagsOf(module, node), own: null };
    });
  });
  const env = coreType === null ? ONE : { ...ONE, OPENBLAS_CORETYPE: coreType };
  return [...own, ...peers, { name: "PyTorch", module: "pytorch", variant: "", node: null, env, flags: [], own: null }];
}

/** glibc told to take memory from its heap and to keep what is freed: a mapping of its own costs a large result a fault for every page. */
const KEEP = { MALLOC_MMAP_MAX_: "0", MALLOC_TRIM_THRESHOLD_: "8589934592", MALLOC_TOP_PAD_: "268435456" };
export const environmentOf = (spec: ColumnSpec, row: Row): Readonly<Record<string, string>> =>
  spec.node === null && row.keep ? { ...spec.env, ...KEEP } : spec.env;

/** Whether a column differs from Torchlet's first in a row; all others take part in every row. */
export const takesPart = ({ own }: ColumnSpec, row: Row): boolean =>
  own === null || own === "WASM" || (own === "BLAS" ? row.blas : row.threads);
