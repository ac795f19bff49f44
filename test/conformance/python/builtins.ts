/** Python's builtin functions. */
import type { ObjectModel } from "./object-model.ts";
import {
  type Body,
  BoundMethod,
  dictOf,
  ExceptionClass,
  type Keywords,
  numberOf,
  PyFloat,
  PyFunction,
  PyIterator,
  PySlice,
  PyTuple,
  PythonError,
  type Run,
} from "./values.ts";

type Call = (value: unknown, args: readonly unknown[], keywords?: Keywords) => Run<unknown>;

const EXCEPTIONS = [
  "Exception",
  "RuntimeError",
  "ValueError",
  "TypeError",
  "IndexError",
  "KeyError",
  "AttributeError",
  "NameError",
  "AssertionError",
  "NotImplementedError",
  "ZeroDivisionError",
  "StopIteration",
  "ArithmeticError",
  "LookupError",
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
      return yield* model.format(value, String(spec ?? ""));
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
    slice(args) {
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
    zip: (args) => zip(model, args),
    *map([fn, ...sources]) {
      const rows = yield* zip(model, sources);
      const results: unknown[] = [];
      for (const row of rows) results.push(yield* call(fn, row.items));
      return results;
    },
    *iter([value]) {
      return yield* model.iterator(value);
    },
    *next([iterator, fallback]) {
      if (!(iterator instanceof PyIterator))
        throw new PythonError("TypeError", `'${model.api.typeName(iterator)}' object is not an iterator`);
      const step = yield* iterator.next();
      if (step === null && fallback === undefined) throw new PythonError("StopIteration", "");
      return step === null ? fallback : step.value;
    },
    isinstance([value, type]) {
      const types = type instanceof PyTuple ? type.items : [type];
      return types.some((t) => isInstance(model, value, t));
    },
    type([value]) {
      return model.api.isTensor(value) || (typeof value === "object" && value !== null) ? Reflect.get(value, "constructor") : value;
    },
    callable([value]) {
      return typeof value === "function" || value instanceof PyFunction || value instanceof BoundMethod;
    },
    hasattr([value, name]) {
      return model.api.has(Object(value) as object, String(name));
    },
    getattr([value, name, fallback]) {
      const owner = Object(value) as object;
      if (fallback !== undefined && !model.api.has(owner, String(name))) return fallback;
      return model.api.attribute(owner, String(name));
    },
    setattr([value, name, item]) {
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
  const names = new Map<string, unknown>(Object.entries(functions).map(([name, body]) => [name, new PyFunction(name, body)]));
  for (const name of EXCEPTIONS) names.set(name, new ExceptionClass(name));
  return names;
}

function* zip(model: ObjectModel, sources: readonly unknown[]): Run<PyTuple[]> {
  const columns: unknown[][] = [];
  for (const value of sources) columns.push(yield* model.iterate(value));
  const count = columns.length > 0 ? Math.min(...columns.map((c) => c.length)) : 0;
  return Array.from({ length: count }, (_, i) => new PyTuple(columns.map((c) => c[i])));
}

function* length(model: ObjectModel, value: unknown): Run<bigint> {
  if (typeof value === "string" || Array.isArray(value)) return BigInt(value.length);
  if (value instanceof PyTuple) return BigInt(value.items.length);
  const dict = value instanceof Set ? value : dictOf(value);
  if (dict) return BigInt(dict.size);
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
