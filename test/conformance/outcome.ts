/** How a case ended. */
import { MissingAttribute } from "./python/values.ts";

export type Outcome =
  | { readonly kind: "passed" }
  | { readonly kind: "failed"; readonly why: string }
  /** The name, the module or the option does not exist in the library. */
  | { readonly kind: "notImplemented"; readonly why: string }
  /** The device does not have a dtype that the case needs. */
  | { readonly kind: "unsupported"; readonly why: string };

/** A result that differs from the recorded one. */
export class Mismatch extends Error {
  override readonly name = "Mismatch";
}

/** The device lacks a dtype that a part of the case needs. */
export class Unsupported extends Error {
  override readonly name = "Unsupported";
}

/** Fails the case unless `problem` is null. */
export function check(what: string, problem: string | null): void {
  if (problem !== null) throw new Mismatch(`${what}: ${problem}`);
}

/** Fails the case unless `condition` holds. */
export function expect(condition: boolean, problem: () => string): void {
  if (!condition) throw new Mismatch(problem());
}

/** The outcome that an error thrown while running a case stands for. */
export function outcomeOf(error: unknown): Outcome {
  if (!(error instanceof Error)) return { kind: "failed", why: `threw ${String(error)}` };
  if (error instanceof Mismatch) return { kind: "failed", why: error.message };
  if (error instanceof Unsupported) return { kind: "unsupported", why: error.message };
  if (error instanceof MissingAttribute) return { kind: "notImplemented", why: error.message };
  if (typeof Reflect.get(error, "unexpectedKeyword") === "string") return { kind: "notImplemented", why: error.message };
  return { kind: "failed", why: `threw ${describeError(error)}` };
}

/** An error as Python would name it, else by its JavaScript class. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const type: unknown = Reflect.get(error, "pythonType");
  const place = type === undefined ? / {4}at (.*)/.exec(error.stack ?? "")?.[1] : undefined;
  return `${typeof type === "string" ? type : error.name}: ${error.message}${place ? ` (at ${place})` : ""}`;
}
