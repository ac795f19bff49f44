/** Methods of Python's own containers and strings. */
import { arithmetic } from "./numbers.ts";
import type { ObjectModel } from "./object-model.ts";
import { fromJs, PyFunction, PyIterator, PyTuple, PythonError, type Run } from "./values.ts";

/** Methods of lists, tuples, dicts, sets and strings. */
export function builtinMethod(model: ObjectModel, value: unknown, name: string): PyFunction {
  const table =
    typeof value === "string"
      ? STRING
      : value instanceof Map
        ? DICT
        : value instanceof Set
          ? SET
          : value instanceof PyIterator
            ? ITERATOR
            : LIST;
  const body = table[name];
  if (!body) throw new PythonError("AttributeError", `'${model.api.typeName(value)}' object has no attribute '${name}'`);
  return new PyFunction(name, (args) => body(model, value as never, args));
}

type MethodTable<T> = Readonly<Record<string, (model: ObjectModel, value: T, args: readonly unknown[]) => Run<unknown> | unknown>>;

const LIST: MethodTable<unknown[] | PyTuple> = {
  append(_, list, [item]) {
    (list as unknown[]).push(item);
    return null;
  },
  *extend(model, list, [items]) {
    (list as unknown[]).push(...(yield* model.iterate(items)));
    return null;
  },
  pop(_, list) {
    return fromJs((list as unknown[]).pop());
  },
  *index(model, list, [item]) {
    const items = yield* model.iterate(list);
    for (let i = 0; i < items.length; i++) if (yield* model.truth(yield* model.compare("==", items[i], item))) return BigInt(i);
    throw new PythonError("ValueError", `${yield* model.repr(item)} is not in list`);
  },
  *count(model, list, [item]) {
    let count = 0n;
    for (const other of yield* model.iterate(list)) if (yield* model.truth(yield* model.compare("==", other, item))) count++;
    return count;
  },
  *numel(model, size) {
    let product: unknown = 1n;
    for (const item of yield* model.iterate(size)) product = arithmetic("*", product, item);
    return product;
  },
};

const DICT: MethodTable<Map<unknown, unknown>> = {
  keys(_, dict) {
    return [...dict.keys()];
  },
  values(_, dict) {
    return [...dict.values()];
  },
  items(_, dict) {
    return [...dict].map((entry) => new PyTuple(entry));
  },
  get(_, dict, [key, fallback]) {
    return dict.has(key) ? dict.get(key) : (fallback ?? null);
  },
  pop(_, dict, [key]) {
    const value = dict.get(key);
    dict.delete(key);
    return value;
  },
  *update(model, dict, [other]) {
    for (const key of yield* model.iterate(other)) dict.set(key, yield* model.getItem(other, key));
    return null;
  },
};

export function isDictMethod(name: string): boolean {
  return Object.hasOwn(DICT, name);
}

const SET: MethodTable<Set<unknown>> = {
  add(_, set, [item]) {
    set.add(item);
    return null;
  },
};

const ITERATOR: MethodTable<PyIterator> = {
  *__next__(_, iterator) {
    const step = yield* iterator.next();
    if (step === null) throw new PythonError("StopIteration", "");
    return step.value;
  },
  __iter__(_, iterator) {
    return iterator;
  },
};

const STRING: MethodTable<string> = {
  *join(model, text, [items]) {
    return (yield* model.iterate(items)).map(String).join(text);
  },
  split(_, text, [separator]) {
    return typeof separator === "string" ? text.split(separator) : text.split(/\s+/).filter(Boolean);
  },
  replace(_, text, [from, to]) {
    return text.replaceAll(String(from), String(to));
  },
  strip(_, text) {
    return text.trim();
  },
  upper(_, text) {
    return text.toUpperCase();
  },
  lower(_, text) {
    return text.toLowerCase();
  },
  startswith(_, text, [prefix]) {
    return text.startsWith(String(prefix));
  },
  endswith(_, text, [suffix]) {
    return text.endsWith(String(suffix));
  },
  *format(model, text, args) {
    let used = 0;
    const pieces = text.split(/(\{\d*(?::[^{}]*)?\})/);
    for (const [i, piece] of pieces.entries()) {
      const field = /^\{(\d*)(?::([^{}]*))?\}$/.exec(piece);
      if (field) pieces[i] = yield* model.format(args[field[1] ? Number(field[1]) : used++], field[2] ?? "");
    }
    return pieces.join("").replaceAll("{{", "{").replaceAll("}}", "}");
  },
};
