/**
 * How Python's values are held by the evaluator. Integers are bigint and floats `PyFloat`, so that 1 and 1.0 stay apart; lists are
 * arrays, dicts maps, sets sets; None, bools and strings are JavaScript's own. Everything else is an object of the library.
 */

/** A computation that may wait: it yields promises and is resumed with what they resolve to. */
export type Run<T> = Generator<unknown, T, unknown>;

/** Runs to the end, awaiting what is yielded. */
export async function drive<T>(run: Run<T>): Promise<T> {
  let step = run.next();
  while (!step.done) {
    let value: unknown;
    let failed = false;
    try {
      value = await step.value;
    } catch (error) {
      value = error;
      failed = true;
    }
    step = failed ? run.throw(value) : run.next(value);
  }
  return step.value;
}

/** Runs to the end without waiting: for functions that the library calls and that have to answer at once. */
export function driveNow<T>(run: Run<T>): T {
  const step = run.next();
  if (!step.done) throw new Error("a function called by the library cannot wait for a value");
  return step.value;
}

/** Waits for a value where it is a promise. */
export function* settle(value: unknown): Run<unknown> {
  return isPromise(value) ? yield value : value;
}

export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return (typeof value === "object" || typeof value === "function") && value !== null && typeof Reflect.get(value, "then") === "function";
}

export class PyFloat {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

export class PyTuple {
  readonly items: readonly unknown[];
  constructor(items: readonly unknown[]) {
    this.items = items;
  }
}

export class PySlice {
  readonly start: unknown;
  readonly stop: unknown;
  readonly step: unknown;
  constructor(start: unknown, stop: unknown, step: unknown) {
    this.start = start;
    this.stop = stop;
    this.step = step;
  }
}

export const ELLIPSIS: unique symbol = Symbol("Ellipsis");

export type Keywords = ReadonlyMap<string, unknown>;

/** What a function does: a computation that may wait, or a plain result. */
export type Body = (args: readonly unknown[], keywords: Keywords) => Run<unknown> | unknown;

/** A function of Python: one written in the text, or a builtin. */
export class PyFunction {
  readonly name: string;
  readonly #body: Body;
  constructor(name: string, body: Body) {
    this.name = name;
    this.#body = body;
  }

  call(args: readonly unknown[], keywords: Keywords): Run<unknown> {
    return finish(() => this.#body(args, keywords));
  }
}

/** The result of a computation, or of a plain function. */
export function* finish(body: () => Run<unknown> | unknown): Run<unknown> {
  const result = body();
  return isRun(result) ? yield* result : result;
}

function isRun(value: unknown): value is Run<unknown> {
  return Object.prototype.toString.call(value) === "[object Generator]";
}

/** An attribute of a library object that can be called: `x.sum`, `torch.ones`. */
export class BoundMethod {
  readonly owner: object;
  readonly name: string;
  readonly method: (...args: never[]) => unknown;
  constructor(owner: object, name: string, method: (...args: never[]) => unknown) {
    this.owner = owner;
    this.name = name;
    this.method = method;
  }
}

/** An iterator: what `iter(x)` gives. */
export class PyIterator {
  readonly #next: () => unknown;
  constructor(next: () => unknown) {
    this.#next = next;
  }
  /** The next value, or null where there is none. */
  *next(): Run<{ readonly value: unknown } | null> {
    const step = (yield* settle(this.#next())) as IteratorResult<unknown>;
    return step.done ? null : { value: fromJs(step.value) };
  }
}

/** An exception class that Python itself has. */
export class ExceptionClass {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** An exception that Python's own semantics raise, or a `raise` statement of the text. */
export class PythonError extends Error {
  readonly pythonType: string;
  constructor(pythonType: string, message: string) {
    super(message);
    this.name = "PythonError";
    this.pythonType = pythonType;
  }
}

/** An attribute that the library's object does not have. Python's AttributeError; for the runner, a sign that something is not implemented. */
export class MissingAttribute extends PythonError {
  constructor(owner: string, attribute: string) {
    const what =
      owner === "module" ? `module 'torch' has no attribute '${attribute}'` : `'${owner}' object has no attribute '${attribute}'`;
    super("AttributeError", what);
  }
}

/** A value of the library as Python sees it: a whole number becomes an int, any other a float. */
export function fromJs(value: unknown): unknown {
  if (typeof value === "number") return Number.isInteger(value) && !Object.is(value, -0) ? BigInt(value) : new PyFloat(value);
  return value === undefined ? null : value;
}

/** Like `fromJs` for the values of a floating-point tensor, whose whole numbers are floats too. */
export function floatsFromJs(value: unknown): unknown {
  if (typeof value === "number") return new PyFloat(value);
  return Array.isArray(value) ? value.map(floatsFromJs) : fromJs(value);
}

/** The entries of a plain object of the library, which Python sees as a dict; null for anything else. */
export function dictOf(value: unknown): Map<unknown, unknown> | null {
  if (value instanceof Map) return value;
  if (typeof value !== "object" || value === null || Reflect.get(value, Symbol.toStringTag) === "Module") return null;
  const prototype: unknown = Reflect.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return null;
  return new Map(Object.entries(value).map(([key, item]) => [key, fromJs(item)]));
}

/** The number that a Python int, float or bool stands for, or null. */
export function numberOf(value: unknown): number | bigint | null {
  if (typeof value === "bigint") return value;
  if (typeof value === "boolean") return BigInt(value);
  return value instanceof PyFloat ? value.value : null;
}
