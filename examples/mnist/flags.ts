import { type ParseArgsConfig, parseArgs } from "node:util";

/** Ends the program with a message, as for a flag that makes no sense. */
export function fail(message: string): never {
  console.error(message);
  process.exit(2);
}

/** Parses the command line; prints the usage and ends for `--help` and for flags that are not known. */
export function readFlags<O extends NonNullable<ParseArgsConfig["options"]>>(
  options: O,
  usage: string,
): ReturnType<typeof parseArgs<{ options: O }>>["values"] {
  let values: ReturnType<typeof parseArgs<{ options: O }>>["values"];
  try {
    ({ values } = parseArgs({ options }));
  } catch (e) {
    return fail(`${(e as Error).message}\n\n${usage}`);
  }
  if ((values as { help?: boolean }).help) {
    console.log(usage);
    process.exit(0);
  }
  return values;
}

/** A whole number of at least `least`. */
export function whole(flag: string, text: string, least: number): number {
  const n = Number(text);
  return Number.isSafeInteger(n) && n >= least ? n : fail(`--${flag} must be a whole number of at least ${least}, not ${text}`);
}
/** A number above 0. */
export function positive(flag: string, text: string): number {
  const x = Number(text);
  return Number.isFinite(x) && x > 0 ? x : fail(`--${flag} must be a number above 0, not ${text}`);
}
/** One of the words allowed. */
export function oneOf<T extends string>(flag: string, text: string, allowed: readonly T[]): T {
  return allowed.find((word) => word === text) ?? fail(`--${flag} must be one of ${allowed.join(", ")}, not ${text}`);
}
