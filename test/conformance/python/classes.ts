/**
 * Classes that a text defines. Each becomes a JavaScript class under the same base as in the text (`nn.Module`, `autograd.Function`,
 * a dataset), with its methods under their TypeScript names, so that the library calls them as it calls a user's.
 */
import type { Api } from "../api.ts";
import { isClass } from "../api.ts";
import { camelCase } from "./names.ts";
import { driveNow, fromJs, type Keywords, PyFunction, PythonError, type Run } from "./values.ts";

/** `self` in `__init__` before the base class's constructor has run: JavaScript knows no instance before `super()`. */
export class Unborn {
  readonly type: PyClass;
  instance: object | null = null;
  constructor(type: PyClass) {
    this.type = type;
  }

  /** The instance, or the error that a class written in TypeScript meets here. */
  get object(): object {
    if (!this.instance) throw new ReferenceError("Must call super constructor in derived class before accessing 'this'");
    return this.instance;
  }
}

/** Marks a function that `@staticmethod` decorates. */
export class StaticMethod {
  readonly fn: PyFunction;
  constructor(fn: PyFunction) {
    this.fn = fn;
  }
}

type Constructor = new (...args: unknown[]) => object;

/** Python's names of methods that JavaScript has a protocol for. */
const PROTOCOLS: Readonly<Record<string, string>> = { __getitem__: "get", __call__: "call" };

export class PyClass {
  readonly name: string;
  readonly base: PyClass | Constructor | null;
  readonly members: ReadonlyMap<string, unknown>;
  /** The class that the library sees. */
  readonly type: Constructor;

  constructor(api: Api, name: string, base: PyClass | Constructor | null, members: ReadonlyMap<string, unknown>) {
    this.name = name;
    this.base = base;
    this.members = members;
    const Base: Constructor = base instanceof PyClass ? base.type : (base ?? Object);
    const type = class extends Base {};
    Object.defineProperty(type, "name", { value: name });
    this.type = type;
    for (const [key, member] of members) define(api, type, key, member);
  }

  /** A method of this class or of the Python classes it derives from. */
  find(name: string): unknown {
    return this.members.get(name) ?? (this.base instanceof PyClass ? this.base.find(name) : undefined);
  }

  /** `Class(...)`: runs `__init__`, in which `super().__init__()` makes the instance. */
  *create(api: Api, args: readonly unknown[], keywords: Keywords): Run<unknown> {
    const self = new Unborn(this);
    if (this.#libraryBase() === null) self.instance = Object.create(this.type.prototype as object) as object;
    const init = this.find("__init__");
    if (init instanceof PyFunction) {
      yield* init.call([self, ...args], keywords);
      return self.object;
    }
    if (self.instance) return self.instance;
    self.instance = (yield* api.call(constructing(this.#libraryBase() ?? Object, this.type), args, keywords)) as object;
    return self.instance;
  }

  /** `super().__init__(...)` inside `__init__`. */
  *createBase(api: Api, self: Unborn, args: readonly unknown[], keywords: Keywords): Run<null> {
    if (this.base instanceof PyClass) {
      const init = this.base.find("__init__");
      if (init instanceof PyFunction) {
        yield* init.call([self, ...args], keywords);
        return null;
      }
    }
    const Base = this.#libraryBase();
    if (Base) self.instance = (yield* api.call(constructing(Base, self.type.type), args, keywords)) as object;
    return null;
  }

  #libraryBase(): Constructor | null {
    return this.base instanceof PyClass ? this.base.#libraryBase() : this.base;
  }
}

/** A function that constructs `Base` for an instance of `type`. */
function constructing(Base: Constructor, type: Constructor): (...args: unknown[]) => object {
  return (...args) => Reflect.construct(Base, args, type) as object;
}

function define(api: Api, type: Constructor, name: string, member: unknown): void {
  if (name === "__init__") return;
  const key = PROTOCOLS[name] ?? camelCase(name);
  if (member instanceof StaticMethod) {
    Object.defineProperty(type, key, { value: api.functionToJs(member.fn), writable: true, configurable: true });
  } else if (name === "__len__" && member instanceof PyFunction) {
    Object.defineProperty(type.prototype, "length", {
      get(this: object) {
        return api.toJs(driveNow(member.call([this], new Map())));
      },
    });
  } else if (member instanceof PyFunction) {
    const method = function (this: object, ...args: unknown[]): unknown {
      return api.toJs(driveNow(member.call([this, ...args.map(fromJs)], new Map())));
    };
    Object.defineProperty(method, "name", { value: name });
    Object.defineProperty(type.prototype, key, { value: method, writable: true, configurable: true });
  } else {
    Object.defineProperty(type.prototype, key, { value: api.toJs(member), writable: true, configurable: true });
  }
}

/** The base of a class statement. */
export function baseOf(bases: readonly unknown[]): PyClass | Constructor | null {
  const [base = null] = bases;
  if (base === null || base instanceof PyClass) return base;
  if (isClass(base)) return base;
  throw new PythonError("TypeError", "a class can be derived from a class only");
}
