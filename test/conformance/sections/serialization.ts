/** Section serialization: files that `torch.save`, safetensors writers and `torch.onnx` made, and damaged ones that have to be refused. */
import type { Api, TensorLike } from "../api.ts";
import type { Context, Section } from "../context.ts";
import { type Case, contiguousStrides, type Json } from "../corpus.ts";
import { expect, Mismatch } from "../outcome.ts";
import { MissingAttribute } from "../python/values.ts";
import { entriesOf, listOf, matchStructure } from "../structure.ts";
import { CaseTensors, call, checkNear, checkTensor } from "../tensors.ts";
import { sharesStorage } from "./run-fields.ts";

export const serialization: Section = { run };

async function run(test: Case, { api }: Context): Promise<void> {
  const load = loader(api, test.group.name);
  const bytes = await test.group.file(test.field<string>("file") ?? "");
  if (test.field<string>("kind") === "refuse") return await expectRefusal(test, async () => await load(bytes));
  const got = await load(bytes);
  if (test.group.name === "onnx") await checkModel(test, api, got);
  else await checkObject(test, api, got);
}

/** How files of a kind are read. */
function loader(api: Api, kind: string): (bytes: Uint8Array) => Promise<unknown> {
  const paths: Readonly<Record<string, readonly string[]>> = {
    torch_save: ["torch.load"],
    safetensors: ["torch.io.loadSafetensors", "torch.loadSafetensors"],
    onnx: ["torch.io.loadOnnx", "torch.onnx.load"],
  };
  const known = paths[kind] ?? [];
  for (const path of known) {
    try {
      const fn = api.resolve(path);
      return async (bytes) => await call(api, fn, [bytes]);
    } catch (error) {
      if (!(error instanceof MissingAttribute)) throw error;
    }
  }
  throw new MissingAttribute("module", (known[0] ?? kind).replace(/^torch\./, ""));
}

/** A refusal is an error of the library's own, not one that JavaScript throws on bad data by chance. */
async function expectRefusal(test: Case, body: () => Promise<unknown>): Promise<void> {
  try {
    await body();
  } catch (error) {
    const type: unknown = error instanceof Error ? Reflect.get(error, "pythonType") : undefined;
    expect(typeof type === "string", () => `refused by ${String(error)}, which is no error of the library`);
    return;
  }
  throw new Mismatch(`the file was read, though it is wrong: ${test.field<string>("why") ?? ""}`);
}

async function checkObject(test: Case, api: Api, got: unknown): Promise<void> {
  const recorded = test.field<Json>("object") ?? null;
  const found =
    test.group.name === "safetensors" ? matchStructure(api, byName(got), asTensors(recorded)) : matchStructure(api, got, recorded);
  const byIndex = new Map(found.map(({ tensor, index }) => [index, tensor]));
  for (const { tensor, index } of found) {
    await checkTensor(`tensor ${index}`, tensor, test, { t: index }, "exact");
    if (test.group.name === "torch_save") checkStoredLayout(test, tensor, index);
  }
  checkTypes(test, api, got);
  for (const group of test.field<readonly (readonly number[])[]>("aliases") ?? []) {
    const [first, ...rest] = group.map((index) => byIndex.get(index) as TensorLike);
    for (const other of rest) expect(sharesStorage(first as TensorLike, other), () => `tensors ${group.join(", ")} do not share a storage`);
  }
}

/** A Parameter comes back as one, any other tensor does not. */
function checkTypes(test: Case, api: Api, got: unknown): void {
  const types = test.field<Record<string, string> | string>("types");
  const Parameter = typeof types === "object" ? (api.resolve("torch.nn.Parameter") as new () => object) : null;
  for (const [name, type] of Object.entries(typeof types === "object" ? types : {})) {
    const value = entriesOf(got)?.get(name);
    if (!api.isTensor(value) || !Parameter) continue;
    expect(value instanceof Parameter === (type === "Parameter"), () => `${name} is no ${type}`);
  }
}

/** A safetensors file keeps its tensors in the order of their names. */
function byName(got: unknown): ReadonlyMap<string, unknown> {
  return new Map([...(entriesOf(got) ?? [])].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** The index of safetensors files names tensors by their bare numbers. */
function asTensors(recorded: Json): Json {
  const entries = Object.entries(recorded as Record<string, number>).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, index]) => [name, { $t: index }]));
}

function checkStoredLayout(test: Case, tensor: TensorLike, index: number): void {
  const stored = test.tensor(index);
  const strides = tensor.stride();
  const wanted = stored.strides.length > 0 ? stored.strides : contiguousStrides(stored.shape);
  expect(
    stored.shape.includes(0) || strides.join() === wanted.join(),
    () => `tensor ${index}: strides ${strides.join()}, expected ${wanted.join()}`,
  );
  expect(tensor.requiresGrad === stored.requiresGrad, () => `tensor ${index}: requiresGrad is ${tensor.requiresGrad}`);
}

/** An ONNX file becomes something that can be called with the recorded inputs. */
async function checkModel(test: Case, api: Api, model: unknown): Promise<void> {
  const inputs = new CaseTensors(api, test);
  const args = (test.field<readonly { $t: number }[]>("args") ?? []).map(({ $t }) => inputs.tensor($t));
  const got = await call(api, model, args);
  const outs = test.field<readonly number[]>("out") ?? [];
  const values = api.isTensor(got) ? [got] : (listOf(got) ?? []);
  expect(values.length === outs.length, () => `${values.length} outputs, expected ${outs.length}`);
  for (const [i, index] of outs.entries()) await checkNear(`output ${i}`, values[i] as TensorLike, test, index, 4);
}
