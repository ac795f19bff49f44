import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backends/backend.ts";
import { ReferenceBackend } from "../../src/backends/reference/backend.ts";
import { type DType, dtypes } from "../../src/core/dtype.ts";
import { Generator } from "../../src/core/random/generator.ts";
import type { Expr } from "../../src/kernel/expr.ts";
import type { Compiled, LaunchArgs } from "../../src/kernel/kernel.ts";
import { backends } from "./backends.ts";
import type { Run } from "./case.ts";
import { cases } from "./cases.ts";
import { difference } from "./compare.ts";
import { download, type Operand, type Spec, upload, type Value } from "./operands.ts";

/** What a fault carries, as a sentence. */
const fault = (value: number, which: number): Error => new RangeError(`index ${value} of operand ${which}`);

/** The whole storages of the outputs, and the message of a fault. */
interface Results {
  readonly values: readonly Value[][];
  readonly thrown: string | null;
}

/** Runs a kernel on new operands. */
async function results(backend: Backend, compiled: Compiled, { ...run }: Run, narrow: boolean = false): Promise<Results> {
  if (narrow) run = { ...run, inputs: run.inputs.map(narrowed), outputs: run.outputs.map(narrowed) };
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
  const values: Value[][] = [];
  for (const [k, o] of outputs.entries()) values.push(await download(backend, o, run.outputs[k]!.storage.length));
  for (const operand of new Set([...inputs, ...outputs])) backend.release(operand.storage.block);
  return { values, thrown };
}

/** Whether some part of an expression has the compute type of float64. */
const computesIn = (e: Expr, dtype: DType): boolean =>
  dtype.name === "float64" && (e.type === "f64" || e.src.some((s) => computesIn(s, dtype)));

const reference = new ReferenceBackend();
const expectations = [new Map<Run, Results>(), new Map<Run, Results>()];

/** What the reference gives: once for all backends. */
async function expectedOf(compiled: Compiled, run: Run, narrow: boolean): Promise<Results> {
  const known = expectations[narrow ? 1 : 0]!;
  const expected = known.get(run) ?? (await results(reference, compiled, run, narrow));
  known.set(run, expected);
  return narrow ? { ...expected, values: expected.values.map((list) => list.map(low32)) } : expected;
}

/** An int64 cut to 32 bits. Other values stay. */
const low32 = (v: Value): Value => (typeof v === "bigint" ? BigInt.asIntN(32, v) : v);
const narrowed = (spec: Spec): Spec => ({ ...spec, storage: spec.storage.map(low32) });

describe.each(backends)("$name", ({ name, create, setUp, cannot, flushes, does = () => true, narrowInt64 = false }) => {
  const backend = create();
  let undo = (): void => {};
  beforeAll(() => {
    undo = setUp?.() ?? undo;
  });
  afterAll(() => undo());

  const own = cases.filter((c) => does(c.kernel));
  test.for(own.map((c) => [c.name, c] as const))("%s", async ([, { kernel, runs }], { skip }) => {
    const outputs = runs[0]!.outputs.map((o) => o.dtype);
    const computed = kernel.kind === "map" ? dtypes.filter((d) => kernel.outputs.some((o) => computesIn(o.value, d))) : [];
    const unknown = [...kernel.inputs, ...outputs, ...computed].find((dtype) => !backend.supports(dtype));
    if (unknown !== undefined) skip(`${name} has no ${unknown}`);
    const meant = reference.compile(kernel);
    const made = backend.compile(kernel);
    const complaints: string[] = [];
    for (const run of runs) {
      if (run.needs !== undefined && cannot.includes(run.needs)) continue;
      const expected = await expectedOf(meant, run, narrowInt64);
      const actual = await results(backend, made, run, narrowInt64);
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
