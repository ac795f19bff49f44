/** Section rng: what the CPU generator gives, bit for bit. */
import type { Api, TensorLike } from "../api.ts";
import { compareClose, type Elements } from "../compare.ts";
import type { Context, Section } from "../context.ts";
import type { Case, Json } from "../corpus.ts";
import { check, Mismatch } from "../outcome.ts";
import { entriesOf, matchStructure } from "../structure.ts";
import { call, callNow, checkTensor, manualSeed, read } from "../tensors.ts";
import { interpreterOf, namesIn } from "./environment.ts";
import { rngProgram } from "./rng-text.ts";

export const rng: Section = { run };

/** Loaders read this dataset where their text names `ds` without saying what it is. */
const DATASET = "from torch.utils.data import TensorDataset\nds = TensorDataset(torch.arange(23))";

async function run(test: Case, { api }: Context): Promise<void> {
  const text = test.field<string>("call") ?? "";
  const seed = test.field<string>("seed") ?? "0";
  const interpreter = interpreterOf(api, {}, namesIn(api, ["torch", "torch.nn", "torch.utils.data"]));
  await interpreter.run("import math");
  if (/\bds\b/.test(text) && !/\bds =/.test(text)) await interpreter.run(DATASET);
  manualSeed(api, seed);
  const results = await interpreter.run(rngProgram(text, seed));
  const recorded = test.field<Json>("out") ?? null;
  const values = (results as unknown[]).map((value) => asRecorded(api, value));
  const got = Array.isArray(recorded) ? values : values[0];
  if (!Array.isArray(recorded) && values.length !== 1) throw new Mismatch(`${values.length} results, expected one`);
  const found = matchStructure(api, await stateOrValue(api, got), recorded);
  for (const [i, { tensor, index }] of found.entries()) {
    const what = found.length > 1 ? `result ${i}` : "result";
    if (/\borthogonal_/.test(text)) await checkNearby(what, tensor, test, index);
    else await checkTensor(what, tensor, test, { t: index }, "exact");
  }
}

/** Samplers and the like give numbers; they are recorded as tensors. */
function asRecorded(api: Api, value: unknown): unknown {
  const items =
    Array.isArray(value) && value.length > 0 && value.every((v) => typeof v === "bigint" || typeof v === "number") ? value : null;
  return items
    ? callNow(
        api,
        "torch.tensor",
        items.map((v) => BigInt(v as bigint | number)),
      )
    : value;
}

/** A module is recorded by its state dict. */
async function stateOrValue(api: Api, value: unknown): Promise<unknown> {
  const callable = (typeof value === "object" || typeof value === "function") && value !== null && !Array.isArray(value);
  if (!callable || api.isTensor(value) || !api.has(value, "state_dict")) return value;
  return entriesOf(await call(api, api.attribute(value, "state_dict"), []));
}

/** QR decompositions differ in their last bits. */
async function checkNearby(what: string, got: TensorLike, test: Case, index: number): Promise<void> {
  const value = test.elements(index) as Elements;
  check(what, compareClose(await read(got), { value, truth: null, error: [0, 1] }, 1e-6));
}
