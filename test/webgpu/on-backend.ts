import type { Backend } from "../../src/backends/backend.ts";
import { ReferenceBackend } from "../../src/backends/reference/backend.ts";
import type { WebGpuBackend } from "../../src/backends/webgpu/backend.ts";
import type { Limits } from "../../src/backends/webgpu/context.ts";
import { findAdapter, findGpu } from "../../src/backends/webgpu/gpu.ts";
import { openBackend } from "../../src/backends/webgpu/open.ts";
import type { Kernel, LaunchArgs } from "../../src/kernel/kernel.ts";
import type { Run } from "../backends/case.ts";
import { difference } from "../backends/compare.ts";
import { download, type Operand, type Spec, upload, type Value } from "../backends/operands.ts";

/** A device with limits lower than the adapter's. */
export async function backendWith(limits: Partial<Limits> = {}): Promise<WebGpuBackend> {
  return openBackend(await findAdapter(await findGpu()), limits);
}

/** What an index out of range raises in tests. */
export const fault = (value: number, which: number): Error => new RangeError(`index ${value} of operand ${which}`);

const low32 = (v: Value): Value => (typeof v === "bigint" ? BigInt.asIntN(32, v) : v);
const narrowed = (s: Spec): Spec => ({ ...s, storage: s.storage.map(low32) });

async function outputsOf(backend: Backend, kernel: Kernel, run: Run): Promise<Value[][]> {
  const inputs = run.inputs.map((s) => upload(backend, narrowed(s)));
  const outputs = run.outputs.map((s, k): Operand => {
    const same = run.inPlace?.[k];
    return same === undefined ? upload(backend, narrowed(s)) : inputs[same]!;
  });
  const args: LaunchArgs = { ...run.args, fault };
  backend.compile({ ...kernel, compiled: [] }).run(inputs, outputs, args);
  const values: Value[][] = [];
  for (const [k, o] of outputs.entries()) values.push(await download(backend, o, run.outputs[k]!.storage.length));
  for (const operand of new Set([...inputs, ...outputs])) backend.release(operand.storage.block);
  return values;
}

const reference = new ReferenceBackend();

/** Sentences about the outputs of a run that differ from the reference's. int64 counts modulo 2^32. */
export async function complaints(backend: Backend, kernel: Kernel, run: Run): Promise<string[]> {
  const expected = await outputsOf(reference, kernel, run);
  const actual = await outputsOf(backend, kernel, run);
  return expected.flatMap((values, k) => {
    const text = difference(values.map(low32), actual[k]!, run.outputs[k]!.dtype, run.tolerance ?? { ulp: 0 }, true);
    return text === null ? [] : [`${run.name}, output ${k}: ${text}`];
  });
}
