import { openBlasCoreType } from "./core-type.ts";
import { foreign, platform, textOf, variable, withEnvironment } from "./foreign.ts";
import { environmentFor, fileNames } from "./libraries.ts";
import { type BlasLibrary, loadLibrary } from "./library.ts";

/** What was found, when it was looked for: a library, or why there is none. */
interface Found {
  readonly library: BlasLibrary | null;
  readonly reason: string;
}

const none = (reason: string): Found => ({ library: null, reason });

/** Loads the library that TORCHLET_BLAS names, or else the first of the usual ones that works. */
function search(): Found {
  const wanted = variable("TORCHLET_BLAS");
  if (wanted === "off") return none("TORCHLET_BLAS is off");
  const calls = foreign();
  if (calls === null) return none(platform() === "" ? "there are no system libraries here" : "the package koffi is not installed");
  const names = wanted === "" ? fileNames(platform()) : [wanted];
  const reasons: string[] = [];
  const loadFirst = (): BlasLibrary | null => {
    for (const name of names) {
      try {
        return loadLibrary(calls, name, () => textOf("/proc/self/maps"));
      } catch (error) {
        reasons.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    return null;
  };
  let library: BlasLibrary | null;
  if (platform() === "win32") library = loadFirst();
  else library = withEnvironment(calls.load(null), environmentFor(openBlasCoreType(textOf("/proc/cpuinfo")), variable), loadFirst);
  if (library !== null) return { library, reason: "" };
  return none(wanted === "" ? "no library was found under its usual names" : reasons.join("; "));
}

let found: Found | null = null;
let enabled = true;
let threads = 1;

/** What there is, looked for at the first call. */
function result(): Found {
  if (found === null) {
    found = search();
    if (threads !== 1) found.library?.setNumThreads?.(threads);
  }
  return found;
}

/** The library of this process, whether it is turned on or not; null where there is none. */
export const blasLibrary = (): BlasLibrary | null => result().library;
/** Why there is no library; "" where there is one. */
export const whyNoBlas = (): string => result().reason;

/** The library that products should use now, or null. */
export const activeBlas = (): BlasLibrary | null => (enabled ? result().library : null);

/** Whether products may use a library. */
export const isBlasEnabled = (): boolean => enabled;
/** Turns the use of a library on or off. Returns what it was. */
export function setBlasEnabled(on: boolean): boolean {
  const before = enabled;
  enabled = on;
  return before;
}

/** How many threads the library was told to use. */
export const blasNumThreads = (): number => threads;
/** Sets how many threads the library uses: also one that is yet to be loaded. */
export function setBlasNumThreads(n: number): void {
  threads = n;
  found?.library?.setNumThreads?.(n);
}
