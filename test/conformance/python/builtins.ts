/** Python's builtin functions, and the methods of its own containers and strings. */
import type { ObjectModel } from "./object-model.ts";
import { arithmetic, formatValue } from "./numbers.ts";
import {
  BoundMethod, ExceptionClass, fromJs, type Keywords, numberOf, PyFloat, PyFunction, PyIterator, PySlice, PythonError,
  PyTuple, type Run,
} from "./values.ts";

type Call = (value: unknown, args: readonly unknown[], keywords?: Keywords) => Run<unknown>;
type Body = (args: readonly unknown[], keywords: Keywords) => Run<unknown>;

const EXCEPTIONS = [
  "Exception", "RuntimeError", "ValueError", "TypeError", "IndexError", "KeyError", "AttributeError", "NameError", "AssertionError",
  "NotImplementedError", "ZeroDivisionError", "StopIteration", "ArithmeticError", "LookupError",
] as const;

/** The builtins by name; `call` calls any Python value. */
export function builtins(model: ObjectModel, call: Call): Map<string, unknown> {
  const functions: Record<string, Body> = {
    *len([value]) {
      return yield* length(model, value);
    },
    *repr([value]) {
      return yield* model.repr(value);
    },
    *str([value]) {
      return value === undefined ? "" : yield* model.str(value);
    },
    *format([value, spec]) {
      return yield* format(model, value, String(spec ?? ""));
    },
    *print(args) {
      for (const value of args) yield* model.str(value);
      return null;
    },
    *bool([value]) {
      return value === undefined ? false : yield* model.truth(value);
    },
    *int([value]) {
      const scalar = yield* scalarOf(model, value);
      if (typeof scalar === "string") return BigInt(scalar);
      return typeof scalar === "bigint" ? scalar : BigInt(Math.trunc(scalar));
    },
    *float([value]) {
      const scalar = yield* scalarOf(model, value);
      return new PyFloat(scalar === "nan" ? Number.NaN : Number(String(scalar).replace("inf", "Infinity")));
    },
    *list([value]) {
      return value === undefined ? [] : yield* model.iterate(value);
    },
    *tuple([value]) {
      return new PyTuple(value === undefined ? [] : yield* model.iterate(value));
    },
    *set([value]) {
      return new Set(value === undefined ? [] : yield* model.iterate(value));
    },
    *dict([value], keywords) {
      const dict = new Map<unknown, unknown>();
      if (value instanceof Map) for (const [key, item] of value) dict.set(key, item);
      else if (value !== undefined) {
        for (const pair of yield* model.iterate(value)) {
          const [key, item] = yield* model.unpack(pair, 2);
          dict.set(key, item);
        }
      }
      for (const [key, item] of keywords) dict.set(key, item);
      return dict;
    },
    *slice(args) {
      const [start = null, stop = null, step = null] = args.length === 1 ? [null, args[0]] : args;
      return new PySlice(start, stop, step);
    },
    *range(args) {
      const bounds: bigint[] = [];
      for (const value of args) bounds.push(yield* index(model, value));
      const [start = 0n, stop = 0n, step = 1n] = bounds.length === 1 ? [0n, bounds[0]] : bounds;
      if (step === 0n) throw new PythonError("ValueError", "range() arg 3 must not be zero");
      const items: bigint[] = [];
      for (let i = start; step > 0n ? i < stop : i > stop; i += step) items.push(i);
      return items;
    },
    *enumerate([value, start]) {
      const first = (start as bigint | undefined) ?? 0n;
      return (yield* model.iterate(value)).map((item, i) => new PyTuple([first + BigInt(i), item]));
    },
    *zip(args) {
      const columns: unknown[][] = [];
      for (const value of args) columns.push(yield* model.iterate(value));
      const count = columns.length > 0 ? Math.min(...columns.map((c) => c.length)) : 0;
      return Array.from({ length: count }, (_, i) => new PyTuple(columns.map((c) => c[i])));
    },
    *map([fn, ...sources]) {
      const rows = (yield* functionsOf.zip(sources)) as PyTuple[];
      const results: unknown[] = [];
      for (const row of rows) results.push(yield* call(fn, row.items));
      return results;
    },
    *iter([value]) {
      return yield* model.iterator(value);
    },
    *next([iterator, fallback]) {
      if (!(iterator instanceof PyIterator)) throw new PythonError("TypeError", `'${model.api.typeName(iterator)}' object is not an iterator`);
      const step = yield* iterator.next();
      if (step === null && fallback === undefined) throw new PythonError("StopIteration", "");
      return step === null ? fallback : step.value;
    },
    *isinstance([value, type]) {
      const types = type instanceof PyTuple ? type.items : [type];
      return types.some((t) => isInstance(model, value, t));
    },
    *type([value]) {
      return model.api.isTensor(value) || (typeof value === "object" && value !== null) ? Reflect.get(value, "constructor") : value;
    },
    *callable([value]) {
      return typeof value === "function" || value instanceof PyFunction || value instanceof BoundMethod;
    },
    *hasattr([value, name]) {
      return model.api.has(Object(value) as object, String(name));
    },
    *getattr([value, name, fallback]) {
      const owner = Object(value) as object;
      if (fallback !== undefined && !model.api.has(owner, String(name))) return fallback;
      return model.api.attribute(owner, String(name));
    },
    *setattr([value, name, item]) {
      Reflect.set(Object(value) as object, String(name), model.api.toJs(item));
      return null;
    },
    *abs([value]) {
      if (model.api.isTensor(value)) return yield* model.method(value, "abs");
      return (yield* model.truth(yield* model.compare("<", value, 0n))) ? yield* model.unary("-", value) : value;
    },
    *pow([base, exponent]) {
      return yield* model.binary("**", base, exponent);
    },
    *divmod([a, b]) {
      return new PyTuple([yield* model.binary("//", a, b), yield* model.binary("%", a, b)]);
    },
    *round([value, digits]) {
      if (model.api.isTensor(value)) return yield* model.method(value, "round");
      const number = Number(numberOf(value));
      if (digits === undefined) return BigInt(Math.abs(number % 1) === 0.5 ? 2 * Math.round(number / 2) : Math.round(number));
      return new PyFloat(Number(number.toFixed(Number(digits))));
    },
    *sum([value, start]) {
      let total: unknown = start ?? 0n;
      for (const item of yield* model.iterate(value)) total = yield* model.binary("+", total, item);
      return total;
    },
    *max(args) {
      return yield* extreme(model, args, ">");
    },
    *min(args) {
      return yield* extreme(model, args, "<");
    },
    *sorted([value]) {
      const items = yield* model.iterate(value);
      for (let i = 1; i < items.length; i++) {
        for (let j = i; j > 0 && (yield* model.truth(yield* model.compare("<", items[j], items[j - 1]))); j--) {
          [items[j], items[j - 1]] = [items[j - 1], items[j]];
        }
      }
      return items;
    },
    *reversed([value]) {
      return (yield* model.iterate(value)).reverse();
    },
    *all([value]) {
      for (const item of yield* model.iterate(value)) if (!(yield* model.truth(item))) return false;
      return true;
    },
    *any([value]) {
      for (const item of yield* model.iterate(value)) if (yield* model.truth(item)) return true;
      return false;
    },
  };
  const functionsOf = functions as Record<"zip", (args: readonly unknown[]) => Run<unknown>>;
  const names = new Map<string, unknown>(Object.entries(functions).map(([name, body]) => [name, new PyFunction(name, body)]));
  for (const name of EXCEPTIONS) names.set(name, new ExceptionClass(name));
  return names;
}

/** `format(value, spec)`, which of a tensor without dimensions is that of its number. */
export function* format(model: ObjectModel, value: unknown, spec: string): Run<string> {
  if (model.api.isTensor(value)) {
    if (model.api.has(value, "format")) return String(yield* model.method(value, "format", spec));
    if (spec === "" || value.shape.length > 0) return yield* model.repr(value);
    return formatValue(yield* model.method(value, "item"), spec);
  }
  return spec === "" ? yield* model.str(value) : formatValue(value, spec);
}

function* length(model: ObjectModel, value: unknown): Run<bigint> {
  if (typeof value === "string" || Array.isArray(value)) return BigInt(value.length);
  if (value instanceof PyTuple) return BigInt(value.items.length);
  if (value instanceof Map || value instanceof Set) return BigInt(value.size);
  if ((typeof value === "object" || typeof value === "function") && value !== null) {
    if (model.api.isTensor(value)) return (yield* model.method(value, "size", 0n)) as bigint;
    for (const name of ["length", "size"]) {
      if (!model.api.has(value, name)) continue;
      const attribute = model.api.attribute(value, name);
      return (attribute instanceof BoundMethod ? yield* model.method(value, name) : attribute) as bigint;
    }
  }
  throw new PythonError("TypeError", `object of type '${model.api.typeName(value)}' has no len()`);
}

/** The one number that `int()` and `float()` find in a value. */
function* scalarOf(model: ObjectModel, value: unknown): Run<number | bigint | string> {
  if (typeof value === "string") return value;
  const number = numberOf(model.api.isTensor(value) ? yield* model.method(value, "item") : value);
  if (number === null) throw new PythonError("TypeError", `a number is expected, not '${model.api.typeName(value)}'`);
  return number;
}

/** Python's `__index__`. */
function* index(model: ObjectModel, value: unknown): Run<bigint> {
  if (typeof value === "bigint") return value;
  if (typeof value === "boolean") return BigInt(value);
  if (model.api.isTensor(value)) return (yield* model.method(value, "__index__")) as bigint;
  throw new PythonError("TypeError", `'${model.api.typeName(value)}' object cannot be interpreted as an integer`);
}

function* extreme(model: ObjectModel, args: readonly unknown[], operator: "<" | ">"): Run<unknown> {
  const items = args.length === 1 ? yield* model.iterate(args[0]) : args;
  let best = items[0];
  for (const item of items.slice(1)) if (yield* model.truth(yield* model.compare(operator, item, best))) best = item;
  return best;
}

function isInstance(model: ObjectModel, value: unknown, type: unknown): boolean {
  if (type instanceof PyFunction) return model.api.typeName(value) === type.name;
  if (type instanceof ExceptionClass) return value instanceof PythonError && value.pythonType === type.name;
  return typeof type === "function" && value instanceof type;
}

/** Methods of lists, tuples, dicts, sets and strings. */
export function builtinMethod(model: ObjectModel, value: unknown, name: string): PyFunction {
  const table =
    typeof value === "string" ? STRING : value instanceof Map ? DICT : value instanceof Set ? SET : value instanceof PyIterator ? ITERATOR : LIST;
  const body = table[name];
  if (!body) throw new PythonError("AttributeError", `'${model.api.typeName(value)}' object has no attribute '${name}'`);
  return new PyFunction(name, (args) => body(model, value as never, args));
}

type MethodTable<T> = Readonly<Record<string, (model: ObjectModel, value: T, args: readonly unknown[]) => Run<unknown>>>;

const LIST: MethodTable<unknown[] | PyTuple> = {
  *append(_, list, [item]) {
    (list as unknown[]).push(item);
    return null;
  },
  *extend(model, list, [items]) {
    (list as unknown[]).push(...(yield* model.iterate(items)));
    return null;
  },
  *pop(_, list) {
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
  *keys(_, dict) {
    return [...dict.keys()];
  },
  *values(_, dict) {
    return [...dict.values()];
  },
  *items(_, dict) {
    return [...dict].map((entry) => new PyTuple(entry));
  },
  *get(_, dict, [key, fallback]) {
    return dict.has(key) ? dict.get(key) : (fallback ?? null);
  },
  *pop(_, dict, [key]) {
    const value = dict.get(key);
    dict.delete(key);
    return value;
  },
  *update(model, dict, [other]) {
    for (const key of yield* model.iterate(other)) dict.set(key, yield* model.getItem(other, key));
    return null;
  },
};

const SET: MethodTable<Set<unknown>> = {
  *add(_, set, [item]) {
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
  *__iter__(_, iterator) {
    return iterator;
  },
};

const STRING: MethodTable<string> = {
  *join(model, text, [items]) {
    return (yield* model.iterate(items)).map(String).join(text);
  },
  *split(_, text, [separator]) {
    return typeof separator === "string" ? text.split(separator) : text.split(/\s+/).filter(Boolean);
  },
  *replace(_, text, [from, to]) {
    return text.replaceAll(String(from), String(to));
  },
  *strip(_, text) {
    return text.trim();
  },
  *upper(_, text) {
    return text.toUpperCase();
  },
  *lower(_, text) {
    return text.toLowerCase();
  },
  *startswith(_, text, [prefix]) {
    return text.startsWith(String(prefix));
  },
  *endswith(_, text, [suffix]) {
    return text.endsWith(String(suffix));
  },
  *format(model, text, args) {
    let used = 0;
    const pieces = text.split(/(\{\d*(?::[^{}]*)?\})/);
    for (const [i, piece] of pieces.entries()) {
      const field = /^\{(\d*)(?::([^{}]*))?\}$/.exec(piece);
      if (field) pieces[i] = yield* format(model, args[field[1] ? Number(field[1]) : used++], field[2] ?? "");
    }
    return pieces.join("").replaceAll("{{", "{").replaceAll("}}", "}");
  },
};

/** Python's `math` module, as far as it is used. */
export function mathModule(): Map<string, unknown> {
  const names = new Map<string, unknown>([
    ["__name__", "math"],
    ["pi", new PyFloat(Math.PI)],
    ["e", new PyFloat(Math.E)],
    ["inf", new PyFloat(Number.POSITIVE_INFINITY)],
    ["nan", new PyFloat(Number.NaN)],
  ]);
  for (const name of ["sqrt", "exp", "log", "log2", "log10", "sin", "cos", "tan", "tanh"] as const) {
    names.set(name, new PyFunction(name, function* ([value]) {
      return new PyFloat(Math[name](Number(numberOf(value))));
    }));
  }
  for (const name of ["floor", "ceil", "trunc"] as const) {
    names.set(name, new PyFunction(name, function* ([value]) {
      return BigInt(Math[name](Number(numberOf(value))));
    }));
  }
  return names;
}

