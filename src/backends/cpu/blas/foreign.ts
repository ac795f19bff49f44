/**
 * Functions of system libraries, called through the optional package `koffi`. Only Node has it: elsewhere, and where it is not installed,
 * there is none.
 */

/** A function of a library. Addresses are passed as numbers: they have fewer than 53 bits. */
export type ForeignFunction = (...args: (number | string)[]) => unknown;

/** A loaded library. */
export interface ForeignLibrary {
  func(name: string, result: string, parameters: readonly string[]): ForeignFunction;
}

/** What is used of `koffi`. */
export interface Foreign {
  /** Loads a library by file name or path; null is the process itself. Throws where it cannot be loaded. */
  load(path: string | null): ForeignLibrary;
  /** Where the bytes of a view lie. */
  address(view: Uint8Array): bigint;
}

interface Host {
  readonly platform: string;
  readonly arch: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  getBuiltinModule?(name: string): unknown;
}
interface Modules {
  createRequire(from: string): (name: string) => unknown;
}
interface Files {
  readFileSync(path: string, encoding: "utf8"): string;
}

const host = (): Host | undefined => (globalThis as { process?: Host }).process;

/** The value of an environment variable, or "" where it is not set or there are none. */
export const variable = (name: string): string => host()?.env?.[name] ?? "";

/** The system that Node runs on, or "" elsewhere. */
export const platform = (): string => host()?.platform ?? "";

/** The text of a file, or "" where it cannot be read. */
export function textOf(path: string): string {
  try {
    return (host()?.getBuiltinModule?.("node:fs") as Files | undefined)?.readFileSync(path, "utf8") ?? "";
  } catch {
    return "";
  }
}

/** `koffi`, or null where it is not. */
export function foreign(): Foreign | null {
  const modules = host()?.getBuiltinModule?.("node:module") as Modules | undefined;
  if (modules === undefined) return null;
  try {
    return modules.createRequire(import.meta.url)("koffi") as Foreign;
  } catch {
    return null;
  }
}

/** Runs `body` with variables of the C environment set, as libraries see it, and puts back what was there. */
export function withEnvironment<T>(process: ForeignLibrary, values: ReadonlyMap<string, string>, body: () => T): T {
  const get = process.func("getenv", "str", ["str"]);
  const set = process.func("setenv", "int", ["str", "str", "int"]);
  const unset = process.func("unsetenv", "int", ["str"]);
  const before = [...values.keys()].map((name) => [name, get(name) as string | null] as const);
  try {
    for (const [name, value] of values) set(name, value, 1);
    return body();
  } finally {
    for (const [name, value] of before) {
      if (value === null) unset(name);
      else set(name, value, 1);
    }
  }
}
