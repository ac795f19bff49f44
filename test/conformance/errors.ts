/** Compares an error with the recorded [type, message]. */
import { describeError, expect, Mismatch } from "./outcome.ts";
import { quote } from "./python/object-model.ts";
import { MissingAttribute } from "./python/values.ts";

export type RecordedError = readonly [type: string, message: string];

/** Runs `body`, which has to raise `recorded`. Names missing in the library are passed on, unless that is what is recorded. */
export async function expectError(recorded: RecordedError, body: () => Promise<unknown>): Promise<void> {
  let error: unknown;
  try {
    await body();
  } catch (thrown) {
    error = thrown;
  }
  if (error === undefined) throw new Mismatch(`nothing raised, expected ${recorded[0]}: ${recorded[1]}`);
  if (error instanceof Mismatch) throw error;
  const message = error instanceof Error ? error.message : String(error);
  const type: unknown = error instanceof Error ? Reflect.get(error, "pythonType") : undefined;
  const matches = type === recorded[0] && sortSets(textOf(type, message)) === sortSets(recorded[1]);
  if (!matches && isMissing(error)) throw error;
  expect(matches, () => `raised ${describeError(error)}; expected ${recorded[0]}: ${recorded[1]}`);
}

/** `str(error)`: that of a KeyError is the repr of its message. */
function textOf(type: unknown, message: string): string {
  return type === "KeyError" ? quote(message) : message;
}

/** The order in which Python shows the strings of a set changes from run to run. */
function sortSets(text: string): string {
  return text.replace(/\{'[^{}]*'\}/g, (set) => `{${set.slice(1, -1).split(", ").toSorted().join(", ")}}`);
}

function isMissing(error: unknown): boolean {
  return error instanceof MissingAttribute || (error instanceof Error && typeof Reflect.get(error, "unexpectedKeyword") === "string");
}
