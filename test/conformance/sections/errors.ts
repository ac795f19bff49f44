/** Section errors: Python texts that raise a recorded error, or nothing. */
import type { Context, Section } from "../context.ts";
import type { Case } from "../corpus.ts";
import { expectError, type RecordedError } from "../errors.ts";
import { readAll } from "../tensors.ts";
import { interpreterOf } from "./environment.ts";

export const errors: Section = { run };

async function run(test: Case, { api }: Context): Promise<void> {
  const body = async (): Promise<void> => {
    const interpreter = interpreterOf(api);
    const last = await interpreter.run(test.field<string>("code") ?? "");
    await readAll(api, last); // a device may keep an error for the next read
    await readAll(api, [...interpreter.globals.names.values()]);
  };
  const recorded = test.field<RecordedError | null>("error") ?? null;
  if (recorded) await expectError(recorded, body);
  else await body();
}
