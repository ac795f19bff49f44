/** What Python's syntax does to values: operators, indexing, iteration, truth and text, for Python's own values and for tensors. */
import type { Api } from "../api.ts";
import type { BinaryOperator, CompareOperator } from "./ast.ts";
import { COMPARE_METHODS, camelCase, OPERATOR_METHODS, SWAPPED } from "./names.ts";
import { arithmetic, floatRepr, formatValue } from "./numbers.ts";
import {
  BoundMethod,
  dictOf,
  ELLIPSIS,
  fromJs,
  MissingAttribute,
  numberOf,
  PyFloat,
  PyFunction,
  PyIterator,
  PySlice,
  PyTuple,
  PythonError,
  type Run,
  settle,
} from "./values.ts";

const NO_KEYWORDS: ReadonlyMap<string, unknown> = new Map();

export class ObjectModel {
  readonly api: Api;
  constructor(api: Api) {
    this.api = api;
  }

  *method(owner: object, name: string, ...args: unknown[]): Run<unknown> {
    return yield* this.api.call(this.api.attribute(owner, name), args, NO_KEYWORDS);
  }

  *torch(name: string, ...args: unknown[]): Run<unknown> {
    return yield* this.method(this.api.torch, name, ...args);
  }

  *binary(operator: BinaryOperator, left: unknown, right: unknown): Run<unknown> {
    if (this.api.isTensor(left)) {
      return yield* this.#orUnsupported(operator, left, right, this.method(left, OPERATOR_METHODS[operator], right));
    }
    if (this.api.isTensor(right)) return yield* this.#orUnsupported(operator, left, right, this.reflected(operator, left, right));
    const number = arithmetic(operator, left, right);
    if (number !== undefined) return number;
    if (operator === "+" && typeof left === "string" && typeof right === "string") return left + right;
    if (operator === "+" && Array.isArray(left) && Array.isArray(right)) return [...left, ...right];
    if (operator === "+" && left instanceof PyTuple && right instanceof PyTuple) return new PyTuple([...left.items, ...right.items]);
    if (operator === "*") {
      const repeated = repeat(left, right) ?? repeat(right, left);
      if (repeated !== undefined) return repeated;
    }
    throw this.#unsupported(operator, left, right);
  }

  /** `left operator right` where only the right one is a tensor, in the way Python's tensor class does it. */
  *reflected(operator: BinaryOperator, left: unknown, right: object): Run<unknown> {
    switch (operator) {
      case "+":
      case "*":
      case "&":
      case "|":
      case "^":
        return yield* this.method(right, OPERATOR_METHODS[operator], left);
      case "-":
        return yield* this.method(right, "rsub", left);
      case "/":
        return yield* this.method((yield* this.method(right, "reciprocal")) as object, "mul", left);
      default:
        return yield* this.torch(OPERATOR_METHODS[operator], left, right);
    }
  }

  /** `target operator= value`: in place on tensors, as Python does it. */
  *augmented(operator: BinaryOperator, target: unknown, value: unknown): Run<unknown> {
    if (this.api.isTensor(target) && operator !== "@") {
      const run = this.method(target, `${OPERATOR_METHODS[operator]}_`, value);
      return yield* this.#orUnsupported(`${operator}=` as BinaryOperator, target, value, run);
    }
    if (operator === "+" && Array.isArray(target)) {
      target.push(...(yield* this.iterate(value)));
      return target;
    }
    return yield* this.binary(operator, target, value);
  }

  *unary(operator: "-" | "+" | "~" | "not", operand: unknown): Run<unknown> {
    if (operator === "not") return !(yield* this.truth(operand));
    if (this.api.isTensor(operand)) {
      return yield* this.method(operand, { "-": "neg", "+": "positive", "~": "bitwise_not" }[operator]);
    }
    const number = numberOf(operand);
    if (number === null || (operator === "~" && typeof number !== "bigint")) {
      throw new PythonError("TypeError", `bad operand type for unary ${operator}: '${this.api.typeName(operand)}'`);
    }
    if (operator === "~") return ~(number as bigint);
    if (typeof number === "bigint") return operator === "-" ? -number : number;
    return new PyFloat(operator === "-" ? -number : number);
  }

  *compare(operator: CompareOperator, left: unknown, right: unknown): Run<unknown> {
    if (operator === "is") return left === right;
    if (operator === "is not") return left !== right;
    if (operator === "in") return yield* this.contains(right, left);
    if (operator === "not in") return !(yield* this.contains(right, left));
    const swapped = SWAPPED[operator] as CompareOperator;
    const tensor = this.api.isTensor(left) ? left : this.api.isTensor(right) ? right : null;
    if (tensor) {
      const other = tensor === left ? right : left;
      try {
        return yield* this.method(tensor, COMPARE_METHODS[tensor === left ? operator : swapped] as string, other);
      } catch (error) {
        if (!isTypeError(error) || this.api.isTensor(other)) throw error;
        return this.#compareUnlike(operator, left, right);
      }
    }
    return yield* this.#comparePlain(operator, left, right);
  }

  *#comparePlain(operator: CompareOperator, left: unknown, right: unknown): Run<unknown> {
    const order = yield* this.#order(left, right);
    if (order === null) return this.#compareUnlike(operator, left, right);
    switch (operator) {
      case "==":
        return order === 0;
      case "!=":
        return order !== 0;
      case "<":
        return order < 0;
      case "<=":
        return order <= 0;
      case ">":
        return order > 0;
      default:
        return order >= 0;
    }
  }

  /** -1, 0 or 1, NaN for what is unequal and without order, null for unlike types. */
  *#order(left: unknown, right: unknown): Run<number | null> {
    const x = numberOf(left);
    const y = numberOf(right);
    if (x !== null && y !== null) return x < y ? -1 : x > y ? 1 : Number.isNaN(Number(x) + Number(y)) ? Number.NaN : 0;
    if (typeof left === "string" && typeof right === "string") return left < right ? -1 : left > right ? 1 : 0;
    const a = sequence(left);
    const b = sequence(right);
    if (a && b) {
      for (let i = 0; i < Math.min(a.length, b.length); i++) {
        if (!(yield* this.truth(yield* this.compare("==", fromJs(a[i]), fromJs(b[i])))))
          return yield* this.#order(fromJs(a[i]), fromJs(b[i]));
      }
      return Math.sign(a.length - b.length);
    }
    return left === right ? 0 : null;
  }

  #compareUnlike(operator: CompareOperator, left: unknown, right: unknown): unknown {
    if (operator === "==") return left === right;
    if (operator === "!=") return left !== right;
    const types = `'${this.api.typeName(left)}' and '${this.api.typeName(right)}'`;
    throw new PythonError("TypeError", `'${operator}' not supported between instances of ${types}`);
  }

  *contains(container: unknown, item: unknown): Run<boolean> {
    if (typeof container === "string" && typeof item === "string") return container.includes(item);
    if (container instanceof Map) return container.has(item);
    for (const element of yield* this.iterate(container)) {
      if (element === item || (yield* this.truth(yield* this.compare("==", element, item)))) return true;
    }
    return false;
  }

  /** Python's truth of a value; of a tensor with other than one element the library's error. */
  *truth(value: unknown): Run<boolean> {
    if (this.api.isTensor(value)) return Boolean(yield* this.method(value, "is_nonzero"));
    if (value instanceof PyFloat) return value.value !== 0;
    if (value instanceof PyTuple) return value.items.length > 0;
    if (Array.isArray(value)) return value.length > 0;
    if (value instanceof Map || value instanceof Set) return value.size > 0;
    return Boolean(value);
  }

  *getItem(owner: unknown, index: unknown): Run<unknown> {
    if (this.api.isTensor(owner)) {
      return yield* this.#callRaw(
        owner,
        "at",
        this.#indices(index).map((i) => this.api.indexToJs(i)),
      );
    }
    if (owner instanceof Map) {
      const key = [...owner.keys()].find((k) => k === index);
      if (key === undefined) throw new PythonError("KeyError", yield* this.str(index));
      return owner.get(key);
    }
    const items = sequence(owner) ?? (typeof owner === "string" ? [...owner] : null);
    if (items) {
      if (index instanceof PySlice) {
        const picked = slice(items, index);
        return typeof owner === "string" ? picked.join("") : owner instanceof PyTuple ? new PyTuple(picked) : picked;
      }
      const at = Number(numberOf(index) ?? Number.NaN);
      if (Number.isNaN(at)) {
        throw new PythonError(
          "TypeError",
          `${this.api.typeName(owner)} indices must be integers or slices, not ${this.api.typeName(index)}`,
        );
      }
      const place = at < 0 ? at + items.length : at;
      if (place < 0 || place >= items.length) throw new PythonError("IndexError", `${this.api.typeName(owner)} index out of range`);
      return fromJs(items[place]);
    }
    if ((typeof owner === "object" || typeof owner === "function") && owner !== null) return yield* this.#getFromLibrary(owner, index);
    throw new PythonError("TypeError", `'${this.api.typeName(owner)}' object is not subscriptable`);
  }

  /** Containers of the library: `sequential[0]`, `dataset[3]`, `moduleDict["a"]`, plain objects such as a state dict. */
  *#getFromLibrary(owner: object, index: unknown): Run<unknown> {
    for (const name of ["at", "get"]) {
      if (this.api.has(owner, name)) return yield* this.#callRaw(owner, name, [this.api.indexToJs(index)]);
    }
    const key = typeof index === "bigint" ? String(index) : index;
    for (const spelling of typeof key === "string" ? [key, camelCase(key)] : []) {
      if (Object.hasOwn(owner, spelling)) return fromJs(Reflect.get(owner, spelling));
    }
    const number = numberOf(index);
    if (number !== null && Symbol.iterator in owner) return yield* this.getItem(yield* this.iterate(owner), index);
    throw new MissingAttribute(this.api.typeName(owner), "__getitem__");
  }

  *setItem(owner: unknown, index: unknown, value: unknown): Run<void> {
    if (this.api.isTensor(owner)) {
      const indices = this.#indices(index).map((i) => this.api.indexToJs(i));
      yield* this.#callRaw(owner, "setAt", [indices, this.api.toJs(value, "operand")]);
    } else if (owner instanceof Map) {
      owner.set(index, value);
    } else if (Array.isArray(owner)) {
      const at = Number(numberOf(index));
      owner[at < 0 ? at + owner.length : at] = value;
    } else if (typeof owner === "object" && owner !== null && typeof index === "string") {
      Reflect.set(owner, Object.hasOwn(owner, index) ? index : camelCase(index), this.api.toJs(value));
    } else {
      throw new PythonError("TypeError", `'${this.api.typeName(owner)}' object does not support item assignment`);
    }
  }

  /** The entries of a tensor's index. A list that holds anything but numbers counts as a tuple. */
  #indices(index: unknown): readonly unknown[] {
    if (index instanceof PyTuple) return index.items;
    const list = Array.isArray(index) && index.some((i) => numberOf(i) === null) ? index : null;
    return list ?? [index];
  }

  *#callRaw(owner: object, name: string, args: readonly unknown[]): Run<unknown> {
    const method = this.api.attribute(owner, name);
    if (!(method instanceof BoundMethod)) throw new MissingAttribute(this.api.typeName(owner), name);
    return fromJs(yield* settle(this.api.applyOrTwin(method.method as never, owner, name, args)));
  }

  /** All elements of an iterable. */
  *iterate(value: unknown): Run<unknown[]> {
    const iterator = yield* this.iterator(value);
    const items: unknown[] = [];
    for (let step = yield* iterator.next(); step !== null; step = yield* iterator.next()) items.push(step.value);
    return items;
  }

  *iterator(value: unknown): Run<PyIterator> {
    if (value instanceof PyIterator) return value;
    const dict = dictOf(value);
    const items = value instanceof PyTuple ? value.items : dict ? [...dict.keys()] : value;
    if (items !== null && (typeof items === "object" || typeof items === "function" || typeof items === "string")) {
      const source = Object(items) as Partial<AsyncIterable<unknown> & Iterable<unknown>>;
      const start = source[Symbol.iterator] ?? source[Symbol.asyncIterator];
      if (typeof start === "function") {
        const iterator = (yield* settle(Reflect.apply(start, items, []))) as Iterator<unknown>;
        return new PyIterator(() => iterator.next());
      }
    }
    throw new PythonError("TypeError", `'${this.api.typeName(value)}' object is not iterable`);
  }

  /** `count` values for a tuple of targets. */
  *unpack(value: unknown, count: number): Run<unknown[]> {
    const items = yield* this.iterate(value);
    if (items.length > count) throw new PythonError("ValueError", `too many values to unpack (expected ${count})`);
    if (items.length < count) throw new PythonError("ValueError", `not enough values to unpack (expected ${count}, got ${items.length})`);
    return items;
  }

  *str(value: unknown): Run<string> {
    return typeof value === "string" ? value : yield* this.repr(value);
  }

  *repr(value: unknown): Run<string> {
    if (value === null) return "None";
    if (typeof value === "boolean") return value ? "True" : "False";
    if (typeof value === "bigint") return String(value);
    if (typeof value === "string") return quote(value);
    if (value instanceof PyFloat) return floatRepr(value.value);
    if (value === ELLIPSIS) return "Ellipsis";
    if (value instanceof PyTuple) return `(${(yield* this.#reprs(value.items)).join(", ")}${value.items.length === 1 ? "," : ""})`;
    if (Array.isArray(value) && value.toString === Array.prototype.toString) return `[${(yield* this.#reprs(value)).join(", ")}]`;
    if (value instanceof Set) return value.size > 0 ? `{${(yield* this.#reprs([...value])).join(", ")}}` : "set()";
    if (value instanceof Map) {
      const entries: string[] = [];
      for (const [key, item] of value) entries.push(`${yield* this.repr(key)}: ${yield* this.repr(item)}`);
      return `{${entries.join(", ")}}`;
    }
    if (value instanceof PyFunction) return `<function ${value.name}>`;
    if (this.api.isTensor(value) && this.api.has(value, "repr")) return String(yield* this.#callRaw(value, "repr", []));
    return String(value);
  }

  /** `format(value, spec)`, which of a tensor is the library's. */
  *format(value: unknown, spec: string): Run<string> {
    if (this.api.isTensor(value)) {
      const here = this.api.waits ? ((yield* this.method(value, "cpu")) as object) : value;
      return String(yield* this.method(here, "format", spec));
    }
    return spec === "" ? yield* this.str(value) : formatValue(value, spec);
  }

  *#reprs(items: readonly unknown[]): Run<string[]> {
    const texts: string[] = [];
    for (const item of items) texts.push(yield* this.repr(fromJs(item)));
    return texts;
  }

  /** Python answers a TypeError of a tensor's operator by saying that the operator is not supported between the two types. */
  *#orUnsupported(operator: BinaryOperator, left: unknown, right: unknown, run: Run<unknown>): Run<unknown> {
    try {
      return yield* run;
    } catch (error) {
      if (isTypeError(error) && !(this.api.isTensor(left) && this.api.isTensor(right))) throw this.#unsupported(operator, left, right);
      throw error;
    }
  }

  #unsupported(operator: BinaryOperator, left: unknown, right: unknown): PythonError {
    const shown = operator === "**" ? "** or pow()" : operator;
    const types = `'${this.api.typeName(left)}' and '${this.api.typeName(right)}'`;
    return new PythonError("TypeError", `unsupported operand type(s) for ${shown}: ${types}`);
  }
}

/** An error of the library (or of Python) whose Python class is TypeError; JavaScript's own TypeErrors are bugs and do not count. */
function isTypeError(error: unknown): boolean {
  return (
    error instanceof Error && Reflect.get(error, "pythonType") === "TypeError" && Reflect.get(error, "unexpectedKeyword") === undefined
  );
}

function sequence(value: unknown): readonly unknown[] | null {
  if (value instanceof PyTuple) return value.items;
  return Array.isArray(value) ? value : null;
}

function repeat(items: unknown, times: unknown): unknown {
  if (typeof times !== "bigint") return undefined;
  const count = Math.max(0, Number(times));
  if (typeof items === "string") return items.repeat(count);
  const list = sequence(items);
  if (!list) return undefined;
  const repeated = Array.from({ length: count }, () => list).flat();
  return items instanceof PyTuple ? new PyTuple(repeated) : repeated;
}

/** Python's slicing of a list. */
export function slice<T>(items: readonly T[], range: PySlice): T[] {
  const step = Number(numberOf(range.step) ?? 1);
  const clamp = (value: unknown, fallback: number): number => {
    const number = numberOf(value);
    if (number === null) return fallback;
    const at = Number(number) < 0 ? Number(number) + items.length : Number(number);
    return step > 0 ? Math.min(Math.max(at, 0), items.length) : Math.min(Math.max(at, -1), items.length - 1);
  };
  const start = clamp(range.start, step > 0 ? 0 : items.length - 1);
  const stop = clamp(range.stop, step > 0 ? items.length : -1);
  const picked: T[] = [];
  for (let i = start; step > 0 ? i < stop : i > stop; i += step) picked.push(items[i] as T);
  return picked;
}

/** Python's repr of a string: single quotes unless it holds some and no double ones. */
export function quote(text: string): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text
    .replaceAll("\\", "\\\\")
    .replaceAll("\n", "\\n")
    .replaceAll("\t", "\\t")
    .replaceAll("\r", "\\r")
    .replaceAll(mark, `\\${mark}`);
  return mark + escaped + mark;
}
