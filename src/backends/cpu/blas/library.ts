import { heap } from "../heap.ts";
import type { Foreign, ForeignFunction, ForeignLibrary } from "./foreign.ts";

/** The C interface's numbers for "rows lie one after the other", "as it is" and "transposed". */
const ROW_MAJOR = 101;
const AS_IS = 111;
const TRANSPOSED = 112;

/** Element types that libraries compute in. */
export type BlasType = "f32" | "f64";
const LETTERS = { f32: "s", f64: "d" } as const;

type Gemm = (
  aTransposed: boolean,
  bTransposed: boolean,
  m: number,
  n: number,
  k: number,
  a: number,
  aRow: number,
  b: number,
  bRow: number,
  beta: 0 | 1,
  c: number,
  cRow: number,
) => void;
type Gemv = (
  transposed: boolean,
  m: number,
  n: number,
  a: number,
  aRow: number,
  x: number,
  xStep: number,
  beta: 0 | 1,
  y: number,
  yStep: number,
) => void;

/** The products of one type. Addresses are the heap's, strides in elements. With `beta` 0 the output is written without being read. */
export interface Products {
  /** c = op(a) op(b) + beta c, with op(a) of m by k, op(b) of k by n, and the rows of a, b and c as far apart as said. */
  readonly gemm: Gemm;
  /** y = op(a) x + beta y, with a of m by n. */
  readonly gemv: Gemv;
}

/** A library that works. */
export interface BlasLibrary {
  readonly name: string;
  /** Where it was loaded from, as far as the system says. */
  readonly path: string;
  /** What it says about its version and how it was built; "" where it says nothing. */
  readonly version: string;
  /** The kernels that it chose for this CPU; "" where it does not say. */
  readonly coreType: string;
  readonly products: Readonly<Record<BlasType, Products>>;
  /** Sets how many threads it computes in; null where it cannot be told. */
  readonly setNumThreads: ((n: number) => void) | null;
}

/** Looks a function up; null where the library has none of that name. */
function find(library: ForeignLibrary, name: string, result: string, parameters: readonly string[]): ForeignFunction | null {
  try {
    return library.func(name, result, parameters);
  } catch {
    return null;
  }
}

/** The result of a function without parameters that gives a text, or "". */
const text = (library: ForeignLibrary, name: string): string => String(find(library, name, "str", [])?.() ?? "").trim();

function productsOf(foreign: Foreign, library: ForeignLibrary, type: BlasType): Products {
  const letter = LETTERS[type];
  const [int, pointer, real] = ["int", "intptr_t", type === "f32" ? "float" : "double"];
  const gemm = library.func(`cblas_${letter}gemm`, "void", [
    ...[int, int, int, int, int, int],
    ...[real, pointer, int, pointer, int, real, pointer, int],
  ]);
  const gemv = library.func(`cblas_${letter}gemv`, "void", [int, int, int, int, real, pointer, int, pointer, int, real, pointer, int]);
  // The heap may move when it grows; its views are made anew then.
  let seen: Uint8Array | null = null;
  let base = 0;
  const start = (): number => {
    if (seen !== heap.u8) {
      seen = heap.u8;
      base = Number(foreign.address(seen));
    }
    return base;
  };
  return {
    gemm(aTransposed, bTransposed, m, n, k, a, aRow, b, bRow, beta, c, cRow) {
      const at = start();
      const [ta, tb] = [aTransposed ? TRANSPOSED : AS_IS, bTransposed ? TRANSPOSED : AS_IS];
      gemm(ROW_MAJOR, ta, tb, m, n, k, 1, at + a, aRow, at + b, bRow, beta, at + c, cRow);
    },
    gemv(transposed, m, n, a, aRow, x, xStep, beta, y, yStep) {
      const at = start();
      gemv(ROW_MAJOR, transposed ? TRANSPOSED : AS_IS, m, n, 1, at + a, aRow, at + x, xStep, beta, at + y, yStep);
    },
  };
}

interface Description {
  readonly name: string;
  readonly version: string;
  readonly coreType: string;
  readonly setNumThreads: ForeignFunction | null;
}

/** Which library it is: each has functions that only it has. */
function describe(library: ForeignLibrary, file: string): Description {
  const threads = (name: string, parameter: string): ForeignFunction | null => find(library, name, "void", [parameter]);
  const openBlas = text(library, "openblas_get_config");
  if (openBlas !== "") {
    const coreType = text(library, "openblas_get_corename");
    return { name: "OpenBLAS", version: openBlas, coreType, setNumThreads: threads("openblas_set_num_threads", "int") };
  }
  const mkl = threads("MKL_Set_Num_Threads", "int");
  if (mkl !== null) return { name: "MKL", version: "", coreType: "", setNumThreads: mkl };
  const blis = text(library, "bli_info_get_version_str");
  if (blis !== "") {
    const id = find(library, "bli_arch_query_id", "int", []);
    const coreType = id === null ? "" : String(find(library, "bli_arch_string", "str", ["int"])?.(id() as number) ?? "");
    return { name: "BLIS", version: blis, coreType, setNumThreads: threads("bli_thread_set_num_threads", "int64_t") };
  }
  return { name: file.includes("Accelerate") ? "Accelerate" : "BLAS", version: "", coreType: "", setNumThreads: null };
}

/** The path that the dynamic linker found a library at, where /proc tells. */
const pathOf = (file: string, maps: string): string => {
  const name = file.slice(file.lastIndexOf("/") + 1).replace(/\.so.*$/, "");
  return (
    maps
      .split("\n")
      .find((line) => line.includes(`/${name}`))
      ?.replace(/^.*? (?=\/)/, "") ?? file
  );
};

/**
 * Loads the library in a file. Throws where there is none, where it lacks a function, or where a small product comes out wrong. `maps`
 * gives the text of /proc/self/maps.
 */
export function loadLibrary(foreign: Foreign, file: string, maps: () => string): BlasLibrary {
  const library = foreign.load(file);
  const products = { f32: productsOf(foreign, library, "f32"), f64: productsOf(foreign, library, "f64") };
  const { setNumThreads, ...about } = describe(library, file);
  setNumThreads?.(1);
  for (const type of ["f32", "f64"] as const) {
    if (!works(products[type], type)) throw new Error(`${file} computes wrong products`);
  }
  return { ...about, path: pathOf(file, maps()), products, setNumThreads: setNumThreads === null ? null : (n) => void setNumThreads(n) };
}

/** Whether products of (1 2 3; 4 5 6) come out as they must, and what was in the output does not matter. */
function works({ gemm, gemv }: Products, type: BlasType): boolean {
  const size = type === "f32" ? 4 : 8;
  const block = heap.allocate(16 * size);
  try {
    const all = type === "f32" ? heap.f32 : heap.f64;
    const first = block.offset / size;
    all.set([1, 2, 3, 4, 5, 6, Number.NaN, Number.NaN, Number.NaN, Number.NaN, 1, 1], first);
    const at = (i: number): number => block.offset + i * size;
    const holds = (i: number, ...values: number[]): boolean => values.every((v, k) => all[first + i + k] === v);
    // a times its transpose, then once more on top; a transposed times (1 1).
    gemm(false, true, 2, 2, 3, at(0), 3, at(0), 3, 0, at(6), 2);
    const once = holds(6, 14, 32, 32, 77);
    gemm(false, true, 2, 2, 3, at(0), 3, at(0), 3, 1, at(6), 2);
    const twice = holds(6, 28, 64, 64, 154);
    all.fill(Number.NaN, first + 6, first + 10);
    gemv(true, 2, 3, at(0), 3, at(10), 1, 0, at(6), 1);
    return once && twice && holds(6, 5, 7, 9);
  } finally {
    heap.release(block);
  }
}
