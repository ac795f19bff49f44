import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backends/backend.ts";
import { ReferenceBackend } from "../../src/backends/reference/backend.ts";
import { Generator } from "../../src/core/random/generator.ts";
import type { Compiled, LaunchArgs } from "../../src/kernel/kernel.ts";
import { backends } from "./backends.ts";
import type { Run } from "./case.ts";
import { cases } from "./cases.ts";
import { difference } from "./compare.ts";
import { download, type Operand, upload, type Value } from "./operands.ts";

/** What a fault carries, as a sentence. */
const fault = (value: number, which: number): Error => new RangeError(`index ${value} of operand ${which}`);

/** The whole storages of the outputs, and the message of a fault. */
interface Results {
  readonly values: readonly Value[][];
  readonly thrown: string | null;
}

/** Runs a kernel on new operands. */
async function results(backend: Backend, compiled: Compiled, run: Run): Promise<Results> {
  const inputs = run.inputs.map((s) => upload(backend, s));
  const outputs = run.outputs.map((s, k): Operand => (run.inPlace?.[k] === undefined ? upload(backend, s) : inputs[run.inPlace[k]]!));
  const random = run.random && { random: { generator: new Generator(42), parameters: run.random } };
  const args: LaunchArgs = { ...run.args, ...random, fault };
  let thrown: string | null = null;
  try {
    compiled.run(inputs, outputs, args);
  } catch (error) {
    if (!(error instanceof RangeError && error.message.startsWith("index "))) throw error;
    thrown = error.message;
  }
  const values = await Promise.all(outputs.map((o, k) => download(backend, o, run.outputs[k]!.storage.length)));
  for (const operand of new Set([...inputs, ...outputs])) backend.release(operand.storage.block);
  return { values, thrown };
}

const reference = new ReferenceBackend();
const known = new Map<Run, Results>();

/** What the reference gives: once for all backends. */
async function expectedOf(compiled: Compiled, run: Run): Promise<Results> {
  const expected = known.get(run) ?? (await results(reference, compiled, run));
  known.set(run, expected);
  return expected;
}

describe.each(backends)("$name", ({ name, create, setUp, cannot, flushes }) => {
  const backend = create();
  let undo = (): void => {};
  beforeAll(() => {
    undo = setUp?.() ?? undo;
  });
  afterAll(() => undo());

  test.for(cases.map((c) => [c.name, c] as const))("%s", async ([, { kernel, runs }], { skip }) => {
    const outputs = runs[0]!.outputs.map((o) => o.dtype);
    const unknown = [...kernel.inputs, ...outputs].find((dtype) => !backend.supports(dtype));
    if (unknown !== undefined) skip(`${name} has no ${unknown}`);
    const meant = reference.compile(kernel);
    const made = backend.compile(kernel);
    const complaints: string[] = [];
    for (const run of runs) {
      if (run.needs !== undefined && cannot.includes(run.needs)) continue;
      const expected = await expectedOf(meant, run);
      const actual = await results(backend, made, run);
      expect(expected.thrown).toBe(run.fault === undefined ? null : fault(run.fault.value, run.fault.which).message);
      if (actual.thrown !== expected.thrown) complaints.push(`${run.name}: expected ${expected.thrown}, got ${actual.thrown}`);
      for (const [k, values] of expected.values.entries()) {
        const text = difference(values, actual.values[k]!, outputs[k]!, run.tolerance ?? { ulp: 0 }, flushes);
        if (text !== null) complaints.push(`${run.name}, output ${k}: ${text}`);
      }
    }
    if (complaints.length > 0) expect.fail(complaints.join("\n"));
  });
});
