/** Evaluates the expressions and runs the statements of a parsed text, against the public API of the library. */
import type { Api } from "../api.ts";
import type { Argument, Comprehension, Expression, FormatPart, Parameter } from "./ast.ts";
import { builtins } from "./builtins.ts";
import { baseOf, PyClass, StaticMethod, Unborn } from "./classes.ts";
import { execute, ReturnSignal } from "./executor.ts";
import { builtinMethod, isDictMethod } from "./methods.ts";
import { ObjectModel } from "./object-model.ts";
import { parseExpression, parseProgram } from "./parser.ts";
import { type Fallback, Scope } from "./scope.ts";
import {
  BoundMethod,
  dictOf,
  drive,
  ELLIPSIS,
  ExceptionClass,
  type Keywords,
  MissingAttribute,
  PyFloat,
  PyFunction,
  PyIterator,
  PySlice,
  PyTuple,
  PythonError,
  type Run,
} from "./values.ts";

/** What `super()` gives inside a method. */
class Super {
  readonly type: PyClass;
  readonly self: unknown;
  constructor(type: PyClass, self: unknown) {
    this.type = type;
    this.self = self;
  }
}

export class Interpreter {
  readonly model: ObjectModel;
  readonly globals: Scope;

  /** `names` are what the text may use beside Python's builtins; `fallback` finds further ones. */
  constructor(api: Api, names: Readonly<Record<string, unknown>> = {}, fallback: Fallback = () => undefined) {
    this.model = new ObjectModel(api);
    const base = new Scope(
      null,
      builtins(this.model, (callee, args, keywords) => this.call(callee, args, keywords)),
      fallback,
    );
    this.globals = new Scope(base, new Map(Object.entries(names)));
  }

  get api(): Api {
    return this.model.api;
  }

  /** Runs a program; the value of its last expression statement. */
  async run(source: string): Promise<unknown> {
    return await drive(execute(this, parseProgram(source), this.globals));
  }

  /** The value of one expression. */
  async evaluate(source: string): Promise<unknown> {
    return await drive(this.expression(parseExpression(source), this.globals));
  }

  *expression(e: Expression, scope: Scope): Run<unknown> {
    switch (e.kind) {
      case "name": {
        const value = scope.get(e.name);
        return value instanceof Unborn && value.instance ? value.instance : value;
      }
      case "integer":
      case "string":
      case "constant":
        return e.value;
      case "float":
        return new PyFloat(e.value);
      case "ellipsis":
        return ELLIPSIS;
      case "format":
        return yield* this.#formatted(e.parts, scope);
      case "list":
        return yield* this.#items(e.items, scope);
      case "tuple":
        return new PyTuple(yield* this.#items(e.items, scope));
      case "set":
        return new Set(yield* this.#items(e.items, scope));
      case "dict":
        return yield* this.#dict(e.entries, scope);
      case "comprehension":
        return yield* this.#comprehension(e, scope);
      case "starred":
        throw new PythonError("SyntaxError", "can't use starred expression here");
      case "unary":
        return yield* this.model.unary(e.operator, yield* this.expression(e.operand, scope));
      case "binary": {
        const left = yield* this.expression(e.left, scope);
        return yield* this.model.binary(e.operator, left, yield* this.expression(e.right, scope));
      }
      case "boolean": {
        const left = yield* this.expression(e.left, scope);
        return (yield* this.model.truth(left)) === (e.operator === "or") ? left : yield* this.expression(e.right, scope);
      }
      case "compare":
        return yield* this.#comparison(e, scope);
      case "conditional":
        return yield* this.expression((yield* this.model.truth(yield* this.expression(e.test, scope))) ? e.value : e.otherwise, scope);
      case "lambda":
        return this.#function("<lambda>", e.parameters, yield* this.#defaults(e.parameters, scope), scope, (inner) =>
          this.expression(e.body, inner),
        );
      case "attribute":
        return this.attribute(yield* this.expression(e.object, scope), e.name);
      case "subscript": {
        const owner = yield* this.expression(e.object, scope);
        return yield* this.model.getItem(owner, yield* this.expression(e.index, scope));
      }
      case "slice": {
        const bounds: unknown[] = [];
        for (const part of [e.start, e.stop, e.step]) bounds.push(part ? yield* this.expression(part, scope) : null);
        return new PySlice(bounds[0], bounds[1], bounds[2]);
      }
      case "call":
        return yield* this.#call(e.callee, e.args, scope);
      case "walrus": {
        const value = yield* this.expression(e.value, scope);
        scope.set(e.name, value);
        return value;
      }
    }
  }

  /** `value.name`. */
  attribute(value: unknown, name: string): unknown {
    if (value instanceof Super) return this.#superAttribute(value, name);
    if (value instanceof Unborn) return this.attribute(value.object, name);
    if (value instanceof PyClass) {
      const member = value.find(name);
      if (member !== undefined) return member instanceof StaticMethod ? member.fn : member;
      return this.api.attribute(value.type, name);
    }
    if (value instanceof Map && value.get("__name__") !== undefined && value.has(name)) return value.get(name); // a module
    if (typeof value === "string" || value instanceof Map || value instanceof Set || value instanceof PyIterator) {
      return builtinMethod(this.model, value, name);
    }
    if (value instanceof PyTuple || (Array.isArray(value) && !this.api.has(value, name))) return builtinMethod(this.model, value, name);
    if ((typeof value !== "object" && typeof value !== "function") || value === null || value instanceof PyFloat) {
      throw new PythonError("AttributeError", `'${this.api.typeName(value)}' object has no attribute '${name}'`);
    }
    if (isDictMethod(name) && !this.api.has(value, name) && dictOf(value)) return builtinMethod(this.model, dictOf(value), name);
    if (name === "__iter__") return new PyFunction(name, () => this.model.iterator(value));
    if (name === "__class__") return Reflect.get(value, "constructor");
    return this.api.attribute(value, name);
  }

  *call(callee: unknown, args: readonly unknown[], keywords: Keywords = new Map()): Run<unknown> {
    if (callee instanceof PyFunction) return yield* callee.call(args, keywords);
    if (callee instanceof PyClass) return yield* callee.create(this.api, args, keywords);
    if (callee instanceof ExceptionClass) return new PythonError(callee.name, args.length > 0 ? yield* this.model.str(args[0]) : "");
    if (callee instanceof BoundMethod || typeof callee === "function") return yield* this.api.call(callee, args.map(asJsClass), keywords);
    throw new PythonError("TypeError", `'${this.api.typeName(callee)}' object is not callable`);
  }

  /** A `def`. */
  *define(name: string, parameters: readonly Parameter[], scope: Scope, body: (inner: Scope) => Run<unknown>): Run<PyFunction> {
    return this.#function(name, parameters, yield* this.#defaults(parameters, scope), scope, body);
  }

  /** A `class`; `members` are what its body defined. */
  class(name: string, bases: readonly unknown[], members: ReadonlyMap<string, unknown>, scope: Scope): PyClass {
    const type = new PyClass(this.api, name, baseOf(bases), members);
    scope.set("__class__", type);
    return type;
  }

  /** The arguments of a call, with `*` and `**` spread. */
  *arguments(args: readonly Argument[], scope: Scope): Run<{ positional: unknown[]; keywords: Map<string, unknown> }> {
    const positional: unknown[] = [];
    const keywords = new Map<string, unknown>();
    for (const arg of args) {
      const value = yield* this.expression(arg.value, scope);
      if (arg.spread === "*") positional.push(...(yield* this.model.iterate(value)));
      else if (arg.spread === "**") for (const [key, item] of value as Map<string, unknown>) keywords.set(key, item);
      else if (arg.keyword !== null) keywords.set(arg.keyword, value);
      else positional.push(value);
    }
    return { positional, keywords };
  }

  *#call(callee: Expression, args: readonly Argument[], scope: Scope): Run<unknown> {
    if (callee.kind === "name" && callee.name === "super") return this.#super(scope);
    const fn = yield* this.expression(callee, scope);
    const { positional, keywords } = yield* this.arguments(args, scope);
    return yield* this.call(fn, positional, keywords);
  }

  #super(scope: Scope): Super {
    return new Super(scope.get("__class__") as PyClass, scope.get("__self__"));
  }

  #superAttribute({ type, self }: Super, name: string): unknown {
    if (name === "__init__" && self instanceof Unborn) {
      return new PyFunction(name, (args, keywords) => type.createBase(this.api, self, args, keywords));
    }
    const instance = self instanceof Unborn ? self.object : (self as object);
    if (type.base instanceof PyClass) {
      const method = type.base.find(name);
      if (method instanceof PyFunction) return new PyFunction(name, (args, keywords) => method.call([instance, ...args], keywords));
    }
    const method: unknown = Reflect.get(type.type.prototype.constructor.prototype as object, name);
    const inherited: unknown = Reflect.get(Reflect.getPrototypeOf(type.type.prototype as object) ?? {}, name) ?? method;
    if (typeof inherited !== "function") throw new MissingAttribute("super", name);
    return new BoundMethod(instance, name, inherited as (...a: never[]) => unknown);
  }

  *#formatted(parts: readonly FormatPart[], scope: Scope): Run<string> {
    let text = "";
    for (const part of parts) {
      if (part.kind === "text") text += part.text;
      else {
        let value = yield* this.expression(part.value, scope);
        if (part.conversion) value = part.conversion === "s" ? yield* this.model.str(value) : yield* this.model.repr(value);
        text += yield* this.model.format(value, yield* this.#formatted(part.format, scope));
      }
    }
    return text;
  }

  *#items(items: readonly Expression[], scope: Scope): Run<unknown[]> {
    const values: unknown[] = [];
    for (const item of items) {
      if (item.kind === "starred") values.push(...(yield* this.model.iterate(yield* this.expression(item.value, scope))));
      else values.push(yield* this.expression(item, scope));
    }
    return values;
  }

  *#dict(entries: readonly { readonly key: Expression | null; readonly value: Expression }[], scope: Scope): Run<Map<unknown, unknown>> {
    const dict = new Map<unknown, unknown>();
    for (const { key, value } of entries) {
      if (key) {
        const name = yield* this.expression(key, scope);
        dict.set(name, yield* this.expression(value, scope));
      } else for (const [name, item] of (yield* this.expression(value, scope)) as Map<unknown, unknown>) dict.set(name, item);
    }
    return dict;
  }

  *#comparison({ first, rest }: Extract<Expression, { kind: "compare" }>, scope: Scope): Run<unknown> {
    let left = yield* this.expression(first, scope);
    let result: unknown = true;
    for (const [i, { operator, operand }] of rest.entries()) {
      if (i > 0 && !(yield* this.model.truth(result))) return result;
      const right = yield* this.expression(operand, scope);
      result = yield* this.model.compare(operator, left, right);
      left = right;
    }
    return result;
  }

  *#comprehension(e: Extract<Expression, { kind: "comprehension" }>, scope: Scope): Run<unknown> {
    const items: unknown[] = [];
    const dict = new Map<unknown, unknown>();
    const interpreter = this;
    function* loop(clauses: readonly Comprehension[], inner: Scope): Run<void> {
      const [clause, ...rest] = clauses;
      if (!clause) {
        const element = yield* interpreter.expression(e.element, inner);
        if (e.key) dict.set(yield* interpreter.expression(e.key, inner), element);
        else items.push(element);
        return;
      }
      next: for (const item of yield* interpreter.model.iterate(yield* interpreter.expression(clause.source, inner))) {
        yield* interpreter.assign(clause.target, item, inner);
        for (const condition of clause.conditions) {
          if (!(yield* interpreter.model.truth(yield* interpreter.expression(condition, inner)))) continue next;
        }
        yield* loop(rest, inner);
      }
    }
    yield* loop(e.clauses, new Scope(scope));
    if (e.of === "dict") return dict;
    return e.of === "set" ? new Set(items) : items;
  }

  /** `target = value`. */
  *assign(target: Expression, value: unknown, scope: Scope): Run<void> {
    switch (target.kind) {
      case "name":
        scope.set(target.name, value);
        return;
      case "tuple":
      case "list": {
        const star = target.items.findIndex((item) => item.kind === "starred");
        if (star < 0) {
          const items = yield* this.model.unpack(value, target.items.length);
          for (const [i, item] of target.items.entries()) yield* this.assign(item, items[i], scope);
          return;
        }
        const items = yield* this.model.iterate(value);
        const after = target.items.length - star - 1;
        const middle = items.splice(star, items.length - star - after);
        items.splice(star, 0, middle);
        for (const [i, item] of target.items.entries()) yield* this.assign(item.kind === "starred" ? item.value : item, items[i], scope);
        return;
      }
      case "attribute": {
        const owner = yield* this.expression(target.object, scope);
        this.api.setAttribute(owner instanceof Unborn ? owner.object : (owner as object), target.name, asJsClass(value));
        return;
      }
      case "subscript": {
        const owner = yield* this.expression(target.object, scope);
        yield* this.model.setItem(owner, yield* this.expression(target.index, scope), value);
        return;
      }
      default:
        throw new PythonError("SyntaxError", "cannot assign to expression here");
    }
  }

  *#defaults(parameters: readonly Parameter[], scope: Scope): Run<Map<string, unknown>> {
    const values = new Map<string, unknown>();
    for (const { name, fallback } of parameters) if (fallback) values.set(name, yield* this.expression(fallback, scope));
    return values;
  }

  #function(
    name: string,
    parameters: readonly Parameter[],
    defaults: ReadonlyMap<string, unknown>,
    scope: Scope,
    body: (inner: Scope) => Run<unknown>,
  ): PyFunction {
    return new PyFunction(name, function* (args, keywords) {
      const inner = new Scope(scope, bind(name, parameters, defaults, args, keywords));
      if (args.length > 0) inner.set("__self__", args[0]);
      try {
        return yield* body(inner);
      } catch (signal) {
        if (signal instanceof ReturnSignal) return signal.value;
        throw signal;
      }
    });
  }
}

/** A class of the text as the library sees it. */
function asJsClass(value: unknown): unknown {
  return value instanceof PyClass ? value.type : value;
}

/** The names that a call gives to a function's parameters. */
function bind(
  name: string,
  parameters: readonly Parameter[],
  defaults: ReadonlyMap<string, unknown>,
  args: readonly unknown[],
  keywords: Keywords,
): Map<string, unknown> {
  const bound = new Map<string, unknown>();
  const left = new Map(keywords);
  let used = 0;
  for (const parameter of parameters) {
    if (parameter.kind === "*") {
      bound.set(parameter.name, new PyTuple(args.slice(used)));
      used = args.length;
    } else if (parameter.kind === "**") {
      bound.set(parameter.name, new Map(left));
      left.clear();
    } else if (parameter.kind === "plain" && used < args.length) {
      bound.set(parameter.name, args[used++]);
    } else if (left.has(parameter.name)) {
      bound.set(parameter.name, left.get(parameter.name));
      left.delete(parameter.name);
    } else if (defaults.has(parameter.name)) {
      bound.set(parameter.name, defaults.get(parameter.name));
    } else {
      throw new PythonError("TypeError", `${name}() missing 1 required positional argument: '${parameter.name}'`);
    }
  }
  if (used < args.length) {
    throw new PythonError("TypeError", `${name}() takes ${parameters.length} positional arguments but ${args.length} were given`);
  }
  for (const key of left.keys()) throw new PythonError("TypeError", `${name}() got an unexpected keyword argument '${key}'`);
  return bound;
}
