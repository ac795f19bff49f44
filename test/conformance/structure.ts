/** Compares the structure of a result (tensors, tuples, lists, plain values) with the recorded one. */
import type { Api, TensorLike } from "./api.ts";
import type { Json, JsonObject } from "./corpus.ts";
import { decode } from "./corpus.ts";
import { expect, Mismatch } from "./outcome.ts";
import { camelCase } from "./python/names.ts";
import { PyFloat, PyTuple } from "./python/values.ts";

/** The tensors of a result, each with the number of the recorded tensor it stands for. */
export type Found = { readonly tensor: TensorLike; readonly index: number }[];

/** Walks a result and its recording side by side. */
export function matchStructure(api: Api, got: unknown, recorded: Json, where: string = "result", found: Found = []): Found {
  if (isObject(recorded) && "$t" in recorded) {
    if (!api.isTensor(got)) throw new Mismatch(`${where}: a tensor expected, got ${api.typeName(got)}`);
    found.push({ tensor: got, index: recorded["$t"] as number });
    return found;
  }
  const items = Array.isArray(recorded)
    ? recorded
    : isObject(recorded) && "$tuple" in recorded
      ? (recorded["$tuple"] as readonly Json[])
      : null;
  if (items) return matchItems(api, got, items, recorded, where, found);
  if (isObject(recorded) && ("$dict" in recorded || !Object.keys(recorded).some((k) => k.startsWith("$")))) {
    return matchEntries(api, got, recorded, where, found);
  }
  matchValue(api, got, recorded, where);
  return found;
}

function matchItems(api: Api, got: unknown, items: readonly Json[], recorded: Json, where: string, found: Found): Found {
  const values: readonly unknown[] | null = listOf(got);
  if (!values || api.isTensor(got)) throw new Mismatch(`${where}: ${items.length} values expected, got ${api.typeName(got)}`);
  expect(values.length === items.length, () => `${where}: ${values.length} values, expected ${items.length}`);
  const fields = isObject(recorded) ? (recorded["fields"] as readonly string[] | undefined) : undefined;
  for (const [i, item] of items.entries()) {
    matchStructure(api, values[i], item, `${where}[${i}]`, found);
    const field = fields?.[i];
    if (field === undefined) continue;
    const named: unknown = Reflect.get(got as object, camelCase(field));
    expect(named === values[i], () => `${where}: .${camelCase(field)} is not value ${i}`);
  }
  return found;
}

function matchEntries(api: Api, got: unknown, recorded: JsonObject, where: string, found: Found): Found {
  const dict = ("$dict" in recorded ? recorded["$dict"] : recorded) as JsonObject;
  const entries = entriesOf(got);
  if (!entries) throw new Mismatch(`${where}: a dict expected, got ${api.typeName(got)}`);
  const keys = Object.keys(dict);
  expect(keys.join() === [...entries.keys()].join(), () => `${where}: keys ${[...entries.keys()].join()}, expected ${keys.join()}`);
  for (const key of keys) matchStructure(api, entries.get(key), dict[key] as Json, `${where}.${key}`, found);
  return found;
}

/** The entries of a dict: a Map, an ordered dict of the library, or a plain object. */
export function entriesOf(value: unknown): ReadonlyMap<string, unknown> | null {
  if (value instanceof Map) return value as Map<string, unknown>;
  return typeof value === "object" && value !== null && !Array.isArray(value) ? new Map(Object.entries(value)) : null;
}

/** The elements of a tuple or a list, or null. */
export function listOf(value: unknown): readonly unknown[] | null {
  if (value instanceof PyTuple) return value.items;
  if (Array.isArray(value)) return value;
  if (typeof value !== "object" || value === null || !(Symbol.iterator in value)) return null;
  return [...(value as Iterable<unknown>)];
}

function matchValue(api: Api, got: unknown, recorded: Json, where: string): void {
  if (isObject(recorded) && "$device" in recorded) {
    expect(String(got) === recorded["$device"], () => `${where}: ${String(got)}, expected ${String(recorded["$device"])}`);
    return;
  }
  const wanted = decode(recorded, { tensor: () => null, dtype: (name) => api.dtype(name), device: api.device });
  const a = plain(got);
  const b = plain(wanted);
  const same = Object.is(a, b) || (isNumber(a) && isNumber(b) && Number(a) === Number(b));
  expect(same, () => `${where}: ${String(a)}, expected ${String(b)}`);
}

function plain(value: unknown): unknown {
  return value instanceof PyFloat ? value.value : (value ?? null);
}

function isNumber(value: unknown): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
