/** Checks what a run records: results, gradients, and inputs that were changed. */
import type { Api, TensorLike } from "../api.ts";
import { sameLayout } from "../compare.ts";
import { type Case, contiguousStrides, type Json, product, type RecordedValue } from "../corpus.ts";
import { expect, Mismatch } from "../outcome.ts";
import { type Found, matchStructure } from "../structure.ts";
import { type CaseTensors, callNow, checkNear, checkTensor, type Mode } from "../tensors.ts";

export interface RecordedOutput extends RecordedValue {
  readonly t: number;
  /** The cotangent, where the output is differentiable. */
  readonly cot?: number;
  readonly rg?: boolean;
  readonly strides?: readonly number[];
  /** The input whose storage the output shares. */
  readonly alias?: number;
  /** False where the values are uninitialised. */
  readonly values?: boolean;
}

export interface RecordedGradient extends RecordedValue {
  /** The input, or `param:<name>`. */
  readonly of: number | string;
}

export interface RunOptions {
  readonly mode: Mode;
  /** Whether `got` is what the call gave, so that its layout and storage can be judged too (false behind a `post` function). */
  readonly direct: boolean;
  /** The tensor behind a `param:<name>`. */
  readonly parameter?: (name: string) => TensorLike;
}

/** Checks the result of a call against `out`, `outs`, `grads` and `mutated` of the case. */
export async function checkRun(api: Api, test: Case, inputs: CaseTensors, got: unknown, options: RunOptions): Promise<void> {
  const outs = test.field<readonly RecordedOutput[]>("outs") ?? [];
  const found = matchStructure(api, got, test.field<Json>("out") ?? null);
  if (found.length !== outs.length) throw new Mismatch(`${found.length} tensors in the result, expected ${outs.length}`);
  for (const [i, out] of outs.entries()) {
    const { tensor } = found[i] as Found[number];
    const what = outs.length > 1 ? `output ${i}` : "output";
    await checkTensor(what, tensor, test, out, out.values === false ? "shape" : options.mode);
    expect(tensor.requiresGrad === (out.rg === true), () => `${what}: requiresGrad is ${tensor.requiresGrad}`);
    if (options.direct) {
      checkLayout(what, tensor, out);
      checkAlias(what, tensor, out, inputs);
    }
  }
  for (const { of, t } of test.field<readonly { of: number; t: number }[]>("mutated") ?? []) {
    await checkNear(`input ${of} after the call`, inputs.tensor(of), test, t);
  }
  await checkGradients(api, test, inputs, outs, found, options);
}

function checkLayout(what: string, got: TensorLike, out: RecordedOutput): void {
  const expected = out.strides ?? contiguousStrides(got.shape);
  const strides = got.stride();
  expect(sameLayout(got.shape, strides, expected), () => `${what}: strides [${strides.join(", ")}], expected [${expected.join(", ")}]`);
}

/** An output shares the storage of the input that it is a view of, and of no other. */
function checkAlias(what: string, got: TensorLike, out: RecordedOutput, inputs: CaseTensors): void {
  if (product(got.shape) === 0) return;
  for (const [index, input] of inputs.made) {
    const shared = sharesStorage(got, input);
    const expected = out.alias !== undefined && (out.alias === index || sharesStorage(inputs.tensor(out.alias), input));
    expect(shared === expected, () => `${what}: ${shared ? "shares" : "does not share"} the storage of input ${index}`);
  }
}

export function sharesStorage(a: TensorLike, b: TensorLike): boolean {
  return a.untypedStorage() === b.untypedStorage();
}

async function checkGradients(
  api: Api,
  test: Case,
  inputs: CaseTensors,
  outs: readonly RecordedOutput[],
  found: Found,
  options: RunOptions,
): Promise<void> {
  const grads = test.field<readonly RecordedGradient[]>("grads") ?? []; // none beside a `grad_error`: there PyTorch has no gradient to compare with
  if (grads.length === 0) return;
  const roots: TensorLike[] = [];
  const cotangents: TensorLike[] = [];
  for (const [i, out] of outs.entries()) {
    if (out.cot === undefined) continue;
    roots.push((found[i] as Found[number]).tensor);
    cotangents.push(inputs.tensor(out.cot));
  }
  const leaves = grads.map(({ of }) => (typeof of === "number" ? inputs.tensor(of) : parameterOf(of, options)));
  const results = await gradients(api, roots, leaves, cotangents);
  for (const [i, grad] of grads.entries()) {
    const name = typeof grad.of === "number" ? `input ${grad.of}` : grad.of;
    await checkGradient(`gradient of ${name}`, results[i] ?? null, test, grad, options.mode);
  }
}

export async function checkGradient(what: string, got: TensorLike | null, test: Case, recorded: RecordedValue, mode: Mode): Promise<void> {
  if (recorded.t === null) {
    expect(got === null, () => `${what}: there is one, expected none`);
    return;
  }
  if (!got) throw new Mismatch(`${what}: there is none`);
  await checkTensor(what, got, test, recorded, mode);
}

/** `torch.autograd.grad`, with unused inputs allowed. */
export async function gradients(
  api: Api,
  outputs: readonly TensorLike[],
  inputs: readonly TensorLike[],
  cotangents: readonly TensorLike[],
  createGraph: boolean = false,
): Promise<readonly (TensorLike | null)[]> {
  const options = { gradOutputs: cotangents, allowUnused: true, ...(createGraph ? { createGraph } : {}) };
  return [...((await callNow(api, "torch.autograd.grad", outputs, inputs, options)) as Iterable<TensorLike | null>)];
}

function parameterOf(name: string, options: RunOptions): TensorLike {
  if (!options.parameter) throw new Mismatch(`${name}: there are no parameters here`);
  return options.parameter(name.replace(/^param:/, ""));
}
